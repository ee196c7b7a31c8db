package depth

import (
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

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
