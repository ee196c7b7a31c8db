package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/enrich"
	"github.com/baton-ledger/baton/replay/brief"
)

const progressText = `Server-Sent Events. One named source for each source of the handoff, and again whenever it changes: its data has source, kind, state (waiting, asked, answered, late,
failed, skipped, unanswered), took_ms, fields, reason, and after_accept where what it said was not known when the handoff was accepted. When no source is out, one named done has all of it, and
the stream ends. One named problem, with a problem as its data, says why it ends before that.`

// progress registers how far the sources of a handoff are, and asking them again.
func (s *Server) progress(api huma.API) {
	op := operation("progress", http.MethodGet, "/v1/handoffs/{handoff}/progress", "Follow the sources of a handoff's context until all have answered")
	op.Description = progressText
	op.Responses = map[string]*huma.Response{"200": {Description: "Events, until no source is out",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	huma.Register(api, op, func(ctx context.Context, in *handoffInput) (*huma.StreamResponse, error) {
		journey, err := s.journeyOf(ctx, in.Journey, in.Handoff)
		if err == nil {
			_, err = s.opts.Enrich.Read(ctx, journey, in.Handoff, time.Now())
		}
		if err != nil {
			return nil, fail(err)
		}
		return &huma.StreamResponse{Body: func(c huma.Context) {
			_, w := humago.Unwrap(c)
			s.tellProgress(c.Context(), w, journey, in.Handoff)
		}}, nil
	})
	again := operation("enrich", http.MethodPost, "/v1/handoffs/{handoff}/enrich", "Ask the sources of a handoff that gave no answer")
	again.DefaultStatus = http.StatusAccepted
	huma.Register(api, again, func(ctx context.Context, in *handoffInput) (*accepted[enrich.Progress], error) {
		journey, err := s.journeyOf(ctx, in.Journey, in.Handoff)
		if err == nil {
			err = s.opts.Enrich.Again(ctx, journey, in.Handoff)
		}
		if err != nil {
			return nil, fail(err)
		}
		p, err := s.opts.Enrich.Read(ctx, journey, in.Handoff, time.Now())
		if err != nil {
			return nil, fail(err)
		}
		return &accepted[enrich.Progress]{Status: http.StatusAccepted, Location: progressAt(journey, in.Handoff), Body: p}, nil
	})
}

type handoffInput struct {
	Handoff string `path:"handoff" maxLength:"256"`
	Journey string `query:"journey" maxLength:"504" doc:"that the handoff is of; absent: looked up in the read models"`
}

// accepted is an answer that may be complete later: then its status is 202, and Location says where that can be seen.
type accepted[T any] struct {
	Status   int
	Location string `header:"Location"`
	Body     T
}

func progressAt(journey, handoff string) string {
	return "/v1/handoffs/" + url.PathEscape(handoff) + "/progress?journey=" + url.QueryEscape(journey)
}

// tellProgress writes the stream.
func (s *Server) tellProgress(ctx context.Context, w http.ResponseWriter, journey, handoff string) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	rc := http.NewResponseController(w)
	tell := func(name string, v any) bool {
		data, err := json.Marshal(v)
		if err == nil {
			_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, data)
		}
		return err == nil
	}
	told := map[string]enrich.State{}
	for p, err := range s.opts.Enrich.Watch(ctx, journey, handoff, aliveTime) {
		if err != nil {
			if ctx.Err() == nil {
				tell("problem", ProblemOf(err))
			}
			return
		}
		news := false
		for _, state := range p.Sources {
			if !reflect.DeepEqual(told[state.Source], state) {
				if !tell("source", state) {
					return
				}
				told[state.Source], news = state, true
			}
		}
		if p.Done {
			tell("done", p)
			return
		}
		if !news {
			if _, err := w.Write([]byte(":\n\n")); err != nil {
				return
			}
		}
		if rc.Flush() != nil {
			return
		}
	}
}

// await waits for the sources of a brief's handoff: as long as it was asked for, else for what is left of the budget. out is whether one still is.
func (s *Server) await(ctx context.Context, b *brief.Brief, wait *time.Duration) (out bool, err error) {
	if b.Handoff == "" || !s.opts.Enrich.Wants(b.Point) {
		return false, nil
	}
	p, err := s.opts.Enrich.Read(ctx, b.Journey, b.Handoff, time.Now())
	if err != nil || p.Done {
		return false, err
	}
	left := time.Until(p.Offered.Add(time.Duration(p.BudgetMS) * time.Millisecond))
	if wait != nil {
		left = *wait
	}
	if left <= 0 {
		return true, nil
	}
	inner, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	for p, err := range s.opts.Enrich.Watch(inner, b.Journey, b.Handoff, left) {
		switch {
		case err != nil && inner.Err() != nil && ctx.Err() == nil:
			return true, nil
		case err != nil:
			return true, err
		case p.Done:
			return false, nil
		}
	}
	return true, nil
}

// maxWait bounds how long a request for a context waits.
const maxWait = time.Minute

// readWait reads the parameter; nil is the budget.
func readWait(text string) (*time.Duration, error) {
	if text == "" {
		return nil, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil && text == "0" || err == nil && d >= 0 && d <= maxWait {
		return &d, nil
	}
	return nil, ledger.Errorf(ledger.CodeInvalid, "context", "write it as 0, 300ms or 5s, at most "+maxWait.String(), "wait: %.40q is no time to wait", text)
}
