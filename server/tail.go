package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/baton-ledger/baton/ledger"
)

// A tail without anything to send says how far it has read, so that a client that comes back goes on there, or at least that it lives.
var (
	positionTime = 5 * time.Second
	aliveTime    = 15 * time.Second
)

type tailInput struct {
	From        string   `query:"from" doc:"first position; 1 is everything. Default: what comes from now on"`
	Stream      string   `query:"stream" maxLength:"512" doc:"events of this stream"`
	Journey     string   `query:"journey" maxLength:"512" doc:"events of this journey, its overlay included"`
	Type        []string `query:"type,explode" doc:"events of one of these types"`
	Point       string   `query:"point" doc:"events whose own data names this handoff point, sender>receiver@channel"`
	Filter      string   `query:"filter" doc:"CEL expression over event and data, as event.channel == \"chat\" && data.amount > 100"`
	LastQuery   string   `query:"last-event-id" doc:"as the header, for clients that cannot set one"`
	LastEventID string   `header:"Last-Event-ID" doc:"id of the last event received: the answer goes on right after it"`
}

const tailText = `Server-Sent Events. Each has the event's position as id and the name baton, and its data is the event as CloudEvents JSON (with recordedtime, stream, position
and revision). Events come in order and without a gap: first those that are there, then those to come. An event named position says in its id how far the ledger
has been read, at the beginning and while nothing matches; one named problem, with a problem as its data, says why the stream ends.`

