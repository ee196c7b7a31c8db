package interop

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// made is n events in their order: of each journey an offer, its delivery in the other stream, and a decline; journeys interleave.
func made(n int) iter.Seq2[ledger.Event, error] {
	return func(yield func(ledger.Event, error) bool) {
		for i := range n {
			journey := fmt.Sprintf("J%d", i/6*2+i%2)
			e := ledger.Event{ID: fmt.Sprintf("e%d", i), Source: "maker", Subject: journey, Time: time.Date(2026, 3, 4, 9, 0, i, 0, time.UTC), ContentType: "application/json"}
			offer := fmt.Sprintf("e%d", i/6*6+i%2)
			switch i % 6 / 2 {
			case 0:
				e.Type, e.Data = ledger.Type("handoff", "offered"), []byte(`{"from":{"stage":"a"},"to":{"stage":"b"},"channel":"c"}`)
			case 1:
				e.Type, e.Data = ledger.Type("handoff", "delivered"), []byte(`{"handoff":"`+offer+`"}`)
			default:
				e.Type, e.Data = ledger.Type("handoff", "declined"), []byte(`{"handoff":"`+offer+`"}`)
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

func ids(t *testing.T, r ledger.Reader) (out []string) {
	t.Helper()
	for e, err := range r.Read(t.Context(), ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e.ID)
	}
	return out
}

// TestAppendKeepsTheOrder holds that events stand in the ledger as they came, between streams too: a delivery that came before the decline
// is no delivery after it.
func TestAppendKeepsTheOrder(t *testing.T) {
	const n = 3 * windowEvents / 2
	store := newStore(t)
	o := Options{Append: intake(store), Ledger: store}
	sum, err := Append(t.Context(), o, made(n))
	if err != nil || sum.Written != n || sum.Handoffs != n/3 {
		t.Fatalf("%+v, %v", sum, err)
	}
	for i, id := range ids(t, store) {
		if id != fmt.Sprintf("e%d", i) {
			t.Fatalf("event %d is %s", i, id)
		}
	}
	if sum, err = Append(t.Context(), o, made(n)); err != nil || sum.Written != 0 || sum.Skipped != n {
		t.Errorf("again: %+v, %v", sum, err)
	}
	text := ""
	for e := range made(n) {
		text += string(ledger.AppendCloudEventLine(nil, &ledger.Recorded{Event: e})) + "\n"
	}
	file := newStore(t)
	if sum, err := into(file, FormatCloudEvents, text); err != nil || sum.Written != n || !slices.Equal(ids(t, file), ids(t, store)) {
		t.Errorf("the same as a file: %+v, %v", sum, err)
	}
}

// TestAppendContinues stops in the middle, by the context and by the maker's own error, and goes on.
func TestAppendContinues(t *testing.T) {
	const n = 3 * windowEvents
	store := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{Append: intake(store), Ledger: store, Progress: func(p Progress) { cancel() }}
	sum, err := Append(ctx, o, made(n))
	if ledger.CodeOf(err) != ledger.CodeUnavailable || sum.Written != windowEvents {
		t.Fatalf("stopped: %+v, %v", sum, err)
	}
	broken := errors.New("broken maker")
	sum, err = Append(t.Context(), Options{Append: intake(store), Ledger: store}, func(yield func(ledger.Event, error) bool) {
		for e := range made(2 * windowEvents) {
			if !yield(e, nil) {
				return
			}
		}
		yield(ledger.Event{}, broken)
	})
	if !errors.Is(err, broken) || sum.Skipped != windowEvents {
		t.Fatalf("broken: %+v, %v", sum, err)
	}
	sum, err = Append(t.Context(), Options{Append: intake(store), Ledger: store}, made(n))
	if err != nil || sum.Written+sum.Skipped != n || len(ids(t, store)) != n {
		t.Errorf("continued: %+v, %v", sum, err)
	}
}

func TestAppendRefusesOtherContent(t *testing.T) {
	store := newStore(t)
	o := Options{Source: "maker", Append: intake(store), Ledger: store}
	if _, err := Append(t.Context(), o, made(60)); err != nil {
		t.Fatal(err)
	}
	_, err := Append(t.Context(), o, func(yield func(ledger.Event, error) bool) {
		for e := range made(60) {
			if e.ID == "e6" {
				e.Data = []byte(strings.Replace(string(e.Data), `"channel":"c"`, `"channel":"d"`, 1))
			}
			if !yield(e, nil) {
				return
			}
		}
	})
	wantError(t, err, ledger.CodeIDConflict, "row 7", "another")
}
