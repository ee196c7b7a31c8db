package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/baton-ledger/baton/config"
	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/backup"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/server/client"
)

// rootAt is the root of a data directory's ledger at a size.
func rootAt(t *testing.T, data string, size uint64) ledger.Hash {
	t.Helper()
	keys, err := notary.ReadKeys(filepath.Join(data, "keys"), "", "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := pebblestore.OpenReadOnly(t.Context(), filepath.Join(data, "ledger"), pebblestore.Options{TagKey: keys.TagKey})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	root, err := notary.Root(t.Context(), s, size)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// TestBackupUnderLoad copies a ledger while eight writers append. Each copy is the ledger as it was at one position, signed exactly there.
func TestBackupUnderLoad(t *testing.T) {
	data, folder := filepath.Join(t.TempDir(), "D"), t.TempDir()
	cmd, out := baton(t, "serve", "--data", data, "--listen", "127.0.0.1:0", "--nats-enabled=false")
	c := client.New(waitAPI(t, data, cmd.Process.Pid), client.Options{})
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if r := c.AppendAll(t.Context(), []ledger.Batch{killBatch(fmt.Sprintf("%d-%d", w, i))})[0]; r.Err != nil {
					t.Error(r.Err)
					return
				}
			}
		})
	}
	var reports []backup.Report
	for i := range 3 {
		after := uint64(200 * (i + 1))
		if _, err := c.Wait(t.Context(), after); err != nil {
			t.Fatal(err)
		}
		r, err := c.Backup(t.Context(), backup.Request{Dir: filepath.Join(folder, fmt.Sprint(i))})
		if err != nil || r.Position <= after || r.Verified != "full" {
			t.Fatalf("backup %d: %+v, %v", i, r, err)
		}
		reports = append(reports, r)
	}
	stop()
	writers.Wait()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, r := range reports {
		if want := rootAt(t, data, r.Position); r.Root != want {
			t.Errorf("root of the backup at %d is %s, of the ledger %s", r.Position, r.Root, want)
		}
		restored := r.Dir + "-restored"
		var back restoreReport
		answer(t, &back, "restore", r.Dir, "--data", restored)
		var report notary.Report
		answer(t, &report, "verify", "--data", restored)
		if !report.OK || report.Events != r.Position || report.Root != r.Root || report.Uncovered != 0 || back.Position != r.Position {
			t.Errorf("restored: %+v, backup %+v", report, r)
		}
	}
}

