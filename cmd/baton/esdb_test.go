package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/server/npmtool"
)

// esdbServer is the real binary, serving EventStoreDB's clients.
type esdbServer struct {
	cmd *exec.Cmd
	url string
}

var esdbURL = regexp.MustCompile(`EventStoreDB at (esdb://\S+)`)

func serveESDB(t *testing.T, data, address string, more ...string) *esdbServer {
	t.Helper()
	cmd := exec.Command("baton", append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--esdb-listen", address, "--nats-enabled=false"}, more...)...)
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &esdbServer{cmd: cmd}
	t.Cleanup(func() { s.cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	var said strings.Builder
	for s.url == "" && lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if m := esdbURL.FindStringSubmatch(lines.Text()); m != nil {
			s.url = m[1]
		}
	}
	if s.url == "" {
		t.Fatalf("the server did not say where it listens: %s", said.String())
	}
	go io.Copy(io.Discard, out)
	return s
}

func (s *esdbServer) address() string {
	return strings.TrimSuffix(strings.TrimPrefix(s.url, "esdb://"), "?tls=false")
}

func (s *esdbServer) stop(t *testing.T) {
	t.Helper()
	began := time.Now()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if took := time.Since(began); took > 8*time.Second { // subscriptions are open
		t.Errorf("the server took %v to stop", took)
	}
}

// TestNodeClients has the official Node clients append, conflict, read both ways, subscribe with filters and survive a restart.
func TestNodeClients(t *testing.T) {
	for _, name := range []string{"@eventstore/db-client", "@kurrent/kurrentdb-client"} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "D")
			s := serveESDB(t, data, "127.0.0.1:0")
			cmd := npmtool.Command(t, "esdb.mjs", name, s.url)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			var wrong strings.Builder
			cmd.Stderr = &wrong
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			last := ""
			for lines := bufio.NewScanner(out); lines.Scan(); {
				if last = lines.Text(); last == "RESTART" {
					s.stop(t)
					s = serveESDB(t, data, s.address())
					io.WriteString(in, "go\n")
				}
			}
			if err := cmd.Wait(); err != nil || last != "GOOD" {
				t.Fatalf("%v after %q\n%s", err, last, wrong.String())
			}
			s.stop(t)
			var report struct{ OK bool }
			answer(t, &report, "verify", "--data", data)
		})
	}
}
