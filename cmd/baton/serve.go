package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/baton-ledger/baton/config"
	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/backup"
	"github.com/baton-ledger/baton/ledger/lease"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/replay/brief"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/rpc"
)

func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Hold the ledger: HTTP API, NATS fan-out and ingest, read models, checkpoints", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			lock, held, err := lockDir(ctx, a.cfg.Data, "serve")
			if err != nil {
				return err
			}
			if held.API != "" {
				return ledger.Errorf(ledger.CodeLocked, "serve", "use it at "+held.API+", or stop it first", "%s is served already by %s", a.cfg.Data, held)
			}
			n := &node{dir: a.cfg.Data, lock: lock}
			err = a.openNode(ctx, n, writing)
			if err == nil {
				err = a.serve(ctx, n)
			}
			return errors.Join(err, n.close(context.WithoutCancel(ctx)))
		},
	}
	config.AddFlags(cmd.Flags(), natsFlags...)
	config.AddFlags(cmd.Flags(), "listen", "esdb_listen", "nats.enabled", "nats.port", "nats.replicas", "custody.accept_within", "custody.orphan_after", "predict.model", "trace.endpoint", "trace.sample")
	return cmd
}

// serve runs everything that follows an open ledger until the context ends, which is not an error.
func (a *app) serve(ctx context.Context, n *node) error {
	front, err := a.listen()
	if err != nil {
		return err
	}
	return a.serveAt(ctx, n, front)
}

