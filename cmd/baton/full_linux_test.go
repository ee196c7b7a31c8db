package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/server/client"
)

// smallDisk starts a server whose data are on a disk of its own, of 500 MiB: a tmpfs in a mount namespace that goes with the process. Pebble keeps
// room for two logs of 70 MiB. root is that disk as others see it.
func smallDisk(t *testing.T) (cmd *exec.Cmd, out *bytes.Buffer, root string) {
	t.Helper()
	dir := t.TempDir()
	out = &bytes.Buffer{}
	cmd = exec.Command("sh", "-c", `mount -t tmpfs -o size=500m tmpfs "$0" && exec baton serve --data "$0/D" --listen 127.0.0.1:0`, dir)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}}
	if err := cmd.Start(); err != nil {
		t.Skip("no namespaces here:", err)
	}
	root = fmt.Sprintf("/proc/%d/root%s", cmd.Process.Pid, dir)
	t.Cleanup(func() {
		if t.Failed() {
			_ = cmd.Process.Signal(syscall.SIGQUIT) // where its goroutines are, in the output
			_ = cmd.Wait()
			t.Logf("%.60000s", out)
		}
		cmd.Process.Kill()
		cmd.Wait()
	})
	if err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", dir).Run(); err != nil {
		t.Skip("nothing can be mounted here:", err)
	}
	return cmd, out, root
}

// fillUp takes every byte of a disk, as a log that nobody rotates does.
func fillUp(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDiskWhileServing fills the disk of a server with four writers. Reads go on, writers are told; they go on without a restart when there is room, and
// nothing that was acknowledged is missing, from the ledger or from NATS.
func TestFullDiskWhileServing(t *testing.T) {
	cmd, out, root := smallDisk(t)
	data := filepath.Join(root, "D")
	c := client.New(waitAPI(t, data, cmd.Process.Pid), client.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var refused, after, stop atomic.Int64
	var mu sync.Mutex
	acked := map[string]uint64{}
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; stop.Load() == 0 && ctx.Err() == nil; {
				r := c.AppendAll(ctx, []ledger.Batch{killBatch(fmt.Sprintf("0-%d-%d", w, i))})[0]
				switch {
				case r.Err == nil:
					mu.Lock()
					acked[r.Receipts[0].ID] = r.Receipts[0].Position
					mu.Unlock()
					after.Add(1)
					i++
				case errors.Is(r.Err, ledger.CodeDiskFull) && ledger.HintOf(r.Err) != "":
					refused.Add(1)
				default:
					t.Errorf("an append ends with %v\n%s", r.Err, out)
					return
				}
			}
		})
	}
	wait := func(what string, n *atomic.Int64, least int64) {
		t.Helper()
		for tick := time.Tick(5 * time.Millisecond); n.Load() < least; {
			select {
			case <-tick:
			case <-ctx.Done():
				t.Fatalf("never: %s\n%s", what, out)
			}
		}
	}
	filler := filepath.Join(root, "filler")
	for round := range 2 {
		wait("writers begin", &after, 100)
		fillUp(t, filler)
		refused.Store(0)
		wait("writers are refused", &refused, 50)
		n := 0
		for _, err := range c.Read(ctx, ledger.ReadOptions{}) {
			if err != nil {
				t.Fatalf("round %d: reads do not go on: %v", round, err)
			}
			n++
		}
		if n < 100*(round+1) {
			t.Errorf("round %d: %d events read", round, n)
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		after.Store(0)
	}
	wait("writers go on", &after, 100)
	stop.Store(1)
	writers.Wait()
	found := map[string]uint64{}
	for r, err := range c.Read(ctx, ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		found[r.ID] = r.Position
	}
	for id, position := range acked {
		if found[id] != position {
			t.Errorf("%s was acknowledged at %d and is at %d", id, position, found[id])
		}
	}
	var report notary.Report
	answer(t, &report, "verify", "--data", data)
	if !report.OK || report.Events != uint64(len(found)) {
		t.Errorf("verify: ok %v with %d events, want %d: %v", report.OK, report.Events, len(found), report.Problems)
	}
	var fan relay.CheckReport
	for tick := time.Tick(20 * time.Millisecond); ; <-tick {
		if fan, _ = c.CheckRelay(ctx, false); fan.Lag == 0 && fan.Head > 0 || ctx.Err() != nil {
			break
		}
	}
	if fan.Missing != 0 || fan.Published != uint64(len(found)) {
		t.Errorf("the relay: %+v, want %d published", fan, len(found))
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v\n%s", err, out)
	}
}
