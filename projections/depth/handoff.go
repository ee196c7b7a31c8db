package depth

import (
	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections"
)

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
