package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

// Shared tells the suite that the stores it opens are one ledger, which is not empty and keeps what every test writes: a cluster, as a rule,
// that cannot be made anew for each test. A test then works in a view of the ledger, in which it is alone: its streams have a prefix that
// nobody else has, and positions count from the head that the ledger had when the view was made. Nothing is skipped for it.
//
// Nobody else may write to the ledger while a test runs: gapless positions could not be told from lost events. A test that reads
// somebody else's event fails and names its stream.
func Shared() Option { return func(s *suite) { s.shared = true } }

// share puts a view in front of everything that the suite opens.
func (s *suite) share() {
	open, reopen := s.open, s.reopen
	s.open = func(t *testing.T) ledger.Store { return newView(t, open(t)) }
	if reopen != nil {
		s.reopen = func(t *testing.T, store ledger.Store) ledger.Store {
			v := *store.(*view)
			v.Store = reopen(t, v.Store)
			return &v
		}
	}
}

// view is a ledger within a ledger: what was written through it and nothing else. It changes names and positions, and what is made of them (the
// record's bytes, digests in an error). Hashes are passed on as they are: they bind the real name and position.
type view struct {
	ledger.Store
	prefix string // of the streams' real names
	base   uint64 // the real position of the event before the first
}

// newView begins at the store's head. A prefix has no dash, so that a stream's subject stays what it is, and a length of its own, so that no
// prefix begins another.
func newView(t tb, store ledger.Store) *view {
	return &view{Store: store, prefix: "storetest." + rand.Text() + ".", base: head(t, store).Position}
}

// place is where a stream and position of a store really are: behind a view, or as they stand.
func place(store ledger.Store, stream string, position uint64) (string, uint64) {
	if v, ok := store.(*view); ok {
		return v.prefix + stream, v.base + position
	}
	return stream, position
}

// outward is a position as the ledger counts; positions beyond all stay beyond all.
func (v *view) outward(position uint64) uint64 { return v.base + min(position, math.MaxUint64-v.base) }

func (v *view) Append(ctx context.Context, b ledger.Batch) ([]ledger.Receipt, error) {
	out := b
	out.Stream = v.prefix + b.Stream
	receipts, err := v.Store.Append(ctx, out)
	r := v.answer(ctx, b, ledger.Result{Receipts: receipts, Err: err})
	return r.Receipts, r.Err
}

func (v *view) AppendAll(ctx context.Context, batches []ledger.Batch) []ledger.Result {
	out := slices.Clone(batches)
	for i := range out {
		out[i].Stream = v.prefix + out[i].Stream
	}
	results := slices.Clone(v.Store.AppendAll(ctx, out))
	for i := range min(len(results), len(batches)) {
		results[i] = v.answer(ctx, batches[i], results[i])
	}
	return results
}

func (v *view) answer(ctx context.Context, b ledger.Batch, r ledger.Result) ledger.Result {
	r.Receipts = slices.Clone(r.Receipts)
	for i := range r.Receipts {
		r.Receipts[i].Stream = strings.TrimPrefix(r.Receipts[i].Stream, v.prefix)
		r.Receipts[i].Position -= v.base
	}
	var stale *ledger.StaleRevision
	var conflict *ledger.IDConflict
	switch {
	case errors.As(r.Err, &stale):
		inner := *stale
		inner.Stream = strings.TrimPrefix(stale.Stream, v.prefix)
		r.Err = caused(r.Err, &inner)
	case errors.As(r.Err, &conflict):
		inner := v.conflict(context.WithoutCancel(ctx), b, *conflict)
		r.Err = caused(r.Err, &inner)
	}
	return r
}

// caused is an error with another cause. The engine's own is left alone: it may have answered others with it.
func caused(err, cause error) error {
	return &ledger.Error{Code: ledger.CodeOf(err), Err: cause, Hint: ledger.HintOf(err)}
}

