package projections

import (
	"bytes"
	"context"
	"iter"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// HandoffRow is one handoff with its times as durations and the state of its journey. Durations are seconds, absent where the end did
// not happen.
type HandoffRow struct {
	Cursor  string `json:"cursor,omitempty"`
	Journey string `json:"journey"`
	Point   string `json:"point"`
	ledger.Handoff
	QueueSeconds    *float64     `json:"queue_seconds,omitempty"`      // offered to accepted
	FirstActSeconds *float64     `json:"first_act_seconds,omitempty"`  // accepted to the receiver's first act
	WorkSeconds     *float64     `json:"work_seconds,omitempty"`       // accepted to completed
	EndToEndSeconds *float64     `json:"end_to_end_seconds,omitempty"` // offered to completed
	Owner           ledger.Party `json:"owner"`                        // of the journey, now
	JourneyOpen     bool         `json:"journey_open"`
}

func handoffRow(j *ledger.Journey, i int) HandoffRow {
	h := &j.Handoffs[i]
	r := HandoffRow{Journey: j.ID, Point: h.Point(), Handoff: *h, Owner: j.Owner(), JourneyOpen: j.IsOpen(),
		QueueSeconds: span(h.Offered, h.Accepted), FirstActSeconds: span(h.Accepted, h.FirstAct)}
	if h.State == ledger.Completed {
		r.WorkSeconds, r.EndToEndSeconds = span(h.Accepted, h.Ended), span(h.Offered, h.Ended)
	}
	return r
}

func span(from, to time.Time) *float64 {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	s := to.Sub(from).Seconds()
	return &s
}

// Orders of a list of handoffs.
const (
	ByPosition = ""     // as they came to the ledger
	ByOffered  = "open" // open ones alone, the one that waits longest first
	ByWait     = "wait" // ended waits alone, the longest first
)

// HandoffQuery says which handoffs to list. The zero value lists all by position.
type HandoffQuery struct {
	After  string // cursor of the last one seen
	Limit  int    // at most that many, 0 is all
	Order  string // ByPosition, ByOffered, ByWait
	Newest bool   // ByPosition: newest first
	Point  string // sender>receiver@channel
	State  ledger.HandoffState
	Before time.Time // ByOffered: offered before that
}

// Handoff answers the handoff with an id, the id of its offered event. Ids belong to journeys: should two have the same one, the first by
// journey answers, unless a journey is named; "" names none. An unknown one is CodeNotFound.
func (m *Models) Handoff(ctx context.Context, of, id string) (HandoffRow, error) {
	v, err := m.view(ctx)
	if err != nil {
		return HandoffRow{}, err
	}
	defer v.close()
	prefix := textKey(spaceHandoff, id)
	for p, err := range v.scan(ctx, prefix, nil, false) {
		if err != nil {
			return HandoffRow{}, err
		}
		journey, _, _ := readText(p.key[len(prefix):])
		if of != "" && journey != of {
			continue
		}
		return v.handoff(journey, func(h *ledger.Handoff) bool { return h.ID == id })
	}
	return HandoffRow{}, ledger.Errorf(ledger.CodeNotFound, "handoff", "list them with `baton journey ID`; a handoff's id is that of its offered event",
		"there is no handoff %q", id)
}

// handoff finds one handoff of a journey that an index says is there.
func (v *view) handoff(journey string, is func(*ledger.Handoff) bool) (HandoffRow, error) {
	r, err := v.row(journey)
	if err != nil {
		return HandoffRow{}, err
	}
	for i := 0; r != nil && i < len(r.Journey.Handoffs); i++ {
		if is(&r.Journey.Handoffs[i]) {
			return handoffRow(&r.Journey, i), nil
		}
	}
	return HandoffRow{}, damaged("a handoff of journey " + journey)
}

// Handoffs yields the handoffs of a query, all as they were when it began.
func (m *Models) Handoffs(ctx context.Context, q HandoffQuery) iter.Seq2[HandoffRow, error] {
	return func(yield func(HandoffRow, error) bool) {
		err := m.handoffs(ctx, &q, func(r HandoffRow) bool { return yield(r, nil) })
		if err != nil {
			yield(HandoffRow{}, err)
		}
	}
}

func (m *Models) handoffs(ctx context.Context, q *HandoffQuery, yield func(HandoffRow) bool) error {
	space, known := map[string]byte{ByPosition: spacePosition, ByOffered: spaceWaiting, ByWait: spaceWaited}[q.Order]
	if !known {
		return invalid("order", "say open, wait or nothing", q.Order)
	}
	after, err := readCursor(q.After, []byte{space})
	if err != nil {
		return err
	}
	v, err := m.view(ctx)
	if err != nil {
		return err
	}
	defer v.close()
	prefix := []byte{space}
	if sender, receiver, channel, ok := ledger.SplitPoint(q.Point); ok && space == spacePosition {
		if prefix = textKey(spacePointed, sender, receiver, channel); after != nil {
			after = append(bytes.Clone(prefix), after[1:]...)
		}
	}
	n := 0
	for p, err := range v.scan(ctx, prefix, after, q.Newest && space == spacePosition) {
		if err != nil {
			return err
		}
		if space == spaceWaiting && !q.Before.IsZero() && bytes.Compare(p.key[1:], appendTime(nil, q.Before)) >= 0 {
			return nil
		}
		row, err := v.indexed(p)
		if err != nil {
			return err
		}
		if q.Point != "" && row.Point != q.Point || q.State != "" && row.State != q.State {
			continue
		}
		if row.Cursor = writeCursor(cursorOf(p.key)); !yield(row) {
			return nil
		}
		if n++; n == q.Limit {
			return nil
		}
	}
	return nil
}

// cursorOf is the key that a list goes on from: places in the index of a point are those among all handoffs.
func cursorOf(key []byte) []byte {
	if key[0] != spacePointed {
		return key
	}
	return append([]byte{spacePosition}, key[len(key)-8:]...)
}

// pointedKey is a handoff's entry in the index of its point.
func pointedKey(h *ledger.Handoff, position uint64) []byte {
	return append(textKey(spacePointed, h.Sender.Stage, h.Receiver.Stage, h.Channel), positionKey(0, position)[1:]...)
}

// indexed reads the handoff that an entry of one of the three indexes is about.
func (v *view) indexed(p pair) (HandoffRow, error) {
	if key := cursorOf(p.key); key[0] == spacePosition {
		return v.handoff(string(p.value), func(h *ledger.Handoff) bool {
			return bytes.Equal(positionKey(spacePosition, h.Position), key)
		})
	}
	w, err := readWait(p)
	if err != nil {
		return HandoffRow{}, err
	}
	return v.handoff(w.journey, func(h *ledger.Handoff) bool { return h.ID == w.handoff })
}
