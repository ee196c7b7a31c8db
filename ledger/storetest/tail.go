package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

// testSubscribe: subscribers that begin at every moment of a run of appends see every event once, in order.
func testSubscribe(t *testing.T, s *suite) {
	store, ctx := s.open(t), within10s(t)
	const total = writers * rounds
	parallel(2*writers, func(w int) {
		if w < writers {
			for i := range rounds {
				must(fail{t}, store, batch(fmt.Sprint("journey-", w%3), ledger.Any, fmt.Sprint(w, "-", i)))
			}
			return
		}
		after := uint64((w - writers) * 7) // some begin behind what is there, some before it is
		want := after + 1
		for r, err := range ledger.Subscribe(ctx, store, after, ledger.ReadOptions{}) {
			if err != nil || r.Position != want {
				t.Errorf("subscriber after %d: position %d, want %d, %v", after, r.Position, want, err)
				return
			}
			if want++; want > total {
				return
			}
		}
	})
}

// testSlowSubscriber: while one event is handled many are written; none is lost, and nobody waits for the subscriber.
func testSlowSubscriber(t *testing.T, s *suite) {
	store, ctx := s.open(t), within10s(t)
	fill(t, store, 0, 5)
	written, want := 5, uint64(1)
	for r, err := range ledger.Subscribe(ctx, store, 0, ledger.ReadOptions{HeaderOnly: true}) {
		if err != nil || r.Position != want || r.ID != fmt.Sprint("e", want-1) {
			t.Fatalf("position %d, event %q, want %d; %v", r.Position, r.ID, want, err)
		}
		if written < 200 {
			fill(t, store, written, 10)
			written += 10
		}
		if want++; want > uint64(written) {
			break
		}
	}
}

// counter is a follower that fails now and then after it has moved its cursor or before, as one that is restarted.
type counter struct {
	cursor   uint64
	calls    int
	largest  int
	problems []string
}

var errRestart = errors.New("restart")

func (c *counter) Name() string                           { return "counter" }
func (c *counter) Cursor(context.Context) (uint64, error) { return c.cursor, nil }

func (c *counter) Handle(_ context.Context, events []ledger.Recorded) error {
	c.calls++
	if c.calls%5 == 1 {
		return errRestart // before anything was made of them
	}
	for _, r := range events {
		if r.Position != c.cursor+1 || len(r.Data) != 0 {
			c.problems = append(c.problems, fmt.Sprintf("position %d after %d, %d bytes of data", r.Position, c.cursor, len(r.Data)))
		}
		c.cursor = r.Position
	}
	if c.largest = max(c.largest, len(events)); c.calls%5 == 3 {
		return errRestart
	}
	return nil
}

// testFollow: a follower that is restarted again and again, while others write, handles every event once.
func testFollow(t *testing.T, s *suite) {
	store, ctx := s.open(t), within10s(t)
	const total = writers * rounds
	f, progress := &counter{}, &ledger.Progress{}
	parallel(2, func(i int) {
		if i == 0 {
			fill(fail{t}, store, 0, total)
			return
		}
		for f.cursor < total {
			o := ledger.FollowOptions{BatchEvents: 7, HeaderOnly: true, Progress: progress, Until: total}
			if err := ledger.Follow(ctx, store, f, o); err != nil && err != errRestart {
				t.Errorf("Follow: %v", err)
				return
			}
		}
	})
	if len(f.problems) > 0 || f.cursor != total || f.largest > 7 || f.largest < 1 {
		t.Errorf("cursor %d of %d, largest batch %d, %v", f.cursor, total, f.largest, f.problems)
	}
	// The last restart may have come after the cursor moved: a run without one brings the figures up to date.
	fill(t, store, total, 1)
	for f.cursor < total+1 {
		o := ledger.FollowOptions{HeaderOnly: true, Progress: progress, Until: total + 1}
		if err := ledger.Follow(ctx, store, f, o); err != nil && err != errRestart {
			t.Fatalf("Follow: %v", err)
		}
	}
	steady, o := &counter{cursor: total, calls: 1}, ledger.FollowOptions{HeaderOnly: true, Progress: progress, Until: total + 1}
	if err := ledger.Follow(ctx, store, steady, o); err != nil {
		t.Fatalf("Follow: %v", err)
	}
	if progress.Position() != total+1 || progress.Lag() != 0 || progress.At().IsZero() {
		t.Errorf("progress %d of %d, lag %d, at %v", progress.Position(), total+1, progress.Lag(), progress.At())
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := ledger.Follow(ended, store, f, ledger.FollowOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Follow with a context that ended: %v", err)
	}
}
