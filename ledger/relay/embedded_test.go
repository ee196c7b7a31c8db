package relay_test

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/relay"
)

func TestCredentialOpensTheServer(t *testing.T) {
	b := newBench(t)
	info, err := os.Stat(b.credential())
	b.must(err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the credential has mode %v", info.Mode())
	}
	c, err := relay.ReadCredential(b.credential())
	b.must(err)
	nc, err := nats.Connect(c.URL, nats.UserInfo(c.User, c.Password)) // as any NATS client would
	b.must(err)
	nc.Close()
	if nc, err := nats.Connect(b.nats.URL()); err != nil {
		t.Error(err)
	} else {
		nc.Close()
	}
	if _, err := nats.Connect(c.URL); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("without the credential: %v", err)
	}
	if host, _, err := net.SplitHostPort(b.nats.Addr()); err != nil || host != "127.0.0.1" {
		t.Errorf("it listens on %s", b.nats.Addr())
	}
	b.restart(func() {})
	if again, err := relay.ReadCredential(b.credential()); err != nil || again != c {
		t.Errorf("the credential changed: %v", err)
	}
}

func TestStartEmbeddedRefuses(t *testing.T) {
	b := newBench(t)
	taken := relay.EmbeddedOptions{Dir: t.TempDir(), CredentialFile: filepath.Join(t.TempDir(), "nats.json"), Port: b.nats.Port()}
	if _, err := relay.StartEmbedded(taken); !errors.Is(err, ledger.CodeUnavailable) || !strings.Contains(ledger.HintOf(err), "nats.port") {
		t.Errorf("port taken: %v (%s)", err, ledger.HintOf(err))
	}
	damaged := filepath.Join(t.TempDir(), "nats.json")
	b.must(os.WriteFile(damaged, []byte("{"), 0o600))
	if _, err := relay.StartEmbedded(relay.EmbeddedOptions{Dir: t.TempDir(), CredentialFile: damaged}); !errors.Is(err, ledger.CodeInvalid) {
		t.Errorf("damaged credential: %v", err)
	}
	blocked := filepath.Join(t.TempDir(), "file")
	b.must(os.WriteFile(blocked, nil, 0o600))
	if _, err := relay.StartEmbedded(relay.EmbeddedOptions{Dir: blocked, CredentialFile: filepath.Join(t.TempDir(), "nats.json")}); !errors.Is(err, ledger.CodeUnavailable) {
		t.Errorf("store that is a file: %v", err)
	}
}

// TestConnectWhileAway: a configured server that is not there yet is no error; the relay publishes once it is.
func TestConnectWhileAway(t *testing.T) {
	b := newBench(t)
	b.write(10)
	var p *ledger.Progress
	b.restart(func() {
		said := &lines{}
		nc, err := relay.Connect(b.nats.URL(), relay.ConnectOptions{Name: "early", Logger: slog.New(slog.NewTextHandler(said, nil))})
		b.must(err)
		if text := said.String(); !strings.Contains(text, "level=WARN") || !strings.Contains(text, "NATS is away") {
			t.Errorf("nobody is told that NATS does not answer: %q", text)
		}
		t.Cleanup(nc.Close)
		r, err := relay.New(nc, relay.Options{LedgerID: ledgerID})
		b.must(err)
		p = b.run(r)
		b.until("the lag shows", func() bool { return p.Lag() == 10 })
	})
	b.published(p)
	if _, err := relay.Connect("nats://[", relay.ConnectOptions{}); !errors.Is(err, ledger.CodeInvalid) {
		t.Errorf("a URL that cannot be read: %v", err)
	}
}
