package wire

import (
	"context"
	"errors"
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"

	"github.com/baton-ledger/baton/ledger"
)

// subscription is a reading without an end. It pulls: what comes while a client takes its time stays in the ledger, so that it never falls
// out of a buffer and no FellBehind is ever due.
type subscription struct {
	*reading
	at      uint64 // last place looked at
	checked uint64 // place of the last checkpoint, or of where it began
}

// subscribe sends what comes after a place: first what is there, then, after CaughtUp, what is recorded.
func (r *reading) subscribe(ctx context.Context, o *streams.ReadReq_Options) error {
	end, err := r.end(ctx)
	if err != nil {
		return err
	}
	sub := &subscription{reading: r}
	if sub.at, err = beginOf(o, end); err != nil {
		return err
	}
	sub.checked = sub.at
	confirmation := &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: uuid.NewString()}
	if err := r.out.Send(&streams.ReadResp{Content: &streams.ReadResp_Confirmation{Confirmation: confirmation}}); err != nil {
		return err
	}
	for caughtUp := false; ; {
		head, err := r.s.opts.Source.Head(ctx) // before the stream's end: what comes in between is waited for in vain, not missed
		if err == nil {
			end, err = r.end(ctx)
		}
		if err == nil && sub.at < end {
			err = sub.catchUp(ctx, end)
		} else if err == nil && !caughtUp {
			caughtUp = true
			err = sub.caughtUp()
		} else if err == nil {
			err = sub.wait(ctx, head.Position)
		}
		if err != nil {
			return err
		}
	}
}

// beginOf is the place after which a subscription begins. A position that the ledger has not reached is of another ledger, or of this one before
// it was restored from an older copy: to wait for it would leave events out.
func beginOf(o *streams.ReadReq_Options, end uint64) (uint64, error) {
	switch p := o.GetStream().GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Revision:
		return after(p.Revision), nil
	case *streams.ReadReq_Options_StreamOptions_End:
		return end, nil
	}
	switch p := o.GetAll().GetAllOption().(type) {
	case *streams.ReadReq_Options_AllOptions_Position:
		at := p.Position.GetCommitPosition()
		if at == math.MaxUint64 {
			return end, nil
		}
		if at > end {
			return 0, ledger.Errorf(ledger.CodeInvalid, "subscribe", "begin at the start, or at a position of this ledger",
				"position %d is past the ledger's end, %d: it is of another ledger, or of this one before it was restored", at, end)
		}
		return at, nil
	case *streams.ReadReq_Options_AllOptions_End:
		return end, nil
	}
	return 0, nil
}

// catchUp sends up to a place. With a filter it goes from checkpoint to checkpoint.
func (s *subscription) catchUp(ctx context.Context, end uint64) (err error) {
	to := end
	if s.filter != nil {
		to = min(end, s.checked+s.filter.interval)
	}
	if s.at, err = s.forward(ctx, s.at+1, to, math.MaxUint64); err != nil {
		return err
	}
	if s.filter != nil && s.at >= s.checked+s.filter.interval {
		return s.checkpoint()
	}
	return nil
}

// caughtUp says that what comes now is new. Before it, a filtered subscription says how far it has looked.
func (s *subscription) caughtUp() error {
	if s.filter != nil && s.at > s.checked {
		if err := s.checkpoint(); err != nil {
			return err
		}
	}
	return s.out.Send(&streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}})
}

func (s *subscription) checkpoint() error {
	s.checked = s.at
	return s.out.Send(&streams.ReadResp{Content: &streams.ReadResp_Checkpoint_{Checkpoint: &streams.ReadResp_Checkpoint{CommitPosition: s.at, PreparePosition: s.at}}})
}

// wait returns when the ledger is past a position; a caller with a key is asked now and then whether it still holds.
func (s *subscription) wait(ctx context.Context, position uint64) error {
	if s.caller.Holds == nil {
		_, err := s.s.opts.Source.Wait(ctx, position)
		return err
	}
	soon, cancel := context.WithTimeout(ctx, holdTime)
	defer cancel()
	_, err := s.s.opts.Source.Wait(soon, position)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = s.caller.held()
	}
	return err
}
