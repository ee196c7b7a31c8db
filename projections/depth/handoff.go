package depth

import (
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections"
)

// Tiers of a handoff, derived from what was delivered and shown.
const (
	none = iota // nothing was delivered, or not yet
	minimal
	contextual
	predictive
)

var tierNames = [...]string{"none", "minimal", "contextual", "predictive"}

func tierOf(name string) int { return slices.Index(tierNames[:], name) }

// What happened to a field of a handoff.
const (
	wasOffered = 1 << iota
	wasDelivered
	wasViewed
	wasUsed
	isJunk
)

// carried is a field of a handoff.
type carried struct {
	field    uint16 // place in the agreement
	flags    uint16
	asserted int64
}

// handoff is what the fold keeps of one that may still change.
type handoff struct {
	id, journey string
	series      *series
	day         *day
	fields      []carried
	accepted    uint64 // position, 0 before it
	scored      int32  // bin of the score + 1, 0 without one
	points      int32  // the score
	tier        uint8
	declared    int8 // tier that was declared, -1 for none
	once        bool
	compared    bool
	looked      bool // the receiver has seen it, so that declared and derived tier can be compared
	delivered   bool
	told        bool // tokens are counted
	shown       bool // a suggestion was
	panel       bool // it refers to a transcript or another thing to open
	lost        bool
	completed   bool
	mismatched  bool
	violated    bool
}

func bucketOf(ms int64) uint32 { return projections.Bucket(ms) }

func (f *Fold) handoff(r *ledger.Recorded, id, verb string, at int64) {
	if verb == "offered" {
		f.offered(r, id, at)
		return
	}
	j := f.journeys[id]
	if j == nil {
		return
	}
	j.last = max(j.last, at)
	h := f.handoffs[handoffKey{id, r.Facets.Handoff}]
	if h == nil {
		return
	}
	switch verb {
	case "delivered":
		f.delivered(r, h, at)
	case "viewed":
		if h.mark(&r.Event, "fields", wasViewed, nViewed) || len(h.fields) == 0 {
			h.looked = true
			h.judge()
		}
		j.reading, j.viewed = h, at
	case "accepted":
		j.accept(h, r.Position, at)
	case "completed":
		j.act(r.Facets.Stage, at)
		if !h.completed {
			h.completed, h.looked = true, true
			h.day.completed++
			h.mark(&r.Event, "used", wasUsed, nUsed)
			h.judge()
		}
	case "returned":
		j.act(r.Facets.Stage, at)
	}
}

// accept takes custody. Where nobody says what was delivered, what was offered is taken for it: that is all a simple sender records.
func (j *journey) accept(h *handoff, position uint64, at int64) {
	j.current = h
	if h.accepted != 0 {
		return
	}
	h.accepted = position
	h.day.accepted++
	if h.delivered {
		return
	}
	for i := range h.fields {
		h.set(&h.fields[i], wasDelivered, nDelivered)
	}
	h.deliver(at)
}

// offered begins a handoff.
func (f *Fold) offered(r *ledger.Recorded, id string, at int64) {
	j := f.journey(id, at)
	j.act(r.Facets.Stage, at)
	if f.handoffs[handoffKey{id, r.ID}] != nil {
		return
	}
	o := &f.offer
	o.read(&r.Event)
	f.leave(j, r.Facets.Sender, o.asked())
	s := f.seriesOf(r, at, id)
	if s == nil {
		return
	}
	h := &handoff{id: strings.Clone(r.ID), journey: j.id, series: s, day: s.day(dayOf(at)), declared: -1, panel: o.panel > 0, fields: make([]carried, 0, len(o.fields))}
	f.handoffs[handoffKey{j.id, h.id}] = h
	j.hands = append(j.hands, h.id)
	if at := (pointContract{s.point, s.agreement.name}); !slices.Contains(j.points, at) {
		h.once = true
		h.day.once++
		j.points = append(j.points, at)
	}
	if f.o.Policy != nil {
		h.declared = int8(tierOf(f.o.Policy(s.point)))
	}
	s.handoffs++
	s.agreement.offers, s.agreement.last = s.agreement.offers+1, max(s.agreement.last, at)
	h.day.handoffs++
	h.day.tiers[none]++
	if o.prepared >= 0 {
		h.day.prepared.add(int32(bucketOf(o.prepared)), 1)
		h.day.preparedMS += uint64(o.prepared)
	}
	f.dropped.Fields += uint64(o.dropped)
	where := sight{position: r.Position, at: at, journey: id, series: s}
	for i := range o.fields {
		f.field(h, &o.fields[i], where)
	}
}

