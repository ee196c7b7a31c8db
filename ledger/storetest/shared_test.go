package storetest

import (
	"context"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

// TestViewsAreAlone: two views of one ledger share no names, and one that meets the other's event says whose it is.
func TestViewsAreAlone(t *testing.T) {
	one := NewMemory(nil, "")
	must(t, one, batch("journey-1", ledger.Any, "before"))
	a, b := newView(t, one), newView(t, one)
	if r := must(t, a, batch("journey-1", ledger.NoStream, "a")); r[0].Position != 1 || r[0].Revision != 1 || r[0].Stream != "journey-1" {
		t.Errorf("the first event of a view: %+v", r[0])
	}
	if got := all(t, a.Read(context.Background(), ledger.ReadOptions{})); len(got) != 1 || got[0].ID != "a" {
		t.Errorf("read %+v", got)
	}
	if h := streamHead(t, b, "journey-1"); h.Revision != 0 {
		t.Errorf("a stream of another view: %+v", h)
	}
	if n := len(all(t, b.Streams(context.Background(), "", ""))); n != 0 {
		t.Errorf("%d streams of other views", n)
	}
	if err := lastError(b.Read(context.Background(), ledger.ReadOptions{})); err == nil || !strings.Contains(err.Error(), a.prefix+"journey-1") {
		t.Errorf("somebody else's event: %v", err)
	}
}