// tails registers the live tail.
func (s *Server) tails(api huma.API) {
	op := operation("tail", http.MethodGet, "/v1/tail", "Follow events as they are recorded, from any position on")
	op.Description = tailText
	op.Responses = map[string]*huma.Response{"200": {Description: "Events, until the client or the server ends the stream",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	shared := &recent{src: s.opts.Store}
	huma.Register(api, op, func(ctx context.Context, in *tailInput) (*huma.StreamResponse, error) {
		sel, err := newSelection(in.Stream, in.Journey, in.Type, in.Point, in.Filter)
		if err != nil {
			return nil, fail(err)
		}
		after, err := in.after(ctx, s.opts.Store)
		if err != nil {
			return nil, fail(err)
		}
		return &huma.StreamResponse{Body: func(c huma.Context) {
			_, w := humago.Unwrap(c)
			t := &tail{src: s.opts.Store, shared: shared, sel: sel, w: w, rc: http.NewResponseController(w), at: after}
			t.serve(c.Context())
		}}, nil
	})
}

// after is the position that the tail begins behind. One past the ledger's end is refused: it was given by another ledger, or by this one
// before it was restored from an older copy, and to wait for it would leave events out.
func (in *tailInput) after(ctx context.Context, src ledger.Reader) (uint64, error) {
	head, err := src.Head(ctx)
	if err != nil {
		return 0, err
	}
	for _, v := range []struct {
		name, text string
		back       uint64
	}{{"Last-Event-ID", in.LastEventID, 0}, {"last-event-id", in.LastQuery, 0}, {"from", in.From, 1}} {
		if v.text == "" {
			continue
		}
		n, err := strconv.ParseUint(v.text, 10, 64)
		switch {
		case err != nil:
			return 0, ledger.Errorf(ledger.CodeInvalid, "tail", "give a position, which is the id of an event received", "%s: %.60q is no position", v.name, v.text)
		case n == 0 && v.back == 1:
			return head.Position, nil
		case n-v.back > head.Position:
			return 0, ledger.Errorf(ledger.CodeInvalid, "tail", "see whether this is the ledger that you followed before, and whether it was restored from an older copy",
				"%s: position %d is past the end of the ledger, which is position %d", v.name, n, head.Position)
		}
		return n - v.back, nil
	}
	return head.Position, nil
}

// tail is one client's. It pulls: while the client takes nothing, nothing is read, and it holds one batch and no iterator.
type tail struct {
	src    ledger.Source
	shared *recent
	sel    selection
	w      http.ResponseWriter
	rc     *http.ResponseController

	at    uint64            // read up to here
	told  uint64            // the id that the client has
	wrote time.Time         // when the client last heard of us
	seen  map[string]uint64 // revisions, see selection.past
}

// fewEvents is how many events are read rather than looked up in the streams selected: the other tails read them anyway.
const fewEvents = 64

var errGone = errors.New("the client has gone")

func (t *tail) serve(ctx context.Context) {
	h := t.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	_, err := t.w.Write([]byte("retry: 1000\n"))
	if err == nil {
		err = t.tellPosition()
	}
	for err == nil {
		err = t.step(ctx)
	}
	switch {
	case errors.Is(err, errGone):
	case ctx.Err() != nil && t.at > t.told:
		_ = t.tellPosition() // the client goes on from there
	case ctx.Err() == nil:
		problem, _ := json.Marshal(ProblemOf(err)) // strings and numbers alone
		_, _ = t.w.Write(append(append([]byte("event: problem\ndata: "), problem...), "\n\n"...))
	}
}

// step sends what comes next, or that nothing has come.
func (t *tail) step(ctx context.Context) error {
	quiet := aliveTime
	if t.at > t.told {
		quiet = positionTime
	}
	wait, cancel := context.WithDeadline(ctx, t.wrote.Add(quiet))
	defer cancel()
	head, err := t.src.Wait(wait, t.at)
	switch {
	case err == nil:
		return t.send(ctx, head.Position)
	case ctx.Err() != nil || wait.Err() == nil:
		return err
	case t.at > t.told:
		return t.tellPosition()
	}
	return t.write([]byte(":\n\n"))
}

// send writes what the selection admits of the next events, up to a durable position.
func (t *tail) send(ctx context.Context, to uint64) error {
	items, end, err := t.next(ctx, to)
	if err != nil {
		return err
	}
	buf := buffers.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= 4*writeSize { // not one that a huge event has stretched
			buffers.Put(buf)
		}
	}()
	for *buf = (*buf)[:0]; len(items) > 0; items = items[1:] {
		ok, err := t.sel.match(ctx, &items[0].Recorded)
		if err != nil {
			return errors.Join(t.write(*buf), err)
		}
		if ok {
			*buf, t.told = append(*buf, items[0].frame()...), items[0].Position
		}
		if t.at = items[0].Position; len(*buf) >= writeSize {
			if err := t.write(*buf); err != nil {
				return err
			}
			*buf = (*buf)[:0]
		}
	}
	t.at = end
	switch {
	case len(*buf) > 0:
		return t.write(*buf)
	case time.Since(t.wrote) > positionTime:
		return t.tellPosition()
	}
	return nil
}

// writeSize is about how much is written at once: a system call for each event would cost more than the event.
const writeSize = 16 << 10

// buffers are shared: a tail that waits for events has none.
var buffers = sync.Pool{New: func() any { return new(make([]byte, 0, writeSize+4<<10)) }}

// next reads on, and says up to where it has.
func (t *tail) next(ctx context.Context, to uint64) (items []*tailed, end uint64, err error) {
	if held, _ := t.shared.after(t.at); held == nil && len(t.sel.streams) > 0 && to-t.at > fewEvents {
		return t.nextOfStreams(ctx, to)
	}
	if items, err = t.shared.next(ctx, t.at, to); err != nil {
		return nil, 0, err
	}
	return items, items[len(items)-1].Position, nil
}

func (t *tail) nextOfStreams(ctx context.Context, to uint64) (items []*tailed, end uint64, err error) {
	if t.seen == nil {
		t.seen = map[string]uint64{}
	}
	size := 0
	for r, err := range t.sel.past(ctx, t.src, t.at, to, t.seen) {
		if err != nil {
			return nil, 0, err
		}
		items = append(items, &tailed{Recorded: r})
		t.seen[r.Stream] = r.Revision
		if size += len(r.Data); size >= batchBytes || len(items) == batchEvents {
			return items, r.Position, nil
		}
	}
	return items, to, nil
}

func (t *tail) tellPosition() error {
	if err := t.write(appendFrame(nil, t.at, "position", fmt.Appendf(nil, `{"position":%d}`, t.at))); err != nil {
		return err
	}
	t.told = t.at
	return nil
}

// write sends bytes at once.
func (t *tail) write(b []byte) error {
	t.wrote = time.Now()
	if len(b) == 0 {
		return nil
	}
	if _, err := t.w.Write(b); err != nil {
		return errGone
	}
	if err := t.rc.Flush(); err != nil {
		return errGone
	}
	return nil
}