// field counts one value of an offer.
func (f *Fold) field(h *handoff, g *given, at sight) {
	a := h.series.agreement
	i, ok := a.learn(g.name, g.class)
	if !ok {
		f.dropped.Fields++
		return
	}
	if h.carried(i) != nil {
		return // the same name in a second class
	}
	field, fd := &a.fields[i], h.day.field(i)
	if !field.declared && len(g.classification) > 0 && field.classification != string(g.classification) {
		field.classification = string(g.classification)
		field.private = field.classification != "public" && field.classification != "internal"
	}
	c := carried{field: uint16(i), flags: wasOffered, asserted: g.asserted}
	fd.n[nOffered]++
	fd.n[nMethod+int(g.method)]++
	if g.junk {
		c.flags |= isJunk
		fd.n[nJunk]++
	}
	if g.fill >= 0 {
		fd.fill.add(int32(bucketOf(g.fill)), 1)
	}
	if age := at.at - g.asserted; g.asserted != missing {
		fd.age.add(int32(bucketOf(max(age, 0)/60_000)), 1)
		if field.life > 0 && age > field.life {
			fd.n[nStale]++
		}
	}
	kind := kindOfValue(g.value)
	h.series.noteShape(i, g.class, kind, "", g.value, field.private, at)
	if kind == kindObject {
		h.series.nestedShapes(i, g.class, "", g.value, field.private, at, 1)
	}
	if h.once {
		fd.n[nOnce]++
		f.draw(a, i, fd, g, kind, at)
	}
	h.fields = append(h.fields, c)
}

// carried gives a field of a handoff by its place in the agreement.
func (h *handoff) carried(i int) *carried {
	for k := range h.fields {
		if int(h.fields[k].field) == i {
			return &h.fields[k]
		}
	}
	return nil
}

// set marks a field once and counts it.
func (h *handoff) set(c *carried, flag uint16, counter int) {
	if c.flags&flag == 0 {
		c.flags |= flag
		h.day.field(int(c.field)).n[counter]++
	}
}

// mark marks the fields that an event lists. A field that was not offered may have come by enrichment.
func (h *handoff) mark(e *ledger.Event, list string, flag uint16, counter int) bool {
	return names(e, list, func(name []byte) { h.markName(name, flag, counter) }, nil)
}

func (h *handoff) markName(name []byte, flag uint16, counter int) {
	i, ok := h.series.agreement.learn(name, arrived)
	if !ok {
		return
	}
	c := h.carried(i)
	if c == nil {
		if len(h.fields) >= maxFields {
			return
		}
		h.fields = append(h.fields, carried{field: uint16(i), asserted: missing})
		c = &h.fields[len(h.fields)-1]
	}
	h.set(c, flag, counter)
}

func (f *Fold) delivered(r *ledger.Recorded, h *handoff, at int64) {
	tokens := int64(missing)
	there := names(&r.Event, "fields", func(name []byte) { h.markName(name, wasDelivered, nDelivered) }, func(d *reader, member []byte) {
		switch string(member) {
		case "tokens":
			tokens = d.number()
		case "tier":
			if t := tierOf(string(d.text())); t > none {
				h.declared = int8(t)
			}
		}
	})
	if tokens >= 0 && !h.told {
		h.told = true
		h.day.tokens += uint64(tokens)
		h.day.tokenHandoffs++
	}
	if !there && !h.delivered { // it says that, and not what
		for i := range h.fields {
			h.set(&h.fields[i], wasDelivered, nDelivered)
		}
	}
	h.deliver(at)
}

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

// violated counts what the check of an offer found.
func (f *Fold) violated(r *ledger.Recorded, id string) {
	h := f.handoffs[handoffKey{id, r.Facets.Handoff}]
	if h == nil || !ledger.IsJSON(r.ContentType) {
		return
	}
	if !h.violated {
		h.violated = true
		h.day.violated++
	}
	d := reader{data: r.Data}
	d.members(func(member []byte) {
		if string(member) == "violations" {
			d.items(func() { h.violation(&d) })
		}
	})
}

func (h *handoff) violation(d *reader) {
	var kind, field []byte
	d.members(func(member []byte) {
		switch string(member) {
		case "type":
			kind = d.text()
		case "field":
			field = d.text()
		}
	})
	if len(field) == 0 {
		return
	}
	i, ok := h.series.agreement.learn(field, guest)
	if !ok {
		return
	}
	switch string(kind) {
	case ledger.RequiredMissing:
		h.day.field(i).n[nRequired]++
	case ledger.DatatypeMismatch:
		h.day.field(i).n[nMalformed]++
		if h.once {
			h.day.field(i).n[nMalformedOnce]++
		}
	}
}
