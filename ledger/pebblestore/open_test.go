package pebblestore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

var tagKey = make([]byte, 32)

// fill appends n one-event batches spread over seven journeys.
func fill(t *testing.T, s *pebblestore.Store, from, n int) {
	t.Helper()
	appendTo := ledger.Intake(s.AppendAll, ledger.Validate)
	for i := from; i < from+n; i++ {
		subject := fmt.Sprint(i % 7)
		r := appendTo(context.Background(), []ledger.Batch{{Stream: ledger.JourneyStream(subject), Expect: ledger.Any, Events: []ledger.Event{{
			ID: fmt.Sprint(i), Source: "test", Type: ledger.Type("interaction", "recorded"), Subject: subject,
			Time: time.Unix(int64(i), 0), Data: []byte(`{"activity":"a"}`)}}}})[0]
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}

func TestReopen(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "ledger")
	s, err := pebblestore.Open(ctx, dir, pebblestore.Options{TagKey: tagKey})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, 0, 100)
	if _, err := pebblestore.Open(ctx, dir, pebblestore.Options{TagKey: tagKey}); ledger.CodeOf(err) != ledger.CodeLocked {
		t.Errorf("a second open answers %v, want %s", err, ledger.CodeLocked)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ro, err := pebblestore.OpenReadOnly(ctx, dir, pebblestore.Options{TagKey: tagKey})
	if err != nil {
		t.Fatal(err)
	}
	defer ro.Close()
	n := 0
	for r, err := range ro.Read(ctx, ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; r.Stream != ledger.JourneyStream(fmt.Sprint((n-1)%7)) {
			t.Fatalf("position %d is in %s", n, r.Stream)
		}
	}
	if n != 100 {
		t.Fatalf("%d events, want 100", n)
	}
	findings := 0
	for f, err := range ro.Audit(ctx) {
		if err != nil || f.Problem != "" {
			t.Errorf("%+v %v", f, err)
		}
		findings++
	}
	if findings < 4 {
		t.Errorf("%d findings, want tables, manifest and two indexes", findings)
	}
}
