package simulate

import "strconv"

// envelope writes the context envelope: the fields by class, the key insight, and what is known about each field.
func (s *Simulation) envelope(b []byte, j *journey, hd *handoff, a *act) []byte {
	h := &j.flow.hops[hd.hop]
	b = append(key(b, "envelope"), '{')
	optional := h.optional
	if hd.version == 2 {
		optional |= 1 << fConsent &^ h.mandatory
	}
	b = j.values(b, "mandatory", hd, h.mandatory)
	b = j.values(b, "optional", hd, optional&^h.mandatory)
	b = j.values(b, "forward_looking", hd, h.forwards)
	if h.style != styleStateless && h.fields().count() > 4 {
		b = append(key(b, "key_insight"), '"')
		b = append(append(b, j.category...), ", "...)
		b = append(append(b, segmentNames[j.segment]...), " customer, "...)
		b = counted(b, j.prior, "earlier contact")
		if n := hd.missing.count(); n > 0 {
			b = counted(append(b, "; "...), n, "open field")
		}
		b = append(b, '"')
	}
	b = append(key(b, "fields"), '{')
	hd.envelope.each(func(f int) { b = j.metadata(append(key(b, fieldName(f, hd.version)), '{'), hd, f, a.at) })
	return append(b, '}', '}')
}

func counted(b []byte, n int, what string) []byte {
	b = append(append(strconv.AppendInt(b, int64(n), 10), ' '), what...)
	if n == 1 {
		return b
	}
	return append(b, 's')
}

func (j *journey) values(b []byte, class string, hd *handoff, fields set) []byte {
	b = append(key(b, class), '{')
	(fields & hd.envelope).each(func(f int) {
		b = key(b, fieldName(f, hd.version))
		if hd.gamed.has(f) {
			b = append(b, catalogue[f].junk...)
		} else {
			b = j.value(b, f)
		}
	})
	return append(b, '}')
}

// metadata of one field. Junk shows: it claims to be a default, or a person's entry that took no time.
func (j *journey) metadata(b []byte, hd *handoff, f int, now int64) []byte {
	raw := mix(hd.salt + uint64(f)*0x9e3779b97f4a7c15)
	st := &j.flow.stages[hd.from]
	method, confidence, at := "system", 95+int64(raw%5), j.knownAt[f]
	switch {
	case hd.gamed.has(f):
		method, confidence, at = "default", 100, now
		if raw%3 == 0 {
			method = "user"
		}
	case f == fCategory || f == fSentiment || f == fScore || f == fRisk || f == fNext:
		method, confidence = "model", 55+int64(raw%40)
	case st.kind == human || st.kind == partner:
		method, confidence = "user", 90+int64(raw%10)
	case catalogue[f].source == "crm":
		method = "inherited"
		at -= int64(raw%90) * day // what the CRM says may be old
	}
	if at == 0 || at > now {
		at = now
	}
	b = member(b, "source", catalogue[f].source)
	b = member(b, "asserted_at", moment(at))
	b = member(b, "method", method)
	b = decimal(b, "confidence", float64(confidence)/100)
	b = member(b, "classification", catalogue[f].class)
	switch {
	case hd.gamed.has(f):
		b = number(b, "fill_ms", 60+int64(raw>>8%280))
	case method == "user":
		b = number(b, "fill_ms", 1500+int64(raw>>8%9000))
	}
	return append(b, '}')
}

// tier of one handoff by what it delivered, as the depth practices derive it.
func (j *journey) tier(hd *handoff) string {
	switch h := &j.flow.hops[hd.hop]; {
	case hd.delivered&h.forwards != 0:
		return "predictive"
	case hd.delivered&^of(fOrder, fAccount, fContact, fTranscript, fConsent, fLocale, fAuth) != 0:
		return "contextual"
	}
	return "minimal"
}
