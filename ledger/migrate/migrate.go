// Package migrate copies a ledger from one store to another, and proves that the copy is the same ledger: ids, order, bytes, places and recorded
// times, and so the leaves, the heads of streams and the root of the Merkle tree. A checkpoint signed for the one holds for the other.
//
// A run has three parts:
//
//	compare   what is at the destination already: its newest events and a sample of the others, against the source's
//	copy      what comes after it, in windows, up to the head that the source had when the run began
//	prove     both sides are read in step from the first event on, every event held against the other, and both roots computed
//
// The destination's head is the only cursor, so a run that was ended anywhere is gone on with by the next, and nothing is copied twice:
//
//	a window was not written        the head is before it; it is copied again
//	a part of a window was written  the head is within it; the rest is copied
//	power loss at the destination   its head is where it lost events; they are copied again
//	ended while it proved           nothing is left to copy; it is proved from the beginning
//
// Both ledgers need the same tag key: leaves and chained heads have it in them. Keys, checkpoints and read models are not copied here; the
// first two are carried over by who knows them, and read models are made again.
package migrate

import (
	"context"
	"fmt"

	"github.com/baton-ledger/baton/ledger"
)

// Destination takes events with the place and the recorded time they have elsewhere.
type Destination interface {
	ledger.Reader
	// Copy appends events in order, continuing at the head: the first has the position after it, and every one the revision after its stream's.
	// Positions, revisions, recorded times and the bytes of records are kept; leaves and chained heads follow from them under the destination's
	// own tag key. events and what they point to are the caller's again when it returns.
	//
	// When it returns nil, all events are there to be read. When it returns an error, the first ones may be there, in order and without a gap,
	// and Head says how many. An event that does not continue the ledger or its stream is refused and those after it are not written.
	// What was written survives power loss at the latest when the destination is closed.
	Copy(ctx context.Context, events []ledger.Recorded) error
}

// Options tune a run. TagKey is required; the rest has good zero values.
type Options struct {
	TagKey       []byte         // of both ledgers
	WindowEvents int            // most events of one Copy, default 1000
	WindowBytes  int            // data bytes after which a window is handed over, default 4 MiB
	Newest       uint64         // so many of the destination's newest events are compared before anything is copied, default 1000
	Samples      uint64         // and so many of those before them, evenly spread, default 256
	Progress     func(Progress) // called when a part begins, after every window or thousand events of it, and at its end, in the caller's goroutine
}

// Part of a run.
type Part string

// The parts, in their order.
const (
	Compare Part = "compare"
	Copy    Part = "copy"
	Prove   Part = "prove"
)

// Progress says how far a part is: events, and how many there will be.
type Progress struct {
	Part        Part
	Done, Total uint64
}

// Report is what a run did and proved. Where it ended with an error it says how far it came.
type Report struct {
	Events   uint64      `json:"events"`    // of the ledger up to the source's head when the run began; both sides have them
	Streams  uint64      `json:"streams"`   // that these are in
	Copied   uint64      `json:"copied"`    // events written by this run
	Skipped  uint64      `json:"skipped"`   // events that were there when it began
	Later    uint64      `json:"later"`     // events that the source has got meanwhile: run it again to copy them too
	RootFrom ledger.Hash `json:"root_from"` // RFC 6962 root over Events leaves, computed from what the source reads
	RootTo   ledger.Hash `json:"root_to"`   // the same of the destination
	Equal    bool        `json:"equal"`     // the roots are, and so is all that leaves bind
}

// run is a migration on its way.
type run struct {
	from   ledger.Reader
	to     Destination
	o      Options
	report Report
}

