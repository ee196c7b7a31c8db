package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/lease"
	"github.com/baton-ledger/baton/ledger/relay"
)

// seeds connects to each server of nats.url by itself: a client is content with one, and a second that was never right shows when that one is lost.
func (d *doctor) seeds() {
	const name = "nats servers"
	all := strings.Split(d.cfg.NATS.URL, ",")
	if len(all) < 2 {
		return
	}
	var bad error
	failed := 0
	for _, server := range all {
		conn, err := relay.Dial(strings.TrimSpace(server), d.natsOptions("baton doctor"), nats.IgnoreDiscoveredServers())
		if err != nil {
			bad, failed = err, failed+1
			continue
		}
		conn.Close()
	}
	if failed > 0 {
		d.warn(name, ledger.HintOf(bad), "%d of the %d in nats.url do not take a connection: %s", failed, len(all), errors.Unwrap(bad))
		return
	}
	d.ok(name, "all %d in nats.url take connections", len(all))
}

// leases says which node works on what, where several share a ledger. A holder of long ago is no error: a node that ends gives its roles back, and one
// that was killed is followed by whoever is left.
func (d *doctor) leases(ctx context.Context, conn *nats.Conn) {
	const name = "leases"
	if notAMirror(d.cfg.Data) == nil && !d.clustered() {
		return
	}
	l, err := lease.New(conn, lease.Options{Node: "doctor"})
	if err != nil {
		d.wrong(name, err)
		return
	}
	var held, dead []string
	for _, role := range []string{"relay", "notary", "deadlines"} {
		var h lease.Holder
		var some bool
		if err := within(ctx, func(ctx context.Context) (err error) { h, some, err = l.Holder(ctx, role); return err }); err != nil {
			d.fail(name, ledger.HintOf(err), "%s", errors.Unwrap(err))
			return
		}
		switch {
		case some && time.Since(h.Renewed) > 3*lease.DefaultTTL:
			dead = append(dead, fmt.Sprintf("%s: %s, which has not renewed it since %s", role, h.Node, h.Renewed.UTC().Format(time.RFC3339)))
		case some:
			held = append(held, role+": "+h.Node)
		}
	}
	switch {
	case len(dead) > 0:
		d.warn(name, "start a node with the same nats.url; for notary one that has the key that signs", "held by a node that is gone: %s", strings.Join(dead, ", "))
	case len(held) == 0:
		d.ok(name, "nobody holds one: no node is served with this nats.url")
	default:
		d.ok(name, "%s (host/process)", strings.Join(held, ", "))
	}
}

// replicas looks how many copies the stream has, and whether they keep up.
func (d *doctor) replicas(info *jetstream.StreamInfo) {
	const name = "nats replicas"
	has, want := info.Config.Replicas, d.cfg.NATS.Replicas
	if has < want {
		d.warn(name, "run `baton serve`, which gives it the others where the cluster has as many servers; or `nats stream edit "+relay.StreamName+" --replicas "+count(want)+"`",
			"%s has %d, and nats.replicas is %d", relay.StreamName, has, want)
		return
	}
	if info.Cluster == nil || has == 1 {
		if d.cfg.NATS.URL != "" {
			d.ok(name, "%s has one copy: while its server is away nothing is published; nats.replicas says how many there are to be", relay.StreamName)
		}
		return
	}
	var behind []string
	for _, r := range info.Cluster.Replicas {
		switch {
		case r.Offline:
			behind = append(behind, r.Name+" is away")
		case !r.Current:
			behind = append(behind, r.Name+" is "+count(r.Lag)+" messages behind")
		}
	}
	if len(behind) > 0 {
		d.warn(name, "start the server or see to its network; it takes what it missed from the others", "%s", strings.Join(behind, ", "))
		return
	}
	d.ok(name, "%d, led by %s, all up to date", has, info.Cluster.Leader)
}
