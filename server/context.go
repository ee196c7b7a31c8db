package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/replay/brief"
	"github.com/baton-ledger/baton/server/client"
)

// contexts registers what a receiver is given, opens and corrects.
func (s *Server) contexts(api huma.API) {
	op := operation("context", http.MethodGet, "/v1/journeys/{id}/context", "What the next party needs to know, now or as of any moment")
	huma.Register(api, op, s.context)
	answers := api.OpenAPI().Paths[op.Path].Get.Responses
	answers["202"] = &huma.Response{Description: "The same, while sources are out: Location tells how far they are", Content: answers["200"].Content, Headers: answers["200"].Headers}
	s.progress(api)
	huma.Register(api, operation("snapshots", http.MethodGet, "/v1/handoffs/{handoff}/snapshots", "What was offered, delivered, viewed and used, and what went missing between"), s.snapshots)
	huma.Register(api, operation("view-handoff", http.MethodPost, "/v1/handoffs/{handoff}/viewed", "Record what the receiver opened"), s.viewHandoff)
	huma.Register(api, operation("correct", http.MethodPost, "/v1/journeys/{id}/corrections", "Record that the customer corrects a field"), s.correct)
}

type contextInput struct {
	ID      string `path:"id" maxLength:"504"`
	Handoff string `query:"handoff" maxLength:"256" doc:"whose context; absent: the newest at the point, else the newest open one, else the newest"`
	Point   string `query:"point" maxLength:"1600" doc:"sender>receiver@channel whose contract counts; absent: that of the handoff"`
	AsOf    string `query:"as_of" maxLength:"64" doc:"the moment in one word: a revision (3), a position (@120), a time or now; instead of the five below"`
	Now     string `query:"now" maxLength:"64" doc:"what ages are counted to: a time, or now for the clock; absent: the moment, else the last event of the journey"`
	Overlay string `query:"overlay" enum:"on,off" default:"on" doc:"off: no event of the overlay counts, the pure audit view"`
	Preview string `query:"preview" enum:"customer" doc:"what the customer may see: fields that are public or personal"`
	Deliver string `query:"deliver" maxLength:"256" doc:"handoff for which handoff.delivered is recorded with what is answered; takes the role writer"`
	Viewer  string `query:"viewer" maxLength:"1024" doc:"with deliver: who is given it"`
	Wait    string `query:"wait" maxLength:"16" doc:"how long to wait for sources that are out, as 0 or 5s; when one still is the answer is 202 with a Location that tells how far they are. Absent: what is left of the channel's budget"`
	Site    string `header:"Sec-Fetch-Site" hidden:"true"`
	MomentInput
}

// options are the server's own for a moment, and the request's.
func (s *Server) briefOptions(ctx context.Context, in *contextInput) (brief.Options, error) {
	m, err := in.moment()
	if err == nil && in.AsOf != "" {
		if !m.IsZero() {
			return brief.Options{}, ledger.Errorf(ledger.CodeInvalid, "context", "give one of them", "as_of and %s both say as of when", m)
		}
		m, err = end("as_of", in.AsOf)
	}
	if err != nil {
		return brief.Options{}, err
	}
	o, err := s.briefBase(ctx, in.ID, m)
	if err != nil {
		return brief.Options{}, err
	}
	o.Handoff, o.Point, o.Moment, o.NoOverlay, o.Customer = in.Handoff, in.Point, m, in.Overlay == "off", in.Preview == "customer"
	switch in.Now {
	case "":
	case "now":
		o.Now = time.Now().UTC()
	default:
		if o.Now, err = replay.ParseTime(in.Now); err != nil {
			return brief.Options{}, ledger.Errorf(ledger.CodeInvalid, "context", "write it as 2010-04-08T09:30:00Z, or now", "now: %w", err)
		}
	}
	return o, nil
}

func (s *Server) briefBase(ctx context.Context, journey string, m replay.Moment) (brief.Options, error) {
	if s.opts.Brief == nil {
		return brief.Options{}, nil
	}
	return s.opts.Brief(ctx, journey, m)
}

// context answers a brief. With deliver it is recorded as given.
func (s *Server) context(ctx context.Context, in *contextInput) (*accepted[brief.Brief], error) {
	o, err := s.briefOptions(ctx, in)
	if err != nil {
		return nil, fail(err)
	}
	wait, err := readWait(in.Wait)
	if err != nil {
		return nil, fail(err)
	}
	if in.Deliver != "" {
		if err := mayDeliver(ctx, in, &o); err != nil {
			return nil, fail(err)
		}
		o.Handoff = in.Deliver
	}
	b, err := brief.Assemble(ctx, s.opts.Store, in.ID, o)
	if err != nil {
		return nil, fail(err)
	}
	answer := &accepted[brief.Brief]{Status: http.StatusOK, Body: b}
	if o.Moment.IsZero() && !o.NoOverlay && s.opts.Enrich.Wants(b.Point) {
		out, err := s.await(ctx, &b, wait)
		if err == nil {
			answer.Body, err = brief.Assemble(ctx, s.opts.Store, in.ID, o)
		}
		if err != nil {
			return nil, fail(err)
		}
		if out && wait != nil {
			answer.Status, answer.Location = http.StatusAccepted, progressAt(in.ID, b.Handoff)
		}
	}
	if in.Deliver != "" {
		p, _ := PrincipalOf(ctx)
		d, err := brief.Deliver(ownWords(ctx), s.opts.Store, s.opts.Append, brief.Delivery{Journey: in.ID, Handoff: in.Deliver, To: in.Viewer, Actor: p.Name}, o)
		if err != nil {
			return nil, fail(err)
		}
		answer.Body = d.Brief
	}
	return answer, nil
}

