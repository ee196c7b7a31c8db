package projections

import (
	"context"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

const day = 24 * time.Hour

// dayOf counts UTC days since 1970; what is before counts as the first.
func dayOf(t time.Time) uint32 { return uint32(max(0, t.Unix()) / int64(day/time.Second)) }

// DayCount is the number of offers of one UTC day.
type DayCount struct {
	Day    time.Time `json:"day"` // its beginning
	Offers int64     `json:"offers"`
}

// Volume is what a point had to hand over, by day. Days without an offer are left out.
type Volume struct {
	Point string     `json:"point"`
	Days  []DayCount `json:"days"`
}

// Volumes gives the offers of every point by the day on which they occurred, by point.
func (m *Models) Volumes(ctx context.Context) ([]Volume, error) {
	v, err := m.view(ctx)
	if err != nil {
		return nil, err
	}
	defer v.close()
	var out []Volume
	for p, err := range v.scan(ctx, []byte{spaceVolume}, nil, false) {
		if err != nil {
			return nil, err
		}
		sender, rest, ok1 := readText(p.key[1:])
		receiver, rest, ok2 := readText(rest)
		channel, _, ok3 := readText(rest)
		s, err := decodeSums(p.value)
		if err != nil || !ok1 || !ok2 || !ok3 {
			return nil, damaged(keyName(p.key))
		}
		one := Volume{Point: ledger.Point(sender, receiver, channel)}
		for _, c := range s {
			one.Days = append(one.Days, DayCount{time.Unix(int64(c.index)*int64(day/time.Second), 0).UTC(), c.value})
		}
		out = append(out, one)
	}
	return out, nil
}
