package simulate

// What happens to context on its way. A field that is known may be left out of the envelope (a shallow handoff), or cut on delivery
// (a filter, a size limit); a mandatory field that nobody knows is missing, or filled with junk by those who game the form.
const (
	leaveMandatory = 0.03
	leaveOptional  = 0.20
	cutShare       = 0.02
	gameShare      = 0.55 // of the fields of a gamer
	detourShare    = 0.09
)

// offer makes an offer and its delivery.
func (p *planner) offer(index, from, fromParty, to, toParty int) int {
	h := &p.flow.hops[index]
	hd := handoff{hop: index, from: uint8(from), to: uint8(to), fromParty: uint8(fromParty), toParty: uint8(toParty), channel: h.channel, version: 1,
		salt: p.pcg.Uint64()}
	if hd.detour = p.chance(detourShare); hd.detour {
		hd.channel = h.detour
	}
	if p.flow.versioned && index == 0 && p.chance(p.newVersionShare()) {
		hd.version = 2
	}
	kind := p.flow.stages[from].kind
	p.fill(&hd, h, gamer(kind, fromParty))
	hd.prepared = uint32(p.lognormal(180, 0.5))
	if kind == human || kind == partner {
		hd.prepared = uint32(p.lognormal(6000, 0.5)) * uint32(1+hd.envelope.count())
	}
	p.later(int64(hd.prepared))
	hand := len(p.hands)
	hd.number = uint16(len(p.acts))
	p.hands = append(p.hands, hd)
	p.add(vOffered, from, fromParty, about(hand))
	p.deliver(hand, h)
	return hand
}

// newVersionShare is how many producers send version 2 of an envelope.
func (p *planner) newVersionShare() float64 {
	if p.drifted {
		return 0.7
	}
	return 0.1
}

// fill decides what the envelope holds.
func (p *planner) fill(hd *handoff, h *hop, games bool) {
	for f := range catalogue {
		if !h.fields().has(f) {
			continue
		}
		mandatory, known := h.mandatory.has(f), p.known.has(f) || f >= fScore && f <= fNext
		leave := leaveOptional
		if mandatory {
			leave = leaveMandatory
		}
		switch {
		case games && p.chance(gameShare):
			hd.envelope |= 1 << f
			hd.gamed |= 1 << f
		case !known && mandatory:
			hd.missing |= 1 << f
		case !known:
		case p.chance(leave):
			hd.left |= 1 << f
		default:
			hd.envelope |= 1 << f
		}
	}
	hd.envelope |= h.forwards
	if hd.version == 2 {
		hd.envelope |= 1 << fConsent
	}
}

// deliver is what the overlay does between the offer and the receiver: enrichment, cuts, delivery.
func (p *planner) deliver(hand int, h *hop) {
	hd := &p.hands[hand]
	if h.enriched {
		p.t += int64(p.between(5, 60))
		asked := int16(p.add(vEnrichmentRequested, int(hd.from), 0, about(hand)))
		span := p.lognormal(260, 0.9)
		a := act{hand: int8(hand), cause: asked, size: uint32(span)}
		switch roll := p.unit(); {
		case roll < 0.04:
			a.size, p.t = 2000, p.t+2000
			p.add(vEnrichmentFailed, int(hd.from), 0, a)
		case span > 900:
			a.at = p.t + 2000 + span
			p.add(vEnrichmentLate, int(hd.from), 0, a)
			p.t += 900
		default:
			p.t += span
			p.add(vEnrichmentCompleted, int(hd.from), 0, a)
		}
	}
	p.t += int64(p.between(20, 900))
	hd.envelope.each(func(f int) {
		if p.chance(cutShare) {
			hd.cut |= 1 << f
		}
	})
	hd.delivered = hd.envelope &^ hd.cut
	a := about(hand)
	a.fields = hd.delivered
	p.add(vDelivered, int(hd.from), 0, a)
}

