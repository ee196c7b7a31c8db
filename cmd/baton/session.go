package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/ledger/enrich"
	"github.com/baton-ledger/baton/ledger/esdb"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/ledger/webhook"
	"github.com/baton-ledger/baton/predict/overlay"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/projections/depth"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/client"
)

// access is how much of a ledger a command needs.
type access int

const (
	reading  access = iota // records; the directory is left as it is
	modelled               // read models, caught up
	writing                // records, appends, a checkpoint at the end
)

// session is an open ledger: in this process (node), or through the process that holds it (remote).
type session struct {
	source ledger.Source
	append ledger.Append // the intake; nil unless writing
	remote *client.Client
	node   *node
}

// node is a ledger opened by this process. Its parts are opened as far as a command needs them and closed in reverse.
type node struct {
	dir      string
	log      *slog.Logger
	lock     *dirLock
	keys     notary.Keys
	agreed   *contract.Registry // contracts, of what is written to
	store    engine
	disk     *pebblestore.Store // what is on this node's disk: the ledger, or the mirror of one in EventStoreDB
	cluster  *esdb.Store        // nil where the record is here
	notary   *notary.Notary
	models   *projections.Models
	depth    *depth.Live // of a server
	hooks    *webhook.Hooks
	tell     *telemetry         // nil where nothing is served
	overlays []*overlay.Overlay // one a model that is asked
	enricher *enrich.Enricher   // of a server
	enriches bool               // it has something to do
	conn     *nats.Conn         // of a server, by which scorers of other programs are asked; nil where NATS is off

	stopSigning func() // ends the checkpoints that sign writes, nil before it
}

// engine is what the parts of a node work on.
type engine interface {
	ledger.Store
	ledger.TreeStore
	ledger.RecordAuditor
	ledger.Finder
}

// open opens the configured directory. where it is held by a process with an API, the session goes through that.
func (a *app) open(ctx context.Context, command string, need access) (*session, error) {
	dir := a.cfg.Data
	if need != writing && !a.clustered() { // nothing is made by looking
		if err := ledgerExists(dir); err != nil {
			return nil, err
		}
	}
	take := lockDir
	if need == reading && !a.clustered() {
		take = lockToRead
	}
	lock, held, err := take(ctx, dir, command)
	if err != nil {
		return nil, err
	}
	if held.API != "" {
		c := a.ask(held)
		return &session{source: c, append: c.AppendAll, remote: c}, nil
	}
	n := &node{dir: dir, lock: lock}
	if err := a.openNode(ctx, n, need); err != nil {
		return nil, errors.Join(err, n.close(context.WithoutCancel(ctx)))
	}
	s := &session{source: n.store, node: n}
	if need == writing {
		n.sign(context.WithoutCancel(ctx))
		s.append = n.intake()
	}
	return s, nil
}

func (a *app) openNode(ctx context.Context, n *node, need access) (err error) {
	if err := mayOpen(n.dir, need); err != nil {
		return err
	}
	if a.clustered() {
		err = a.openCluster(ctx, n, need)
	} else if err = notAMirror(n.dir); err == nil {
		err = a.openEmbedded(ctx, n, need)
	}
	if err != nil {
		return err
	}
	if need == modelled {
		return a.openModels(ctx, n)
	}
	if need == writing {
		n.log = a.logger()
		n.agreed, err = contract.Load(ctx, n.store, 0)
	}
	return err
}

func (a *app) openEmbedded(ctx context.Context, n *node, need access) (err error) {
	if n.keys, err = a.loadKeys(n, need); err != nil {
		return err
	}
	if need == writing {
		return a.openForWriting(ctx, n)
	}
	if err := n.openDisk(pebblestore.OpenReadOnly(ctx, n.ledgerDir(), a.engineFor(n, need))); err != nil {
		return err
	}
	return n.guard(ctx, a.cfg.Checkpoint.Copies, n.disk)
}

// openDisk takes an embedded ledger that was opened for the node's own, which closes it.
func (n *node) openDisk(disk *pebblestore.Store, err error) error {
	if err == nil {
		n.disk, n.store = disk, disk
	}
	return err
}

func (a *app) openForWriting(ctx context.Context, n *node) (err error) {
	if err := n.openDisk(pebblestore.Open(ctx, n.ledgerDir(), a.engine(n))); err != nil {
		return err
	}
	n.notary, err = notary.Open(ctx, notary.Options{Store: n.store, Keys: n.keys, Dir: n.dir, Copies: a.cfg.Checkpoint.Copies,
		Interval: a.cfg.Notary.Interval, Logger: a.logger()})
	return err
}