// Run copies what the source has now and the destination has not, and proves that both are the same. Errors are those of the two stores;
// CodeInvalid where the destination is no beginning of the source, or the tag key is not the source's; CodeCorrupt where the copy differs in
// the end. A [*Difference] is the cause where one event is to blame.
func Run(ctx context.Context, from ledger.Reader, to Destination, o Options) (Report, error) {
	if o.WindowEvents == 0 {
		o.WindowEvents = 1000
	}
	if o.WindowBytes == 0 {
		o.WindowBytes = 4 << 20
	}
	if o.Newest == 0 {
		o.Newest = 1000
	}
	if o.Samples == 0 {
		o.Samples = 256
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	r := &run{from: from, to: to, o: o}
	err := r.run(ctx)
	return r.report, err
}

func (r *run) run(ctx context.Context) error {
	source, there, err := r.heads(ctx)
	if err != nil {
		return err
	}
	if there.Position > source.Position {
		return ledger.Errorf(ledger.CodeInvalid, "migrate", "copy into an empty ledger, or into one that was copied from this source and not written to since",
			"the destination has %d events, the source %d", there.Position, source.Position)
	}
	r.report.Events, r.report.Skipped = source.Position, there.Position
	if err := r.checkKey(ctx); err != nil {
		return err
	}
	if err := r.compare(ctx, there.Position); err != nil {
		return err
	}
	if err := r.copy(ctx, there.Position+1, source.Position); err != nil {
		return err
	}
	if err := r.prove(ctx); err != nil {
		return err
	}
	return r.ends(ctx)
}

// checkKey holds the tag key against the source's first event: with another one every root would be wrong, on both sides alike.
func (r *run) checkKey(ctx context.Context) error {
	for first, err := range r.from.Read(ctx, ledger.ReadOptions{To: 1, HeaderOnly: true}) {
		if err != nil {
			return fmt.Errorf("source: %w", err)
		}
		if seed := ledger.SeedHead(ledger.StreamTag(r.o.TagKey, first.Stream)); first.PrevHead != seed {
			return ledger.Errorf(ledger.CodeInvalid, "migrate", "give the file tag.key of the source", "the tag key is not that of the source's first event")
		}
	}
	return nil
}

// copy writes positions first to last. After the first window of an empty destination it looks whether that keeps what it is given, so
// that a wrong tag key does not show after hours.
func (r *run) copy(ctx context.Context, first, last uint64) error {
	if last < first {
		return nil
	}
	next := first
	r.o.Progress(Progress{Copy, 0, last + 1 - first})
	for events, err := range ledger.Batches(r.from.Read(ctx, ledger.ReadOptions{From: first, To: last}), r.o.WindowEvents, r.o.WindowBytes) {
		if err != nil {
			return fmt.Errorf("source: %w", err)
		}
		if events[0].Position != next {
			return unread("source", next, events[0].Position)
		}
		if err := r.to.Copy(ctx, events); err != nil {
			return fmt.Errorf("destination, positions %d to %d: %w", next, events[len(events)-1].Position, err)
		}
		if next == 1 {
			if err := r.same(ctx, 1, 1, nil); err != nil {
				return err
			}
		}
		next += uint64(len(events))
		r.report.Copied = next - first
		r.o.Progress(Progress{Copy, next - first, last + 1 - first})
	}
	if next != last+1 {
		return unread("source", next, last+1)
	}
	return nil
}

// heads are where the two sides end.
func (r *run) heads(ctx context.Context) (source, there ledger.Head, err error) {
	if source, err = r.from.Head(ctx); err != nil {
		return source, there, fmt.Errorf("source: %w", err)
	}
	if there, err = r.to.Head(ctx); err != nil {
		return source, there, fmt.Errorf("destination: %w", err)
	}
	return source, there, nil
}

// ends looks whether both sides are still where they were left.
func (r *run) ends(ctx context.Context) error {
	source, there, err := r.heads(ctx)
	if err != nil {
		return err
	}
	if there.Position != r.report.Events {
		return ledger.Errorf(ledger.CodeInvalid, "migrate", "keep writers away from the destination until the copy is complete",
			"the destination has %d events after %d were copied: somebody else wrote to it", there.Position, r.report.Events)
	}
	r.report.Later = source.Position - r.report.Events
	return nil
}

func unread(side string, next, found uint64) error {
	return ledger.Errorf(ledger.CodeCorrupt, "migrate", "run `baton verify` on it", "%s: position %d is not read, position %d comes next or is the end",
		side, next, found)
}
