package rpc

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"

	"connectrpc.com/connect"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server"
	batonv1 "github.com/baton-ledger/baton/server/rpc/baton/v1"
)

// maxMessage is the largest request that is read: a full batch with its attributes, as over REST.
const maxMessage = 2 * ledger.MaxBatchBytes

// Options are the parts of an open ledger that the service needs.
type Options struct {
	Store  ledger.Source
	Append ledger.Append // the one intake
	Logger *slog.Logger  // nil: nothing is logged
}

// New makes the service: a mount for each of its procedures, so that the server has a route of its own for each.
func New(o Options) (mounts []server.Mount) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &service{o}
	_, handler := batonv1.NewHandoffServiceHandler(s, connect.WithReadMaxBytes(maxMessage), connect.WithCompressMinBytes(4<<10),
		connect.WithRecover(s.recovered))
	methods := batonv1.File_baton_v1_baton_proto.Services().ByName("HandoffService").Methods()
	for i := range methods.Len() {
		procedure := "/" + string(methods.Get(i).Parent().FullName()) + "/" + string(methods.Get(i).Name())
		mounts = append(mounts, server.Mount{Pattern: procedure, Handler: handler})
	}
	return mounts
}

type service struct{ Options }

func (s *service) recovered(_ context.Context, spec connect.Spec, _ http.Header, why any) error {
	s.Logger.Error("a call failed", "procedure", spec.Procedure, "panic", why, "stack", string(debug.Stack()))
	return fail(ledger.Errorf(ledger.CodeInternal, spec.Procedure, "see the server's log", "a defect of the server"))
}

// Append is one batch; its error is the call's.
func (s *service) Append(ctx context.Context, in *batonv1.AppendRequest) (*batonv1.AppendResponse, error) {
	results, err := s.appendAll(ctx, []*batonv1.AppendRequest{in})
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		return nil, fail(err)
	}
	return &batonv1.AppendResponse{Receipts: receipts(results[0].Receipts)}, nil
}

// AppendAll is several batches; their errors are theirs.
func (s *service) AppendAll(ctx context.Context, in *batonv1.AppendAllRequest) (*batonv1.AppendAllResponse, error) {
	results, err := s.appendAll(ctx, in.GetBatches())
	if err != nil {
		return nil, fail(err)
	}
	out := &batonv1.AppendAllResponse{Results: make([]*batonv1.AppendResult, len(results))}
	for i, r := range results {
		out.Results[i] = &batonv1.AppendResult{Receipts: receipts(r.Receipts)}
		if r.Err != nil {
			out.Results[i].Problem = batonv1.NewProblem(server.ProblemOf(r.Err))
		}
	}
	return out, nil
}

// write appends. What has begun is finished though the caller leaves: it retries and gets the first receipts.
func (s *service) write(ctx context.Context, batches []ledger.Batch) []ledger.Result {
	return s.Options.Append(context.WithoutCancel(ctx), batches)
}

// appendAll answers a result for each request, or an error if nothing was tried.
func (s *service) appendAll(ctx context.Context, in []*batonv1.AppendRequest) ([]ledger.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	results := make([]ledger.Result, len(in))
	batches, at := make([]ledger.Batch, 0, len(in)), make([]int, 0, len(in))
	for i, r := range in {
		b, err := batch(r)
		if err != nil {
			results[i].Err = err
			continue
		}
		batches, at = append(batches, b), append(at, i)
	}
	if len(batches) > 0 {
		for i, r := range s.write(ctx, batches) {
			results[at[i]] = r
		}
	}
	return results, nil
}

// Journey is a journey at a moment.
func (s *service) Journey(ctx context.Context, in *batonv1.JourneyRequest) (*batonv1.JourneyResponse, error) {
	if in.GetId() == "" {
		return nil, fail(ledger.Errorf(ledger.CodeInvalid, "journey", "name the journey", "id is missing"))
	}
	m, err := moment(in)
	if err != nil {
		return nil, fail(err)
	}
	v, err := replay.AsOf(ctx, s.Store, in.GetId(), m)
	if err != nil {
		return nil, fail(err)
	}
	return view(v), nil
}

// moment reads the moment of a request. One that was sent and has the zero value is a mistake, not "now".
func moment(in *batonv1.JourneyRequest) (replay.Moment, error) {
	m := replay.Moment{KnownAt: instant(in.GetKnownAt())}
	name := ""
	switch at := in.GetMoment().(type) {
	case *batonv1.JourneyRequest_Position:
		m.Position, name = at.Position, "position"
	case *batonv1.JourneyRequest_Revision:
		m.Revision, name = at.Revision, "revision"
	case *batonv1.JourneyRequest_At:
		m.At, name = instant(at.At), "at"
	case *batonv1.JourneyRequest_Recorded:
		m.Recorded, name = instant(at.Recorded), "recorded"
	}
	if name != "" && m == (replay.Moment{KnownAt: m.KnownAt}) {
		return m, ledger.Errorf(ledger.CodeInvalid, "journey", "send it, positions and revisions from 1, or none", "%s has no value", name)
	}
	return m, m.Validate()
}
