package features

import (
	"encoding/json"
	"strings"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections/depth"
)

// offered is what an envelope offered: which fields, and which of them look like junk.
type offered struct {
	fields    map[string]bool // true: junk
	delivered int
	viewed    int
}

// envelopes fold what was offered, delivered and viewed.
type envelopes struct {
	asked map[string]int // Spec.Asked
	by    map[string]*offered
	last  *offered

	offered, delivered, viewed, junk, wanted int // over all handoffs
}

// offer notes an envelope.
func (s *envelopes) offer(r *ledger.Recorded, point string) {
	o := &offered{fields: offeredFields(r)}
	if s.by == nil {
		s.by = map[string]*offered{}
	}
	if s.by[r.ID] == nil {
		s.by[strings.Clone(r.ID)] = o
	}
	s.last = o
	s.offered += len(o.fields)
	if want, known := s.asked[point]; known {
		s.wanted += max(want, 0)
		return
	}
	s.wanted += len(o.fields)
}

// deliver notes which fields of an offer came, or were looked at. What is said again counts where it is more.
func (s *envelopes) deliver(r *ledger.Recorded, viewed bool) {
	o := s.by[r.Facets.Handoff]
	if o == nil {
		return
	}
	names := named(r)
	if viewed {
		n := max(len(names), o.viewed)
		s.viewed, o.viewed = s.viewed+n-o.viewed, n
		return
	}
	if len(names) <= o.delivered {
		return
	}
	if o.delivered == 0 {
		for _, name := range names {
			if o.fields[name] {
				s.junk++
			}
		}
	}
	s.delivered, o.delivered = s.delivered+len(names)-o.delivered, len(names)
}

// counts are how many fields an offer has.
type counts struct{ offered, delivered, viewed int }

// of counts the last offer.
func (s *envelopes) of() counts {
	if s.last == nil {
		return counts{}
	}
	return counts{len(s.last.fields), s.last.delivered, s.last.viewed}
}

// offeredFields reads the envelope of handoff.offered: its mandatory and optional fields, and whether each looks like junk. Data of another form has none.
func offeredFields(r *ledger.Recorded) map[string]bool {
	var e struct {
		Envelope struct {
			Mandatory map[string]json.RawMessage `json:"mandatory"`
			Optional  map[string]json.RawMessage `json:"optional"`
			Fields    map[string]json.RawMessage `json:"fields"`
		} `json:"envelope"`
	}
	if len(r.Data) == 0 || !ledger.IsJSON(r.ContentType) || json.Unmarshal(r.Data, &e) != nil {
		return nil
	}
	list := make(map[string]bool, len(e.Envelope.Mandatory)+len(e.Envelope.Optional))
	for _, part := range []map[string]json.RawMessage{e.Envelope.Mandatory, e.Envelope.Optional} {
		for name, value := range part {
			list[name] = junk(value, e.Envelope.Fields[name])
		}
	}
	return list
}

// junk says whether a value looks as if it was entered only because something had to be, by its metadata or by itself.
func junk(value, metadata json.RawMessage) bool {
	var m struct {
		Method string   `json:"method"`
		Fill   *float64 `json:"fill_ms"`
	}
	fill := int64(-1)
	if json.Unmarshal(metadata, &m) != nil {
		m.Method = ""
	} else if m.Fill != nil && *m.Fill < depth.Quick {
		fill = 0
	}
	return depth.Junk(value, m.Method, fill)
}

// named are the distinct names in the list "fields" of handoff.delivered and viewed.
func named(r *ledger.Recorded) (names []string) {
	var e struct {
		Fields []json.RawMessage `json:"fields"`
	}
	if len(r.Data) == 0 || !ledger.IsJSON(r.ContentType) || json.Unmarshal(r.Data, &e) != nil {
		return nil
	}
	seen := map[string]bool{}
	for _, raw := range e.Fields {
		var name string
		if json.Unmarshal(raw, &name) == nil && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// share is a part of a whole, and 0 of nothing.
func share(part, whole int) float64 {
	if whole <= 0 {
		return 0
	}
	return min(float64(part)/float64(whole), 1)
}
