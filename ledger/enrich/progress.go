package enrich

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Progress is how far the sources of one handoff are.
type Progress struct {
	Journey   string              `json:"journey"`
	Handoff   string              `json:"handoff"`
	Point     string              `json:"point"`
	Channel   string              `json:"channel"`
	Class     ledger.ChannelClass `json:"channel_class"`
	Offered   time.Time           `json:"offered_at"`          // recorded
	BudgetMS  int64               `json:"budget_ms,omitempty"` // absent: none
	Sources   []State             `json:"sources"`
	Delivered bool                `json:"delivered"`
	Done      bool                `json:"done"` // no source is out

	accepted uint64 // position
	offer    ledger.Recorded
	overlay  uint64    // revision
	givenUp  time.Time // when sources that are out count as unanswered
}

// State is how far one source is.
type State struct {
	Source      string    `json:"source"`
	Kind        string    `json:"kind,omitempty"`
	State       string    `json:"state"`
	At          time.Time `json:"at,omitzero"` // recorded
	Position    uint64    `json:"position,omitempty"`
	TookMS      *int64    `json:"took_ms,omitempty"`
	Fields      []string  `json:"fields,omitempty"` // that it said
	Reason      string    `json:"reason,omitempty"`
	AfterAccept bool      `json:"after_accept,omitempty"` // not known at accept time
}

// grace is how much longer than its timeout a source is waited for before it counts as unanswered.
const grace = 5 * time.Second

// stateOf names the state that an enrichment event leaves.
func stateOf(verb string, skipped bool) string {
	switch {
	case skipped:
		return Skipped
	case verb == "requested":
		return Asked
	case verb == "completed":
		return Answered
	}
	return verb // late, failed
}

// read folds what the ledger says of a handoff and its sources.
func (e *Enricher) read(ctx context.Context, journey, handoff string) (*Progress, error) {
	p := &Progress{Journey: journey, Handoff: handoff, Sources: []State{}}
	for r, err := range e.o.Store.ReadStream(ctx, ledger.JourneyStream(journey), ledger.ReadOptions{HeaderOnly: true}) {
		if err != nil {
			return nil, err
		}
		switch family, verb := ledger.SplitType(r.Type); {
		case family != "handoff":
		case verb == "offered" && r.ID == handoff && p.offer.Position == 0:
			p.offer = r
		case verb == "accepted" && r.Facets.Handoff == handoff && p.accepted == 0:
			p.accepted = r.Position
		}
	}
	if p.offer.Position == 0 {
		return nil, ledger.Errorf(ledger.CodeNotFound, "enrichment", "look at the handoffs of the journey; a handoff's id is that of its offered event",
			"journey %.80q has no offer %.80q", journey, handoff)
	}
	f := &p.offer.Facets
	p.Point, p.Channel, p.Offered = ledger.Point(f.Sender, f.Receiver, f.Channel), f.Channel, p.offer.RecordedTime.UTC()
	p.Class = e.class(p.Channel)
	p.BudgetMS = e.o.Budgets[p.Class].Milliseconds()
	for i := range e.o.Sources {
		if s := &e.o.Sources[i]; s.at(p.Point) {
			p.Sources = append(p.Sources, State{Source: s.Name, Kind: s.Kind, State: Waiting})
			p.givenUp = later(p.givenUp, p.Offered.Add(s.Timeout+grace))
		}
	}
	for r, err := range e.o.Store.ReadStream(ctx, ledger.OverlayStream(journey), ledger.ReadOptions{}) {
		if err != nil {
			return nil, err
		}
		p.overlay = r.Revision
		p.apply(&r)
	}
	slices.SortFunc(p.Sources, func(a, b State) int { return cmp.Compare(a.Source, b.Source) })
	p.Done = !slices.ContainsFunc(p.Sources, func(s State) bool { return !Final(s.State) })
	return p, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// apply folds one event of the overlay.
func (p *Progress) apply(r *ledger.Recorded) {
	family, verb := ledger.SplitType(r.Type)
	if r.Facets.Handoff != p.Handoff {
		return
	}
	if family == "handoff" && verb == "delivered" {
		p.Delivered = true
	}
	if family != "enrichment" {
		return
	}
	var d eventData
	if json.Unmarshal(r.Data, &d) != nil || d.Source == "" {
		return
	}
	s := State{Source: d.Source, Kind: d.Kind, State: stateOf(verb, d.Skipped), At: r.RecordedTime.UTC(), Position: r.Position, TookMS: d.TookMS, Reason: d.Reason,
		Fields: slices.Sorted(maps.Keys(d.Attributes)), AfterAccept: p.accepted > 0 && r.Position > p.accepted && verb != "requested"}
	if i := slices.IndexFunc(p.Sources, func(have State) bool { return have.Source == s.Source }); i >= 0 {
		p.Sources[i] = s
		return
	}
	p.Sources = append(p.Sources, s)
}

// Read says how far the sources of a handoff are. now decides what counts as given up: a source whose timeout is long over, because nobody was there to ask.
func (e *Enricher) Read(ctx context.Context, journey, handoff string, now time.Time) (Progress, error) {
	p, err := e.read(ctx, journey, handoff)
	if err != nil {
		return Progress{}, err
	}
	if !p.Done && now.After(p.givenUp) {
		for i := range p.Sources {
			if s := &p.Sources[i]; !Final(s.State) {
				s.State, s.Reason = Unanswered, "no outcome was recorded in time; ask again"
			}
		}
		p.Done = true
	}
	return *p, nil
}

// between is the least time between two looks, whatever is appended elsewhere meanwhile.
const between = 10 * time.Millisecond

// Watch yields the progress of a handoff: at once, after each change, and unchanged after every alive that nothing happened. It ends after the first that is
// done; an error, that of the context among them, is yielded last.
func (e *Enricher) Watch(ctx context.Context, journey, handoff string, alive time.Duration) iter.Seq2[Progress, error] {
	return func(yield func(Progress, error) bool) {
		var last Progress
		var told time.Time
		for {
			head, err := e.o.Store.Head(ctx)
			if err != nil {
				yield(Progress{}, err)
				return
			}
			p, err := e.Read(ctx, journey, handoff, time.Now())
			if err != nil {
				yield(Progress{}, err)
				return
			}
			if told.IsZero() || time.Since(told) >= alive || p.Delivered != last.Delivered || !reflect.DeepEqual(p.Sources, last.Sources) {
				if !yield(p, nil) || p.Done {
					return
				}
				last, told = p, time.Now()
			}
			wait, cancel := context.WithDeadline(ctx, earlier(told.Add(alive), p.givenUp.Add(between)))
			_, err = e.o.Store.Wait(wait, head.Position)
			over := wait.Err() != nil
			cancel()
			if err == nil || over && ctx.Err() == nil {
				err = ledger.Pause(ctx, between)
			}
			if err != nil {
				yield(Progress{}, err)
				return
			}
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
