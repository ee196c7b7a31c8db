package enrich

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// job works at one handoff: asks its sources at once, records what became of each, and has it delivered when all have answered or the budget is over.
func (e *Enricher) job(ctx context.Context, journey, handoff string, again bool) error {
	p, err := e.read(ctx, journey, handoff)
	if err != nil {
		return err
	}
	known, err := e.known(ctx, p)
	if err != nil {
		return err
	}
	over := time.Time{} // never
	if budget := e.o.Budgets[p.Class]; budget > 0 {
		over = p.Offered.Add(budget)
	}
	var out sync.WaitGroup
	for i := range e.o.Sources {
		s := &e.o.Sources[i]
		if have := p.state(s.Name); !s.at(p.Point) || Final(have) && !(again && retried(have)) {
			continue
		}
		out.Go(func() { e.source(ctx, p, s, known, over, again) })
	}
	all := make(chan struct{})
	go func() { out.Wait(); close(all) }()
	if e.o.Deliver != nil && !p.Delivered && !again {
		e.deliver(ctx, p, all, over)
	}
	<-all
	return ctx.Err()
}

// deliver waits for the sources as long as the budget allows.
func (e *Enricher) deliver(ctx context.Context, p *Progress, all <-chan struct{}, over time.Time) {
	var end <-chan time.Time
	if !over.IsZero() {
		t := time.NewTimer(time.Until(over))
		defer t.Stop()
		end = t.C
	}
	select {
	case <-all:
	case <-end:
	case <-ctx.Done():
		return
	}
	if err := e.o.Deliver(ctx, p.Journey, p.Handoff); err != nil && ctx.Err() == nil {
		e.complain("deliver", "a delivery cannot be recorded", err, p)
	}
}

// source asks one source, or says why it does not.
func (e *Enricher) source(ctx context.Context, p *Progress, s *Source, known ledger.Context, over time.Time, again bool) {
	d := eventData{Handoff: p.Handoff, Source: s.Name, Kind: s.Kind, Point: p.Point}
	for _, name := range s.Fields {
		if _, there := known[name]; !there {
			d.Fields = append(d.Fields, name)
		}
	}
	begin := time.Now()
	outcome := func(state string, d eventData) {
		took := time.Since(begin)
		state, err := e.settle(ctx, p, state, d, again)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			e.complain("record", "an enrichment cannot be recorded", err, p)
		case Final(state) && e.o.Observe != nil:
			e.o.Observe(s.Name, state, took)
		}
	}
	skip := func(reason string) {
		d.Skipped, d.Reason = true, reason
		outcome(Skipped, d)
	}
	switch {
	case len(d.Fields) == 0:
		skip("all of its fields are known")
		return
	case s.Kind == Snapshot:
		e.lookUp(p, s, known, d, begin, outcome, skip)
		return
	case p.Class == ledger.RealTime && !again:
		skip("a real-time channel uses precomputed values alone")
		return
	}
	budget := e.o.Budgets[p.Class]
	asked := d
	asked.BudgetMS = budget.Milliseconds()
	if state, err := e.settle(ctx, p, Asked, asked, again); err != nil || Final(state) && !(again && retried(state)) {
		if err != nil && ctx.Err() == nil {
			e.complain("record", "an enrichment cannot be recorded", err, p)
		}
		return
	}
	release, err := e.slot(ctx, s)
	if err == nil {
		defer release()
		begin = time.Now()
		q := Request{Journey: p.Journey, Handoff: p.Handoff, Point: p.Point, Channel: p.Channel, Fields: d.Fields, Known: pick(known, s.Needs)}
		if !over.IsZero() {
			q.BudgetMS = max(1, time.Until(over).Milliseconds())
		}
		var a Answer
		var text []byte
		if a, text, err = e.question(ctx, s, q); err == nil {
			state := Answered
			if !over.IsZero() && time.Now().After(over) {
				state = Late
			}
			outcome(state, taken(d, s, a, text, time.Since(begin)))
			return
		}
	}
	if ctx.Err() == nil {
		ms := time.Since(begin).Milliseconds()
		d.TookMS, d.Reason = &ms, plain(reason(err))
		outcome(Failed, d)
	}
}

// reason is an error without the operation, which its place says.
func reason(err error) string {
	var e *ledger.Error
	if errors.As(err, &e) && e.Err != nil {
		return e.Err.Error()
	}
	return err.Error()
}

// lookUp answers from a snapshot file, as it was valid when the handoff was offered.
func (e *Enricher) lookUp(p *Progress, s *Source, known ledger.Context, d eventData, begin time.Time, outcome func(string, eventData), skip func(string)) {
	key, there := known[s.Key]
	if !there {
		skip("its key " + s.Key + " is not known")
		return
	}
	row, ok, err := e.files[s.Name].find(key.Value, p.offer.Occurred())
	if err == nil && !ok {
		err = ledger.Errorf(ledger.CodeNotFound, "enrichment", "", "no precomputed values are valid for this %s", s.Key)
	}
	if err != nil {
		ms := time.Since(begin).Milliseconds()
		d.TookMS, d.Reason = &ms, plain(reason(err))
		outcome(Failed, d)
		return
	}
	text, err := json.Marshal(row)
	if err != nil {
		d.Reason = plain(err.Error())
		outcome(Failed, d)
		return
	}
	outcome(Answered, taken(d, s, row.answer(d.Fields), text, time.Since(begin)))
}

// known folds what the journey's context has, up to and with the offer.
func (e *Enricher) known(ctx context.Context, p *Progress) (ledger.Context, error) {
	var events []ledger.Recorded
	for _, stream := range []string{ledger.JourneyStream(p.Journey), ledger.OverlayStream(p.Journey)} {
		for r, err := range e.o.Store.ReadStream(ctx, stream, ledger.ReadOptions{}) {
			if err != nil {
				return nil, err
			}
			if r.Position > p.offer.Position {
				break
			}
			events = append(events, r)
		}
	}
	slices.SortFunc(events, func(a, b ledger.Recorded) int { return cmp.Compare(a.Position, b.Position) })
	c := ledger.Context{}
	for i := range events {
		c.Apply(&events[i])
	}
	return c, nil
}

func pick(known ledger.Context, fields []string) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for _, name := range fields {
		if f, ok := known[name]; ok {
			out[name] = f.Value
		}
	}
	return out
}
