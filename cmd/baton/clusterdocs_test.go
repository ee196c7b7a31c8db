package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// TestDocumentedNATSConfiguration: the server reads the nats.conf of docs/clusters.md, and understands it as it is meant.
func TestDocumentedNATSConfiguration(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "clusters.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```conf\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("there is no nats.conf on the page")
	}
	t.Setenv("NAME", "nats1")
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if o.ServerName != "nats1" || !o.JetStream || !o.SyncAlways || o.Cluster.Name != "baton" || len(o.Routes) != 3 || len(o.Nkeys) != 1 ||
		len(o.Nkeys[0].Permissions.Publish.Allow) != 6 || o.MaxPayload < 2_000_000 {
		t.Errorf("server %q, JetStream %v, sync always %v, cluster %q, %d routes, %d nkeys, max payload %d", o.ServerName, o.JetStream, o.SyncAlways, o.Cluster.Name, len(o.Routes), len(o.Nkeys), o.MaxPayload)
	}
}
