package simulate

// outcomes draws what became of the journey, by the formula, and adds what of it is told later.
func (p *planner) outcomes() {
	p.features()
	effect := 0.0
	if s := &p.suggestion; s.there && s.taken {
		effect = actionEffect(s.action, p.segment, p.prior)
	}
	eta := logit(p.flow.success, &successWeights, &p.x)
	p.draw(0, eta+effect, successNoise)
	for a := range p.actionP {
		p.actionP[a] = visible(eta+actionEffect(a, p.segment, p.prior), successNoise)
	}
	if p.outcome[0] {
		p.x[xSuccess] = 1
	}
	p.draw(1, logit(p.flow.churn, &churnWeights, &p.x), churnNoise)
	again := recontactUnresolved
	if p.outcome[0] {
		again = recontactResolved
	}
	p.recontact = p.flow.goal == goalResolve && p.lost == "" && p.chance(again)
	if p.lost == "" {
		p.told()
	}
}

// draw decides success (0) or churn (1).
func (p *planner) draw(i int, eta, noise float64) {
	p.p[i] = micro(logistic(eta + float64(noise*p.noise[i])))
	p.visible[i] = visible(eta, noise)
	p.outcome[i] = p.chance(p.p[i])
}

// features are read off the plan.
func (p *planner) features() {
	var defined, sound, delivered, gamed int
	for i := range p.hands {
		hd := &p.hands[i]
		fields := p.flow.hops[hd.hop].fields()
		defined += fields.count()
		sound += (hd.delivered & fields &^ hd.gamed).count()
		delivered += hd.delivered.count()
		gamed += (hd.gamed & hd.delivered).count()
		if hd.detour {
			p.x[xSwitches]++
		}
		if hd.fate == fatePingPong {
			p.x[xPingPong] = 1
		}
	}
	p.x[xReasks] = float64(min(len(p.reasks), 5))
	p.x[xWait] = round(min(float64(p.waited)/float64(day), 5), 1e4)
	p.x[xExtra] = float64(min(max(len(p.hands)-len(p.flow.hops), 0), 5))
	p.x[xCompleteness] = round(float64(sound)/float64(defined)-0.8, 1e4)
	p.x[xGamed] = round(float64(gamed)/float64(max(delivered, 1)), 1e4)
	p.x[xPrior] = float64(p.prior)
	p.x[xTenure] = round(min(float64(p.tenure)/12, 10), 1e4)
	flag := func(x int, on bool) {
		if on {
			p.x[x] = 1
		}
	}
	flag(xLost, p.lost != "")
	flag(xBusiness, p.segment == business)
	flag(xEnterprise, p.segment == enterprise)
	product := func(x, a int, b float64) { p.x[x] = round(float64(p.x[a]*b), 1e4) }
	product(xReasksBusiness, xReasks, p.x[xBusiness])
	product(xReasksEnterprise, xReasks, p.x[xEnterprise])
	product(xWaitPingPong, xWait, p.x[xPingPong])
	if p.drifted {
		product(xReasksDrift, xReasks, 1)
		product(xCompletenessDrift, xCompleteness, 1)
	}
}

// told adds what is known after the close: the suggestion's outcome, the customer who comes back, and after thirty days whether it left.
func (p *planner) told() {
	if s := &p.suggestion; s.there {
		p.t = p.closedAt + second
		a := about(s.hand)
		a.what, a.cause = int16(s.action), int16(s.number)
		p.add(vSuggestionOutcome, p.stage, p.party, a)
	}
	if p.recontact {
		p.t = p.flow.stages[0].hours.add(p.closedAt+int64(p.between(3, 150))*hour, 0)
		p.back()
	}
	p.t = p.closedAt + 30*day
	p.add(vChurn, p.stage, p.party, anew())
}

// back is the journey of a customer who has come back with the same issue.
func (p *planner) back() {
	party := p.below(p.flow.stages[1].parties)
	step := func(v verb, ms int) {
		a := anew()
		a.again = true
		p.add(v, 1, party, a)
		p.later(int64(ms) * second)
	}
	step(vStarted, p.between(1, 5))
	step(vLinked, p.between(1, 9))
	step(vActed, p.between(200, 4000))
	step(vClosed, 1)
}
