package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/projections/depth"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/replay/brief"
	"github.com/baton-ledger/baton/server/client"
)

// The third ledger of the story, whose handoffs follow contracts, and the handoff that breaks one.
const (
	demoAgreeDir = "agreed"
	demoAgreed   = "return-17"
	demoBroken   = "return-17-1"
	demoContract = `contract: returns/desk
version: 1
title: A return goes to the desk
owner: return-portal
consumers: [returns-desk]
points: ["return-portal>returns-desk@phone"]
mode: quarantine
key_insight: {required: true}
fields:
  - {name: order_id, class: mandatory, schema: {type: string, pattern: "^ORD-[0-9]{6}$"}, classification: internal, purpose: [find the order], subject: customer}
  - {name: items_in_return, class: mandatory, schema: {type: integer, minimum: 1}, classification: internal, purpose: [check the parcel], subject: customer, fresh_for: 30d}
  - {name: return_reason, class: optional, schema: {type: string}, classification: internal, purpose: [decide the return], subject: customer, fresh_for: 30d}
`
)

// agree publishes contracts, has handoffs checked by them, repairs one that broke its contract, and shows what its receiver needs to know.
func (s *demoStory) agree(ctx context.Context, n *node) error {
	cfg := *s.app.cfg
	cfg.Data, cfg.ESDBListen, cfg.NATS.Enabled, cfg.Webhooks = filepath.Join(n.dir, demoAgreeDir), "", false, nil
	a := *s.app
	a.cfg, a.err, a.json = &cfg, io.Discard, false
	lock, _, err := lockDir(ctx, cfg.Data, "demo")
	if err != nil {
		return err
	}
	agreed := &node{dir: cfg.Data, lock: lock}
	err = a.openNode(ctx, agreed, writing)
	if err == nil {
		err = s.publishAll(ctx, agreed)
	}
	if err = errors.Join(err, agreed.close(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	quiet := a
	quiet.out = io.Discard
	if err := quiet.simulate(ctx, &simulateFlags{seed: 7, journeys: 700, days: 90, start: "2026-01-05"}); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "700 simulated journeys followed them, in %s. What changed in what producers send, found without being told:\n\n", cfg.Data)
	if err := a.withDepth(ctx, "demo", func(d client.Depth) error {
		r, err := d.Drift(ctx, depth.DriftOptions{Baseline: cfg.Contracts.Drift.Baseline})
		if err == nil {
			err = changesText(a.out, r, min(a.text().Width, 140))
		}
		return err
	}); err != nil {
		return err
	}
	return a.with(ctx, "demo", writing, func(live *session) error { return s.mend(ctx, &a, live) })
}

func (s *demoStory) publishAll(ctx context.Context, n *node) error {
	var documents []*contract.Contract
	for name, text := range contract.Examples() {
		c, err := contract.Parse(text)
		if err != nil {
			return inFile(name, err)
		}
		documents = append(documents, c)
	}
	own, err := contract.Parse([]byte(demoContract))
	if err != nil {
		return err
	}
	documents = append(documents, own)
	slices.SortFunc(documents, func(a, b *contract.Contract) int { return a.Version - b.Version })
	for _, c := range documents {
		for _, act := range []contract.Act{{Verb: "drafted", Said: contract.Said{Name: c.Name, Version: c.Version, Contract: c}}, {Verb: "published", Said: contract.Said{Name: c.Name, Version: c.Version}}} {
			if _, err := contract.Do(ctx, n.store, n.intake(), act); err != nil {
				return err
			}
		}
	}
	_, err = fmt.Fprintf(s.app.out, "%d versions of contracts are published, what passes at %d kinds of handoff: mandatory, optional and forward-looking fields, each with a schema, a purpose and an age.\n",
		len(documents), len(n.agreed.States()))
	return err
}

// mend is a handoff that breaks its contract, its repair, and its context.
func (s *demoStory) mend(ctx context.Context, a *app, live *session) error {
	h, err := ledger.HandOff(ctx, live.source, live.append, ledger.HandoffCall{ID: demoBroken, Journey: demoAgreed, Channel: "phone",
		From: ledger.Party{Stage: "return-portal", Kind: "system"}, To: ledger.Party{Stage: "returns-desk", Kind: "human"},
		Envelope: json.RawMessage(`{"mandatory":{"order_id":"ORD-100017","items":2},"optional":{"return_reason":"too small"},"key_insight":"Two shoes, both too small."}`)})
	if err != nil {
		return err
	}
	fmt.Fprintln(a.out, "\nA portal of last year hands over and calls a field otherwise:")
	if err := handedOffText(a.out, &h); err != nil {
		return err
	}
	item, err := contract.ReleaseItem(ctx, live.source, live.append, contract.Release{ID: demoBroken, Why: "the portal of last year says items", By: "ann",
		Repair: []contract.Step{{Rename: &contract.Rename{From: "items", To: "items_in_return"}}}})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "\nIt is kept whole, and released after a repair that stays in the record:\n  %s: %s by %s, since %q\n\nWhat the desk needs to know, at the depth its contract says:\n\n",
		shortItem(item.ID), item.State, item.By, item.Released.Why)
	o, err := a.briefOptions(ctx, live.source, demoAgreed, replay.Moment{}, nil)
	if err != nil {
		return err
	}
	b, err := brief.Assemble(ctx, live.source, demoAgreed, o)
	if err != nil {
		return err
	}
	return contextText(a.out, &b, a.text().Width)
}
