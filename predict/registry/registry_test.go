package registry_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/predict/registry"
)

func open(t *testing.T) *pebblestore.Store {
	store, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: bytes.Repeat([]byte{7}, 32), FS: vfs.NewMem(), MinFreeMB: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func named(name, hash string) registry.Registered {
	return registry.Registered{Name: name, Hash: hash, File: registry.FileName(name, hash)}
}

// TestRegister: versions count up, also when another registration comes in between; the same hash is registered once.
func TestRegister(t *testing.T) {
	store := open(t)
	to := ledger.Intake(store.AppendAll, ledger.Validate)
	ctx, raced := t.Context(), false
	slow := func(ctx context.Context, b []ledger.Batch) []ledger.Result {
		if !raced {
			raced = true
			if _, _, err := registry.Register(ctx, store, to, named("n", "bb")); err != nil {
				t.Fatal(err)
			}
		}
		return to(ctx, b)
	}
	m, there, err := registry.Register(ctx, store, slow, named("n", "aa"))
	if err != nil || there || m.Version != 2 || m.Position == 0 || m.Registered.IsZero() {
		t.Fatalf("%+v %v %v", m, there, err)
	}
	if again, there, err := registry.Register(ctx, store, to, named("n", "bb")); err != nil || !there || again.Version != 1 {
		t.Errorf("%+v %v %v", again, there, err)
	}
	// Somebody else's event in the stream is no model, and takes no version.
	if _, err := store.Append(ctx, ledger.Batch{Stream: "model-n", Expect: ledger.Any, Events: []ledger.Event{{ID: "x", Source: "crm", Type: ledger.Type("model", "registered"), Data: []byte(`{"name":"n","hash":"cc"}`)}}}); err != nil {
		t.Fatal(err)
	}
	if m, _, err := registry.Register(ctx, store, to, named("n", "dd")); err != nil || m.Version != 3 || m.Revision != 4 {
		t.Errorf("%+v %v", m, err)
	}
	if _, _, err := registry.Register(ctx, store, to, named("other", "ee")); err != nil {
		t.Fatal(err)
	}
	var all []string
	for m, err := range registry.All(ctx, store) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m.Name+m.Hash)
	}
	if got := strings.Join(all, " "); got != "nbb naa ndd otheree" {
		t.Error(got)
	}
	for hash, want := range map[string]string{"": "dd", "a": "aa"} {
		if m, err := registry.Find(ctx, store, "n", hash); err != nil || m.Hash != want {
			t.Errorf("%q: %+v %v", hash, m, err)
		}
	}
	for _, c := range [][2]string{{"n", "zz"}, {"nobody", ""}} {
		if _, err := registry.Find(ctx, store, c[0], c[1]); ledger.CodeOf(err) != ledger.CodeNotFound || ledger.HintOf(err) == "" {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestNames(t *testing.T) {
	for name, good := range map[string]bool{"again": true, "a-1_b": true, "": false, "a b": false, "../x": false, "A": false, strings.Repeat("a", 65): false} {
		if err := registry.CheckName(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}