// view is when the receiver opens the envelope, and which fields of it.
func (p *planner) view(hand int) {
	hd := &p.hands[hand]
	a := about(hand)
	hd.delivered.each(func(f int) {
		if p.chance((1 + useShare(f)) / 2) {
			a.fields |= 1 << f
		}
	})
	if p.flow.stages[p.stage].kind == system {
		p.later(int64(p.between(5, 80)))
	} else {
		p.later(int64(p.between(400, 15000)))
	}
	p.add(vViewed, p.stage, p.party, a)
}

// receive is what the receiver does first: open the envelope, read it, ask for what it lacks, and look at what the model proposes. Reading
// takes longer the more there is, and beyond 120 tokens much longer.
func (p *planner) receive(hand int) {
	p.view(hand)
	hd := &p.hands[hand]
	tokens := tokens(hd)
	if p.flow.stages[p.stage].kind != system {
		parse := 3000 + 14*tokens + 40*max(tokens-120, 0)
		p.later(p.lognormal(float64(parse), 0.4))
	}
	p.suggest(hand)
	p.questions(hand)
}

// tokens estimates the size of what was delivered.
func tokens(hd *handoff) int { return 24 + 16*hd.delivered.count() }

// questions are asked about what the envelope lacks, or in spite of it.
func (p *planner) questions(hand int) {
	hd := &p.hands[hand]
	h := &p.flow.hops[hd.hop]
	asked := 0
	for f := range catalogue {
		if asked == 4 || catalogue[f].ask == "" || !h.fields().has(f) {
			continue
		}
		class, share := "", 0.0
		switch {
		case hd.gamed.has(f) && hd.delivered.has(f):
			class, share = "gamed", 0.7
		case hd.delivered.has(f):
			class, share = "ignored", 0.015
		case p.known.has(f) && h.mandatory.has(f):
			class, share = "lost", 0.8
		case p.known.has(f):
			class, share = "lost", 0.2
		case h.mandatory.has(f):
			class, share = "new", 0.75
		}
		if class == "gamed" && !p.known.has(f) {
			class = "new"
		}
		if !p.chance(share) {
			continue
		}
		asked++
		p.question(hand, f, class)
	}
}

func (p *planner) question(hand, f int, class string) {
	a := about(hand)
	a.what = int16(f)
	p.later(int64(p.between(500, 5000)))
	cause := p.add(vAsked, p.stage, p.party, a)
	a.cause = int16(cause)
	p.later(p.lognormal(float64(24*second), 0.7))
	p.add(vAnswered, p.stage, p.party, a)
	if class != "new" {
		p.reasks = append(p.reasks, reask{hand, f, class})
		if p.chance(0.12) {
			p.later(int64(p.between(500, 9000)))
			p.add(vFeedback, p.stage, p.party, a)
		}
	}
	p.learn(f)
}

// actionActs is where, among the activities of an act, those begin that follow a suggestion.
const actionActs = 100

// suggest is the overlay's proposal on predictive points, at most one in a journey.
func (p *planner) suggest(hand int) {
	hd := &p.hands[hand]
	if p.flow.hops[hd.hop].style != stylePredictive || p.suggestion.there {
		return
	}
	weights := policyWeights[p.segment]
	action := p.pick(weights[:])
	a := about(hand)
	a.what = int16(action)
	p.later(int64(p.between(8, 90)))
	number := p.add(vSuggested, p.stage, p.party, a)
	a.cause = int16(number)
	p.suggestion = suggestion{there: true, hand: hand, number: number, action: action, propensity: weights[action], holdOut: p.chance(holdOut)}
	if p.suggestion.holdOut {
		return
	}
	p.later(int64(p.between(30, 400)))
	p.add(vShown, p.stage, p.party, a)
	p.later(int64(p.between(2000, 40000)))
	if p.chance(acceptance) {
		p.suggestion.taken = true
		p.add(vTaken, p.stage, p.party, a)
		if action != actNone {
			p.later(int64(p.between(10, 240)) * second)
			done := anew()
			done.what, done.cause = int16(actionActs+action), a.cause
			p.add(vActed, p.stage, p.party, done)
		}
		return
	}
	p.add(vDismissed, p.stage, p.party, a)
}
