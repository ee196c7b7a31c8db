package simulate

// Fates of an offer. All but the first three lead to another offer, or to the end.
const (
	fateAccepted = "accepted"
	fateOther    = "accepted_by_other"
	fateDoubled  = "doubled"
	fateDeclined = "declined"
	fateExpired  = "expired"
	fateWithdraw = "withdrawn"
	fateFailed   = "failed"
	fateReturned = "returned"
	fatePingPong = "ping_pong"
	fateOrphaned = "orphaned"
	fateDropped  = "dropped"
)

// fates and their probabilities in units of 1e-4, for a hop whose trouble is 1. The rest is accepted.
var fates = []struct {
	name   string
	chance int
}{
	{fateDeclined, 260}, {fateExpired, 130}, {fateWithdraw, 80}, {fateFailed, 50}, {fateReturned, 250}, {fatePingPong, 330}, {fateDoubled, 60},
	{fateOther, 50}, {fateOrphaned, 100}, {fateDropped, 110},
}

func (h *hop) fields() set { return h.mandatory | h.optional }

// fate of the first offer of a hop. Missing context sends work back.
func (p *planner) fate(h *hop, missing set) string {
	roll := int(float64(p.unit() * 1e4))
	for _, f := range fates {
		chance := float64(float64(f.chance) * h.trouble)
		if f.name == fateReturned && missing != 0 {
			chance = float64(chance * 4)
		}
		if roll -= int(chance); roll < 0 {
			if (f.name == fateDoubled || f.name == fateOther) && p.helped {
				return fateAccepted
			}
			return f.name
		}
	}
	return fateAccepted
}

// hop hands the journey over to the next stage, however many offers that takes, and gives the handoff by which it got there. The journey
// may be lost on the way.
func (p *planner) hop(index int) (hand int) {
	h := &p.flow.hops[index]
	to := index + 1
	for attempt := 0; ; attempt++ {
		hand = p.offer(index, p.stage, p.party, to, p.below(p.flow.stages[to].parties))
		hd := &p.hands[hand]
		if hd.fate = fateAccepted; attempt == 0 {
			hd.fate = p.fate(h, hd.missing)
		}
		switch hd.fate {
		case fateAccepted:
			p.accept(hand, to, int(hd.toParty))
			p.receive(hand)
			return hand
		case fateOther:
			p.plant(fateOther, hand)
			p.help(hand)
			p.receive(hand)
			return hand
		case fateDoubled:
			return p.doubled(hand, to)
		case fateDropped:
			p.lost = fateDropped
			return hand
		case fateOrphaned:
			p.accept(hand, to, int(hd.toParty))
			p.view(hand)
			p.lost = fateOrphaned
			return hand
		case fatePingPong:
			return p.pingPong(hand, index)
		case fateReturned:
			p.giveBack(hand)
		default:
			p.refuse(hand)
		}
	}
}

// wait lets the receiver's queue pass, longer on busy days and after the drift.
func (p *planner) wait(hand int) {
	hd := &p.hands[hand]
	median := float64(p.flow.hops[hd.hop].wait * float64(minute))
	if p.drifted {
		median = float64(median * 1.5)
	}
	span := p.lognormal(float64(median*float64(load(p.t)))/1000, 0.8)
	p.t = p.flow.stages[hd.to].hours.add(p.t, span)
}

// accept passes custody to a stage.
func (p *planner) accept(hand, stage, party int) {
	p.wait(hand)
	p.waited += p.t - p.acts[p.hands[hand].number].at
	p.hold(hand, stage, party)
	if p.chance(0.004) {
		p.later(int64(p.between(300, 4000)))
		p.add(vAccepted, stage, party, about(hand))
		p.plant("accepted_twice", hand)
	}
}

func (p *planner) hold(hand, stage, party int) {
	p.add(vAccepted, stage, party, about(hand))
	p.hands[hand].accepted = true
	p.stage, p.party = stage, party
}

// help lets the substitute stage accept what was offered to another.
func (p *planner) help(hand int) {
	p.helped = true
	to := p.flow.substitute()
	p.accept(hand, to, p.below(p.flow.stages[to].parties))
}

// doubled offers to two stages at once, and both accept. The second one keeps the journey.
func (p *planner) doubled(hand, to int) int {
	p.helped = true
	from, fromParty, other := p.stage, p.party, p.flow.substitute()
	p.later(int64(p.between(20, 600)) * second)
	second := p.offer(p.hands[hand].hop, from, fromParty, other, p.below(p.flow.stages[other].parties))
	p.hands[second].fate = fateDoubled
	p.accept(hand, to, int(p.hands[hand].toParty))
	p.view(hand)
	p.accept(second, other, int(p.hands[second].toParty))
	p.plant(fateDoubled, second)
	p.receive(second)
	return second
}

