package server

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server/client"
)

// MomentInput is exported because huma passes over the fields of embedded types that are not.
type MomentInput struct {
	Position string `query:"position" doc:"as it stood at this position of the ledger"`
	Revision string `query:"revision" doc:"as it stood at this revision of the journey"`
	At       string `query:"at" doc:"as it stood when this time occurred"`
	KnownAt  string `query:"known-at" doc:"with at: counting only what was recorded by then"`
	Recorded string `query:"recorded" doc:"as it stood when everything recorded by then was there"`
}

func (m MomentInput) moment() (replay.Moment, error) {
	values := map[string]string{"position": m.Position, "revision": m.Revision, "at": m.At, "known-at": m.KnownAt, "recorded": m.Recorded}
	moment, err := replay.ParseMoment(func(name string) string { return values[name] })
	return moment, parameters(err)
}

// parameters speaks of parameters where the error of a moment speaks of flags.
func parameters(err error) error {
	var e *ledger.Error
	if !errors.As(err, &e) {
		return err
	}
	plain := func(s string) string {
		for _, flag := range replay.MomentFlags {
			s = strings.ReplaceAll(s, "--"+flag, flag)
		}
		return s
	}
	return &ledger.Error{Code: e.Code, Op: e.Op, Err: errors.New(plain(e.Err.Error())), Hint: plain(e.Hint)}
}

// journeyInput is one journey as of a moment.
type journeyInput struct {
	ID     string `path:"id" maxLength:"504"`
	Shadow bool   `query:"shadow" doc:"with the suggestions that nobody is shown: those of policy shadow, and hold-outs"`
	MomentInput
}

// replay registers what can be asked of one journey's history.
func (s *Server) replay(api huma.API) {
	huma.Register(api, operation("journey", http.MethodGet, "/v1/journeys/{id}", "One journey, now or as of any moment"),
		func(ctx context.Context, in *journeyInput) (*answer[replay.View], error) {
			m, err := in.moment()
			if err != nil {
				return nil, fail(err)
			}
			v, err := replay.AsOf(ctx, s.opts.Store, in.ID, m)
			if in.Shadow {
				v = v.WithWithheld()
			}
			return reply(v, err)
		})
	huma.Register(api, operation("timeline", http.MethodGet, "/v1/journeys/{id}/timeline", "Every event of a journey and what it did"), s.timeline)
	huma.Register(api, operation("diff", http.MethodGet, "/v1/journeys/{id}/diff", "What changed in a journey between two moments"), s.diff)
	huma.Register(api, operation("bisect", http.MethodGet, "/v1/journeys/{id}/bisect", "The first event of a journey after which a condition holds"),
		func(ctx context.Context, in *struct {
			ID    string `path:"id" maxLength:"504"`
			Where string `query:"where" required:"true" maxLength:"4096" doc:"condition in CEL over the state of the journey, as owner == \"sales\" or \"zombie\" in anomalies"`
			MomentInput
		}) (*answer[replay.Bisection], error) {
			m, err := in.moment()
			if err != nil {
				return nil, fail(err)
			}
			return reply(replay.Bisect(ctx, s.opts.Store, in.ID, m, in.Where))
		})
	huma.Register(api, operation("whatif", http.MethodGet, "/v1/journeys/{id}/whatif", "What would be if events had been dropped, delayed or changed; the record is not touched"),
		func(ctx context.Context, in *struct {
			ID    string   `path:"id" maxLength:"504"`
			Edits []string `query:"edit,explode" required:"true" maxItems:"100" doc:"drop:REV, delay:REV:DURATION, delay:REV:after:REV, change:REV:{JSON merge patch} or change:REV:attribute=value"`
			MomentInput
		}) (*answer[replay.Hypothesis], error) {
			m, err := in.moment()
			if err != nil {
				return nil, fail(err)
			}
			edits, err := replay.ParseEdits(in.Edits)
			if err != nil {
				return nil, fail(err)
			}
			return reply(replay.WhatIf(ctx, s.opts.Store, in.ID, m, edits))
		})
}

type timelineInput struct {
	ID    string `path:"id" maxLength:"504"`
	After uint64 `query:"after" doc:"cursor: position of the last event seen"`
	Limit int    `query:"limit" default:"1000" minimum:"1" maximum:"1000"`
	MomentInput
}

// timeline pages by position: a journey learns of events in that order, so what is appended between two pages comes after both.
func (s *Server) timeline(ctx context.Context, in *timelineInput) (*answer[client.List[replay.Entry]], error) {
	m, err := in.moment()
	if err != nil {
		return nil, fail(err)
	}
	entries := window(replay.Timeline(ctx, s.opts.Store, in.ID, m), in.Limit, func(e *replay.Entry) bool { return e.Position > in.After })
	return reply(collect(entries, in.Limit, func(e *replay.Entry) string { return strconv.FormatUint(e.Position, 10) }))
}

// window leaves out items until one is wanted, and ends after as many as the limit.
func window[T any](items iter.Seq2[T, error], limit int, wanted func(*T) bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		n := 0
		for v, err := range items {
			if err == nil && !wanted(&v) {
				continue
			}
			if n++; !yield(v, err) || n == limit {
				return
			}
		}
	}
}

type diffInput struct {
	ID   string `path:"id" maxLength:"504"`
	From string `query:"from" required:"true" maxLength:"64" doc:"one moment: a revision (3), a position (@120), a time (2010-04-08T14:03) or now"`
	To   string `query:"to" maxLength:"64" default:"now" doc:"the other, written the same"`
}

func (s *Server) diff(ctx context.Context, in *diffInput) (*answer[replay.Difference], error) {
	from, err := end("from", in.From)
	if err != nil {
		return nil, fail(err)
	}
	to, err := end("to", in.To)
	if err != nil {
		return nil, fail(err)
	}
	return reply(replay.Diff(ctx, s.opts.Store, in.ID, from, to))
}

func end(name, text string) (replay.Moment, error) {
	m, err := replay.ParseEnd(text)
	if err != nil {
		return m, ledger.Errorf(ledger.CodeInvalid, "diff", ledger.HintOf(err), "%s: %w", name, err)
	}
	return m, nil
}
