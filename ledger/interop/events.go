package interop

import (
	"context"
	"iter"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Append writes events that a program makes, in their order, with what an import has: windows, progress, the same events told apart from
// new ones, and a run that was stopped continued by the next. The events of one stream must come in the same order every time. Of
// the options Append, Ledger, Source (for messages) and Progress count. Of the summary, journeys and handoffs are those that events begin;
// pairs, never_accepted and bytes stay 0.
func Append(ctx context.Context, o Options, events iter.Seq2[ledger.Event, error]) (Summary, error) {
	start := time.Now()
	r := &run{o: o, ctx: ctx, start: start, src: &source{}, groups: make(chan group, 1), stop: make(chan struct{})}
	r.sum = Summary{Source: o.Source, Format: FormatCloudEvents}
	made := make(chan error, 1)
	go func() {
		err := r.follow(events)
		close(r.groups)
		made <- err
	}()
	a := &appender{append: o.Append, reader: o.Ledger, refused: map[string]bool{}}
	written := r.write(a)
	close(r.stop)
	for range r.groups { // the maker may wait to hand one over
	}
	err := <-made
	r.count(a, r.final, 0)
	r.sum.Seconds = time.Since(start).Seconds()
	switch {
	case written != nil:
		return r.sum, written
	case err != nil:
		return r.sum, err
	}
	if err := r.sum.conflictError(); err != nil {
		return r.sum, &ledger.Error{Code: ledger.CodeIDConflict, Op: "append", Err: cause(err),
			Hint: "another version or another program wrote events with these ids: append to another ledger, or make others"}
	}
	return r.sum, nil
}

// follow gathers what the program makes. Ids are its own and cannot repeat, so a stream that lacks an event before one it has is in conflict.
func (r *run) follow(events iter.Seq2[ledger.Event, error]) error {
	out := newBatcher(func() error { return nil }, r.send)
	out.inOrder = true
	for e, err := range events {
		if err != nil {
			return err
		}
		r.final.rows++
		r.final.events++
		switch family, verb := ledger.SplitType(e.Type); {
		case family == "journey" && verb == "started":
			r.final.journeys++
		case family == "handoff" && verb == "offered":
			r.final.handoffs++
		}
		if err := out.add(ledger.StreamFor(&e), e.Subject, r.final.rows, []ledger.Event{e}, r.final); err != nil {
			return err
		}
		if err := out.boundary(r.final); err != nil {
			return err
		}
	}
	return out.flush(r.final)
}
