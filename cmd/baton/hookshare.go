package main

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/webhook"
)

// hookBucket is the key-value bucket in which the node that delivers to an endpoint says how far it is: endpoint to position, 8 bytes. Each node
// has the state of its own deliveries on its disk; this is what a successor must know of them.
const hookBucket = "BATON_WEBHOOKS"

// hookShare is the place of one endpoint in the bucket.
type hookShare struct {
	f   *webhook.Follower
	js  jetstream.JetStream
	log *slog.Logger

	replicas int
}

// hook makes the part that delivers to an endpoint. Where there are several nodes the one that does begins where the one before it has settled
// everything, and says how far it is once a second: a node that dies leaves at most the last second to be delivered again, with the
// same webhook-id.
func (a *app) hook(f *fan, w *webhook.Follower) part {
	p := part{w.Name(), w.Progress(), w.Run}
	if f.leases != nil {
		p.run = (&hookShare{w, f.js, a.logger(), a.cfg.NATS.Replicas}).run
	}
	return p
}

func (s *hookShare) run(ctx context.Context) error {
	kv, err := s.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: hookBucket, Replicas: s.replicas, Description: "how far webhook endpoints are settled"})
	if err != nil {
		return away("webhooks", err)
	}
	if err := s.begin(ctx, kv); err != nil {
		return err
	}
	s.say(ctx, kv) // a successor that opens after this must not take the ledger's end for where to begin
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.f.Run(inner) }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			s.say(last, kv)
			return err
		case <-tick.C:
			s.say(ctx, kv)
		}
	}
}

// begin goes on from what the node before has settled.
func (s *hookShare) begin(ctx context.Context, kv jetstream.KeyValue) error {
	e, err := kv.Get(ctx, s.f.Name())
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return nil
	case err != nil:
		return away("webhooks", err)
	}
	return s.f.TakeOver(position(e))
}

// say tells how far this node is, unless another one is further: this one has lost its lease then.
func (s *hookShare) say(ctx context.Context, kv jetstream.KeyValue) {
	settled := binary.BigEndian.AppendUint64(nil, s.f.Settled())
	e, err := kv.Get(ctx, s.f.Name())
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		_, err = kv.Create(ctx, s.f.Name(), settled)
	case err == nil && position(e) < s.f.Settled():
		_, err = kv.Update(ctx, s.f.Name(), settled, e.Revision())
	}
	if err != nil && ctx.Err() == nil {
		s.log.Debug("how far the webhook is was not told", "endpoint", s.f.Name(), "error", err)
	}
}

func position(e jetstream.KeyValueEntry) uint64 {
	if len(e.Value()) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(e.Value())
}

func away(op string, err error) error {
	return &ledger.Error{Code: ledger.CodeUnavailable, Op: op, Err: err, Hint: "see to the NATS servers"}
}
