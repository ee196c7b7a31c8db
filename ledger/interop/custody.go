package interop

import (
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// custody applies the handoff rule to one row and appends what follows from it, in the order withdrawn, offered, accepted.
func (c *converter) custody(s *caseState, v *reading, events []ledger.Event) []ledger.Event {
	if v.stage == "" {
		return events
	}
	if s.stage != "" && v.stage != s.stage && c.p.handsOver() {
		if s.open != nil {
			events = append(events, c.handoff(s, v, "withdrawn", s.open))
		}
		s.open = c.offer(s, v)
		events = append(events, c.handoff(s, v, "offered", s.open))
		c.counts.handoffs++
		c.pairs[[2]string{s.stage, s.open.to.Stage}] = true
	}
	if s.open != nil && !v.queued {
		events = append(events, c.handoff(s, v, "accepted", s.open))
		c.counts.accepted++
		s.open = nil
	}
	own(&s.stage, v.stage)
	own(&s.party, v.party)
	return events
}

// own keeps a value past its row: as a copy, since a value may be a part of a whole record's text.
func own(field *string, value string) {
	if *field != value {
		*field = strings.Clone(value)
	}
}

func (c *converter) offer(s *caseState, v *reading) *offer {
	o := &offer{channel: strings.Clone(v.channel), from: ledger.Party{Stage: s.stage, Party: s.party}, to: ledger.Party{Stage: strings.Clone(v.stage)}}
	if o.channel == "" {
		o.channel = c.p.Handoff.Channel
	}
	if o.channel == "" {
		o.channel = c.p.Name
	}
	o.id, c.idBuf = eventID(c.idBuf, c.source, s.id, s.rows, "offered")
	return o
}

// handoff makes one event of a handoff. All of them repeat its two ends and its channel; those after the offer carry its id.
func (c *converter) handoff(s *caseState, v *reading, verb string, o *offer) ledger.Event {
	b := append(c.begin(), '{')
	if verb != "offered" {
		b = appendMember(b, "handoff", o.id)
	}
	b = appendParty(b, "from", o.from)
	b = appendParty(b, "to", o.to)
	b = appendMember(b, "channel", o.channel)
	switch verb {
	case "accepted":
		b = appendMember(appendMember(b, "stage", v.stage), "party", v.party)
	case "withdrawn":
		b = appendMember(b, "reason", "left_before_accepted")
	}
	return c.event(s, verb, ledger.Type("handoff", verb), v.at, append(b, '}'))
}

// interaction is the row itself.
func (c *converter) interaction(s *caseState, v *reading, r *row) ledger.Event {
	b := append(c.begin(), '{')
	b = appendMember(b, "activity", v.activity)
	b = appendMember(b, "stage", v.stage)
	b = appendMember(b, "party", v.party)
	b = appendMember(b, "channel", v.channel)
	b = appendMember(b, "status", v.status)
	b = append(appendName(b, "attributes"), '{')
	for _, a := range r.attrs {
		if c.kept(s, a.name) {
			b = appendAttr(b, a)
		}
	}
	if s.rows == 1 {
		for _, a := range r.outer {
			if c.kept(s, a.name) {
				b = appendAttr(b, a)
			}
		}
	}
	return c.event(s, "", ledger.Type("interaction", "recorded"), v.at, append(b, '}', '}'))
}

// kept reports whether a column belongs into data.attributes: listed as payload, or else not told by a role.
func (c *converter) kept(s *caseState, name string) bool {
	if c.p.Payload != nil {
		return slices.Contains(c.p.Payload, name)
	}
	for role, pick := range s.picks {
		if pick > 0 && (*c.columns[role])[pick-1] == name {
			return false
		}
	}
	return true
}

func (c *converter) event(s *caseState, verb, typ string, at time.Time, data []byte) ledger.Event {
	e := ledger.Event{Source: c.source, Type: typ, Subject: s.journey, Time: at, ContentType: "application/json", Data: c.keep(data)}
	e.ID, c.idBuf = eventID(c.idBuf, c.source, s.id, s.rows, verb)
	return e
}

// arenaSize is how much data events share one allocation of.
const arenaSize = 64 << 10

// begin gives room for one event's data at the end of the arena; keep fixes what was written there.
func (c *converter) begin() []byte {
	if cap(c.arena)-len(c.arena) < arenaSize/8 {
		c.arena = make([]byte, 0, arenaSize)
	}
	return c.arena[len(c.arena):]
}

func (c *converter) keep(data []byte) []byte {
	if cap(data) == cap(c.arena)-len(c.arena) { // it did not outgrow the arena
		c.arena = c.arena[:len(c.arena)+len(data)]
	}
	return data[:len(data):len(data)]
}

func appendParty(b []byte, name string, p ledger.Party) []byte {
	b = append(appendName(b, name), '{')
	b = appendMember(b, "stage", p.Stage)
	b = appendMember(b, "party", p.Party)
	return append(b, '}')
}

// usualLayouts are tried in this order; no text fits two of them with different meanings. A time without a zone is taken as UTC.
var usualLayouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999 Z07:00",
	"2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02 15:04:05.999999999 -0700",
	"2006-01-02 15:04",
	"2006-01-02",
}

func parseTime(text string, layouts []string) (t time.Time, err error) {
	for _, layout := range layouts {
		if t, err = time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return t, err
}