// refuse ends an offer without acceptance; the sender mends what it can.
func (p *planner) refuse(hand int) {
	hd := &p.hands[hand]
	switch hd.fate {
	case fateDeclined:
		p.wait(hand)
		p.add(vDeclined, int(hd.to), int(hd.toParty), about(hand))
	case fateExpired:
		p.later(day + int64(p.between(1, 50))*second)
		p.add(vExpired, int(hd.to), 0, about(hand))
	case fateWithdraw:
		p.later(int64(p.between(60, 1500)) * second)
		p.add(vWithdrawn, int(hd.from), int(hd.fromParty), about(hand))
	default:
		p.later(int64(p.between(2, 40)) * second)
		p.add(vFailed, int(hd.from), int(hd.fromParty), about(hand))
	}
	p.again()
}

// again is the sender's pause before it offers anew.
func (p *planner) again() {
	p.t = p.flow.stages[p.stage].hours.add(p.t, p.lognormal(float64(8*minute), 0.7))
}

// giveBack returns an accepted handoff to its sender, who looks at it again.
func (p *planner) giveBack(hand int) {
	hd := &p.hands[hand]
	from, fromParty := int(hd.from), int(hd.fromParty)
	p.accept(hand, int(hd.to), int(hd.toParty))
	p.receive(hand)
	p.later(int64(p.between(60, 900)) * second)
	p.add(vReturned, p.stage, p.party, about(hand))
	p.stage, p.party = from, fromParty
	p.again()
	p.add(vActed, p.stage, p.party, anew())
	p.again()
}

// pingPong bounces: the receiver hands the work back as a handoff of its own, and gets it again. Where people or marketing began the
// journey, it may go back to the very beginning.
func (p *planner) pingPong(hand, index int) int {
	hd, kind := p.hands[hand], "ping_pong_direct"
	if first := &p.flow.stages[0]; index > 0 && (first.kind == human || first.name == "marketing") && p.chance(0.4) {
		hd.from, hd.fromParty, kind = 0, uint8(p.below(first.parties)), "ping_pong_indirect"
	}
	p.accept(hand, int(hd.to), int(hd.toParty))
	p.receive(hand)
	p.again()
	back := p.offer(index, p.stage, p.party, int(hd.from), int(hd.fromParty))
	p.hands[back].fate = fatePingPong
	p.plant(kind, back)
	p.accept(back, int(hd.from), int(hd.fromParty))
	p.view(back)
	p.again()
	p.add(vActed, p.stage, p.party, anew())
	p.again()
	third := p.offer(index, p.stage, p.party, int(hd.to), int(hd.toParty))
	p.hands[third].fate = fatePingPong
	p.plant("ping_pong_direct", third)
	p.accept(third, int(hd.to), int(hd.toParty))
	p.receive(third)
	return third
}

// stray lets somebody act who does not hold the journey: its former owner, or a stage that was never asked.
func (p *planner) stray(hand int) {
	hd := &p.hands[hand]
	switch {
	case int(hd.from) != p.stage && p.chance(0.012):
		p.later(int64(p.between(30, 600)) * second)
		p.add(vActed, int(hd.from), int(hd.fromParty), anew())
		p.plant("zombie", hand)
	case !p.helped && p.chance(0.004):
		p.later(int64(p.between(30, 600)) * second)
		p.add(vActed, p.flow.substitute(), 0, anew())
		p.plant("acted_without_custody", hand)
	}
}

// complete ends a handoff's work and says which fields it used.
func (p *planner) complete(hand int) {
	hd := &p.hands[hand]
	a := about(hand)
	for f := range catalogue {
		if hd.delivered.has(f) && !hd.gamed.has(f) && p.chance(useShare(f)) {
			a.fields |= 1 << f
		}
	}
	p.later(int64(p.between(3, 120)) * second)
	p.add(vCompleted, p.stage, p.party, a)
}

// useShare is how often a field that was delivered is used. A few are as good as never: they are there to be pruned.
func useShare(f int) float64 {
	switch f {
	case fLocale, fCampaign, fDevice:
		return 0.02
	case fAccount, fOrder, fContact, fCategory:
		return 0.9
	}
	return float64(25+10*(f%6)) / 100
}