// openModels opens the read models and brings them up to the head.
func (a *app) openModels(ctx context.Context, n *node) (err error) {
	if n.models, err = projections.Open(ctx, filepath.Join(n.dir, "models"), n.store, projections.Options{Logger: a.logger(), Observe: n.tell.handled("project")}); err != nil {
		return err
	}
	return n.models.CatchUp(ctx)
}

func (a *app) engine(n *node) pebblestore.Options {
	return pebblestore.Options{TagKey: n.keys.TagKey, CacheMB: a.cfg.Pebble.CacheMB, MemtableMB: a.cfg.Pebble.MemtableMB,
		MinFreeMB: a.cfg.Pebble.MinFreeMB, Logger: a.logger(),
		Guard: func(ctx context.Context, ro *pebblestore.Store) error {
			return n.guard(ctx, a.cfg.Checkpoint.Copies, ro)
		}}
}

// engineFor leaves a command that reads once through the ledger without the cache of a server, which would fill up and serve nobody.
func (a *app) engineFor(n *node, need access) pebblestore.Options {
	o := a.engine(n)
	if need == modelled {
		o.CacheMB = min(o.CacheMB, 32)
	}
	return o
}

func (n *node) ledgerDir() string { return filepath.Join(n.dir, "ledger") }

// ledgerExists refuses a directory without a ledger. One that has a checkpoint of it has lost it.
func ledgerExists(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "ledger")); err == nil {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(dir, notary.CheckpointFile)); err == nil {
		return ledger.Errorf(ledger.CodeCorrupt, "open ledger", "keep the directory as evidence, and restore a backup or the newest copy",
			"there is no ledger in %s, but a checkpoint of one is there", dir)
	}
	return ledger.Errorf(ledger.CodeNotFound, "open ledger", "name a data directory with --data, or make a ledger with `baton import` or `baton demo`",
		"there is no ledger in %s", dir)
}

func (n *node) guard(ctx context.Context, copies []string, s *pebblestore.Store) error {
	return notary.GuardSigned(ctx, s, n.keys, n.dir, copies)
}

func (n *node) intake() ledger.Append { return n.intakeFrom("local") }

// intakeFrom is the intake of one way in, as metrics and traces name it: http, grpc, esdb, nats, webhooks, deadlines, overlay, local.
func (n *node) intakeFrom(source string) ledger.Append {
	stages := append(n.tell.stages(source), server.Actor)
	if n.agreed != nil {
		stages = append(stages, contract.Stage(contract.StageOptions{Registry: n.agreed, Find: n.store.Find, Checked: n.tell.contracts(), Logger: n.log}))
	}
	return ledger.Intake(n.store.AppendAll, append(stages, ledger.Validate)...)
}

// sign writes checkpoints while a command writes, as a server does: a long import that is cut off leaves a second of it uncovered,
// not all. Evidence that the ledger is not what was signed ends it, and meets close again.
func (n *node) sign(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = n.notary.Run(ctx)
	}()
	n.stopSigning = func() { cancel(); <-done }
}

// close ends what was opened; the notary's last checkpoint covers every event.
func (n *node) close(ctx context.Context) (err error) {
	err = n.unserve()
	if n.stopSigning != nil {
		n.stopSigning()
	}
	if n.notary != nil {
		err = errors.Join(err, n.notary.Close(ctx))
	}
	if n.store != nil {
		err = errors.Join(err, n.store.Close())
	}
	if n.lock != nil {
		err = errors.Join(err, n.lock.release())
	}
	return err
}

// unserve closes what serving opens beside the ledger, which stays open.
func (n *node) unserve() (err error) {
	if n.models != nil {
		err = errors.Join(err, n.models.Close())
	}
	if n.hooks != nil {
		err = errors.Join(err, n.hooks.Close())
	}
	n.models, n.hooks = nil, nil
	return err
}

// end closes the session and joins what went wrong with the command's own error.
func (s *session) end(ctx context.Context, err error) error {
	if s.node == nil {
		return err
	}
	return errors.Join(err, s.node.close(context.WithoutCancel(ctx)))
}

// with opens a session for the length of a function.
func (a *app) with(ctx context.Context, command string, need access, do func(*session) error) error {
	s, err := a.open(ctx, command, need)
	if err != nil {
		return err
	}
	return s.end(ctx, do(s))
}

func (a *app) logger() *slog.Logger {
	level := slog.LevelInfo
	_ = level.UnmarshalText([]byte(a.cfg.Log.Level)) // config has checked it
	o := &slog.HandlerOptions{Level: level}
	if a.cfg.Log.Format == "json" {
		return slog.New(tracedLog{slog.NewJSONHandler(a.err, o)})
	}
	return slog.New(tracedLog{slog.NewTextHandler(a.err, o)})
}
