package projections

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// WaitRow is one wait of an offer to be answered.
type WaitRow struct {
	Journey string    `json:"journey"`
	Handoff string    `json:"handoff"`
	Point   string    `json:"point"`
	Offered time.Time `json:"offered_at,omitzero"`
	Seconds float64   `json:"seconds"`
	Ended   string    `json:"ended"` // accepted, declined, withdrawn, expired, failed, answered (otherwise), closed (the journey was), or waiting
}

// wait is an entry of one of the two indexes of waits.
type wait struct {
	journey, handoff, point string
	offered                 time.Time
	length                  time.Duration // of ended ones
	how                     byte          // of ended ones
}

var endings = func() map[byte]string {
	m := map[byte]string{0: "waiting", waitAccepted: "accepted", waitAnswered: "answered", waitClosed: "closed"}
	for state, how := range answers {
		m[how] = string(state)
	}
	return m
}()

// readWait reads an entry of spaceWaiting or spaceWaited.
func readWait(p pair) (wait, error) {
	var w wait
	rest, ok := []byte(nil), false
	if p.key[0] == spaceWaiting {
		w.offered, rest, ok = readTime(p.key[1:])
		w.point = string(p.value)
	} else if len(p.key) > 9 && len(p.value) > 0 {
		var point []byte
		w.length, rest = time.Duration(^binary.BigEndian.Uint64(p.key[1:])), p.key[9:]
		w.offered, point, ok = readTime(p.value[1:])
		w.how, w.point = p.value[0], string(point)
	}
	if ok {
		if w.journey, rest, ok = readText(rest); ok {
			w.handoff, _, ok = readText(rest)
		}
	}
	if !ok {
		return w, damaged(keyName(p.key))
	}
	return w, nil
}

// eachWait calls do for every wait, running ones first and then ended ones, each the longest first. do answers whether it needs
// a next one of the same index.
func (v *view) eachWait(ctx context.Context, now time.Time, do func(w *wait, length time.Duration) (more bool)) error {
	for _, space := range []byte{spaceWaiting, spaceWaited} {
		for p, err := range v.scan(ctx, []byte{space}, nil, false) {
			if err != nil {
				return err
			}
			w, err := readWait(p)
			if err != nil {
				return err
			}
			if space == spaceWaiting {
				w.length = max(0, now.Sub(w.offered))
			}
			if !do(&w, w.length) {
				break
			}
		}
	}
	return nil
}

// toplist keeps the n longest of what is offered to it.
type toplist[T any] struct {
	n    int
	rows []T
	of   func(*T) (seconds float64, name string)
}

func (t *toplist[T]) offer(row T) {
	t.rows = append(t.rows, row)
	if len(t.rows) > 2*t.n+64 {
		t.cut()
	}
}

func (t *toplist[T]) cut() []T {
	slices.SortStableFunc(t.rows, func(a, b T) int {
		x, name := t.of(&a)
		y, other := t.of(&b)
		return cmp.Or(cmp.Compare(y, x), strings.Compare(name, other))
	})
	t.rows = t.rows[:min(t.n, len(t.rows))]
	return t.rows
}
