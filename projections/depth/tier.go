package depth

import "slices"

// Tiers of a handoff, derived from what was delivered and shown.
const (
	none = iota // nothing was delivered, or not yet
	minimal
	contextual
	predictive
)

var tierNames = [...]string{"none", "minimal", "contextual", "predictive"}

func tierOf(name string) int { return slices.Index(tierNames[:], name) }

// deliver scores what has been delivered.
func (h *handoff) deliver(at int64) {
	if !h.delivered {
		h.delivered = true
		h.day.delivered++
	}
	if h.scored > 0 {
		h.day.scores[h.scored-1]--
		h.day.score -= uint64(h.points)
		h.day.scored--
		h.scored = 0
	}
	if d := h.score(at); d >= 0 {
		h.points, h.scored = d, min(d*scoreBins/1000, scoreBins-1)+1
		h.day.scores[h.scored-1]++
		h.day.score += uint64(d)
		h.day.scored++
	}
	h.judge()
}

// judge derives the tier anew, and holds it against the one that was declared.
func (h *handoff) judge() {
	if t := h.derive(); t != h.tier {
		h.day.tiers[h.tier]--
		h.day.tiers[t]++
		h.tier = t
	}
	if h.declared < 0 || !h.looked {
		return
	}
	if !h.compared {
		h.compared = true
		h.day.declared++
	}
	wrong := h.declared != int8(h.tier)
	if wrong == h.mismatched {
		return
	}
	h.mismatched = wrong
	h.series.example(h, wrong)
	if wrong {
		h.day.mismatched++
	} else {
		h.day.mismatched--
	}
}

// derive is the rule: predictive where a forward-looking item was shown, contextual where metadata, history or a transcript came, minimal where
// identifiers alone did.
func (h *handoff) derive() uint8 {
	tier := uint8(none)
	if h.delivered && h.panel {
		tier = contextual
	}
	for _, c := range h.fields {
		if c.flags&wasDelivered == 0 {
			continue
		}
		switch h.series.agreement.fields[c.field].kind {
		case predicted:
			if c.flags&wasViewed != 0 {
				return predictive
			}
			tier = max(tier, minimal)
		case identifier:
			tier = max(tier, minimal)
		default:
			tier = max(tier, contextual)
		}
	}
	if h.shown {
		return predictive
	}
	return tier
}

// maxExamples is how many mismatches of a series are named.
const maxExamples = 8

// example keeps the newest handoffs whose tier is not the declared one.
func (s *series) example(h *handoff, wrong bool) {
	s.examples = slices.DeleteFunc(s.examples, func(m Mismatch) bool { return m.Handoff == h.id && m.Journey == h.journey })
	if !wrong {
		return
	}
	if len(s.examples) == maxExamples {
		s.examples = slices.Delete(s.examples, 0, 1)
	}
	s.examples = append(s.examples, Mismatch{Journey: h.journey, Handoff: h.id, Declared: tierNames[h.declared], Derived: tierNames[h.tier]})
}
