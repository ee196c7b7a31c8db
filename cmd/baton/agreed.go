package main

import (
	"context"
	"sync"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/projections/points"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/replay/brief"
)

// briefOptions are what contexts are assembled with, as of a moment: contracts and points as they were known then. now is the registry of a server,
// which knows the present without reading; nil where there is none.
func (a *app) briefOptions(ctx context.Context, r ledger.Reader, journey string, m replay.Moment, now *contract.Registry) (o brief.Options, err error) {
	known, position, err := knownAt(ctx, r, journey, m)
	if err != nil {
		return o, err
	}
	g := now
	if g == nil || known != nil {
		if g, err = contract.LoadKnown(ctx, r, known); err != nil {
			return o, err
		}
	}
	return brief.Options{Class: a.channelClass, Contracts: g.Catalogue, Variant: g.Variant, Style: pointStyles(ctx, r, position),
		Upcast: func(e contract.Envelope, from *contract.Contract) (contract.Envelope, []brief.Applied, error) {
			out, chain, err := g.Upcast(e, from)
			applied := make([]brief.Applied, len(chain))
			for i, u := range chain {
				applied[i] = brief.Applied{Contract: from.Name, From: u.From, To: u.To, Hash: u.Digest().String()}
			}
			return out, applied, err
		}}, nil
}

// knownAt says which events outside of a journey were known at a moment of it; nil is all. position is the last of them where a position says so, else 0.
func knownAt(ctx context.Context, r ledger.Reader, journey string, m replay.Moment) (known func(*ledger.Recorded) bool, position uint64, err error) {
	position = m.Position
	if m.Revision > 0 {
		for e, err := range r.ReadStream(ctx, ledger.JourneyStream(journey), ledger.ReadOptions{From: m.Revision, To: m.Revision, HeaderOnly: true}) {
			if err != nil {
				return nil, 0, err
			}
			position = e.Position
		}
	}
	until := m.Recorded
	if !m.KnownAt.IsZero() {
		until = m.KnownAt
	}
	switch {
	case position > 0:
		return func(e *ledger.Recorded) bool { return e.Position <= position }, position, nil
	case !until.IsZero():
		return func(e *ledger.Recorded) bool { return !e.RecordedTime.After(until) }, 0, nil
	}
	return nil, 0, nil
}

// declaredTiers looks up the tiers that points are meant to have, each once.
func declaredTiers(ctx context.Context, r ledger.Reader) func(point string) string {
	return lookUp(ctx, r, 0, func(p *points.Point) string { return p.Tier })
}

// pointStyles looks up the policies of points, each once; a point that cannot be read has none.
func pointStyles(ctx context.Context, r ledger.Reader, to uint64) func(point string) string {
	return lookUp(ctx, r, to, func(p *points.Point) string { return p.Style })
}

func lookUp(ctx context.Context, r ledger.Reader, to uint64, of func(*points.Point) string) func(point string) string {
	var mu sync.Mutex
	seen := map[string]string{}
	return func(point string) string {
		mu.Lock()
		defer mu.Unlock()
		said, ok := seen[point]
		if !ok {
			if p, err := points.Read(ctx, r, point, to); err == nil && p.IsMapped() {
				said = of(p)
			}
			seen[point] = said
		}
		return said
	}
}
