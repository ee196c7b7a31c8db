package rpc

import (
	"context"
	"time"

	"connectrpc.com/connect"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
	batonv1 "github.com/baton-ledger/baton/server/rpc/baton/v1"
)

// A tail says how far it is where its filter lets nothing through: after passedOver events, and when it has come to the end and nothing has come
// for quiet; and that it lives every beat.
const (
	passedOver = 1000
	quiet      = time.Second
	beat       = 15 * time.Second
)

// Tail follows the ledger until the caller or the server ends it.
func (s *service) Tail(ctx context.Context, in *batonv1.TailRequest, stream *connect.ServerStream[batonv1.TailResponse]) error {
	t := &tail{service: s, stream: stream, at: in.GetAfter(), told: in.GetAfter(), headerOnly: in.GetHeaderOnly()}
	if in.GetFilter() != "" {
		var err error
		if t.filter, err = replay.CompileFilter(in.GetFilter()); err != nil {
			return fail(err)
		}
	}
	if err := stream.Send(nil); err != nil { // headers: the request is accepted, even if nothing comes for long
		return err
	}
	for {
		head, err := t.wait(ctx)
		if err != nil {
			return fail(err)
		}
		if err := t.read(ctx, head.Position); err != nil {
			return err
		}
	}
}

// tail is one call: at is the last position looked at, told the last one that the caller knows of.
type tail struct {
	*service
	stream     *connect.ServerStream[batonv1.TailResponse]
	at, told   uint64
	filter     *replay.Filter // nil: everything
	headerOnly bool
}

// wait waits for events after at; meanwhile it gives signs of life.
func (t *tail) wait(ctx context.Context) (ledger.Head, error) {
	for {
		patience := beat
		if t.told < t.at {
			patience = quiet
		}
		within, cancel := context.WithTimeout(ctx, patience)
		head, err := t.Store.Wait(within, t.at)
		cancel()
		if err == nil || ctx.Err() != nil || within.Err() == nil {
			return head, err
		}
		if err := t.tell(nil); err != nil {
			return head, err
		}
	}
}

// read sends the events up to a position.
func (t *tail) read(ctx context.Context, to uint64) error {
	for r, err := range t.Store.Read(ctx, ledger.ReadOptions{From: t.at + 1, To: to, HeaderOnly: t.headerOnly && t.filter == nil}) {
		if err != nil {
			return fail(err)
		}
		if err := t.one(ctx, &r); err != nil {
			return err
		}
	}
	if t.at < to {
		return fail(ledger.Errorf(ledger.CodeCorrupt, "tail", "run baton verify", "the ledger gave nothing after position %d, though it goes on to %d", t.at, to))
	}
	return nil
}

// one sends an event that the filter lets through.
func (t *tail) one(ctx context.Context, r *ledger.Recorded) error {
	t.at = r.Position
	if t.filter != nil {
		matches, err := t.filter.Match(ctx, r)
		if err != nil {
			return fail(err)
		}
		if !matches {
			if t.at-t.told >= passedOver {
				return t.tell(nil)
			}
			return nil
		}
	}
	if t.headerOnly {
		r.Data = nil // the filter may have needed it
	}
	return t.tell(recorded(r))
}

// tell sends an event, or nil for a sign of life.
func (t *tail) tell(e *batonv1.RecordedEvent) error {
	t.told = t.at
	return t.stream.Send(&batonv1.TailResponse{Position: t.at, Event: e})
}
