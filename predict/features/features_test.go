package features_test

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/table"
)

// book is a real ledger in memory.
type book struct {
	*testing.T
	store *pebblestore.Store
	n     int
}

var begin = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func open(t *testing.T) *book {
	store, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: bytes.Repeat([]byte{7}, 32), FS: vfs.NewMem(), MinFreeMB: -1, CacheMB: 8, MemtableMB: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return &book{T: t, store: store}
}

// add appends an event so many hours after the beginning and gives its position.
func (b *book) add(journey, id, family, verb, data string, hours float64) uint64 {
	b.Helper()
	b.n++
	if id == "" {
		id = fmt.Sprint("e", b.n)
	}
	e := ledger.Event{ID: id, Source: "test", Type: ledger.Type(family, verb), Subject: journey, Time: begin.Add(time.Duration(hours * float64(time.Hour))), Data: []byte(data)}
	r := ledger.Intake(b.store.AppendAll, ledger.Validate)(b.Context(), []ledger.Batch{{Stream: ledger.StreamFor(&e), Expect: ledger.Any, Events: []ledger.Event{e}}})[0]
	if r.Err != nil {
		b.Fatal(r.Err)
	}
	return r.Receipts[0].Position
}

// bounced is a journey that goes bot > desk > bot > desk; the last offer is open.
func (b *book) bounced(journey string) (last uint64) {
	b.add(journey, "", "journey", "started", `{"stage":"bot","channel":"chat"}`, 0)
	b.add(journey, "", "interaction", "recorded", `{"activity":"greet","stage":"bot","kind":"bot"}`, 0.5)
	b.add(journey, journey+"h1", "handoff", "offered", `{"from":"bot","to":"desk","channel":"chat"}`, 1)
	b.add(journey, "", "handoff", "accepted", `{"handoff":"`+journey+`h1","stage":"desk"}`, 3)
	b.add(journey, "", "interaction", "recorded", `{"activity":"look","stage":"desk","channel":"phone"}`, 4)
	b.add(journey, journey+"h2", "handoff", "offered", `{"from":"desk","to":"bot","channel":"phone"}`, 5)
	b.add(journey, "", "handoff", "accepted", `{"handoff":"`+journey+`h2","stage":"bot"}`, 5)
	return b.add(journey, journey+"h3", "handoff", "offered", `{"from":"bot","to":"desk","channel":"phone"}`, 29)
}

var spec = &features.Spec{Activities: []string{"greet", "look", "never"}, Fields: []features.Field{{Name: "tier", Kind: table.Category}, {Name: "age", Kind: table.Number}}}

func (b *book) snapshot(journey string, position uint64) (features.Snapshot, *features.Builder) {
	b.Helper()
	f, err := spec.AsOf(b.Context(), b.store, journey, position)
	if err != nil {
		b.Fatal(err)
	}
	return f.Snapshot(f.Row(nil)), f
}

func TestValues(t *testing.T) {
	b := open(t)
	at := b.bounced("J")
	s, f := b.snapshot("J", 0)
	if s.Position != at || s.Revision != 8 || s.Version != features.Version {
		t.Errorf("%+v", s)
	}
	for name, want := range map[string]any{"moment": "offered", "activity": "look", "activity before": "greet", "last 2 activities": "greet > look", "begun by": "bot",
		"owner": "bot", "owner before": "desk", "handoff": "bot > desk", "channel": "phone", "events": 8.0, "handoffs offered": 3.0, "handoffs accepted": 2.0,
		"bounces": 1.0, "open offers": 1.0, "owners": 2.0, "changes of channel": 1.0, "hour": 14.0, "weekday": 2.0, "count of greet": 1.0, "count of never": 0.0} {
		if s.Values[name] != want {
			t.Errorf("%s is %v, want %v", name, s.Values[name], want)
		}
	}
	for i, c := range spec.Columns() {
		words := spec.Words(i, f.Row(nil)[i])
		switch c.Name {
		case "bounces":
			if e := f.Evidence(i); words != "1 return of the work to a former owner" || len(e) != 1 || e[0].Position != 7 || e[0].Type != ledger.Type("handoff", "accepted") {
				t.Errorf("%s %+v", words, e)
			}
		case "hours waited":
			if words != "2.0 hours of waiting between offers and their acceptance" {
				t.Error(words)
			}
		}
	}
}

