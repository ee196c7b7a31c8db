// Package storetest is the conformance suite of [ledger.Store]: what the doc comments of ledger.Appender, Reader and Tailer
// promise, as tests that every engine passes. An engine's test calls [Run] with a function that opens an empty store; parts that an engine
// does not promise are skipped by its [ledger.Capabilities]. Where a store cannot be empty, see [Shared].
//
// The heart of it is one list of random operations that is run on the engine and on a [Model] of sixty lines, and every answer compared
// (the idea is Pebble's metamorphic tests); [Together] runs such a list on several engines at once. Beside it stand tests of what a model
// cannot say: concurrency, durability over a reopen, cancellation, and that read values stay what they are.
package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// suite is what the tests share: an engine, and what is known of it.
type suite struct {
	name   string // in messages
	open   func(t *testing.T) ledger.Store
	reopen func(t *testing.T, s ledger.Store) ledger.Store
	tagKey []byte
	shared bool
	caps   ledger.Capabilities
}

// newSuite opens a store to ask what it can do.
func newSuite(t *testing.T, name string, open func(t *testing.T) ledger.Store, options []Option) *suite {
	t.Helper()
	s := &suite{name: name, open: open}
	for _, o := range options {
		o(s)
	}
	if s.shared {
		s.share()
	}
	first := s.open(t)
	s.caps = first.Capabilities()
	if err := first.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if s.caps.Engine == "" {
		t.Error("Capabilities: the engine has no name")
	}
	if s.name == "" {
		s.name = s.caps.Engine
	}
	return s
}

// lacks is why tests that need a promise of the engine are skipped; "" where it is promised.
func (s *suite) lacks(promised bool, what string) string {
	if promised {
		return ""
	}
	return fmt.Sprintf("engine %s does not promise %s", s.caps.Engine, what)
}

// Option tells the suite more about an engine.
type Option func(*suite)

// Reopen gives the suite a function that closes a store and opens the same ledger again. Without it nothing is tested over a reopen.
func Reopen(f func(t *testing.T, s ledger.Store) ledger.Store) Option {
	return func(s *suite) { s.reopen = f }
}

// TagKey is the key of the stream tags of the stores that are opened; with it, leaves and chained heads are computed again.
func TagKey(key []byte) Option { return func(s *suite) { s.tagKey = key } }

// Run tests an engine. open gives an empty store that is closed when the test ends; the suite may have closed it before.
func Run(t *testing.T, open func(t *testing.T) ledger.Store, options ...Option) {
	s := newSuite(t, "", open, options)
	retry, gapless := s.lacks(s.caps.ExactRetry, "exact retry"), s.lacks(s.caps.GaplessPositions, "gapless positions")
	leaves := s.lacks(s.caps.Leaves, "leaves")
	if leaves == "" && s.tagKey == nil {
		leaves = "the suite was not told the tag key"
	}
	reopen := ""
	if s.reopen == nil {
		reopen = "the suite was not told how to reopen"
	}
	for _, test := range []struct {
		name string
		skip string // the reason, "" to run
		run  func(t *testing.T, s *suite)
	}{
		{"Empty", "", testEmpty},
		{"Verbatim", "", testVerbatim},
		{"Expect", "", testExpect},
		{"Retry", retry, testRetry},
		{"IDTwiceInOneBatch", "", testIDTwice},
		{"AppendAll", retry, testAppendAll},
		{"Random", cmp.Or(retry, gapless), testRandom},
		{"RecordedTime", "", testRecordedTime},
		{"Leaves", leaves, testLeaves},
		{"Reopen", reopen, testReopen},
		{"ManyStreams", "", testManyStreams},
		{"OneStream", "", testOneStream},
		{"OneEventManyWriters", retry, testOneEvent},
		{"CancelledAppend", retry, testCancelledAppend},
		{"Snapshot", gapless, testSnapshot},
		{"ResumeAfterEveryEvent", gapless, testResume},
		{"ValuesStay", "", testValuesStay},
		{"CancelledRead", "", testCancelledRead},
		{"Wait", gapless, testWait},
		{"Subscribe", gapless, testSubscribe},
		{"SlowSubscriber", gapless, testSlowSubscriber},
		{"Follow", gapless, testFollow},
		{"Closed", "", testClosed},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.skip != "" {
				t.Skip(test.skip)
			}
			test.run(t, s)
		})
	}
}

// Engine is one engine of [Together]: what [Run] takes of it.
type Engine struct {
	Open    func(t *testing.T) ledger.Store
	Options []Option
}

