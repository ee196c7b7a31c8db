package replay

import (
	"context"
	"iter"

	"github.com/baton-ledger/baton/ledger"
)

// Bisection says after which event of a journey a condition first held.
type Bisection struct {
	Journey   string `json:"journey"`
	Condition string `json:"condition"`
	Found     bool   `json:"found"`
	First     *Entry `json:"first,omitempty"`  // the event after which it first held
	Before    *Entry `json:"before,omitempty"` // the event before that one, nil where it held from the start
	HeldToEnd bool   `json:"held_to_end"`      // it held after every event from First on
	HoldsNow  bool   `json:"holds_at_end"`     // it holds after the last event that counts
	Lost      *Entry `json:"lost,omitempty"`   // the event after which it first held no longer
	Times     int    `json:"times"`            // how often it began to hold
	Held      int    `json:"held_after"`       // number of events after which it held
	Events    int    `json:"events"`
	Undefined int    `json:"undefined,omitempty"`        // number of events after which it had no value, which counts as not holding
	Reason    string `json:"undefined_reason,omitempty"` // the last cause of that
}

// Bisect finds the first event of a journey after which a CEL expression holds, among those that count at a moment. The name is git's
// and the result is what people know from there, but the method is one pass over all events: a condition may come and go, and
// a search by halves would then find some change and not the first. The answer therefore also says whether it held to
// the end. See [Compile] for expressions.
//
// An expression that asks for what is not there yet (context.priority before anybody said it, handoffs[0] before the
// first) has no value: that counts as not holding, and is counted. Errors are those of [Events], and CodeInvalid for expressions that
// do not compile, compare what cannot be compared, or cost too much.
func Bisect(ctx context.Context, r ledger.Reader, journey string, m Moment, expression string) (Bisection, error) {
	condition, err := Compile(expression)
	if err != nil {
		return Bisection{}, err
	}
	return condition.Bisect(ctx, journey, events(ctx, r, journey, m, false, nil))
}

// Bisect is the fold of [Bisect] over events in position order.
func (c *Condition) Bisect(ctx context.Context, journey string, events iter.Seq2[ledger.Recorded, error]) (Bisection, error) {
	out := Bisection{Journey: journey, Condition: c.text}
	var t teller
	var previous *Entry
	s, total := newScope(), uint64(0)
	for r, err := range events {
		if err != nil {
			return Bisection{}, err
		}
		e := t.tell(&r)
		s.update(&t, &r, &e)
		holds, cost, err := c.holds(ctx, s)
		if why, ok := err.(undefinedError); ok {
			out.Undefined, out.Reason, err = out.Undefined+1, why.Error(), nil
		}
		if err != nil {
			return Bisection{}, err
		}
		if total += cost; total > maxTotalCost {
			return Bisection{}, s.bad("condition is too costly for a journey of this length: more than %d steps in all", maxTotalCost)
		}
		out.note(holds, &e, previous)
		previous = &e
	}
	out.HeldToEnd = out.Found && out.Lost == nil
	return out, nil
}

// note takes in the value after one event.
func (b *Bisection) note(holds bool, e, previous *Entry) {
	b.Events++
	if holds {
		b.Held++
	}
	switch {
	case holds && !b.HoldsNow:
		b.Times++
		if !b.Found {
			b.Found, b.First, b.Before = true, e, previous
		}
	case !holds && b.HoldsNow && b.Lost == nil:
		b.Lost = e
	}
	b.HoldsNow = holds
}
