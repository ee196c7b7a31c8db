package deadlines

import (
	"container/heap"
	"context"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Handle notes what may expire and what has ended.
func (d *Deadlines) Handle(_ context.Context, events []ledger.Recorded) error {
	for i := range events {
		r := &events[i]
		category, _ := ledger.SplitStream(r.Stream)
		switch family, verb := ledger.SplitType(r.Type); {
		case family == "handoff" && category == ledger.CategoryJourney:
			d.handoff(r, ledger.HandoffState(verb))
		case family == "suggestion" && category == ledger.CategoryOverlay:
			d.suggestion(r, verb)
		case family == "contract":
			d.contract(r, verb)
		}
		d.unpark(r.Stream)
		d.cursor = r.Position
	}
	return nil
}

// handoff follows one handoff by the ledger's own rules of what moves it.
func (d *Deadlines) handoff(r *ledger.Recorded, verb ledger.HandoffState) {
	if verb != ledger.Offered {
		k := key{handoff, r.Stream, r.Facets.Handoff}
		if next, _ := ledger.Move(ledger.Offered, verb); !next.Open() && d.entries[k] != nil {
			d.drop(k)
		}
		return
	}
	k := key{handoff, r.Stream, r.ID}
	if d.entries[k] != nil {
		return // offered twice: the first one counts, as in the journey
	}
	if at, err := ledger.ParseTime(r.Facets.ExpiresAt); err == nil {
		d.add(k, r, at, 0)
		return
	}
	limit := d.o.Limit(ledger.Point(r.Facets.Sender, r.Facets.Receiver, r.Facets.Channel))
	if limit <= 0 {
		return
	}
	from := r.Occurred()
	if r.RecordedTime.After(from) {
		from = r.RecordedTime
	}
	d.add(k, r, from.Add(limit), limit)
}

func (d *Deadlines) suggestion(r *ledger.Recorded, verb string) {
	if verb != "offered" {
		if endsSuggestion(verb) {
			d.drop(key{suggestion, r.Stream, r.CausationID})
		}
		return
	}
	if at, err := ledger.ParseTime(r.Facets.ExpiresAt); err == nil {
		d.add(key{suggestion, r.Stream, r.ID}, r, at, 0)
	}
}

// endsSuggestion reports whether a verb is an answer: one that was only shown still stands.
func endsSuggestion(verb string) bool { return verb != "offered" && verb != "shown" }

func (d *Deadlines) contract(r *ledger.Recorded, verb string) {
	k := key{contract, r.Stream, r.Subject}
	switch verb {
	case "retired":
		d.drop(k)
	case "published", "deprecated":
		if at, err := ledger.ParseTime(r.Facets.Sunset); err == nil {
			d.add(k, r, at, 0)
		}
	}
}

// add keeps copies of an event's strings: they are parts of its whole header.
func (d *Deadlines) add(k key, r *ledger.Recorded, at time.Time, limit time.Duration) {
	k.stream, k.id = strings.Clone(k.stream), strings.Clone(k.id)
	d.put(&entry{key: k, event: strings.Clone(r.ID), subject: strings.Clone(r.Subject), revision: r.Revision, position: r.Position, at: at, limit: limit})
}

// unpark has what was left alone in a closed journey decided again when something happens in it.
func (d *Deadlines) unpark(stream string) {
	parked, there := d.parked[stream]
	if !there {
		return
	}
	delete(d.parked, stream)
	for _, e := range parked {
		if d.entries[e.key] == e {
			heap.Push(&d.due, e)
		}
	}
}