// fill makes a ledger of some thousand events.
func fillLedger(t *testing.T, data string) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log.csv")
	f, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(f, "case,activity,time,stage")
	for c := range 1000 {
		for r := range 12 {
			fmt.Fprintf(f, "C%d,step %d,2026-01-02T10:%02d:00Z,team %d\n", c, r, r, r/3)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var summary map[string]any
	answer(t, &summary, "import", log, "--map", "case=case,activity=activity,time=time,stage=stage", "--data", data)
}

// killed runs the binary again and again with a new argument list each time, and kills it after longer and longer, until it ends by itself, or until
// after says that its work was done when it was killed.
func killed(t *testing.T, args func(round int) []string, after func(round int) (over bool)) (kills int) {
	t.Helper()
	for wait := 10 * time.Millisecond; ; wait += wait / 4 {
		cmd, out := baton(t, args(kills)...)
		timer := time.AfterFunc(wait, func() { cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		if err == nil {
			return kills
		}
		if cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("after %d kills it failed by itself: %v\n%s", kills, err, out)
		}
		kills++
		if after(kills - 1) {
			return kills
		}
	}
}

// TestKilledBackup: a backup that was killed is no backup, or a good one; the ledger is none the worse.
func TestKilledBackup(t *testing.T) {
	data, folder := filepath.Join(t.TempDir(), "D"), t.TempDir()
	fillLedger(t, data)
	dir := func(round int) string { return filepath.Join(folder, fmt.Sprint(round)) }
	begun := 0
	kills := killed(t, func(round int) []string { return []string{"backup", dir(round), "--data", data} }, func(round int) bool {
		if backup.Is(dir(round)) {
			begun++
		}
		_, err := backup.Read(dir(round))
		if code := ledger.CodeOf(err); err != nil && code != ledger.CodeCorrupt && code != ledger.CodeNotFound {
			t.Errorf("killed backup: %v", err)
		}
		if out, e := exec.Command("baton", "verify", "--data", dir(round)).CombinedOutput(); (e == nil) != (err == nil) {
			t.Errorf("the manifest says %v, verify %v:\n%s", err, e, out)
		}
		return false
	})
	if begun < 2 {
		t.Fatalf("of %d kills %d hit a backup that had begun, want 2 or more", kills, begun)
	}
	var report, copied notary.Report
	answer(t, &report, "verify", "--data", data)
	answer(t, &copied, "verify", "--data", dir(kills))
	if !report.OK || !copied.OK || report.Root != copied.Root {
		t.Errorf("ledger %+v, backup %+v", report.Verdicts, copied.Verdicts)
	}
}

// TestKilledRestore: a restore with a loss that is killed again and again ends with the loss recorded once.
func TestKilledRestore(t *testing.T) {
	data, folder := filepath.Join(t.TempDir(), "D"), t.TempDir()
	fillLedger(t, data)
	old := filepath.Join(folder, "old")
	var made backup.Report
	answer(t, &made, "backup", old, "--data", data)
	line := `{"specversion":"1.0","id":"late","source":"test","type":"dev.baton.interaction.recorded.v1","subject":"J","data":{"activity":"call"}}`
	cmd := exec.Command("baton", "append", "--data", data)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() { fmt.Fprintln(in, line); in.Close() }()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.RemoveAll(filepath.Join(data, "ledger")); err != nil {
		t.Fatal(err)
	}
	args := []string{"restore", old, "--data", data, "--accept-loss"}
	staged := 0
	kills := killed(t, func(int) []string { return args }, func(int) bool {
		if restoring(data) {
			staged++
			if out, err := exec.Command("baton", "journeys", "--data", data).CombinedOutput(); err == nil {
				t.Errorf("half a restore was opened:\n%s", out)
			}
			return false
		}
		manifests, err := filepath.Glob(filepath.Join(data, "ledger", "MANIFEST-*"))
		if err != nil {
			t.Error(err)
		}
		return len(manifests) > 0 // the ledger is in its place: only what is left of the stage was still to be removed
	})
	if staged < 2 {
		t.Fatalf("of %d kills %d hit a restore that had begun, want 2 or more", kills, staged)
	}
	var report notary.Report
	answer(t, &report, "verify", "--data", data)
	if !report.OK || len(report.Losses) != 1 || report.Events != made.Position+1 || report.Losses[0].LostFrom != made.Position+1 || restoring(data) {
		t.Errorf("after %d kills: %+v", kills, report)
	}
}

// testApp is an app with the configuration of the environment.
func testApp(t *testing.T) *app {
	t.Helper()
	cfg, err := config.Load(config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &app{in: &bytes.Buffer{}, out: io.Discard, err: io.Discard, cfg: cfg}
}

// TestRestoreIsFinished stops a restore at each step of putting the stage into its place; the next one goes on from there.
func TestRestoreIsFinished(t *testing.T) {
	made, old := filepath.Join(t.TempDir(), "D"), filepath.Join(t.TempDir(), "old")
	fillLedger(t, made)
	var report backup.Report
	answer(t, &report, "backup", old, "--data", made)
	for name, undo := range map[string]func(data, stage string) error{
		"nothing moved": func(data, stage string) error { return nil },
		"keys": func(data, stage string) error {
			return notary.CopySecrets(filepath.Join(stage, "keys"), "", filepath.Join(data, "keys"))
		},
		"all but the end": func(data, stage string) error {
			return os.Rename(filepath.Join(stage, "ledger"), filepath.Join(data, "ledger"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "R")
			t.Setenv("BATON_DATA", data)
			a := testApp(t)
			stage := filepath.Join(data, stageDir)
			if err := os.MkdirAll(filepath.Join(data, "keys"), 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := a.stage(t.Context(), restoreRequest{backup: old, dir: data}, stage); err != nil {
				t.Fatal(err)
			}
			done := filepath.Join(data, doneDir) // of an earlier restore, killed at its very end
			if err := os.MkdirAll(filepath.Join(done, "ledger"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := undo(data, stage); err != nil {
				t.Fatal(err)
			}
			if _, err := a.open(t.Context(), "test", writing); ledger.CodeOf(err) != ledger.CodeUnavailable {
				t.Errorf("a restore that is not finished was opened: %v", err)
			}
			r, err := a.restore(t.Context(), restoreRequest{backup: old, dir: data})
			if err != nil || !r.Finished || r.Position != report.Position {
				t.Fatalf("%+v, %v", r, err)
			}
			if _, err := os.Stat(done); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the stage was removed in its place, where half of it keeps every command out: %s is there: %v", done, err)
			}
			var verified notary.Report
			answer(t, &verified, "verify", "--data", data)
			if !verified.OK || verified.Root != report.Root {
				t.Errorf("%+v", verified)
			}
		})
	}
}

// TestVerifyWhereNothingCanBeWritten runs as somebody who may only read: a copy on a read-only disk, say.
func TestVerifyWhereNothingCanBeWritten(t *testing.T) {
	folder, err := os.MkdirTemp("", "baton-readonly") // not below t.TempDir, which others cannot enter
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(folder, "D")
	t.Cleanup(func() {
		filepath.WalkDir(folder, func(path string, e fs.DirEntry, _ error) error { return os.Chmod(path, 0o700) })
		os.RemoveAll(folder)
	})
	fillLedger(t, data)
	binary, err := exec.LookPath("baton")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(folder, "baton")
	if err := os.WriteFile(program, b, 0o755); err != nil {
		t.Fatal(err)
	}
	as := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		const nobody = 65534
		as.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		for _, name := range []string{"notary.key", "tag.key"} {
			if err := os.Chown(filepath.Join(data, "keys", name), nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
	lock := filepath.Join(data, "baton.lock")
	seal := func() {
		for _, path := range []string{filepath.Join(data, "keys"), filepath.Join(data, "ledger"), data, folder} {
			if err := os.Chmod(path, 0o555); err != nil {
				t.Fatal(err)
			}
		}
	}
	verify := func() ([]byte, error) {
		cmd := exec.Command(program, "verify", "--data", data, "--json")
		cmd.SysProcAttr, cmd.Dir, cmd.Env = as, folder, []string{"PATH=" + folder}
		return cmd.CombinedOutput()
	}
	for _, locked := range []bool{true, false} {
		if !locked {
			if err := os.Chmod(data, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(lock); err != nil {
				t.Fatal(err)
			}
		} else if err := os.Chmod(lock, 0o444); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(data, "ledger", "LOCK")); err != nil && locked {
			t.Fatal(err)
		}
		seal()
		out, err := verify()
		var report notary.Report
		if err != nil || json.Unmarshal(out, &report) != nil || !report.OK {
			t.Errorf("lock file there: %v: %v\n%s", locked, err, out)
		}
	}
}
