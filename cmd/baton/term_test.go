package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/server/client"
)

// TestStoppedUnderLoad ends a server with SIGTERM while eight writers append through it, again and again. It ends well each time; every acknowledged event is
// there afterwards, what a writer was not told of is there once at most, and the checkpoint covers all of it.
func TestStoppedUnderLoad(t *testing.T) {
	data := filepath.Join(t.TempDir(), "D")
	acked := map[string]ledger.Receipt{}
	for round := range 3 {
		cmd, out := baton(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
		c := client.New(waitAPI(t, data, cmd.Process.Pid), client.Options{})
		var mu sync.Mutex
		var writers sync.WaitGroup
		enough := make(chan struct{})
		var once sync.Once
		unknown := 0 // appends that ended without an answer
		for w := range 8 {
			writers.Go(func() {
				for i := 0; ; i++ {
					r := c.AppendAll(context.Background(), []ledger.Batch{killBatch(fmt.Sprintf("%d-%d-%d", round, w, i))})[0]
					mu.Lock()
					if r.Err != nil {
						unknown++
						mu.Unlock()
						return // the server is gone
					}
					acked[r.Receipts[0].ID] = r.Receipts[0]
					n := len(acked)
					mu.Unlock()
					if n >= 300*(round+1) {
						once.Do(func() { close(enough) })
					}
				}
			})
		}
		<-enough
		begin := time.Now()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		writers.Wait()
		if err := cmd.Wait(); err != nil {
			t.Errorf("round %d: the server ended with %v\n%s", round, err, out)
		}
		t.Logf("round %d: ended in %s, %d acknowledged so far, %d appends without an answer", round, time.Since(begin).Round(time.Millisecond), len(acked), unknown)
		var report notary.Report
		answer(t, &report, "verify", "--data", data)
		if !report.OK || report.Events < uint64(len(acked)) || report.Events > uint64(len(acked)+8*(round+1)) {
			t.Fatalf("verify: ok %v with %d events, %d were acknowledged: %v", report.OK, report.Events, len(acked), report.Problems)
		}
	}
	checkAcked(t, data, acked)
}
