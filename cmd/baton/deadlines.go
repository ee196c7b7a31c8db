package main

import (
	"context"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/deadlines"
)

// deadlines is the part of a server that records that time has run out.
func (a *app) deadlines(n *node) part {
	f := deadlines.New(deadlines.Options{Store: n.store, Append: n.intakeFrom("deadlines"), Logger: a.logger(),
		Limit: func(point string) time.Duration { return a.cfg.Custody.For(point).AcceptWithin }})
	progress := &ledger.Progress{}
	return part{f.Name(), progress, func(ctx context.Context) error { return f.Run(ctx, progress) }}
}
