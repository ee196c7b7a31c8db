package relay

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestJetStreamComesBack switches JetStream off under the server, as a full disk does: it comes back with its messages, and takes new ones.
func TestJetStreamComesBack(t *testing.T) {
	e, err := StartEmbedded(EmbeddedOptions{Dir: t.TempDir(), CredentialFile: filepath.Join(t.TempDir(), "nats.json")})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	nc, err := e.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	limits := e.server.JetStreamConfig()
	for range 3 {
		if _, err := js.Publish(ctx, "s", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.server.ShutdownJetStream(); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, "s", []byte("x")); err == nil {
		t.Fatal("a message is taken while JetStream is off")
	}
	deadline := time.After(30 * time.Second)
	for tick := time.Tick(20 * time.Millisecond); ; {
		if _, err = js.Publish(ctx, "s", []byte("x")); err == nil {
			break
		}
		select {
		case <-tick:
		case <-deadline:
			t.Fatal(err)
		}
	}
	s, err := js.Stream(ctx, "S")
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n != 4 {
		t.Errorf("%d messages, want 4", n)
	}
	if again := e.server.JetStreamConfig(); *again != *limits {
		t.Errorf("its limits are %+v, were %+v", again, limits)
	}
}
