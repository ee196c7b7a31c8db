package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/projections/depth"
	"github.com/baton-ledger/baton/projections/points"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server/client"
)

// depthOptions are how contexts are counted, by commands and servers alike: by the contracts that there are now, and the tiers that points declare.
func depthOptions(ctx context.Context, r ledger.Reader, agreed *contract.Registry) depth.Options {
	o := depth.Options{Contracts: agreed.Catalogue, Policy: declaredTiers(ctx, r)}
	o.Renew = func() depth.Options { // reads anew: the registry of the intake may learn of a change later than who counts
		if now, err := contract.Load(ctx, r, 0); err == nil {
			agreed = now
		}
		return depthOptions(ctx, r, agreed)
	}
	return o
}

// openDepth makes the follower that counts contexts. It begins at the first event, in the background.
func (a *app) openDepth(n *node) part {
	n.depth = depth.NewLive(n.store, depthOptions(context.Background(), n.store, n.agreed), nil)
	return part{n.depth.Name(), n.depth.Progress(), n.depth.Run}
}

// driftPart raises alerts of drift as events.
func (a *app) driftPart(n *node) part {
	c := a.cfg.Contracts.Drift
	w := depth.NewWatch(depth.WatchOptions{Live: n.depth, Append: n.intakeFrom("drift"), Every: c.Every, Drift: depth.DriftOptions{Baseline: c.Baseline},
		Thresholds: depth.Thresholds{Least: int64(c.Least), Rate: c.Rate}, Logger: a.logger().With("part", "drift")})
	return part{"drift", nil, w.Run}
}

// tiers says how deep the handoffs of a point were, for its checklist.
func (n *node) tiers(ctx context.Context, point string, w points.Window) (*points.TierShares, error) {
	if err := n.depth.CaughtUp(ctx); err != nil { // an answer of half a ledger would be another
		return nil, err
	}
	return tierShares(ctx, n.depth, point, w)
}

// tiersHere counts contexts of an open directory when somebody asks, once.
func (a *app) tiersHere(s *session) func(ctx context.Context, point string, w points.Window) (*points.TierShares, error) {
	var live *depth.Live
	return func(ctx context.Context, point string, w points.Window) (*points.TierShares, error) {
		if live == nil {
			var err error
			if live, err = a.count(ctx, s); err != nil {
				return nil, err
			}
		}
		return tierShares(ctx, live, point, w)
	}
}

// tierShares are the tiers of a point in a window, nil where nothing was delivered there.
func tierShares(ctx context.Context, d client.Depth, point string, w points.Window) (*points.TierShares, error) {
	r, err := d.Tiers(ctx, depth.TierOptions{Query: depth.Query{Point: point, Since: w.From, Until: w.To.Add(-24 * time.Hour)}})
	if err != nil || len(r.Rows) == 0 {
		return nil, err
	}
	row := r.Rows[0]
	n := row.Minimal + row.Contextual + row.Predictive
	if n == 0 {
		return nil, nil
	}
	share := func(of int64) float64 { return float64(of) / float64(n) }
	return &points.TierShares{N: int(n), Minimal: share(row.Minimal), Contextual: share(row.Contextual), Predictive: share(row.Predictive)}, nil
}

// withDepth asks the holder of the ledger, or goes over the ledger once.
func (a *app) withDepth(ctx context.Context, command string, do func(client.Depth) error) error {
	a.cfg.Pebble.CacheMB = min(a.cfg.Pebble.CacheMB, 32) // it is read through once: a cache would fill up and serve nobody
	return a.with(ctx, command, reading, func(s *session) error {
		if s.remote != nil {
			return do(s.remote)
		}
		live, err := a.count(ctx, s)
		if err != nil {
			return err
		}
		return do(live)
	})
}

// count goes over a ledger once, with a bar.
func (a *app) count(ctx context.Context, s *session) (*depth.Live, error) {
	agreed, err := contract.Load(ctx, s.source, 0)
	if err != nil {
		return nil, err
	}
	live := depth.NewLive(s.source, depthOptions(ctx, s.source, agreed), nil)
	bar := a.progress("Reading", "events")
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			select {
			case <-done:
				tick.Stop()
				return
			case <-tick.C:
				at, lag := int64(live.Progress().Position()), int64(live.Progress().Lag())
				bar.show(at, at+lag, at)
			}
		}
	}()
	err = live.CatchUp(ctx)
	close(done)
	<-stopped
	bar.clear()
	return live, err
}

// depthFlags are what the reports about context have in common.
type depthFlags struct {
	point, since, until string
}

func (f *depthFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.point, "point", "", "one point alone, as sender>receiver@channel")
	cmd.Flags().StringVar(&f.since, "since", "", "first day, by when handoffs were offered, as 2026-03-04")
	cmd.Flags().StringVar(&f.until, "until", "", "last day, included")
}

func (f *depthFlags) query() (q depth.Query, err error) {
	q.Point = f.point
	for _, t := range []struct {
		name, text string
		to         *time.Time
	}{{"since", f.since, &q.Since}, {"until", f.until, &q.Until}} {
		if t.text == "" {
			continue
		}
		at, err := replay.ParseTime(t.text)
		if err != nil {
			return q, badFlag(t.name, "give a day as 2026-03-04", "%w", err)
		}
		*t.to = at.UTC().Truncate(24 * time.Hour)
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && q.Until.Before(q.Since) {
		return q, badFlag("until", "name a day that is not before --since", "%s is before %s", f.until, f.since)
	}
	return q, nil
}

// known refuses a point without handoffs: an empty report would look like good news.
func (f *depthFlags) known(rows int) error {
	if f.point == "" || rows > 0 {
		return nil
	}
	return ledger.Errorf(ledger.CodeNotFound, "--point", "list them with `baton points`, and take sender>receiver@channel in quotes", "no handoffs at %.120q on these days", f.point)
}
