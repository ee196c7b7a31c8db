// Package storetest is the conformance suite of [ledger.Store]: what the doc comments of ledger.Appender, Reader and Tailer
// promise, as tests that every engine passes. An engine's test calls [Run] with a function that opens an empty store; parts that an engine
// does not promise are skipped by its [ledger.Capabilities].
//
// The heart of it is one list of random operations that is run on the engine and on a [Model] of sixty lines, and every answer compared
// (the idea is Pebble's metamorphic tests). Beside it stand tests of what a model cannot say: concurrency, durability over a reopen,
// cancellation, and that read values stay what they are.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// suite is what the tests share.
type suite struct {
	open   func(t *testing.T) ledger.Store
	reopen func(t *testing.T, s ledger.Store) ledger.Store
	tagKey []byte
	caps   ledger.Capabilities
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
	s := &suite{open: open}
	for _, o := range options {
		o(s)
	}
	first := open(t)
	s.caps = first.Capabilities()
	if err := first.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if s.caps.Engine == "" {
		t.Error("Capabilities: the engine has no name")
	}
	for _, test := range []struct {
		name  string
		needs bool
		run   func(t *testing.T, s *suite)
	}{
		{"Empty", true, testEmpty},
		{"Verbatim", true, testVerbatim},
		{"Expect", true, testExpect},
		{"Retry", s.caps.ExactRetry, testRetry},
		{"IDTwiceInOneBatch", true, testIDTwice},
		{"AppendAll", s.caps.ExactRetry, testAppendAll},
		{"Random", s.caps.ExactRetry && s.caps.GaplessPositions, testRandom},
		{"RecordedTime", true, testRecordedTime},
		{"Leaves", s.caps.Leaves && s.tagKey != nil, testLeaves},
		{"Reopen", s.reopen != nil, testReopen},
		{"ManyStreams", true, testManyStreams},
		{"OneStream", true, testOneStream},
		{"OneEventManyWriters", s.caps.ExactRetry, testOneEvent},
		{"CancelledAppend", s.caps.ExactRetry, testCancelledAppend},
		{"Snapshot", s.caps.GaplessPositions, testSnapshot},
		{"ResumeAfterEveryEvent", s.caps.GaplessPositions, testResume},
		{"ValuesStay", true, testValuesStay},
		{"CancelledRead", true, testCancelledRead},
		{"Wait", s.caps.GaplessPositions, testWait},
		{"Subscribe", s.caps.GaplessPositions, testSubscribe},
		{"SlowSubscriber", s.caps.GaplessPositions, testSlowSubscriber},
		{"Follow", s.caps.GaplessPositions, testFollow},
		{"Closed", true, testClosed},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !test.needs {
				t.Skipf("engine %s does not promise it, or the suite was not told how", s.caps.Engine)
			}
			test.run(t, s)
		})
	}
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
