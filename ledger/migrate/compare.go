package migrate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Difference is an event that is not the same on both sides. It names what differs; of contents it gives digests.
type Difference struct {
	Position   uint64
	Stream, ID string // as the source has them
	What       string // "stream", "revision", "recorded time", "record" or "previous head"
	From, To   string
}

func (d *Difference) Error() string {
	return fmt.Sprintf("position %d, stream %q, id %q: the %s is %s at the source and %s at the destination", d.Position, d.Stream, d.ID, d.What, d.From, d.To)
}

// pair is one position on both sides.
type pair struct{ from, to ledger.Recorded }

// pairs reads positions first to last on both sides, in step; none where last is before first.
func (r *run) pairs(ctx context.Context, first, last uint64) iter.Seq2[pair, error] {
	return func(yield func(pair, error) bool) {
		if last < first {
			return
		}
		next, stop := iter.Pull2(r.to.Read(ctx, ledger.ReadOptions{From: first, To: last}))
		defer stop()
		at := first
		for from, err := range r.from.Read(ctx, ledger.ReadOptions{From: first, To: last}) {
			if err != nil {
				yield(pair{}, fmt.Errorf("source: %w", err))
				return
			}
			to, err, ok := next()
			switch {
			case !ok:
				err = unread("destination", at, last)
			case err != nil:
				err = fmt.Errorf("destination: %w", err)
			case from.Position != at:
				err = unread("source", at, from.Position)
			case to.Position != at:
				err = unread("destination", at, to.Position)
			case len(from.Record) == 0 || len(to.Record) == 0:
				err = ledger.Errorf(ledger.CodeUnsupported, "migrate", "", "position %d was read without its record", at)
			}
			if err != nil {
				yield(pair{}, err)
				return
			}
			if at++; !yield(pair{from, to}, nil) {
				return
			}
		}
		if at <= last {
			yield(pair{}, unread("source", at, last))
		}
	}
}

// difference is what is not the same, nil where all is.
func (p *pair) difference() *Difference {
	a, b := &p.from, &p.to
	d := func(what string, from, to any) *Difference {
		return &Difference{Position: a.Position, Stream: a.Stream, ID: a.ID, What: what, From: fmt.Sprint(from), To: fmt.Sprint(to)}
	}
	switch {
	case a.Stream != b.Stream:
		return d("stream", fmt.Sprintf("%q", a.Stream), fmt.Sprintf("%q", b.Stream))
	case a.Revision != b.Revision:
		return d("revision", a.Revision, b.Revision)
	case !bytes.Equal(a.Record, b.Record):
		return d("record", digest(a), digest(b))
	case !a.RecordedTime.Equal(b.RecordedTime):
		return d("recorded time", a.RecordedTime.Format(time.RFC3339Nano), b.RecordedTime.Format(time.RFC3339Nano))
	case a.PrevHead != b.PrevHead:
		return d("previous head", a.PrevHead, b.PrevHead)
	}
	return nil
}

func digest(r *ledger.Recorded) string {
	sum := sha256.Sum256(r.Record)
	return fmt.Sprintf("%x of %d bytes with id %q", sum[:8], len(r.Record), r.ID)
}

// same compares positions first to last and shows each pair to visit, where there is one. The first difference ends it.
func (r *run) same(ctx context.Context, first, last uint64, visit func(at uint64)) error {
	for p, err := range r.pairs(ctx, first, last) {
		if err != nil {
			return err
		}
		if d := p.difference(); d != nil {
			hint := "copy into an empty ledger, or into one that was copied from this source and not written to since"
			if d.What == "previous head" {
				hint = "give the destination the tag key of the source (keys/tag.key), and copy into an empty ledger"
			}
			return &ledger.Error{Code: ledger.CodeInvalid, Op: "migrate", Err: d, Hint: hint}
		}
		if visit != nil {
			visit(p.from.Position)
		}
	}
	return nil
}

// compare looks whether the destination's events up to its head are the source's: the newest one by one, since an interruption can have
// hurt those alone, and samples of what is before them, since it may be another ledger altogether.
func (r *run) compare(ctx context.Context, head uint64) error {
	if head == 0 {
		return nil
	}
	before := head - min(head, r.o.Newest) // positions that are sampled: 1 to before
	samples := min(before, r.o.Samples)
	total := samples + head - before
	r.o.Progress(Progress{Compare, 0, total})
	for i := range samples {
		at := 1 + i*before/samples
		if err := r.same(ctx, at, at, nil); err != nil {
			return err
		}
		r.o.Progress(Progress{Compare, i + 1, total})
	}
	return r.same(ctx, before+1, head, func(at uint64) {
		if done := samples + at - before; at == head || done%progressEvents == 0 {
			r.o.Progress(Progress{Compare, done, total})
		}
	})
}

// progressEvents is after how many compared events progress is reported.
const progressEvents = 1000