// ownWords is for events that Baton words itself for a caller who may have them recorded: their source is Baton's own, which the caller could not use, and
// their actor is set already. A caller that has gone has them recorded all the same.
func ownWords(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), principalKey{}, nil)
}

// mayDeliver refuses a delivery by who may not record one, or of what is none.
func mayDeliver(ctx context.Context, in *contextInput, o *brief.Options) error {
	p, known := PrincipalOf(ctx)
	switch {
	case known && p.Role < Writer:
		return ledger.Errorf(ledger.CodeForbidden, "context", "ask with a key of that role, or without deliver", "deliver records something, which takes a key of role writer")
	case in.Site != "" && in.Site != "same-origin" && in.Site != "none": // the guard lets a foreign page's GET through, since most write nothing
		return ledger.Errorf(ledger.CodeForbidden, "context", "ask from a page of this server, or from a program", "a page of another site asks for a delivery to be recorded")
	case in.Handoff != "" && in.Handoff != in.Deliver:
		return ledger.Errorf(ledger.CodeInvalid, "context", "leave handoff out", "handoff and deliver name two handoffs")
	case o.NoOverlay || o.Customer:
		return ledger.Errorf(ledger.CodeInvalid, "context", "leave deliver out", "deliver records what the receiver is given, which is neither the audit view nor a customer's preview")
	case !o.Moment.IsZero():
		return ledger.Errorf(ledger.CodeInvalid, "context", "leave the moment out", "only what is known now can be delivered")
	}
	return nil
}

type snapshotsInput struct {
	Handoff string `path:"handoff" maxLength:"256"`
	Journey string `query:"journey" maxLength:"504" doc:"that the handoff is of; absent: looked up in the read models"`
	MomentInput
}

func (s *Server) snapshots(ctx context.Context, in *snapshotsInput) (*answer[brief.Snapshots], error) {
	m, err := in.moment()
	if err != nil {
		return nil, fail(err)
	}
	journey, err := s.journeyOf(ctx, in.Journey, in.Handoff)
	if err != nil {
		return nil, fail(err)
	}
	o, err := s.briefBase(ctx, journey, m)
	if err != nil {
		return nil, fail(err)
	}
	o.Moment = m
	return reply(brief.AssembleSnapshots(ctx, s.opts.Store, journey, in.Handoff, o))
}

// modelsWait is how long a handoff that was just recorded is waited for in the read models.
const modelsWait = time.Second

// journeyOf finds the journey of a handoff whose caller has not named it.
func (s *Server) journeyOf(ctx context.Context, journey, handoff string) (string, error) {
	if journey != "" {
		return journey, nil
	}
	head, err := s.opts.Store.Head(ctx)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, modelsWait)
	defer cancel()
	for {
		behind := s.opts.Models.Progress().Position() < head.Position
		row, err := s.opts.Models.Handoff(ctx, "", handoff)
		if err == nil || !behind || !errors.Is(err, ledger.CodeNotFound) {
			return row.Journey, err
		}
		if ledger.Pause(ctx, 2*time.Millisecond) != nil {
			return "", err
		}
	}
}

type viewInput struct {
	Handoff string `path:"handoff" maxLength:"256"`
	Body    client.View
}

// viewHandoff answers when the event is on disk. A caller that has gone has its view recorded all the same.
func (s *Server) viewHandoff(ctx context.Context, in *viewInput) (*answer[brief.Recorded], error) {
	journey, err := s.journeyOf(ctx, in.Body.Journey, in.Handoff)
	if err != nil {
		return nil, fail(err)
	}
	v := brief.View{Journey: journey, Handoff: in.Handoff, Fields: in.Body.Fields, SidePanel: in.Body.SidePanel, Time: in.Body.Time}
	if in.Body.By != nil {
		v.By = ledger.Party(*in.Body.By)
	}
	if p, ok := PrincipalOf(ctx); ok {
		v.Actor = p.Name
	}
	return reply(brief.See(ownWords(ctx), s.opts.Store, s.opts.Append, v))
}

type correctInput struct {
	ID   string `path:"id" maxLength:"504"`
	Key  string `header:"Idempotency-Key" minLength:"1" maxLength:"256" doc:"id of the event; absent: a digest of what it says"`
	Body client.Correction
}

func (s *Server) correct(ctx context.Context, in *correctInput) (*answer[brief.Recorded], error) {
	c := brief.Correction{Journey: in.ID, Field: in.Body.Field, Value: json.RawMessage(in.Body.Value), By: in.Body.By, Channel: in.Body.Channel, Time: in.Body.Time, ID: unquoted(in.Key)}
	if c.ID == "" && in.Key != "" {
		return nil, fail(errEmptyKey)
	}
	if p, ok := PrincipalOf(ctx); ok {
		c.Actor = p.Name
	}
	return reply(brief.Correct(ownWords(ctx), s.opts.Store, s.opts.Append, c))
}
