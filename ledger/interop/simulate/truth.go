package simulate

import (
	"strconv"
	"time"
)

// truthHeader is the first line of the truth: what holds for all journeys.
func (s *Simulation) truthHeader(b []byte) []byte {
	b = append(b, '{')
	b = member(b, "truth", "baton simulate")
	b = number(b, "version", Version)
	b = append(key(b, "seed"), strconv.FormatUint(s.o.Seed, 10)...)
	b = number(b, "journeys", int64(s.o.Journeys))
	b = member(b, "start", s.o.Start.Format(time.RFC3339))
	b = number(b, "days", int64(s.o.Days))
	b = member(b, "drift", moment(s.drift))
	b = append(key(b, "flows"), '[')
	for i := range flows {
		if s.before[i]+s.after[i] == 0 {
			continue
		}
		b = s.flowTruth(b, i)
	}
	b = append(b, ']')
	b = formulaTruth(b, "success", successWeights, successNoise)
	b = formulaTruth(b, "churn", churnWeights, churnNoise)
	b = append(key(b, "recontact"), '{')
	b = decimal(decimal(b, "after_success", recontactResolved), "otherwise", recontactUnresolved)
	b = append(b, '}')
	b = actionsTruth(b)
	return append(b, '}', '\n')
}

func (s *Simulation) flowTruth(b []byte, i int) []byte {
	if b[len(b)-1] == '}' {
		b = append(b, ',')
	}
	b = append(b, '{')
	b = member(b, "flow", flows[i].name)
	b = member(b, "goal", flows[i].goal)
	b = number(number(b, "weight", int64(s.before[i])), "weight_after_drift", int64(s.after[i]))
	return append(decimal(decimal(b, "success_intercept", flows[i].success), "churn_intercept", flows[i].churn), '}')
}

func formulaTruth(b []byte, name string, weights [featureCount]float64, noise float64) []byte {
	b = append(key(b, name), `{"link":"logistic","coefficients":{`...)
	for i, w := range weights {
		if w != 0 {
			b = decimal(b, featureNames[i], w)
		}
	}
	return append(decimal(append(b, '}'), "noise_sd", noise), '}')
}

func actionsTruth(b []byte) []byte {
	b = append(key(b, "actions"), '{')
	b = decimal(decimal(b, "hold_out", holdOut), "acceptance", acceptance)
	for segment := range segmentNames {
		b = append(key(b, segmentNames[segment]), '{')
		for a := range actionNames {
			b = append(key(b, actionNames[a]), '{')
			b = decimal(b, "effect", actionEffects[segment][a])
			b = decimal(b, "effect_after_three_contacts", actionEffect(a, segment, 3))
			b = append(decimal(b, "propensity", float64(policyWeights[segment][a])/1000), '}')
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

// truth is one journey's line.
func (s *Simulation) truth(b []byte, j *journey) []byte {
	b = append(b, '{')
	b = member(b, "journey", j.id)
	b = number(b, "k", int64(j.k))
	b = member(b, "flow", j.flow.name)
	b = member(b, "start", moment(j.start))
	b = boolean(b, "drifted", j.drifted)
	b = member(b, "segment", segmentNames[j.segment])
	b = number(number(b, "tenure_months", int64(j.tenure)), "prior_contacts", int64(j.prior))
	b = member(b, "category", j.category)
	b = member(b, "lost", j.lost)
	if j.lost == "" {
		b = member(b, "closed", moment(j.closedAt))
	}
	b = append(key(b, "features"), '{')
	for i, x := range j.x {
		if x != 0 {
			b = decimal(b, featureNames[i], x)
		}
	}
	b = append(b, '}')
	b = j.outcomeTruth(b, "success", 0)
	b = j.outcomeTruth(b, "churn", 1)
	b = boolean(b, "recontact", j.recontact)
	b = s.suggestionTruth(b, j)
	b = s.handsTruth(b, j)
	b = append(key(b, "reasks"), '[')
	for i, r := range j.reasks {
		b = append(comma(b, i), '{')
		b = member(b, "handoff", s.eventID(j, j.hands[r.hand].number))
		b = append(member(member(b, "field", fieldName(r.field, j.hands[r.hand].version)), "class", r.class), '}')
	}
	b = append(key(append(b, ']'), "anomalies"), '[')
	for i, a := range j.anomalies {
		b = member(append(comma(b, i), '{'), "name", a.name)
		if a.hand >= 0 {
			b = member(b, "handoff", s.eventID(j, j.hands[a.hand].number))
		}
		b = append(b, '}')
	}
	return append(b, ']', '}', '\n')
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

func boolean(b []byte, name string, v bool) []byte { return strconv.AppendBool(key(b, name), v) }

func (j *journey) outcomeTruth(b []byte, name string, i int) []byte {
	b = append(key(b, name), '{')
	b = decimal(decimal(decimal(b, "p", j.p[i]), "visible_p", j.visible[i]), "noise", j.noise[i])
	return append(boolean(b, "outcome", j.outcome[i]), '}')
}

func (s *Simulation) suggestionTruth(b []byte, j *journey) []byte {
	g := &j.suggestion
	if !g.there {
		return b
	}
	best := 0
	for a := range j.actionP {
		if j.actionP[a] > j.actionP[best] {
			best = a
		}
	}
	b = append(key(b, "suggestion"), '{')
	b = member(b, "id", s.eventID(j, g.number))
	b = member(b, "handoff", s.eventID(j, j.hands[g.hand].number))
	b = member(b, "action", actionNames[g.action])
	b = decimal(b, "propensity", float64(g.propensity)/1000)
	b = boolean(boolean(b, "hold_out", g.holdOut), "taken", g.taken)
	b = member(b, "best", actionNames[best])
	b = append(key(b, "success_p"), '{')
	for a := range j.actionP {
		b = decimal(b, actionNames[a], j.actionP[a])
	}
	return append(b, '}', '}')
}

func (s *Simulation) handsTruth(b []byte, j *journey) []byte {
	b = append(key(b, "handoffs"), '[')
	for i := range j.hands {
		hd := &j.hands[i]
		b = append(comma(b, i), '{')
		b = member(b, "id", s.eventID(j, hd.number))
		b = member(member(b, "from", j.flow.stages[hd.from].name), "to", j.flow.stages[hd.to].name)
		b = member(member(b, "channel", hd.channel), "fate", hd.fate)
		b = number(boolean(b, "accepted", hd.accepted), "version", int64(hd.version))
		for _, f := range []struct {
			name string
			set  set
		}{{"missing", hd.missing}, {"left_out", hd.left}, {"cut", hd.cut}, {"gamed", hd.gamed}} {
			if f.set != 0 {
				b = f.set.names(key(b, f.name), hd.version)
			}
		}
		b = append(b, '}')
	}
	return append(b, ']')
}
