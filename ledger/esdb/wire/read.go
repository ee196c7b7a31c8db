package wire

import (
	"context"
	"iter"
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/baton-ledger/baton/ledger"
)

// reading is one read or subscription: of one stream by revision, or of all by position. Both count from 1 and have no gaps, so that one
// code goes through both; here either is a place.
type reading struct {
	s          *Server
	out        streams.Streams_ReadServer
	caller     Caller
	stream     string // "" is all
	filter     *filter
	sparse     bool // the filter lets little through: data is read of what it does alone
	structured bool // form of UUIDs
	compatible bool // the client takes positions of the stream's ends
}

// Read answers reads and subscriptions, to a stream or to all.
func (s *Server) Read(req *streams.ReadReq, out streams.Streams_ReadServer) error {
	leave, err := enter(s.reads)
	if err != nil {
		return err
	}
	defer leave()
	o := req.GetOptions()
	r := &reading{s: s, out: out, caller: callerOf(out.Context()), stream: string(o.GetStream().GetStreamIdentifier().GetStreamName()),
		structured: o.GetUuidOption().GetString_() == nil, compatible: o.GetControlOption().GetCompatibility() >= 1}
	if r.filter, err = newFilter(o.GetFilter()); err != nil {
		return err
	}
	_, subscribes := o.GetCountOption().(*streams.ReadReq_Options_Subscription)
	backwards := o.GetReadDirection() == streams.ReadReq_Options_Backwards
	switch {
	case o.GetStream() == nil && o.GetAll() == nil, o.GetStream() != nil && r.stream == "":
		return ledger.Errorf(ledger.CodeInvalid, "read", "name a stream, or all", "the request does not say what is to be read")
	case o.GetStream() != nil && r.filter != nil, subscribes && backwards:
		return ledger.Errorf(ledger.CodeInvalid, "read", "filter all alone, and subscribe forwards", "EventStoreDB has no such combination of stream, direction and filter")
	}
	ctx, cancel := context.WithCancel(out.Context())
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	if subscribes {
		if err = checkFollowable(r.stream); err == nil {
			err = r.subscribe(ctx, o)
		}
	} else {
		err = r.read(ctx, o, backwards)
	}
	if err != nil && s.ctx.Err() != nil && out.Context().Err() == nil {
		return ledger.Errorf(ledger.CodeUnavailable, "read", "connect again", "the server is going down")
	}
	return err
}

// read answers a read that ends.
func (r *reading) read(ctx context.Context, o *streams.ReadReq_Options, backwards bool) error {
	end, err := r.end(ctx)
	if err != nil {
		return err
	}
	if r.stream != "" && end == 0 {
		return r.out.Send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{StreamNotFound: &streams.ReadResp_StreamNotFound{StreamIdentifier: streamID(r.stream)}}})
	}
	if backwards {
		err = r.backward(ctx, min(startOf(o, true), end), o.GetCount())
	} else {
		_, err = r.forward(ctx, startOf(o, false), end, o.GetCount())
	}
	if err == nil && r.compatible && r.stream != "" && !backwards {
		err = r.out.Send(&streams.ReadResp{Content: &streams.ReadResp_LastStreamPosition{LastStreamPosition: end - 1}})
	}
	return err
}

// startOf is the first place to read. The ends are places beyond everything. Positions in all point at the beginning of an event when
// read forwards, and at the end of the one before when read backwards: EventStoreDB has it so, and clients page by it. Revisions
// are of events, both ways.
func startOf(o *streams.ReadReq_Options, backwards bool) uint64 {
	switch p := o.GetStream().GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Revision:
		return after(p.Revision)
	case *streams.ReadReq_Options_StreamOptions_End:
		return math.MaxUint64
	case *streams.ReadReq_Options_StreamOptions_Start:
		return 1
	}
	switch p := o.GetAll().GetAllOption().(type) {
	case *streams.ReadReq_Options_AllOptions_Position:
		at := p.Position.GetCommitPosition()
		if backwards && at > 0 && at < math.MaxUint64 {
			at--
		}
		return at
	case *streams.ReadReq_Options_AllOptions_End:
		return math.MaxUint64
	}
	if o.GetAll() != nil && backwards {
		return 0
	}
	return 1
}

