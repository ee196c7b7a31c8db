package depth

import (
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// journey is what the fold keeps of one that is open.
type journey struct {
	id      string
	last    int64 // milliseconds of its last event
	begun   bool
	stage   string // that began it
	day     int32
	offered bool // its first stage has handed it over
	hands   []string
	points  []pointContract
	known   []known
	reading *handoff // viewed, and nobody has acted since
	viewed  int64
	current *handoff // accepted last
}

// known is a field to which the journey has an answer, and since when.
type known struct {
	field    string
	position uint64
}

type pointContract struct{ point, name string }

// funnel is what becomes of journeys that begin at a stage, a form for one.
type funnel struct{ days map[int32]*funnelDay }

type funnelDay struct {
	started, offered uint32
	closed           uint32                // without a handoff: nothing was abandoned there
	fields           [maxFunnel + 1]uint32 // first offers by their number of fields; the last one is more
}

const maxFunnel = 40

// maxKnown bounds what is remembered of one journey.
const maxKnown = 512

func (f *Fold) journey(id string, at int64) *journey {
	j := f.journeys[id]
	if j == nil {
		j = &journey{id: strings.Clone(id)}
		f.journeys[j.id] = j
	}
	j.last = max(j.last, at)
	return j
}

// forget drops a journey and its handoffs: what they counted stays.
func (f *Fold) forget(j *journey) {
	for _, id := range j.hands {
		delete(f.handoffs, handoffKey{j.id, id})
	}
	delete(f.journeys, j.id)
}

func (f *Fold) journeyEvent(r *ledger.Recorded, id, verb string, at int64) {
	switch verb {
	case "started":
		j := f.journey(id, at)
		if j.begun || len(j.hands) > 0 {
			return
		}
		j.begun, j.stage, j.day = true, strings.Clone(r.Facets.Stage), dayOf(at)
		f.funnelDay(j).started++
		f.learnAttributes(j, r)
	case "closed":
		if j := f.journeys[id]; j != nil {
			if j.begun && !j.offered {
				f.funnelDay(j).closed++
			}
			f.forget(j)
		}
	}
}

func (f *Fold) funnelDay(j *journey) *funnelDay {
	u := f.funnels[j.stage]
	if u == nil && len(f.funnels) >= f.o.Series {
		return &funnelDay{} // counted for nobody: stages are as many as names that somebody makes up
	}
	if u == nil {
		u = &funnel{days: map[int32]*funnelDay{}}
		f.funnels[j.stage] = u
	}
	d := u.days[j.day]
	if d == nil {
		d = &funnelDay{}
		u.days[j.day] = d
	}
	return d
}

// leave counts the first handoff of a journey by the stage that began it.
func (f *Fold) leave(j *journey, sender string, fields int) {
	if !j.begun || j.offered || sender != j.stage {
		return
	}
	j.offered = true
	d := f.funnelDay(j)
	d.offered++
	d.fields[min(fields, maxFunnel)]++
}

// acted is an interaction: it ends the time in which an envelope is read, and may say what is known.
func (f *Fold) acted(r *ledger.Recorded, id string, at int64) {
	j := f.journeys[id]
	if j == nil {
		if len(r.Data) == 0 || r.Facets.Activity == "" {
			return
		}
		j = f.journey(id, at)
	}
	j.last = max(j.last, at)
	j.act(r.Facets.Stage, at)
	f.learnAttributes(j, r)
}

// maxParse cuts the time from viewed to the first act: longer than that nobody reads, something else was done.
const maxParse = 30 * 60 * 1000

// act ends the reading of an envelope. Acts of others than the receiver do not.
func (j *journey) act(stage string, at int64) {
	h := j.reading
	if h == nil || stage != "" && stage != h.series.receiver {
		return
	}
	j.reading = nil
	ms := max(0, min(at-j.viewed, maxParse))
	h.day.parse.add(int32(bucketOf(ms)), 1)
	h.day.parseMS += uint64(ms)
}

// learnAttributes notes the names under attributes: what the journey knows from then on.
func (f *Fold) learnAttributes(j *journey, r *ledger.Recorded) {
	if len(r.Data) == 0 || !ledger.IsJSON(r.ContentType) {
		return
	}
	d := reader{data: r.Data}
	d.members(func(name []byte) {
		if string(name) != "attributes" {
			d.raw()
			return
		}
		d.members(func(field []byte) {
			if v := d.raw(); len(v) > 0 && string(v) != "null" {
				j.learn(field, r.Position)
			}
		})
	})
}

func (j *journey) learn(field []byte, position uint64) {
	if len(j.known) >= maxKnown || slices.ContainsFunc(j.known, func(k known) bool { return k.field == string(field) }) {
		return
	}
	j.known = append(j.known, known{string(field), position})
}

// knew reports whether the journey had an answer before a position.
func (j *journey) knew(field string, before uint64) bool {
	return slices.ContainsFunc(j.known, func(k known) bool { return k.field == field && k.position < before })
}

func (f *Fold) suggestion(r *ledger.Recorded, id, verb string, at int64) {
	j := f.journeys[id]
	if j == nil {
		return
	}
	j.last = max(j.last, at)
	switch verb {
	case "shown":
		if h := f.handoffs[handoffKey{id, r.Facets.Handoff}]; h != nil {
			h.shown = true
			h.judge()
		}
	case "accepted", "modified", "dismissed":
		j.act("", at)
	}
}

// question tells what was asked again: the split of definition 3 of the depth practices. A field that was delivered as junk is neither lost nor ignored.
func (f *Fold) question(r *ledger.Recorded, id, verb string, at int64) {
	j := f.journeys[id]
	if j == nil {
		return
	}
	j.last = max(j.last, at)
	if verb == "answered" {
		f.learnAttributes(j, r)
		if r.Facets.Field == "" {
			return
		}
		j.learn([]byte(r.Facets.Field), r.Position)
		if h := f.handoffs[handoffKey{id, r.Facets.Handoff}]; h != nil && h.series.agreement.alias[r.Facets.Field] != "" {
			j.learn([]byte(h.series.agreement.alias[r.Facets.Field]), r.Position) // what other contracts call it
		}
		return
	}
	if verb != "asked" {
		return
	}
	j.act(r.Facets.Stage, at)
	h := f.handoffs[handoffKey{id, r.Facets.Handoff}]
	if h == nil {
		h = j.current
	}
	if h == nil || h.accepted == 0 || r.Facets.Field == "" {
		return
	}
	h.asked(j, r.Facets.Field)
}

func (h *handoff) asked(j *journey, name string) {
	a := h.series.agreement
	i, ok := a.learn([]byte(name), guest)
	if !ok {
		return
	}
	h.day.asked++
	c := h.carried(i)
	known := j.knew(name, h.accepted) || a.alias[name] != "" && j.knew(a.alias[name], h.accepted)
	class := nNew
	switch {
	case c != nil && c.flags&wasDelivered != 0 && c.flags&isJunk == 0:
		class = nIgnored
	case known && c != nil && c.flags&wasDelivered != 0:
		class = nGamed
	case known:
		class = nLost
		if !h.lost {
			h.lost = true
			h.day.lostHandoffs++
		}
	}
	if class != nNew {
		h.day.askedAgain++
	}
	h.day.field(i).n[class]++
}
