package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	eventstore "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
	"github.com/baton-ledger/baton/ledger/esdb/wire"
	"github.com/baton-ledger/baton/ledger/migrate"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// cluster copies the ledger to where several nodes can work on it, and has two do so. This binary answers EventStoreDB's protocol: that stands in
// for a cluster here.
func (s *demoStory) cluster(ctx context.Context, n *node) (err error) {
	dir, err := os.MkdirTemp("", "baton-demo-cluster-")
	if err != nil {
		return environment("demo", "see that the temporary folder can be written", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	url, stop, err := standIn(ctx, filepath.Join(dir, "eventstoredb"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := foundLike(ctx, url, n); err != nil {
		return err
	}
	a, err := s.join(ctx, filepath.Join(dir, "a"), url, filepath.Join(n.dir, "keys", "notary.key"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close(context.WithoutCancel(ctx))) }()
	report, err := migrate.Run(ctx, n.store, a.cluster, migrate.Options{TagKey: n.keys.TagKey})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.app.out, "%s events were copied to %s. Root there and here: %.16s…, equal: %v.\n", count(report.Events), url, report.RootTo, report.Equal)
	b, err := s.join(ctx, filepath.Join(dir, "b"), url, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close(context.WithoutCancel(ctx))) }()
	if err := s.share(ctx, a, b); err != nil {
		return err
	}
	return s.refusedDelete(ctx, url)
}

// standIn serves a new record over EventStoreDB's protocol on a free port of this machine.
func standIn(ctx context.Context, dir string) (url string, stop func() error, err error) {
	record, err := pebblestore.Open(ctx, dir, pebblestore.Options{TagKey: make([]byte, 32)})
	if err != nil {
		return "", nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, errors.Join(environment("demo", "free a port on 127.0.0.1", err), record.Close())
	}
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() {
		done <- wire.New(wire.Options{Source: record, Find: record, Append: ledger.Intake(record.AppendAll, ledger.Validate)}).Serve(serving, l)
	}()
	return "esdb://" + l.Addr().String() + "?tls=false", func() error {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			return errors.Join(err, record.Close())
		}
		return record.Close()
	}, nil
}

// foundLike founds a ledger with the keys of another, so that what is copied has the same leaves.
func foundLike(ctx context.Context, url string, n *node) error {
	client, err := esdb.Dial(url, nil)
	if err != nil {
		return err
	}
	public, err := notary.PublicKey(n.dir)
	if err == nil {
		_, err = client.Found(ctx, esdb.Founding{Ledger: uuid.New(), PublicKey: public, TagKey: n.keys.TagKey})
	}
	return errors.Join(err, client.Close())
}

// join opens a node. Without a key file it has nothing but the connection string.
func (s *demoStory) join(ctx context.Context, dir, url, keyFile string) (*node, error) {
	a, cfg := *s.app, *s.app.cfg
	cfg.Store, cfg.Data, cfg.Notary.KeyFile = url, dir, keyFile
	a.cfg, a.err = &cfg, io.Discard
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, environment("demo", "see that the temporary folder can be written", err)
	}
	n := &node{dir: dir}
	if err := a.openCluster(ctx, n, writing); err != nil {
		return nil, errors.Join(err, n.close(ctx))
	}
	return n, nil
}

// share appends through one node and reads through the other, which then has the same tree.
func (s *demoStory) share(ctx context.Context, a, b *node) error {
	out, h := s.app.out, ledger.HandoffCall{ID: "h-4", Journey: demoServed, Channel: "ticket", Reason: "the customer wrote again",
		From: ledger.Party{Stage: "billing"}, To: ledger.Party{Stage: "support", Party: "agent-3"}}
	done, err := ledger.HandOff(ctx, a.store, a.intake(), h)
	if err != nil {
		return err
	}
	last := done.Receipts[len(done.Receipts)-1]
	if _, err := a.notary.Checkpoint(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "Node A has the signing key. A handoff through it: position %d, %s revision %d, leaf %.16s…, signed.\n", last.Position, last.Stream, last.Revision, last.LeafHash)
	cp, err := b.awaitCheckpoint(ctx, last.Position)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Node B was given the connection string and nothing else. It made positions, leaves and tree itself, read position %d,\n"+
		"and took the checkpoint of A over: size %d, root %.16s…, the one that its own tree gives.\n", last.Position, cp.Size, cp.Root)
	return nil
}

// awaitCheckpoint waits until this node has taken over a checkpoint that covers a position.
func (n *node) awaitCheckpoint(ctx context.Context, position uint64) (notary.Checkpoint, error) {
	for {
		_, _, changed := n.cluster.Board().Last()
		cp, err := n.notary.Checkpoint(ctx)
		if err != nil || cp.Size >= position {
			return cp, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return cp, ctx.Err()
		}
	}
}

// refusedDelete tries to delete a journey as somebody with EventStoreDB's own tools would.
func (s *demoStory) refusedDelete(ctx context.Context, url string) error {
	config, err := eventstore.ParseConnectionString(url)
	if err != nil {
		return err
	}
	config.Logger = eventstore.NoopLogging()
	client, err := eventstore.NewClient(config)
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.DeleteStream(ctx, ledger.JourneyStream(demoServed), eventstore.DeleteStreamOptions{ExpectedRevision: eventstore.Any{}})
	if err == nil {
		return ledger.Errorf(ledger.CodeInternal, "demo", "", "a stream was deleted: this is a defect of Baton")
	}
	var refused *eventstore.Error
	if errors.As(err, &refused) {
		err = refused.Err()
	}
	fmt.Fprintf(s.app.out, "Somebody deletes the journey with EventStoreDB's own client:\n  %s\n", printable(err.Error()))
	return nil
}
