package deadlines

import (
	"context"

	"github.com/baton-ledger/baton/ledger"
)

// judge reads the stream of an entry that is due and says what is to be done.
func (d *Deadlines) judge(ctx context.Context, e *entry) (verdict, error) {
	switch e.kind {
	case handoff:
		return d.judgeHandoff(ctx, e)
	case suggestion:
		if withheld, err := d.withheld(ctx, e); withheld || err != nil {
			return verdict{over: true}, err
		}
		return d.judgeLater(ctx, e, map[string]any{}, func(r *ledger.Recorded, verb string) bool {
			return endsSuggestion(verb) && r.CausationID == e.event
		})
	default:
		return d.judgeLater(ctx, e, map[string]any{"reason": "sunset"}, func(r *ledger.Recorded, verb string) bool {
			return r.Subject == e.subject && (verb == "retired" || r.Facets.Sunset != "") // a later sunset has an entry of its own
		})
	}
}

// judgeHandoff folds the journey, which alone knows whether an offer is still open.
func (d *Deadlines) judgeHandoff(ctx context.Context, e *entry) (v verdict, err error) {
	j, err := d.known.upToDate(ctx, d.o.Store, e.stream)
	if err != nil {
		return v, err
	}
	i := j.Find(e.id)
	if i < 0 || !j.Handoffs[i].State.Open() {
		return verdict{over: true}, nil
	}
	h := &j.Handoffs[i]
	data := map[string]any{"handoff": h.ID, "from": h.Sender, "to": h.Receiver, "channel": h.Channel, "reason": "deadline"}
	return verdict{closed: !j.IsOpen(), revision: j.Revision, data: data}, nil
}

// withheld reads the data of a suggestion: nobody lets one pass that nobody is shown.
func (d *Deadlines) withheld(ctx context.Context, e *entry) (bool, error) {
	for r, err := range d.o.Store.ReadStream(ctx, e.stream, ledger.ReadOptions{From: e.revision, To: e.revision}) {
		return err == nil && ledger.Withheld(r.Data), err
	}
	return false, nil
}

// judgeLater looks through what came after the event that set the moment.
func (d *Deadlines) judgeLater(ctx context.Context, e *entry, data map[string]any, ends func(r *ledger.Recorded, verb string) bool) (verdict, error) {
	v := verdict{revision: e.revision, data: data}
	for r, err := range d.o.Store.ReadStream(ctx, e.stream, ledger.ReadOptions{From: e.revision + 1, HeaderOnly: true}) {
		if err != nil {
			return v, err
		}
		v.revision = r.Revision
		if family, verb := ledger.SplitType(r.Type); family == string(e.kind) && ends(&r, verb) {
			return verdict{over: true}, nil
		}
	}
	return v, nil
}

// journeys keeps folds of journeys that deadlines were looked at in lately: one with ten thousand offers is then read once and not once for each.
type journeys map[string]*ledger.Journey

// mostJourneys bounds them.
const mostJourneys = 64

// upToDate is the fold of the facts of a journey as far as they are durable.
func (k journeys) upToDate(ctx context.Context, src ledger.Reader, stream string) (*ledger.Journey, error) {
	j := k[stream]
	if j == nil {
		j = &ledger.Journey{}
	}
	for r, err := range src.ReadStream(ctx, stream, ledger.ReadOptions{From: j.Revision + 1, HeaderOnly: true}) {
		if err != nil {
			delete(k, stream) // it may have been folded in part
			return nil, err
		}
		j.Apply(&r)
	}
	if len(k) >= mostJourneys {
		clear(k)
	}
	k[stream] = j
	return j, nil
}
