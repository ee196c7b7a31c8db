package projections

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Report is what every report answers: which one, the moment it speaks of, the position of the models, and rows.
type Report[R any] struct {
	Report   string    `json:"report"`
	AsOf     time.Time `json:"as_of"`
	Position uint64    `json:"position"`
	Rows     []R       `json:"rows"`
}

// Counts are of the handoffs of a point, or of all. Accepted, offered and the ping-pongs count what ever happened; waiting and those
// after it count where handoffs stand.
type Counts struct {
	Handoffs         int64 `json:"handoffs"`
	Offered          int64 `json:"offered"` // the rest was first heard of by another verb
	Accepted         int64 `json:"accepted"`
	NeverAccepted    int64 `json:"never_accepted"` // handoffs less accepted
	Waiting          int64 `json:"waiting"`        // offered, and neither accepted nor ended
	Completed        int64 `json:"completed"`
	Declined         int64 `json:"declined"`
	Withdrawn        int64 `json:"withdrawn"`
	Expired          int64 `json:"expired"`
	Returned         int64 `json:"returned"`
	Failed           int64 `json:"failed"`
	PingPongDirect   int64 `json:"ping_pong_direct"`
	PingPongIndirect int64 `json:"ping_pong_indirect"`
}

func (s sums) handoffs() Counts {
	c := Counts{
		Handoffs: s.get(countHandoffs), Offered: s.get(countOffered), Accepted: s.get(countAccepted), Waiting: s.get(countWaiting),
		Completed: s.get(countCompleted), Declined: s.get(countDeclined), Withdrawn: s.get(countWithdrawn),
		Expired: s.get(countExpired), Returned: s.get(countReturned), Failed: s.get(countFailed),
		PingPongDirect: s.get(countDirect), PingPongIndirect: s.get(countIndirect),
	}
	c.NeverAccepted = c.Handoffs - c.Accepted
	return c
}

// Waits are the times of the handoffs of a point, or of all.
type Waits struct {
	Queue    Wait `json:"queue"`      // offered to accepted
	FirstAct Wait `json:"first_act"`  // accepted to the receiver's first act
	Work     Wait `json:"work"`       // accepted to completed
	EndToEnd Wait `json:"end_to_end"` // offered to completed
}

func (s sums) waits() Waits {
	return Waits{Queue: s.wait(histogramQueue), FirstAct: s.wait(histogramFirstAct), Work: s.wait(histogramWork), EndToEnd: s.wait(histogramEndToEnd)}
}

// PointRow is one point of handoff, discovered from traffic.
type PointRow struct {
	Point    string `json:"point"`
	Sender   string `json:"sender"`
	Receiver string `json:"receiver"`
	Channel  string `json:"channel"`
	Counts
	Waits
}

// Points reports every point, the busiest first.
func (m *Models) Points(ctx context.Context) (Report[PointRow], error) {
	out := Report[PointRow]{Report: "points", Rows: []PointRow{}}
	v, err := m.view(ctx)
	if err != nil {
		return out, err
	}
	defer v.close()
	out.Position = v.position
	if out.AsOf, err = v.time(keyLastAt); err != nil {
		return out, err
	}
	for p, err := range v.scan(ctx, []byte{spacePoint}, nil, false) {
		if err != nil {
			return out, err
		}
		row, err := readPoint(p)
		if err != nil {
			return out, err
		}
		if row.Handoffs > 0 {
			out.Rows = append(out.Rows, row)
		}
	}
	slices.SortStableFunc(out.Rows, func(a, b PointRow) int { return cmp.Compare(b.Handoffs, a.Handoffs) })
	return out, nil
}

func readPoint(p pair) (PointRow, error) {
	sender, rest, ok1 := readText(p.key[1:])
	receiver, rest, ok2 := readText(rest)
	channel, _, ok3 := readText(rest)
	s, err := decodeSums(p.value)
	if err != nil || !ok1 || !ok2 || !ok3 {
		return PointRow{}, damaged(keyName(p.key))
	}
	return PointRow{Point: ledger.Point(sender, receiver, channel), Sender: sender, Receiver: receiver, Channel: channel,
		Counts: s.handoffs(), Waits: s.waits()}, nil
}

// Summary is the whole ledger in one row.
type Summary struct {
	Position      uint64    `json:"position"`
	Events        int64     `json:"events"` // of all streams
	Interactions  int64     `json:"interactions"`
	Journeys      int64     `json:"journeys"`
	OpenJourneys  int64     `json:"open_journeys"`
	FirstOccurred time.Time `json:"first_occurred,omitzero"` // of a fact
	LastOccurred  time.Time `json:"last_occurred,omitzero"`
	Counts
	PingPongJourneys int64   `json:"ping_pong_journeys"`
	PingPongRate     float64 `json:"ping_pong_rate"`  // journeys with one at least / journeys
	PingPongIndex    float64 `json:"ping_pong_index"` // handoffs back to an earlier stage / handoffs
	Waits
	JourneyTime Wait `json:"journey_time"` // started to closed
}

// Summary answers the totals.
func (m *Models) Summary(ctx context.Context) (Summary, error) {
	v, err := m.view(ctx)
	if err != nil {
		return Summary{}, err
	}
	defer v.close()
	return v.summary()
}

func (v *view) summary() (Summary, error) {
	t, err := v.sums(keyTotals)
	if err != nil {
		return Summary{}, err
	}
	s := Summary{Position: v.position, Events: t.get(countEvents), Interactions: t.get(countInteractions), Journeys: t.get(countJourneys),
		OpenJourneys: t.get(countOpenJourneys), Counts: t.handoffs(), PingPongJourneys: t.get(countBounced), Waits: t.waits(),
		JourneyTime: t.wait(histogramJourney)}
	s.PingPongRate = ratio(s.PingPongJourneys, s.Journeys)
	s.PingPongIndex = ratio(s.PingPongDirect+s.PingPongIndirect, s.Handoffs)
	if s.FirstOccurred, err = v.time(keyFirstAt); err == nil {
		s.LastOccurred, err = v.time(keyLastAt)
	}
	return s, err
}

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