// serveAt serves on listeners that are open, and closes them.
func (a *app) serveAt(ctx context.Context, n *node, front *front) (err error) {
	defer front.close()
	if n.tell, err = a.startTelemetry(ctx, n); err != nil {
		return err
	}
	defer n.tell.close()
	if err := a.openModels(ctx, n); err != nil {
		return err
	}
	if n.hooks, err = a.openWebhooks(ctx, n, n.intakeFrom("webhooks")); err != nil {
		return err
	}
	a.openOverlay(n)
	fan, err := a.startFan(n)
	if err != nil {
		return err
	}
	defer fan.close()
	n.conn = fan.conn
	if err := a.openEnrich(n); err != nil {
		return err
	}
	defer n.enricher.Close() // before the connection: a question that is cut off so has no outcome, and is asked again
	err = a.run(ctx, n, fan, front)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// part is something that runs as long as the ledger is served; the first that fails ends all.
type part struct {
	name     string
	progress *ledger.Progress // of a follower, for status and metrics; nil where it follows nothing
	run      func(context.Context) error
}

// parts lists what runs beside the API.
func (a *app) parts(n *node, fan *fan) []part {
	list := []part{
		{n.models.Name(), n.models.Progress(), n.models.Run},
		n.contractsPart(),
		a.openDepth(n),
	}
	list = append(list, n.clusterParts()...)
	if n.notary.Signs() {
		list = append(list, fan.oneOf(n, part{"notary", nil, n.notary.Run}))
	}
	for _, f := range n.hooks.Followers() {
		list = append(list, fan.oneOf(n, a.hook(fan, f)))
	}
	if a.cfg.Deadlines.Enabled {
		list = append(list, fan.oneOf(n, a.deadlines(n)))
	}
	for _, f := range n.overlays {
		list = append(list, fan.oneOf(n, overlayPart(f)))
	}
	if len(n.overlays) > 0 {
		list = append(list, fan.oneOf(n, a.outcomesPart(n)))
	}
	if n.enriches {
		list = append(list, fan.oneOf(n, n.enrichPart()))
	}
	if fan.relay != nil {
		list = append(list,
			fan.oneOf(n, part{fan.relay.Name(), &fan.progress, func(ctx context.Context) error { return fan.relay.Run(ctx, n.store, &fan.progress) }}),
			part{"ingest", nil, fan.ingest.Run})
	}
	return list
}

// run runs the API and its parts.
func (a *app) run(ctx context.Context, n *node, fan *fan, front *front) error {
	parts := a.parts(n, fan)
	natsMetrics(n.tell.registry, fan)
	o := a.serverOptions(n, fan, parts)
	o.Access = front.access
	api := server.New(o)
	if err := n.lock.announce(front.LocalURL()); err != nil {
		return err
	}
	fmt.Fprintf(a.err, "Serving %s at %s (API: /docs)%s%s\nStop with Ctrl-C.\n", n.dir, front.URL, fan.where(), front.esdb.where())
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range parts {
		g.Go(func() error { return p.run(ctx) })
	}
	g.Go(func() error { return front.serve(ctx, api) })
	if front.esdb != nil {
		g.Go(func() error { return a.serveESDB(ctx, n, front) })
	}
	return errors.Join(g.Wait(), n.lock.announce("")) // what is left to do needs the directory, and answers nobody
}

func (a *app) serverOptions(n *node, fan *fan, parts []part) server.Options {
	o := server.Options{
		Store: n.store, Append: n.intakeFrom("http"), Models: n.models, Depth: n.depth, Custody: a.custodyOptions(), Points: a.pointSettings(), Latest: n.notary.Latest, Checkpoint: n.notary.Checkpoint,
		Prove: n.prove, Tile: n.tile, Verify: func(ctx context.Context) (notary.Report, error) { return a.verifyServed(ctx, n) },
		Backup:     func(ctx context.Context, r backup.Request) (backup.Report, error) { return a.backup(ctx, n, r) },
		CheckRelay: fan.check(n), Webhooks: n.hooks, NATS: fan.url, Logger: a.logger(),
		Brief: func(ctx context.Context, journey string, m replay.Moment) (brief.Options, error) {
			return a.briefOptions(ctx, n.store, journey, m, n.agreed)
		}, Enrich: n.enricher, Tiers: n.tiers,
		Checks: n.checks(fan), Registry: n.tell.registry, Observe: n.tell.requests()}
	o.Mounts = append(o.Mounts, rpc.New(rpc.Options{Store: n.store, Append: n.intakeFrom("grpc"), Logger: a.logger()})...)
	for _, p := range parts {
		if p.progress != nil {
			o.Followers = append(o.Followers, server.Follower{Name: p.name, Progress: p.progress})
		}
	}
	return o
}

// verifyServed verifies the ledger while it is being written to, under a checkpoint of now.
func (a *app) verifyServed(ctx context.Context, n *node) (notary.Report, error) {
	if _, err := n.notary.Checkpoint(ctx); err != nil {
		return notary.Report{}, err
	}
	return a.verifyOpen(ctx, n, nil)
}

// prove proves the event at a position under a checkpoint that covers it.
func (n *node) prove(ctx context.Context, position uint64) (notary.Proof, error) {
	cp := n.notary.Latest()
	if position > cp.Size {
		var err error
		if cp, err = n.notary.Checkpoint(ctx); err != nil {
			return notary.Proof{}, err
		}
	}
	return notary.Prove(ctx, n.store, n.keys.TagKey, cp, position)
}

// tile reads a tile of the log.
func (n *node) tile(ctx context.Context, t notary.Tile) ([]byte, error) {
	return notary.ReadTile(ctx, n.store, n.keys.TagKey, t)
}

// fan is the NATS side: an embedded server or a connection to one, the relay and the ingest. All of it is absent where NATS is off.
type fan struct {
	embedded *relay.Embedded
	conn     *nats.Conn
	relay    *relay.Relay
	ingest   *relay.Ingest
	progress ledger.Progress
	held     *prometheus.GaugeVec // roles that this node has now
	js       jetstream.JetStream  // where there are leases
	leases   *lease.Leases        // where several nodes share a ledger and a NATS; nil: this one does everything
	id       string
	url      string // without credential
}

func (a *app) startFan(n *node) (*fan, error) {
	f := &fan{id: ledgerID(n.keys), held: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "baton_lease_held",
		Help: "1 while this node does what the role says: always, or where there are several nodes while it has the lease."}, []string{"role"})}
	if !a.cfg.NATS.Enabled {
		return f, nil
	}
	if err := a.checkNATS(); err != nil {
		return nil, err
	}
	if err := a.connectFan(n, f); err != nil {
		f.close()
		return nil, err
	}
	err := a.openLeases(n, f)
	if err != nil {
		f.close()
		return nil, err
	}
	if f.relay, err = relay.New(f.conn, relay.Options{LedgerID: f.id, Replicas: a.cfg.NATS.Replicas, Logger: a.logger(), Observe: n.tell.handled("relay publish")}); err == nil {
		f.ingest, err = relay.NewIngest(f.conn, n.intakeFrom("nats"), a.logger())
	}
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// connectFan starts the embedded server, or connects to the configured one.
func (a *app) connectFan(n *node, f *fan) (err error) {
	if url := a.cfg.NATS.URL; url != "" {
		f.conn, err = relay.Connect(url, a.natsOptions("baton"))
		f.url = "the configured server"
		return err
	}
	if f.embedded, err = relay.StartEmbedded(relay.EmbeddedOptions{Dir: filepath.Join(n.dir, "nats"), CredentialFile: credentialFile(n.dir),
		Port: a.cfg.NATS.Port, Logger: a.logger()}); err != nil {
		return err
	}
	f.url = "nats://" + f.embedded.Addr()
	f.conn, err = f.embedded.Connect("baton")
	return err
}

// check compares ledger and stream, for the API.
func (f *fan) check(n *node) func(context.Context, bool) (relay.CheckReport, error) {
	if f.conn == nil {
		return nil
	}
	return func(ctx context.Context, repair bool) (relay.CheckReport, error) {
		if !repair {
			return relay.Check(ctx, f.conn, n.store, f.id)
		}
		r, err := relay.Repair(ctx, f.conn, n.store, f.id)
		return r.After, err
	}
}

func (f *fan) where() string {
	if f.url == "" {
		return ""
	}
	return ", NATS at " + f.url
}

func (f *fan) close() {
	if f.conn != nil {
		f.conn.Close()
	}
	if f.embedded != nil {
		f.embedded.Close()
	}
}

// ledgerID tells this ledger's NATS messages from another's: the hash of its public key.
func ledgerID(keys notary.Keys) string { return fmt.Sprintf("%08x", keys.Verifier.KeyHash()) }

func credentialFile(dir string) string { return filepath.Join(dir, "keys", "nats.json") }