// TestTheFutureChangesNothing: what is appended later, also with earlier times and in the overlay, leaves the row of a position as it was.
func TestTheFutureChangesNothing(t *testing.T) {
	b := open(t)
	at := b.bounced("J")
	before, _ := b.snapshot("J", at)
	b.add("J", "", "interaction", "recorded", `{"activity":"greet","stage":"desk","channel":"mail"}`, 0.1)
	b.add("J", "", "handoff", "accepted", `{"handoff":"Jh3","stage":"desk"}`, 29)
	b.add("J", "", "handoff", "viewed", `{"handoff":"Jh1","fields":["tier"]}`, 2)
	b.add("J", "", "handoff", "delivered", `{"handoff":"Jh3","fields":["tier","age"]}`, 2)
	b.add("J", "", "question", "answered", `{"handoff":"Jh1","field":"tier","attributes":{"tier":"gold","age":5}}`, 0)
	b.add("J", "", "suggestion", "offered", `{"handoff":"Jh1"}`, 2)
	b.add("J", "", "journey", "closed", `{"outcome":"churned"}`, 1)
	after, _ := b.snapshot("J", at)
	if !reflect.DeepEqual(before, after) {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
	if now, _ := b.snapshot("J", 0); now.Digest == before.Digest {
		t.Error("the digest does not hang on the values")
	}
}

// TestSuggestionsAreNotRead: a suggestion or an enrichment that came before the moment changes nothing; what was delivered does.
func TestSuggestionsAreNotRead(t *testing.T) {
	b := open(t)
	b.bounced("J")
	b.bounced("K")
	b.add("K", "", "suggestion", "offered", `{"handoff":"Kh3","attributes":{"tier":"gold"}}`, 29)
	b.add("K", "", "suggestion", "accepted", `{"handoff":"Kh3","action":"call"}`, 29)
	b.add("K", "", "enrichment", "completed", `{"handoff":"Kh3","attributes":{"tier":"gold"}}`, 29)
	j, _ := b.snapshot("J", 0)
	if k, _ := b.snapshot("K", 0); j.Digest != k.Digest {
		t.Errorf("%+v\n%+v", j, k)
	}
	b.add("K", "", "handoff", "delivered", `{"handoff":"Kh3","fields":["tier"]}`, 29)
	if k, _ := b.snapshot("K", 0); j.Digest == k.Digest || k.Values["fields delivered"] != 1.0 {
		t.Errorf("%+v", k)
	}
}

func TestNothingThere(t *testing.T) {
	b := open(t)
	at := b.bounced("J")
	first := b.add("K", "", "journey", "started", `{}`, 0)
	if _, err := spec.AsOf(t.Context(), b.store, "K", at); ledger.CodeOf(err) != ledger.CodeNotFound || ledger.HintOf(err) == "" {
		t.Error(err)
	}
	if s, _ := b.snapshot("K", first); s.Values["owner"] != "" || s.Values["activity"] != "" {
		t.Errorf("%+v", s)
	}
}

// TestSpecOfColumns: a model's columns give the spec back, or are refused.
func TestSpecOfColumns(t *testing.T) {
	e := &table.Encoding{}
	for _, c := range spec.Columns() {
		e.Columns = append(e.Columns, table.ColumnEncoding{Name: c.Name, Kind: c.Kind})
	}
	if got, err := features.SpecOf(e); err != nil || !reflect.DeepEqual(got, spec) {
		t.Error(got, err)
	}
	e.Columns[3].Name = "field tenure"
	if _, err := features.SpecOf(e); ledger.CodeOf(err) != ledger.CodeUnsupported {
		t.Error(err)
	}
	if _, err := features.SpecOf(&table.Encoding{}); ledger.CodeOf(err) != ledger.CodeUnsupported {
		t.Error(err)
	}
}
