package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/overlay"
	"github.com/baton-ledger/baton/predict/train"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server/client"
)

// The second ledger of the story, with a simulated past; the model that learns from it, and the journey that it speaks of.
const (
	demoSuggestDir = "suggestions"
	demoModel      = "again"
	demoLive       = "live-1"
)

// suggest trains a model on a simulated past, has it promoted, and shows what it says of a live handoff, what is answered, and that it can be made again.
func (s *demoStory) suggest(ctx context.Context, n *node) error {
	cfg := *s.app.cfg
	cfg.Data, cfg.Listen, cfg.ESDBListen, cfg.NATS.Enabled, cfg.Webhooks = filepath.Join(n.dir, demoSuggestDir), "127.0.0.1:0", "", false, nil
	cfg.Predict.Models, cfg.Predict.HoldOut, cfg.Predict.Budget = []string{demoModel}, 0, 10*time.Second
	a := *s.app
	a.cfg, a.err, a.json = &cfg, io.Discard, false
	quiet := a
	quiet.out = io.Discard
	if err := quiet.simulate(ctx, &simulateFlags{seed: 7, journeys: 700, days: 90, start: "2026-01-05"}); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "A second ledger, %s, has 700 simulated journeys. A model learns from them whether a journey is handed over again within a day:\n\n", cfg.Data)
	if err := a.predictTrain(ctx, train.Options{Name: demoModel, Target: "handover-within:24h", Moments: []string{"offered", "accepted"}, Seed: 1, Holdout: 0.25}); err != nil {
		return err
	}
	fmt.Fprint(a.out, "\nIt starts in shadow, and is shown where what it says of moments it was not trained on comes true:\n\n")
	if err := a.predictPromote(ctx, rung{model: demoModel, point: "all"}, ""); err != nil {
		return err
	}
	lock, _, err := lockDir(ctx, cfg.Data, "demo")
	if err != nil {
		return err
	}
	live := &node{dir: cfg.Data, lock: lock}
	if err := a.openNode(ctx, live, writing); err != nil {
		return errors.Join(err, live.close(context.WithoutCancel(ctx)))
	}
	return errors.Join(s.suggestLive(ctx, &a, live), live.close(context.WithoutCancel(ctx)))
}

// suggestLive serves the second ledger while the people of the story talk to it, and makes the suggestion again from what is on disk.
func (s *demoStory) suggestLive(ctx context.Context, a *app, live *node) error {
	front, err := a.listen()
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.serveAt(serving, live, front) }()
	id, err := s.suggested(ctx, a.ask(holder{API: front.LocalURL()}))
	stop()
	if err = errors.Join(err, <-ended); err != nil {
		return err
	}
	view, err := replay.AsOf(ctx, live.store, demoLive, replay.Moment{})
	if err != nil {
		return err
	}
	if err := view.WriteText(a.out, a.text()); err != nil {
		return err
	}
	e, err := overlay.Find(ctx, live.store, demoLive, id)
	if err != nil {
		return err
	}
	again, err := overlay.Reproduce(ctx, live.store, modelsDir(live.dir), e)
	if err != nil {
		return err
	}
	fmt.Fprint(a.out, "\nMade again from the ledger and the model's file, bit for bit:\n\n")
	return reproductionText(a.out, again)
}

// suggested hands a live journey over, waits for what the model says of it, and accepts that.
func (s *demoStory) suggested(ctx context.Context, c *client.Client) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	head, err := c.Head(ctx)
	if err != nil {
		return "", err
	}
	var talk []ledger.Event
	for i, activity := range []string{"greeting answered", "guide shown"} {
		talk = append(talk, ledger.Event{ID: fmt.Sprintf("%s-talk-%d", demoLive, i+1), Source: "demo", Type: ledger.Type("interaction", "recorded"), Subject: demoLive,
			ContentType: "application/json", Data: fmt.Appendf(nil, `{"activity":%q,"stage":"chatbot","party":"bot-2","kind":"bot","channel":"chat","attributes":{"segment":"business","category":"billing"}}`, activity)})
	}
	if r := c.AppendAll(ctx, []ledger.Batch{{Stream: ledger.JourneyStream(demoLive), Expect: ledger.NoStream, Events: talk}})[0]; r.Err != nil {
		return "", r.Err
	}
	if _, err := c.HandOff(ctx, ledger.HandoffCall{ID: demoLive + "-1", Journey: demoLive, Channel: "chat", OfferOnly: true,
		From: ledger.Party{Stage: "chatbot", Kind: "bot"}, To: ledger.Party{Stage: "support-desk", Kind: "human"},
		Envelope: json.RawMessage(`{"mandatory":{"issue_category":"billing","urgency":"blocking"},"key_insight":"billing, third contact"}`)}); err != nil {
		return "", err
	}
	for r, err := range c.Tail(ctx, client.TailOptions{From: head.Position + 1, Journey: demoLive, Filter: `event.family == "suggestion"`}) {
		if err != nil {
			return "", err
		}
		id = r.ID
		break
	}
	fmt.Fprintf(s.app.out, "\nA live handoff was scored behind its back: %s. The desk accepts the suggestion, in one call:\n", id)
	said, err := c.Say(ctx, replay.Answer{Journey: demoLive, Suggestion: id, Verb: "accepted", By: ledger.Party{Stage: "support-desk", Party: "agent-3"}})
	if err != nil {
		return "", err
	}
	fmt.Fprintf(s.app.out, "  %s at position %d\n\n", said.Suggestion.State, said.Receipt.Position)
	return id, nil
}
