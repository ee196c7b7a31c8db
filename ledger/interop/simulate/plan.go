package simulate

import (
	"cmp"
	"slices"
)

// planner makes plans: the dice, the clock of the journey that is being planned, and who holds it.
type planner struct {
	dice
	*journey
	t            int64
	stage, party int  // who holds it
	helped       bool // the substitute stage has been there
}

// plan makes one journey.
func (s *Simulation) plan(j *journey, k int, start int64) {
	*j = journey{k: k, start: start, acts: j.acts[:0], hands: j.hands[:0], reasks: j.reasks[:0], anomalies: j.anomalies[:0]}
	p := &planner{journey: j, t: start}
	p.seed(mix(s.base+2*uint64(k)), mix(s.base^uint64(k)<<20+1))
	j.drifted = start >= s.drift
	j.id = s.journeyID(k)
	weights := s.before
	if j.drifted {
		weights = s.after
	}
	j.flowIndex = p.pick(weights)
	j.flow = &flows[j.flowIndex]
	p.covariates()
	p.run()
	p.outcomes()
	slices.SortStableFunc(j.acts, func(a, b act) int { return cmp.Compare(a.at, b.at) })
}

// covariates are drawn before anything happens. After the drift there are more businesses, and customers who have been there before.
func (p *planner) covariates() {
	w := p.flow.segments
	if p.drifted {
		w[business] = w[business]*3/2 + 5
	}
	p.segment = p.pick(w[:])
	p.tenure = p.below(20 + 60*(p.segment+1))
	more := 0.38
	if p.drifted {
		more = 0.5
	}
	for p.prior < 6 && p.chance(more) {
		p.prior++
	}
	names := p.flow.categories
	p.category = names[min(p.below(len(names)), p.below(len(names)))]
	if p.drifted && len(names) == len(issueCategories) && p.chance(0.12) {
		p.category = newCategory
	}
	p.salt, p.customer = p.pcg.Uint64(), p.pcg.Uint64()
	p.noise = [2]float64{round(p.normal(), 1e4), round(p.normal(), 1e4)}
}

// add puts an act at the journey's clock.
func (p *planner) add(v verb, stage, party int, a act) uint16 {
	a.verb, a.at, a.number = v, max(a.at, p.t), uint16(len(p.acts))
	a.stage, a.party = uint8(stage), uint8(party)
	p.acts = append(p.acts, a)
	return a.number
}

// later moves the clock.
func (p *planner) later(ms int64) { p.t += max(ms, 1) }

// anew is an act of nobody in particular.
func anew() act { return act{hand: -1, cause: -1} }

func about(hand int) act { return act{hand: int8(hand), cause: -1} }

// work does a stage's acts, from the one with an index on.
func (p *planner) work(from int) {
	st := &p.flow.stages[p.stage]
	for i := from; i < len(st.acts); i++ {
		a := anew()
		a.what = int16(i)
		p.add(vActed, p.stage, p.party, a)
		p.t = st.hours.add(p.t, p.lognormal(float64(st.work*float64(minute)), 0.6))
	}
}

// capture is the first act of a stage: what the customer or a system says there becomes known.
func (p *planner) capture(wanted set, share float64) {
	p.later(int64(p.between(200, 6000)))
	a := anew()
	wanted &^= of(fScore, fRisk, fNext) // what models say is known to nobody else
	for f := range catalogue {
		if wanted.has(f) && !p.known.has(f) && p.chance(share) {
			a.fields |= 1 << f
			p.learn(f)
		}
	}
	p.add(vActed, p.stage, p.party, a)
	st := &p.flow.stages[p.stage]
	p.t = st.hours.add(p.t, p.lognormal(float64(st.work*float64(minute)), 0.6))
}

func (p *planner) learn(f int) { p.known |= 1 << f; p.knownAt[f] = p.t }

// run is the whole journey, up to its close or to where it was lost.
func (p *planner) run() {
	p.party = p.below(p.flow.stages[0].parties)
	p.t = p.flow.stages[0].hours.add(p.t, 0)
	p.add(vStarted, 0, p.party, anew())
	p.later(int64(p.between(5, 400)))
	p.capture(p.flow.hops[0].fields(), 0.93)
	p.work(1)
	for h := range p.flow.hops {
		hand := p.hop(h)
		if p.lost != "" {
			return
		}
		var wanted set
		if h+1 < len(p.flow.hops) {
			wanted = p.flow.hops[h+1].fields()
		}
		p.capture(wanted, 0.85)
		p.stray(hand)
		p.work(1)
		p.complete(hand)
	}
	p.close()
}

// close ends the journey; a few go on all the same, and are closed again.
func (p *planner) close() {
	p.later(int64(p.between(2000, 90000)))
	p.add(vClosed, p.stage, p.party, anew())
	if p.chance(0.006) {
		p.t = p.flow.stages[p.stage].hours.add(p.t+int64(p.between(3, 40))*hour, 0)
		p.add(vActed, p.stage, p.party, anew())
		p.plant("act_after_close", -1)
		p.later(20 * minute)
		p.add(vClosed, p.stage, p.party, anew())
	}
	p.closedAt = p.t
}

func (p *planner) plant(name string, hand int) {
	p.anomalies = append(p.anomalies, anomaly{name, hand})
}