// after is n+1 where there is one.
func after(n uint64) uint64 { return n + min(1, math.MaxUint64-n) }

// end is the last durable place.
func (r *reading) end(ctx context.Context) (uint64, error) {
	if r.stream == "" {
		h, err := r.s.opts.Source.Head(ctx)
		return h.Position, err
	}
	h, err := r.s.opts.Source.StreamHead(ctx, r.stream)
	return h.Revision, err
}

// A window is what is read at once, before it is sent. Nothing of the store is open meanwhile.
const (
	windowEvents = 256
	windowBytes  = 256 << 10
)

// window reads places from to to, or fewer where their data is much. Where a filter lets little through, data is left out: most of it would be
// for nothing.
func (r *reading) window(ctx context.Context, from, to uint64) (events []ledger.Recorded, err error) {
	size := 0
	for e, err := range r.places(ctx, ledger.ReadOptions{From: from, To: to, HeaderOnly: r.sparse}) {
		if err != nil {
			return nil, err
		}
		events = append(events, e)
		if size += len(e.Record); size >= windowBytes {
			break
		}
	}
	if err := r.caller.held(); err != nil {
		return nil, err
	}
	return events, ctx.Err()
}

func (r *reading) places(ctx context.Context, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	if r.stream == "" {
		return r.s.opts.Source.Read(ctx, o)
	}
	return r.s.opts.Source.ReadStream(ctx, r.stream, o)
}

// forward sends at most count events of places from to to, and gives the last place it has looked at.
func (r *reading) forward(ctx context.Context, from, to, count uint64) (uint64, error) {
	next := max(from, 1)
	for count > 0 && next <= to {
		events, err := r.window(ctx, next, min(to, next-1+windowEvents))
		if err != nil {
			return next - 1, err
		}
		if len(events) == 0 {
			return next - 1, ledger.Errorf(ledger.CodeCorrupt, "read", "run `baton verify`", "nothing can be read at place %d of %d", next, to)
		}
		before := count
		for i := range events {
			sent, err := r.send(ctx, &events[i])
			if err != nil {
				return next - 1, err
			}
			next++
			if sent {
				if count--; count == 0 {
					break
				}
			}
		}
		r.sparse = r.filter != nil && before-count < uint64(len(events))/4
	}
	return next - 1, nil
}

// backward sends at most count events from a place down to the first. A window is read forwards, and so has to be small before it is known
// how much data is in it.
func (r *reading) backward(ctx context.Context, from, count uint64) error {
	size := uint64(8)
	for count > 0 && from > 0 {
		first := from - min(from, size) + 1
		if r.filter == nil {
			first = max(first, from-min(from, count)+1)
		}
		events, bytes, err := r.whole(ctx, first, from)
		if err != nil {
			return err
		}
		for i := len(events) - 1; i >= 0 && count > 0; i-- {
			sent, err := r.send(ctx, &events[i])
			if err != nil {
				return err
			}
			if sent {
				count--
			}
		}
		from = first - 1
		if size = min(2*size, windowEvents); bytes > windowBytes/4 {
			size = 8
		}
	}
	return nil
}

// whole reads all of the places from to to.
func (r *reading) whole(ctx context.Context, from, to uint64) (events []ledger.Recorded, bytes int, err error) {
	for from <= to {
		part, err := r.window(ctx, from, to)
		if err != nil {
			return nil, 0, err
		}
		if len(part) == 0 {
			return nil, 0, ledger.Errorf(ledger.CodeCorrupt, "read", "run `baton verify`", "nothing can be read at place %d of %d", from, to)
		}
		for i := range part {
			bytes += len(part[i].Record)
		}
		from += uint64(len(part))
		events = append(events, part...)
	}
	return events, bytes, nil
}

// send sends an event, unless the filter does not want it.
func (r *reading) send(ctx context.Context, e *ledger.Recorded) (bool, error) {
	if r.filter != nil {
		if !r.filter.wants(e) {
			return false, nil
		}
	}
	if r.sparse {
		for full, err := range r.s.opts.Source.Read(ctx, ledger.ReadOptions{From: e.Position, To: e.Position}) {
			if err != nil {
				return false, err
			}
			e = &full
		}
	}
	m, err := eventResp(e, r.structured)
	if err == nil {
		err = r.out.Send(m)
	}
	return err == nil, err
}