// conflict translates the two digests, which have the stream's name in them, by the events that they are of. One that is not the digest of
// its event is left as it is, so that the test finds it.
func (v *view) conflict(ctx context.Context, b ledger.Batch, c ledger.IDConflict) ledger.IDConflict {
	translate := func(digest *ledger.Hash, e *ledger.Event) {
		if *digest == ledger.RetryDigest(v.prefix+b.Stream, e) {
			*digest = ledger.RetryDigest(b.Stream, e)
		}
	}
	for i := range b.Events {
		if e := &b.Events[i]; e.ID == c.ID && e.Source == c.Source {
			translate(&c.Offered, e)
		}
	}
	for stored, err := range v.Store.Read(ctx, ledger.ReadOptions{From: c.Position, To: c.Position}) {
		if err == nil {
			translate(&c.Stored, &stored.Event)
		}
	}
	c.Stream, c.Position = strings.TrimPrefix(c.Stream, v.prefix), c.Position-v.base
	return c
}

func (v *view) Read(ctx context.Context, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	o.From = v.outward(max(o.From, 1))
	if o.To > 0 {
		o.To = v.outward(o.To)
	}
	return v.events(v.Store.Read(ctx, o))
}

func (v *view) ReadStream(ctx context.Context, stream string, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	return v.events(v.Store.ReadStream(ctx, v.prefix+stream, o))
}

func (v *view) events(outer iter.Seq2[ledger.Recorded, error]) iter.Seq2[ledger.Recorded, error] {
	return func(yield func(ledger.Recorded, error) bool) {
		for r, err := range outer {
			if err == nil {
				err = v.inward(&r)
			}
			if err != nil {
				r = ledger.Recorded{}
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// inward makes an event of the ledger one of the view. Its record is made anew, after it was seen to be what the event's record must be.
func (v *view) inward(r *ledger.Recorded) (err error) {
	stream, ours := strings.CutPrefix(r.Stream, v.prefix)
	if !ours || r.Position <= v.base {
		return ledger.Errorf(ledger.CodeInternal, "read a shared ledger", "run the tests while nobody else writes",
			"position %d is of %q: a test of streams %q after position %d met somebody else's event", r.Position, r.Stream, v.prefix+"…", v.base)
	}
	if r.Record != nil {
		record, err := ledger.EncodeRecord(r.Stream, &r.Event)
		if err != nil || !bytes.Equal(record, r.Record) {
			return ledger.Errorf(ledger.CodeCorrupt, "read a shared ledger", "", "position %d: record\n%x, want\n%x (%v)", r.Position, r.Record, record, err)
		}
		r.Record, err = ledger.EncodeRecord(stream, &r.Event)
		if err != nil {
			return err
		}
	}
	r.Stream, r.Position = stream, r.Position-v.base
	return nil
}

func (v *view) Head(ctx context.Context) (ledger.Head, error) {
	h, err := v.Store.Head(ctx)
	return v.head(h, err)
}

func (v *view) head(h ledger.Head, err error) (ledger.Head, error) {
	switch {
	case err != nil:
		return h, err
	case h.Position < v.base:
		return h, ledger.Errorf(ledger.CodeCorrupt, "read a shared ledger", "", "the head is at position %d, and was at %d", h.Position, v.base)
	case h.Position == v.base:
		return ledger.Head{}, nil
	}
	h.Position -= v.base
	return h, nil
}

func (v *view) StreamHead(ctx context.Context, stream string) (ledger.StreamHead, error) {
	h, err := v.Store.StreamHead(ctx, v.prefix+stream)
	return v.streamHead(h), err
}

func (v *view) streamHead(h ledger.StreamHead) ledger.StreamHead {
	if h.Stream = strings.TrimPrefix(h.Stream, v.prefix); h.Revision > 0 {
		h.First, h.Last = h.First-v.base, h.Last-v.base
	}
	return h
}

func (v *view) Streams(ctx context.Context, prefix, after string) iter.Seq2[ledger.StreamHead, error] {
	return func(yield func(ledger.StreamHead, error) bool) {
		for h, err := range v.Store.Streams(ctx, v.prefix+prefix, v.prefix+after) {
			if !yield(v.streamHead(h), err) || err != nil {
				return
			}
		}
	}
}

func (v *view) Wait(ctx context.Context, after uint64) (ledger.Head, error) {
	h, err := v.Store.Wait(ctx, v.outward(after))
	return v.head(h, err)
}
