package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/server/client"
)

// baton starts the real binary.
func baton(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command("baton", args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &out
}

// answer runs the real binary to its end and decodes what it prints.
func answer(t *testing.T, out any, args ...string) {
	t.Helper()
	b, err := exec.Command("baton", append(args, "--json")...).Output()
	if err != nil {
		t.Fatalf("baton %v: %v\n%s", args, err, b)
	}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatalf("baton %v: %v\n%s", args, err, b)
	}
}

// TestKilledImport kills an import again and again, at later and later moments, and lets it finish: the ledger is as if it had run once.
func TestKilledImport(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log.csv")
	var b bytes.Buffer
	b.WriteString("case,activity,time,stage\n")
	const cases, rows = 2000, 12
	for c := range cases {
		for r := range rows {
			fmt.Fprintf(&b, "C%d,step %d,2026-01-02T10:%02d:00Z,team %d\n", c, r, r, r/3)
		}
	}
	if err := os.WriteFile(log, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "D")
	args := []string{"import", log, "--map", "case=case,activity=activity,time=time,stage=stage", "--data", data}
	killed := 0
	for wait := 20 * time.Millisecond; ; wait += wait / 3 {
		cmd, out := baton(t, args...)
		timer := time.AfterFunc(wait, func() { cmd.Process.Kill() })
		err := cmd.Wait()
		if timer.Stop() && err == nil {
			break
		}
		if err == nil {
			continue
		}
		if cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("the import after %d kills failed by itself: %v\n%s", killed, err, out)
		}
		killed++
	}
	if killed < 3 {
		t.Fatalf("the import was killed %d times, want 3 or more", killed)
	}
	var again interop.Summary
	answer(t, &again, args...)
	if again.Journeys != cases || again.Rows != cases*rows || again.Written != 0 || again.Conflicts != 0 {
		t.Errorf("after %d kills the import finds %+v", killed, again)
	}
	var report notary.Report
	answer(t, &report, "verify", "--data", data)
	if want := uint64(again.Skipped); !report.OK || report.Events != want {
		t.Errorf("verify: ok %v with %d events, want %d", report.OK, report.Events, want)
	}
}

// TestKilledServer kills a server under load. Every acknowledged event is there, at its place, and the ledger verifies.
func TestKilledServer(t *testing.T) {
	data := filepath.Join(t.TempDir(), "D")
	acked := map[string]ledger.Receipt{}
	for round := range 3 {
		cmd, out := baton(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
		client := client.New(waitAPI(t, data, cmd.Process.Pid), client.Options{})
		var mu sync.Mutex
		var writers sync.WaitGroup
		enough := make(chan struct{})
		var once sync.Once
		for w := range 8 {
			writers.Go(func() {
				for i := 0; ; i++ {
					r := client.AppendAll(context.Background(), []ledger.Batch{killBatch(fmt.Sprintf("%d-%d-%d", round, w, i))})[0]
					if r.Err != nil {
						return // the server is gone
					}
					mu.Lock()
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
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		writers.Wait()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(out)
		}
	}
	var report notary.Report
	answer(t, &report, "verify", "--data", data)
	if !report.OK || report.Events < uint64(len(acked)) {
		t.Fatalf("verify: ok %v with %d events, %d were acknowledged: %v", report.OK, report.Events, len(acked), report.Problems)
	}
	checkAcked(t, data, acked)
}

func killBatch(id string) ledger.Batch {
	return ledger.Batch{Stream: ledger.JourneyStream("J" + id[:3]), Expect: ledger.Any, Events: []ledger.Event{{ID: id, Source: "kill", Subject: "J" + id[:3],
		Type: ledger.Type("interaction", "recorded"), Data: []byte(`{"activity":"a"}`)}}}
}

// checkAcked reads the ledger through a server and compares each acknowledged event with its receipt.
func checkAcked(t *testing.T, data string, acked map[string]ledger.Receipt) {
	t.Helper()
	cmd, _ := baton(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
	defer func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() }()
	client := client.New(waitAPI(t, data, cmd.Process.Pid), client.Options{})
	found := 0
	for r, err := range client.Read(context.Background(), ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if want, ok := acked[r.ID]; ok {
			found++
			if r.Position != want.Position || r.Revision != want.Revision || !r.RecordedTime.Equal(want.RecordedTime) || r.Stream != want.Stream {
				t.Errorf("%s is at %d, %s revision %d; its receipt says %d, %s revision %d", r.ID, r.Position, r.Stream, r.Revision, want.Position, want.Stream, want.Revision)
			}
		}
	}
	if found != len(acked) {
		t.Errorf("%d of %d acknowledged events are there", found, len(acked))
	}
}

// waitAPI waits until a process serves the directory.
func waitAPI(t *testing.T, data string, pid int) string {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for tick := time.Tick(5 * time.Millisecond); ; {
		if h := readHolder(filepath.Join(data, "baton.lock")); h.API != "" && h.PID == pid {
			return h.API
		}
		select {
		case <-tick:
		case <-deadline:
			t.Fatalf("process %d does not serve %s", pid, data)
		}
	}
}
