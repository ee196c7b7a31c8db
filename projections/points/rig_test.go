package points_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/projections/points"
)

// book is a real ledger in memory, with read models and a desk.
type book struct {
	testing.TB
	store *pebblestore.Store
	desk  *points.Desk
	now   time.Time
	n     int
}

func open(t testing.TB) *book {
	t.Helper()
	b := &book{TB: t, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	store, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: bytes.Repeat([]byte{7}, 32), FS: vfs.NewMem(), MinFreeMB: -1, Now: func() time.Time { return b.now }})
	b.check(err)
	models, err := projections.Open(t.Context(), "models", store, projections.Options{FS: vfs.NewMem()})
	b.check(err)
	t.Cleanup(func() { models.Close(); store.Close() })
	b.store = store
	b.desk = &points.Desk{Reader: store, Models: models, Append: ledger.Intake(store.AppendAll, ledger.Validate)}
	return b
}

func (b *book) check(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// append writes events, each to the stream it belongs to, and brings the models up to them.
func (b *book) append(events ...ledger.Event) {
	b.Helper()
	batches := make([]ledger.Batch, len(events))
	for i := range events {
		batches[i] = ledger.Batch{Stream: ledger.StreamFor(&events[i]), Expect: ledger.Any, Events: events[i : i+1]}
	}
	for _, r := range b.desk.Append(b.Context(), batches) {
		b.check(r.Err)
	}
	b.check(b.desk.Models.CatchUp(b.Context()))
}

// say makes and appends an event that happens a minute after the one before.
func (b *book) say(journey, id, family, verb, data string) {
	b.Helper()
	b.n++
	if id == "" {
		id = fmt.Sprint("e", b.n)
	}
	b.now = b.now.Add(time.Minute)
	b.append(ledger.Event{ID: id, Source: "test", Type: ledger.Type(family, verb), Subject: journey, Time: b.now, ContentType: "application/json", Data: []byte(data)})
}

// contract says something of a contract's version.
func (b *book) contract(name string, version int, verb string) {
	b.Helper()
	b.now = b.now.Add(time.Minute)
	said := contract.Said{Name: name, Version: version}
	if verb == "drafted" {
		b.document(fmt.Sprintf("contract: %s\nversion: %d\nfields: []", name, version))
		return
	}
	_, err := contract.Do(b.Context(), b.store, b.desk.Append, contract.Act{Verb: verb, Said: said})
	b.check(err)
}

// document drafts one.
func (b *book) document(text string) {
	b.Helper()
	c, err := contract.Parse([]byte(text))
	b.check(err)
	_, err = contract.Do(b.Context(), b.store, b.desk.Append, contract.Act{Verb: "drafted", Said: contract.Said{Name: c.Name, Version: c.Version, Contract: c}})
	b.check(err)
}

// change makes a change that is expected to be recorded or to be so already.
func (b *book) change(point, verb string, c points.Change) points.Changed {
	b.Helper()
	b.now = b.now.Add(time.Minute)
	c.Point, c.Verb = point, verb
	out, err := b.desk.Change(b.Context(), c, points.Options{})
	b.check(err)
	return out
}

func (b *book) point(name string) *points.Point {
	b.Helper()
	p, err := points.Read(b.Context(), b.store, name, 0)
	b.check(err)
	return p
}

// truth is what the simulator says of a journey, as far as points need it.
type truth struct {
	Journey  string `json:"journey"`
	Flow     string `json:"flow"`
	Handoffs []struct {
		ID       string `json:"id"`
		From     string `json:"from"`
		To       string `json:"to"`
		Channel  string `json:"channel"`
		Accepted bool   `json:"accepted"`
		Version  int    `json:"version"`
	} `json:"handoffs"`
	Reasks []struct {
		Handoff string `json:"handoff"`
		Field   string `json:"field"`
		Class   string `json:"class"`
	} `json:"reasks"`
}

// simulate fills the ledger and gives the truth.
func (b *book) simulate(o simulate.Options) []truth {
	b.Helper()
	var text bytes.Buffer
	o.Truth = &text
	s, err := simulate.New(o)
	b.check(err)
	var group []ledger.Event
	for e, err := range s.Events() {
		b.check(err)
		if group = append(group, e); len(group) == 1000 {
			b.append(group...)
			group = nil
		}
	}
	b.append(group...)
	var out []truth
	lines := bufio.NewScanner(&text)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var t truth
		b.check(json.Unmarshal(lines.Bytes(), &t))
		if t.Journey != "" {
			out = append(out, t)
		}
	}
	return out
}
