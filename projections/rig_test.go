package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

var epoch = time.Date(2024, 3, 1, 9, 0, 0, 0, time.UTC)

// tester is what *testing.T, *testing.B and *rapid.T share.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

func must[T any](t tester) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("%v", err)
		}
		return v
	}
}

func check(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}

// newLedger opens an empty ledger on a file system in memory.
func newLedger(t tester) *pebblestore.Store {
	t.Helper()
	return must[*pebblestore.Store](t)(pebblestore.Open(context.Background(), "ledger", pebblestore.Options{
		TagKey: []byte("a tag key of these tests, 32 by."), FS: vfs.NewMem(), CacheMB: 1, MemtableMB: 1, MinFreeMB: -1,
		Now: func() time.Time { return epoch }}))
}

// said is one event of a test, in the words of the data.
type said struct {
	journey, id, family, verb string
	at                        time.Duration // after epoch
	data                      map[string]any
	stream                    string // "" is what the type and the journey say
}

func (s *said) batch(n int) ledger.Batch {
	data, _ := json.Marshal(s.data)
	e := ledger.Event{ID: s.id, Source: "test", Type: ledger.Type(s.family, s.verb), Subject: s.journey, Time: epoch.Add(s.at), Data: data}
	if e.ID == "" {
		e.ID = fmt.Sprintf("event-%d", n)
	}
	if s.stream == "" {
		s.stream = ledger.StreamFor(&e)
	}
	return ledger.Batch{Stream: s.stream, Expect: ledger.Any, Events: []ledger.Event{e}}
}

// record appends events, each in a batch of its own.
func record(t tester, store *pebblestore.Store, events ...said) {
	t.Helper()
	head := must[ledger.Head](t)(store.Head(context.Background()))
	batches := make([]ledger.Batch, len(events))
	for i := range events {
		batches[i] = events[i].batch(int(head.Position) + i)
	}
	for i, r := range ledger.Intake(store.AppendAll, ledger.Validate)(context.Background(), batches) {
		if r.Err != nil {
			t.Fatalf("event %d: %v", i, r.Err)
		}
	}
}

func quietly(o Options) Options {
	o.Logger, o.CacheMB = slog.New(slog.DiscardHandler), 1
	return o
}

// openModels opens models on a file system; nil is a new one in memory.
func openModels(t tester, src ledger.Source, o Options) *Models {
	t.Helper()
	if o.FS == nil {
		o.FS = vfs.NewMem()
	}
	return must[*Models](t)(Open(context.Background(), "models", src, quietly(o)))
}

func digest(t tester, m *Models) ledger.Hash {
	t.Helper()
	_, d, err := m.Digest(context.Background())
	check(t, err)
	return d
}

// offer, accept, act … are the events that most tests are made of.
func offer(journey, id, from, to string, at time.Duration) said {
	return said{journey: journey, id: id, family: "handoff", verb: "offered", at: at, data: map[string]any{
		"from": map[string]any{"stage": from}, "to": map[string]any{"stage": to}, "channel": "chat"}}
}

func move(journey, handoff, verb, stage string, at time.Duration) said {
	return said{journey: journey, family: "handoff", verb: verb, at: at, data: map[string]any{"handoff": handoff, "stage": stage}}
}

func act(journey, stage, party string, at time.Duration) said {
	return said{journey: journey, family: "interaction", verb: "recorded", at: at, data: map[string]any{
		"activity": "work", "stage": stage, "party": party}}
}

func life(journey, verb string, at time.Duration) said {
	return said{journey: journey, family: "journey", verb: verb, at: at, data: map[string]any{"stage": "bot", "outcome": "done", "journey": "other"}}
}

// anyEvent draws an event that may or may not fit what came before it.
func anyEvent(n int) func(t *rapid.T) said {
	return func(t *rapid.T) said {
		journey := rapid.SampledFrom([]string{"a", "b", "c>@", "d-d", "ü", "f"}).Draw(t, "journey")
		stage := rapid.SampledFrom([]string{"bot", "desk", "back office", "x>y@z", ""})
		s := said{journey: journey, at: time.Duration(rapid.Int64Range(-1e6, 1e6).Draw(t, "at")) * time.Millisecond}
		handoff := fmt.Sprintf("%s-%d", journey, rapid.IntRange(0, 4).Draw(t, "handoff"))
		s.data = map[string]any{"handoff": handoff, "stage": stage.Draw(t, "stage"), "party": rapid.SampledFrom([]string{"", "Ann", "Ben"}).Draw(t, "party"),
			"activity": "work", "journey": "z", "outcome": rapid.SampledFrom([]string{"", "done"}).Draw(t, "outcome")}
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			s.family, s.verb = "journey", rapid.SampledFrom([]string{"started", "linked", "closed", "closed"}).Draw(t, "verb")
		case 1, 2:
			s.family, s.verb = "interaction", "recorded"
		case 3, 4:
			s = offer(journey, fmt.Sprintf("%s#%d", handoff, n), "bot", "desk", s.at)
			s.id = handoff
			s.data["to"] = map[string]any{"stage": rapid.SampledFrom([]string{"bot", "desk", "back office"}).Draw(t, "to"), "kind": "human"}
			s.stream = fmt.Sprintf("journey-%s", journey)
		case 5:
			s.family, s.verb, s.stream = "contract", "published", "contract-x"
		default:
			s.family = "handoff"
			s.verb = rapid.SampledFrom([]string{"delivered", "viewed", "accepted", "accepted", "declined", "expired", "withdrawn", "completed",
				"returned", "failed"}).Draw(t, "verb")
		}
		return s
	}
}

// recordAny appends n drawn events. An offer whose id is taken comes as a retry from another source, so that it is a second offer of
// one handoff.
func recordAny(t *rapid.T, store *pebblestore.Store, n int) {
	head := must[ledger.Head](t)(store.Head(context.Background()))
	batches := make([]ledger.Batch, n)
	for i := range batches {
		s := anyEvent(int(head.Position) + i)(t)
		batches[i] = s.batch(int(head.Position) + i)
		batches[i].Events[0].Source = fmt.Sprintf("source-%d", int(head.Position)+i)
		if rapid.IntRange(0, 9).Draw(t, "untimed") == 0 {
			batches[i].Events[0].Time = time.Time{}
		}
	}
	for i, r := range ledger.Intake(store.AppendAll, ledger.Validate)(context.Background(), batches) {
		if r.Err != nil {
			t.Fatalf("event %d: %v", i, r.Err)
		}
	}
}

// folded is every journey by the fold alone.
func folded(t tester, src ledger.Reader) map[string]*ledger.Journey {
	t.Helper()
	out := make(map[string]*ledger.Journey)
	for r, err := range src.Read(context.Background(), ledger.ReadOptions{HeaderOnly: true}) {
		check(t, err)
		if id := ledger.JourneyOf(r.Stream); id != "" {
			if out[id] == nil {
				out[id] = new(ledger.Journey)
			}
			out[id].Apply(&r)
		}
	}
	return out
}

func asJSON(t tester, v any) string {
	t.Helper()
	return string(must[[]byte](t)(json.Marshal(v)))
}

var _ tester = (*testing.T)(nil)