// Together runs lists of random operations on several engines at once, and on the model: every answer of every engine is what the model says,
// so all engines agree on places, revisions, duplicates, refusals and their causes, and on every byte that is read. Only recorded times are an
// engine's own, and with them hashes; those are computed again from each engine's times, where its tag key is known. Now and then one of
// them is reopened, and all are in the end. A failure names the engine.
func Together(t *testing.T, engines map[string]Engine) {
	var suites []*suite
	for _, name := range slices.Sorted(maps.Keys(engines)) {
		s := newSuite(t, name, engines[name].Open, engines[name].Options)
		if why := cmp.Or(s.lacks(s.caps.ExactRetry, "exact retry"), s.lacks(s.caps.GaplessPositions, "gapless positions")); why != "" {
			t.Fatalf("%s cannot stand beside others: %s", name, why)
		}
		suites = append(suites, s)
	}
	together(t, suites)
}

// tb is what *testing.T and *rapid.T have in common here.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// event makes a small event; its data says which one it is.
func event(id string) ledger.Event {
	return ledger.Event{ID: id, Source: "storetest", Type: "org.example.thing", Data: fmt.Appendf(nil, `{"id":%q}`, id)}
}

func batch(stream string, expect ledger.Expect, ids ...string) ledger.Batch {
	b := ledger.Batch{Stream: stream, Expect: expect}
	for _, id := range ids {
		b.Events = append(b.Events, event(id))
	}
	return b
}

// must appends and fails the test on an error.
func must(t tb, s ledger.Store, b ledger.Batch) []ledger.Receipt {
	t.Helper()
	r, err := s.Append(context.Background(), b)
	if err != nil {
		t.Fatalf("append to %q: %v", b.Stream, err)
	}
	if len(r) != len(b.Events) {
		t.Fatalf("append to %q: %d receipts for %d events", b.Stream, len(r), len(b.Events))
	}
	return r
}

// refused appends and fails the test unless the error has the code; it returns the error.
func refused(t tb, s ledger.Store, b ledger.Batch, code ledger.Code) error {
	t.Helper()
	r, err := s.Append(context.Background(), b)
	if !errors.Is(err, code) || r != nil {
		t.Fatalf("append to %q: %d receipts, error %v; want %s", b.Stream, len(r), err, code)
	}
	return err
}

// all drains a read.
func all[T any](t tb, seq iter.Seq2[T, error]) (out []T) {
	t.Helper()
	for v, err := range seq {
		if err != nil {
			t.Fatalf("read, after %d: %v", len(out), err)
		}
		out = append(out, v)
	}
	return out
}

func head(t tb, s ledger.Store) ledger.Head {
	t.Helper()
	h, err := s.Head(context.Background())
	if err != nil {
		t.Fatalf("head: %v", err)
	}
	return h
}

func streamHead(t tb, s ledger.Store, stream string) ledger.StreamHead {
	t.Helper()
	h, err := s.StreamHead(context.Background(), stream)
	if err != nil {
		t.Fatalf("head of %q: %v", stream, err)
	}
	return h
}

// named puts an engine's name before what a test says.
type named struct {
	tb
	name string
}

func (n named) Fatalf(format string, args ...any) {
	n.Helper()
	n.tb.Fatalf("%s: "+format, append([]any{n.name}, args...)...)
}

func (n named) Errorf(format string, args ...any) {
	n.Helper()
	n.tb.Errorf("%s: "+format, append([]any{n.name}, args...)...)
}

// sameEvent compares what was read with what was appended.
func sameEvent(t tb, got *ledger.Recorded, stream string, want *ledger.Event, headerOnly bool) {
	t.Helper()
	record, err := ledger.EncodeRecord(stream, want)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	_, decoded, err := ledger.DecodeRecord(record)
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	if headerOnly {
		if got.Data != nil || got.Record != nil {
			t.Fatalf("%q revision %d: data or record in a read of headers", stream, got.Revision)
		}
		record, decoded.Data = nil, nil
	}
	if string(got.Record) != string(record) {
		t.Fatalf("%q revision %d: record\n%x, want\n%x", stream, got.Revision, got.Record, record)
	}
	if g, w := describe(got.Event), describe(decoded); g != w || got.Stream != stream {
		t.Fatalf("%q revision %d (of %q):\n got %s\nwant %s", stream, got.Revision, got.Stream, g, w)
	}
}

func describe(e ledger.Event) string {
	at := e.Time.Format(time.RFC3339Nano)
	e.Time = time.Time{}
	return fmt.Sprintf("%s %+q", at, fmt.Sprintf("%+v", e))
}

// within10s ends a test that waits for what never comes.
func within10s(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}
