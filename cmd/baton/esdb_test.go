package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"github.com/baton-ledger/baton/ledger"
	batonesdb "github.com/baton-ledger/baton/ledger/esdb"
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

// TestESDBKeys: under TLS the official Go client sends an API key as password; roles, actor and what is read back are as they should be.
func TestESDBKeys(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "D")
	key := func(name, role string) string {
		out, err := exec.Command("baton", "keys", "add", name, "--role", role, "--data", data).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	writer, reader := key("crm", "writer"), key("watch", "reader")
	cert, certKey := selfSigned(t, dir)
	t.Setenv("BATON_LISTEN_TLS_CERT", cert)
	t.Setenv("BATON_LISTEN_TLS_KEY", certKey)
	s := serveESDB(t, data, "0.0.0.0:0")
	client := func(credentials string) *esdb.Client {
		config, err := esdb.ParseConnectionString(strings.Replace(s.url, "0.0.0.0", credentials+"127.0.0.1", 1) + "?tlsVerifyCert=false")
		if err != nil {
			t.Fatal(err)
		}
		config.Logger = esdb.NoopLogging()
		c, err := esdb.NewClient(config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	e := ledger.Event{ID: "i-1", Source: "/crm", Type: "dev.baton.interaction.recorded.v1", Subject: "J-1", ContentType: "application/json", Data: []byte(`{"activity":"call"}`),
		Facets: ledger.Facets{Activity: "call"}}
	ours, err := batonesdb.Encode("journey-J-1", &e, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	sent := []esdb.EventData{
		{EventID: ours.ID, EventType: ours.Type, ContentType: esdb.ContentTypeJson, Data: ours.Data, Metadata: ours.Metadata},
		{EventID: uuid.New(), EventType: "order-placed", ContentType: esdb.ContentTypeJson, Data: []byte(`{"a": 1}`), Metadata: []byte(`{"$correlationId": "c"}`)},
	}
	add := func(c *esdb.Client) error {
		_, err := c.AppendToStream(t.Context(), "journey-J-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, sent...)
		return err
	}
	for credentials, want := range map[string]esdb.ErrorCode{"": esdb.ErrorCodeUnauthenticated, "crm:bt_x@": esdb.ErrorCodeUnauthenticated, "any:" + reader + "@": esdb.ErrorCodeAccessDenied} {
		var got *esdb.Error
		if err := add(client(credentials)); !errors.As(err, &got) || got.Code() != want {
			t.Errorf("with %.5q it answers %v", credentials, err)
		}
	}
	if err := add(client("any:" + writer + "@")); err != nil {
		t.Fatal(err)
	}
	r, err := client("any:"+reader+"@").ReadStream(t.Context(), "journey-J-1", esdb.ReadStreamOptions{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i, want := range sent {
		got, err := r.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if got.Event.EventID != want.EventID || !bytes.Equal(got.Event.UserMetadata, want.Metadata) || !bytes.Equal(got.Event.Data, want.Data) {
			t.Errorf("event %d is read back as %s %s", i, got.Event.EventID, got.Event.UserMetadata)
		}
	}
	out, err := exec.Command("baton", "tail", "--data", data, "--from", "1", "--limit", "2", "--filter", "true", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(out), `"actor":"crm"`); n != 2 || !strings.Contains(string(out), `"id":"i-1"`) {
		t.Errorf("recorded:\n%s", out)
	}
	s.stop(t)
}

// selfSigned makes a certificate for this machine.
func selfSigned(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
