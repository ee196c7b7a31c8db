package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// The journey that the demo replays, the revision it first looks at, and the word that is tampered with.
const (
	demoJourney = "order-1007"
	demoBefore  = 4
	demoWord    = "refund promised"
	demoAfter   = "refund declined"
)

// demoPast makes a small past: three flows, some of them going wrong, and one journey told in full. It is the same each time.
func demoPast() []ledger.Batch {
	rng := rand.New(rand.NewPCG(7, 7))
	var batches []ledger.Batch
	for i := range 36 {
		j := newDemo(fmt.Sprintf("order-%d", 1001+i), time.Date(2026, 3, 2+i/3, 9, rng.IntN(50), 0, 0, time.UTC))
		switch {
		case j.id == demoJourney:
			j.told()
		case i%3 == 0:
			j.chat(rng)
		case i%3 == 1:
			j.lead(rng)
		default:
			j.refund(rng)
		}
		batches = append(batches, ledger.Batch{Stream: ledger.JourneyStream(j.id), Expect: ledger.NoStream, Events: j.events})
	}
	return batches
}

// demo writes the events of one journey.
type demo struct {
	id     string
	now    time.Time
	events []ledger.Event
}

func newDemo(id string, at time.Time) *demo { return &demo{id: id, now: at} }

// add appends an event some minutes after the one before, and gives its id.
func (d *demo) add(minutes int, family, verb string, data map[string]any) string {
	d.now = d.now.Add(time.Duration(minutes) * time.Minute)
	id := fmt.Sprintf("%s-%d", d.id, len(d.events)+1)
	body, err := json.Marshal(data)
	if err != nil {
		panic(err) // maps of strings always can
	}
	d.events = append(d.events, ledger.Event{ID: id, Source: "demo", Type: ledger.Type(family, verb), Subject: d.id, Time: d.now,
		ContentType: "application/json", Data: body})
	return id
}

func (d *demo) act(minutes int, stage, activity string) {
	d.add(minutes, "interaction", "recorded", map[string]any{"activity": activity, "stage": stage, "channel": "chat"})
}

// link is a handoff between two stages, with what its events repeat.
type link struct{ from, to, channel, id string }

func (l link) data(more map[string]any) map[string]any {
	out := map[string]any{"from": map[string]any{"stage": l.from}, "to": map[string]any{"stage": l.to}, "channel": l.channel}
	if l.id != "" {
		out["handoff"] = l.id
	}
	for k, v := range more {
		out[k] = v
	}
	return out
}

func (d *demo) offer(minutes int, from, to, channel string, context map[string]any) link {
	l := link{from: from, to: to, channel: channel}
	l.id = d.add(minutes, "handoff", "offered", l.data(map[string]any{"envelope": map[string]any{"mandatory": context}}))
	return l
}

func (d *demo) move(minutes int, l link, verb string, more map[string]any) {
	if verb == "accepted" {
		more = map[string]any{"stage": l.to}
	}
	d.add(minutes, "handoff", verb, l.data(more))
}

func (d *demo) closed(minutes int, outcome string) {
	d.add(minutes, "journey", "closed", map[string]any{"outcome": outcome})
}

// chat goes from a bot to a human; one in six is never picked up.
func (d *demo) chat(rng *rand.Rand) {
	d.act(0, "bot", "greeted")
	d.act(1, "bot", "asked for the order number")
	l := d.offer(2, "bot", "support", "chat", map[string]any{"order": d.id, "intent": "where is my parcel"})
	if rng.IntN(6) == 0 {
		return
	}
	d.move(3+rng.IntN(40), l, "accepted", nil)
	if rng.IntN(3) == 0 {
		d.add(1, "question", "asked", map[string]any{"field": "order", "text": "What is your order number?", "handoff": l.id})
	}
	d.act(6, "support", "answered")
	d.move(1, l, "completed", map[string]any{"outcome": "solved"})
	d.closed(1, "solved")
}

// lead goes from marketing to sales, and back where sales finds it cold.
func (d *demo) lead(rng *rand.Rand) {
	d.act(0, "marketing", "form filled in")
	l := d.offer(30, "marketing", "sales", "e-mail", map[string]any{"company": "customer " + d.id, "interest": "plan B"})
	d.move(60+rng.IntN(600), l, "accepted", nil)
	d.act(90, "sales", "called")
	if rng.IntN(3) == 0 {
		d.move(10, l, "returned", map[string]any{"reason": "not ready to buy"})
		again := d.offer(600, "marketing", "sales", "e-mail", map[string]any{"company": "customer " + d.id, "interest": "plan A"})
		d.move(60+rng.IntN(60), again, "accepted", nil)
		d.act(30, "sales", "called again")
		d.closed(10, "won")
		return
	}
	d.move(5, l, "completed", map[string]any{"outcome": "won"})
	next := d.offer(60, "sales", "onboarding", "call", map[string]any{"plan": "B", "promised": "live within two weeks"})
	d.move(100, next, "accepted", nil)
	d.act(60, "onboarding", "kick-off")
}

// refund goes from support to billing and sometimes straight back: ping-pong; one in five is acted on by a former owner.
func (d *demo) refund(rng *rand.Rand) {
	d.act(0, "support", "complaint taken")
	l := d.offer(5, "support", "billing", "ticket", map[string]any{"order": d.id, "amount": 49})
	d.move(20+rng.IntN(200), l, "accepted", nil)
	if rng.IntN(5) == 0 {
		d.act(5, "support", "wrote to the customer again")
	}
	d.act(15, "billing", "checked the payment")
	if rng.IntN(3) == 0 {
		back := d.offer(5, "billing", "support", "ticket", map[string]any{"missing": "bank account"})
		d.move(60, back, "accepted", nil)
		d.act(30, "support", "asked the customer")
		return
	}
	d.move(3, l, "completed", map[string]any{"outcome": "refunded"})
	d.closed(1, "refunded")
}

// told is the journey of the story: a promise made by support is lost on the way to billing.
func (d *demo) told() {
	d.act(0, "bot", "greeted")
	l := d.offer(2, "bot", "support", "chat", map[string]any{"order": d.id, "intent": "damaged parcel"})
	d.move(4, l, "accepted", nil)
	d.add(6, "interaction", "recorded", map[string]any{"activity": "call", "stage": "support", "channel": "phone",
		"attributes": map[string]any{"promise": demoWord, "amount": 49}})
	next := d.offer(10, "support", "billing", "ticket", map[string]any{"order": d.id, "intent": "refund"})
	d.move(26*60, next, "accepted", nil)
	d.add(10, "question", "asked", map[string]any{"field": "amount", "text": "Which amount was promised?", "handoff": next.id})
	d.act(15, "billing", "checked the payment")
	d.act(5, "support", "wrote to the customer again")
	d.move(5, next, "returned", map[string]any{"reason": "amount missing"})
}
