package points

import (
	"context"
	"time"

	"github.com/baton-ledger/baton/projections"
)

const day = 24 * time.Hour

// Window is the stretch of whole UTC days that volume is counted over: the last days up to that of the ledger's last offer, or of another moment;
// fewer where the first offer is younger.
type Window struct {
	From time.Time `json:"from"` // included
	To   time.Time `json:"to"`   // excluded
	Days int       `json:"days"`
}

// windowOf gives the last days up to a moment, zero being that of the last offer.
func windowOf(volumes []projections.Volume, days int, now time.Time) (w Window) {
	var first, last time.Time
	for _, v := range volumes {
		for _, d := range v.Days {
			if first.IsZero() || d.Day.Before(first) {
				first = d.Day
			}
			if d.Day.After(last) {
				last = d.Day
			}
		}
	}
	if !now.IsZero() {
		last = now.UTC().Truncate(day)
	}
	if first.IsZero() || last.Before(first) {
		return w
	}
	w.To, w.From = last.Add(day), last.Add(day).AddDate(0, 0, -days)
	if first.After(w.From) {
		w.From = first
	}
	w.Days = int(w.To.Sub(w.From) / day)
	return w
}

// Holds says whether an instant is in the window.
func (w *Window) Holds(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

// offers of a point in the window.
func (w *Window) offers(v *projections.Volume) (n int64) {
	for _, d := range v.Days {
		if w.Holds(d.Day) {
			n += d.Offers
		}
	}
	return n
}

// perDay is offers a day.
func (w *Window) perDay(n int64) float64 {
	if w.Days == 0 {
		return 0
	}
	return float64(n) / float64(w.Days)
}

// window asks the read models.
func (d *Desk) window(ctx context.Context, o Options) (Window, []projections.Volume, error) {
	volumes, err := d.Models.Volumes(ctx)
	return windowOf(volumes, o.Days, o.Now), volumes, err
}
