package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections/depth"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server/client"
)

// depthOptions are how contexts are counted, by commands and servers alike.
func (a *app) depthOptions() depth.Options { return depth.Options{} }

// openDepth makes the follower that counts contexts. It begins at the first event, in the background.
func (a *app) openDepth(n *node) part {
	n.depth = depth.NewLive(n.store, a.depthOptions(), n.tell.handled("depth"))
	return part{n.depth.Name(), n.depth.Progress(), n.depth.Run}
}

// withDepth asks the holder of the ledger, or goes over the ledger once.
func (a *app) withDepth(ctx context.Context, command string, do func(client.Depth) error) error {
	a.cfg.Pebble.CacheMB = min(a.cfg.Pebble.CacheMB, 32) // it is read through once: a cache would fill up and serve nobody
	return a.with(ctx, command, reading, func(s *session) error {
		if s.remote != nil {
			return do(s.remote)
		}
		live := depth.NewLive(s.source, a.depthOptions(), nil)
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
		err := live.CatchUp(ctx)
		close(done)
		<-stopped
		bar.clear()
		if err != nil {
			return err
		}
		return do(live)
	})
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
