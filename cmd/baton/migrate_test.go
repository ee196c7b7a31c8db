package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger/notary"
)

// migrates runs a migration to its end and wants both sides equal, verified and signed as said.
func migrates(t *testing.T, signer string, args ...string) (r migrateReport) {
	t.Helper()
	answer(t, &r, append([]string{"migrate"}, args...)...)
	if !r.Equal || !r.Verified || r.RootFrom != r.RootTo || r.Signer != signer || r.Held == nil || r.Held.Size != r.Events || r.Checkpoint == nil || r.Checkpoint.Root != r.RootTo {
		t.Fatalf("baton migrate %v: %+v", args, r)
	}
	return r
}

// printed is what a command prints.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("baton", args...)
	var wrong bytes.Buffer
	cmd.Stderr = &wrong
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("baton %v: %v\n%s%s", args, err, out, wrong.String())
	}
	return string(out)
}

// refusal is what a command says that fails with an exit code.
func refusal(t *testing.T, code int, args ...string) string {
	t.Helper()
	out, err := exec.Command("baton", args...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != code || !strings.Contains(string(out), "Try: ") {
		t.Fatalf("baton %v: %v, want exit code %d with a hint\n%s", args, err, code, out)
	}
	return string(out)
}

func verified(t *testing.T, args ...string) (r notary.Report) {
	t.Helper()
	answer(t, &r, append([]string{"verify"}, args...)...)
	if !r.OK || r.Uncovered != 0 {
		t.Fatalf("verify %v: %+v", args, r)
	}
	return r
}

func fileOf(t *testing.T, parts ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestMigrate takes a ledger into EventStoreDB (another Baton that speaks its protocol) and back into another directory, with the real binary:
// roots, signed checkpoints, keys and what commands say of journeys are the same.
func TestMigrate(t *testing.T) {
	dir := t.TempDir()
	d, back, node := filepath.Join(dir, "D"), filepath.Join(dir, "D2"), filepath.Join(dir, "D-esdb")
	server := serveESDB(t, filepath.Join(dir, "S"), "127.0.0.1:0")
	printed(t, "simulate", "--seed", "7", "--journeys", "60", "--data", d)
	there := migrates(t, "same", "--from", d, "--to", server.url)
	if there.Copied != there.Events || there.Skipped != 0 || there.Node != node || there.Streams < 60 {
		t.Errorf("into EventStoreDB: %+v", there)
	}
	if again := migrates(t, "same", "--from", d, "--to", server.url); again.Copied != 0 || again.Skipped != there.Events || again.RootTo != there.RootTo {
		t.Errorf("again: %+v", again)
	}
	migrates(t, "same", "--from", server.url, "--to", back, "--data", node)

	source := verified(t, "--data", d)
	for name, r := range map[string]notary.Report{"EventStoreDB": verified(t, "--store", server.url, "--data", node), "the way back": verified(t, "--data", back),
		"a new node": verified(t, "--store", server.url, "--data", filepath.Join(dir, "N2"))} {
		if r.Root != source.Root || r.Streams != source.Streams || r.Checkpoint.Note != source.Checkpoint.Note || r.Root != there.RootTo {
			t.Errorf("%s: %+v, source %+v", name, r, source)
		}
	}
	for _, file := range []string{"checkpoint", "keys/notary.pub", "keys/notary.key", "keys/tag.key"} {
		if want := fileOf(t, d, file); fileOf(t, back, file) != want || fileOf(t, node, file) != want {
			t.Errorf("%s is not the same on all sides", file)
		}
	}
	if info, err := os.Stat(filepath.Join(back, "keys", "notary.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the signer key: %v, %v", info.Mode(), err)
	}
	var list struct {
		Items []struct {
			Journey struct {
				ID string `json:"id"`
			} `json:"journey"`
		} `json:"items"`
	}
	answer(t, &list, "journeys", "--data", d, "--limit", "5")
	if len(list.Items) != 5 {
		t.Fatalf("%d journeys", len(list.Items))
	}
	for _, row := range list.Items {
		want := printed(t, "journey", row.Journey.ID, "--data", d)
		if got := printed(t, "journey", row.Journey.ID, "--data", back); got != want {
			t.Errorf("journey %s, on the way back:\n%s\nwant\n%s", row.Journey.ID, got, want)
		}
		if got := printed(t, "journey", row.Journey.ID, "--data", node, "--store", server.url); got != want {
			t.Errorf("journey %s, in EventStoreDB:\n%s\nwant\n%s", row.Journey.ID, got, want)
		}
	}

	// The copy goes on as a ledger of its own, and what came after is taken along.
	printed(t, "simulate", "--seed", "8", "--journeys", "3", "--data", d)
	for _, to := range []string{server.url, back} {
		if more := migrates(t, "same", "--from", d, "--to", to); more.Copied == 0 || more.Skipped != there.Events {
			t.Errorf("what came after, to %s: %+v", to, more)
		}
	}
	printed(t, "simulate", "--seed", "9", "--journeys", "1", "--data", back)
	longer := verified(t, "--data", back)
	if said := refusal(t, 2, "migrate", "--from", d, "--to", back); !strings.Contains(said, "the destination has") {
		t.Errorf("to a ledger that went on: %s", said)
	}
	if verified(t, "--data", back).Root != longer.Root {
		t.Error("the refused destination changed")
	}
	refusedSides(t, d, server.url)
	server.stop(t)
}

// refusedSides are destinations that hold something else, and a source whose signer key is elsewhere.
func refusedSides(t *testing.T, d, url string) {
	dir := t.TempDir()
	other, full, out := filepath.Join(dir, "other"), filepath.Join(dir, "full"), filepath.Join(dir, "out")
	printed(t, "simulate", "--seed", "1", "--journeys", "1", "--data", other)
	if err := os.MkdirAll(full, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(full, "letter.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "holds another ledger, signed by", []string{"--from", other, "--to", url}},
		{2, "holds another ledger", []string{"--from", d, "--to", other}},
		{2, "there is letter.txt", []string{"--from", d, "--to", full}},
		{2, "there is letter.txt", []string{"--from", d, "--to", url, "--data", full}},
		{2, "holds a ledger of its own", []string{"--from", d, "--to", url, "--data", other}},
		{2, "are the same, or one lies in the other", []string{"--from", d, "--to", d}},
		{2, "are the same, or one lies in the other", []string{"--from", d, "--to", url, "--data", filepath.Join(d, "node")}},
		{2, "both name an EventStoreDB", []string{"--from", url, "--to", url}},
		{2, "is a node's copy", []string{"--from", other, "--to", d + "-esdb"}},
		{2, "neither side is one", []string{"--from", d, "--to", out, "--data", dir}},
		{2, "there is no ledger", []string{"--from", out, "--to", url}},
		{2, "is not on this machine", []string{"--from", url, "--to", out}},
	} {
		if said := refusal(t, c.code, append([]string{"migrate"}, c.args...)...); !strings.Contains(said, c.want) {
			t.Errorf("%v: %s\nwant %q", c.args, said, c.want)
		}
	}
	verified(t, "--data", other)
	migrates(t, "new", "--from", url, "--to", out, "--new-signer")
	if verified(t, "--data", out).Root != verified(t, "--data", d).Root || fileOf(t, out, "keys", "notary.pub") == fileOf(t, d, "keys", "notary.pub") {
		t.Error("under a new key: another root, or the old key")
	}
}

// TestKilledMigration kills a migration again and again, and once what it writes to. Until it has come to its end no command takes the directory for
// a ledger; then all is there once.
func TestKilledMigration(t *testing.T) {
	dir := t.TempDir()
	d, back, node := filepath.Join(dir, "D"), filepath.Join(dir, "D2"), filepath.Join(dir, "D-esdb")
	server := serveESDB(t, filepath.Join(dir, "S"), "127.0.0.1:0")
	printed(t, "simulate", "--seed", "7", "--journeys", "60", "--data", d)
	want := verified(t, "--data", d)
	killed, serverKilled := 0, false
	for _, leg := range [][]string{{"--from", d, "--to", server.url, "--data", node}, {"--from", server.url, "--to", back, "--data", node}} {
		target := leg[3]
		opened := []string{"verify", "--data", target}
		if target == server.url {
			opened = []string{"verify", "--data", node, "--store", server.url}
		}
		for wait := 20 * time.Millisecond; ; wait += wait / 2 {
			cmd, out := baton(t, append([]string{"migrate"}, leg...)...)
			kill := time.AfterFunc(wait, func() { cmd.Process.Kill() })
			if target == server.url && wait > 300*time.Millisecond && !serverKilled {
				serverKilled = true
				kill.Stop()
				time.AfterFunc(wait/2, func() { server.cmd.Process.Kill() }) // somewhere within it
				_ = server.cmd.Wait()
				server = serveESDB(t, filepath.Join(dir, "S"), server.address())
				if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() != exitEnvironment { // it had not come to writing
					t.Fatalf("the server was killed and came back: %v\n%s", err, out)
				}
				continue
			}
			err := cmd.Wait()
			if kill.Stop() && err == nil {
				break
			}
			if err != nil && cmd.ProcessState.ExitCode() != -1 {
				t.Fatalf("after %d kills it failed by itself: %v\n%s", killed, err, out)
			}
			if err != nil {
				killed++
			}
			if ledgerExists(opened[2]) != nil {
				continue // killed before there was anything
			}
			if migrating(opened[2]) {
				if said := refusal(t, 3, opened...); !strings.Contains(said, "baton migrate --from") {
					t.Errorf("opened meanwhile: %s", said)
				}
			} else if got := verified(t, opened[1:]...); got.Root != want.Root { // killed after its end
				t.Errorf("%v is a ledger with %d of %d events", opened, got.Events, want.Events)
			}
		}
	}
	if killed < 4 || !serverKilled {
		t.Fatalf("killed %d times, the server %v", killed, serverKilled)
	}
	for _, args := range [][]string{{"--data", back}, {"--data", node, "--store", server.url}} {
		if got := verified(t, args...); got.Root != want.Root || got.Events != want.Events {
			t.Errorf("after %d kills %v has %d events, root %s; want %d, %s", killed, args, got.Events, got.Root, want.Events, want.Root)
		}
	}
	for _, side := range []string{back, node} {
		if migrating(side) {
			t.Errorf("%s is marked still", side)
		}
	}
}

// TestMigrateServed copies a ledger while it is served, and what came meanwhile in a second run.
func TestMigrateServed(t *testing.T) {
	dir := t.TempDir()
	d, to := filepath.Join(dir, "D"), filepath.Join(dir, "D2")
	printed(t, "simulate", "--seed", "7", "--journeys", "10", "--data", d)
	cmd, _ := baton(t, "serve", "--data", d, "--listen", "127.0.0.1:0", "--nats-enabled=false")
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	waitAPI(t, d, cmd.Process.Pid)
	first := migrates(t, "same", "--from", d, "--to", to)
	printed(t, "simulate", "--seed", "8", "--journeys", "2", "--data", d)
	if said := refusal(t, 3, "migrate", "--from", to, "--to", d); !strings.Contains(said, "is served by") {
		t.Errorf("into a served directory: %s", said)
	}
	var second migrateReport
	answer(t, &second, "migrate", "--from", d, "--to", to)
	if second.Skipped != first.Events || second.Copied == 0 || !second.Equal || !second.Verified {
		t.Errorf("%+v", second)
	}
}

// TestWithoutPassword: what is shown, and kept in the mark, never has it.
func TestWithoutPassword(t *testing.T) {
	for in, want := range map[string]string{
		"esdb://admin:changeit@a:2113,b:2113,c:2113?tls=true": "esdb://a:2113,b:2113,c:2113?tls=true",
		"esdb+discover://u:p@cluster.example.org":             "esdb+discover://cluster.example.org",
		"esdb://u:p?q/r@s@a:2113":                             "esdb://a:2113",
		"kurrentdb://a:2113?tls=false":                        "kurrentdb://a:2113?tls=false",
	} {
		if got := withoutPassword(in); got != want {
			t.Errorf("%s is shown as %s, want %s", in, got, want)
		}
	}
}
