package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/lease"
	"github.com/baton-ledger/baton/server"
)

// openLeases prepares what chooses among several nodes who relays, signs, delivers and keeps deadlines. There is nothing to choose where the record
// is here, or where each node has a NATS server of its own.
func (a *app) openLeases(n *node, f *fan) (err error) {
	if n.cluster == nil || f.conn == nil || f.embedded != nil {
		return nil
	}
	if f.js, err = jetstream.New(f.conn); err != nil {
		return away("serve", err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	f.leases, err = lease.New(f.conn, lease.Options{Node: fmt.Sprintf("%s/%d", host, os.Getpid()), Replicas: a.cfg.NATS.Replicas, Logger: a.logger()})
	return err
}

// oneOf makes a part that one node at a time runs, where there are several. The lease spares the others the work; that two who both take
// themselves for the chosen one do no harm is seen to where they write: messages expect the last sequence, checkpoints their place on the board,
// expired events the revision they were decided on.
func (f *fan) oneOf(n *node, p part) part {
	held := f.held.WithLabelValues(p.name)
	run := func(ctx context.Context) error {
		held.Set(1)
		defer held.Set(0)
		return p.run(ctx)
	}
	if n.cluster != nil {
		run = whileAway(run)
	}
	if f.leases == nil {
		return part{p.name, p.progress, run}
	}
	return part{p.name, p.progress, func(ctx context.Context) error { return f.leases.Hold(ctx, role(p.name), run) }}
}

// role is a part's name as that of a lease, which may not be long and has no dots; the digest tells apart what is shortened.
func role(name string) string {
	plain := strings.ReplaceAll(name, ".", "-")
	if plain == name && len(name) <= 48 {
		return name
	}
	digest := sha256.Sum256([]byte(name))
	return fmt.Sprintf("%s-%x", plain[:min(len(plain), 40)], digest[:4])
}

// whileAway runs a part again when it ended because EventStoreDB or NATS did not answer.
func whileAway(run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			err := run(ctx)
			if ctx.Err() != nil || !errors.Is(err, ledger.CodeUnavailable) {
				return err
			}
			if err := ledger.Pause(ctx, time.Second); err != nil {
				return err
			}
		}
	}
}

// clusterParts are what a node over EventStoreDB runs besides: it takes the checkpoints of others over, and ends when its copy cannot go on.
func (n *node) clusterParts() []part {
	if n.cluster == nil {
		return nil
	}
	return []part{
		{"checkpoints", nil, n.notary.Adopt},
		{"store", nil, func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-n.cluster.Failed():
				return n.cluster.Failure()
			}
		}},
	}
}

// clusterChecks are what /readyz asks of a node over EventStoreDB.
func (n *node) clusterChecks() []server.Check {
	if n.cluster == nil {
		return nil
	}
	return []server.Check{{Name: "eventstoredb", Ask: n.cluster.Ask}}
}
