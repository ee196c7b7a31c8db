package projections

import (
	"bytes"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// entry is a journey in memory: its row, and while it has changes that are not in the database, what the database says of it.
// The difference of the two is what a flush writes, so that a journey costs the same whether one event or a hundred came.
type entry struct {
	row  row
	size int // estimated bytes in memory

	dirty  bool
	before shape
	old    []oldHandoff // handoffs of before that have changed since

	older, newer *entry // neighbours by last use
}

// shape is what the indexes and counters of a journey depend on, beside its handoffs.
type shape struct {
	known     bool
	started   time.Time
	closed    time.Time
	owner     string
	idleKey   []byte
	idleValue []byte
	handoffs  int
	anomalies int
}

type oldHandoff struct {
	index int
	was   ledger.Handoff
}

// begin notes the state before the first change after a flush.
func (e *entry) begin() {
	j := &e.row.Journey
	e.dirty = true
	e.before = shape{known: j.Events > 0, started: j.Started, closed: j.Closed, owner: j.Owner().Stage,
		handoffs: len(j.Handoffs), anomalies: len(j.Anomalies)}
	e.before.idleKey, e.before.idleValue = e.row.idleEntry()
}

// touch keeps a handoff as it was before its first change. Handoffs that are new since begin have no before.
func (e *entry) touch(i int) {
	if i < 0 || i >= e.before.handoffs {
		return
	}
	for k := range e.old {
		if e.old[k].index == i {
			return
		}
	}
	e.old = append(e.old, oldHandoff{i, e.row.Journey.Handoffs[i]})
}

// touchFor keeps the handoff that an event is about to change: the one it names, or, for an interaction, the one that gave custody, whose
// first act this may be.
func (e *entry) touchFor(r *ledger.Recorded, family, verb string) {
	j := &e.row.Journey
	id := ""
	switch {
	case family == "handoff" && verb == string(ledger.Offered):
		id = r.ID
	case family == "handoff":
		id = r.Facets.Handoff
	case family == "interaction" && len(j.Custody) > 0:
		if id = j.Custody[len(j.Custody)-1].Handoff; id == "" {
			return
		}
	default:
		return
	}
	e.touch(j.Find(id))
}

// write puts the difference between the row and the database into the folder's batch and counters, and makes the entry clean.
func (e *entry) write(f *folder) {
	j := &e.row.Journey
	if !e.before.known {
		f.totals.add(countJourneys, 1)
		f.totals.add(countOpenJourneys, 1)
		f.set(positionKey(spaceFirst, e.row.First), []byte(j.ID))
	}
	e.writeLife(f)
	for i := range e.old {
		f.diffHandoff(j, &e.old[i].was, e.before.closed, &j.Handoffs[e.old[i].index])
	}
	for i := e.before.handoffs; i < len(j.Handoffs); i++ {
		h := &j.Handoffs[i]
		f.set(textKey(spaceHandoff, h.ID, j.ID), nil)
		f.set(positionKey(spacePosition, h.Position), []byte(j.ID))
		f.set(pointedKey(h, h.Position), []byte(j.ID))
		f.diffHandoff(j, nil, time.Time{}, h)
	}
	e.writeOwner(f)
	e.writeAnomalies(f)
	f.row = e.row.encode(f.row[:0])
	f.set(textKey(spaceJourney, j.ID), f.row)
	e.dirty, e.before, e.size = false, shape{}, estimate(j)
	e.old = nil
}

// writeLife counts open journeys and their duration. A journey that closes or opens again moves the offers that wait in it.
func (e *entry) writeLife(f *folder) {
	j, b := &e.row.Journey, &e.before
	if !b.closed.Equal(j.Closed) {
		for i := range b.handoffs {
			if j.Handoffs[i].State.Open() {
				e.touch(i)
			}
		}
	} else if b.started.Equal(j.Started) {
		return
	}
	if !b.closed.IsZero() {
		f.totals.add(countOpenJourneys, 1)
		f.totals.observe(histogramJourney, b.closed.Sub(b.started), -1)
	}
	if !j.Closed.IsZero() {
		f.totals.add(countOpenJourneys, -1)
		f.totals.observe(histogramJourney, j.Closed.Sub(j.Started), 1)
	}
}

func (e *entry) writeOwner(f *folder) {
	j, b := &e.row.Journey, &e.before
	if owner := j.Owner().Stage; owner != b.owner {
		if b.owner != "" {
			f.delete(textKey(spaceStage, b.owner, j.ID))
		}
		if owner != "" {
			f.set(textKey(spaceStage, owner, j.ID), nil)
		}
	}
	key, value := e.row.idleEntry()
	f.move(b.idleKey, b.idleValue, key, value)
}

// writeAnomalies lists and counts what is new: anomalies, and the ping-pong of new handoffs.
func (e *entry) writeAnomalies(f *folder) {
	j, b := &e.row.Journey, &e.before
	var seen map[string]bool
	if len(j.Anomalies) > b.anomalies {
		seen = make(map[string]bool)
		for i := range b.anomalies {
			seen[j.Anomalies[i].Name] = true
		}
		for _, a := range j.Anomalies[b.anomalies:] {
			f.anomaly(a.Name, j.ID, a.Position, !seen[a.Name])
			seen[a.Name] = true
		}
	}
	bounced := map[string]bool(nil)
	for i := b.handoffs; i < len(j.Handoffs); i++ {
		name := pingPongName(&j.Handoffs[i])
		if name == "" {
			continue
		}
		if bounced == nil {
			bounced = make(map[string]bool)
			for k := range b.handoffs {
				bounced[pingPongName(&j.Handoffs[k])] = true
			}
			if !bounced[AnomalyPingPongDirect] && !bounced[AnomalyPingPongIndirect] {
				f.totals.add(countBounced, 1)
			}
		}
		f.anomaly(name, j.ID, j.Handoffs[i].Position, !bounced[name])
		bounced[name] = true
	}
}

// diffHandoff replaces what a handoff was by what it is, in the counters and among the waits. was is nil for a new one.
func (f *folder) diffHandoff(j *ledger.Journey, was *ledger.Handoff, closed time.Time, h *ledger.Handoff) {
	point := f.counter(spacePoint, h.Sender.Stage, h.Receiver.Stage, h.Channel)
	var oldKey, oldValue []byte
	if was != nil {
		point.countHandoff(was, -1)
		f.totals.countHandoff(was, -1)
		oldKey, oldValue = waitEntry(was, j.ID, closed)
	}
	first := was == nil || was.Offered.IsZero()
	if first && !h.Offered.IsZero() && h.Sender.Stage != "" && h.Receiver.Stage != "" {
		f.network(levelOffered, h.Sender.Stage, h.Receiver.Stage)
	}
	if first && !h.Offered.IsZero() {
		f.counter(spaceVolume, h.Sender.Stage, h.Receiver.Stage, h.Channel).add(dayOf(h.Offered), 1)
	}
	point.countHandoff(h, 1)
	f.totals.countHandoff(h, 1)
	key, value := waitEntry(h, j.ID, j.Closed)
	f.move(oldKey, oldValue, key, value)
}

// move replaces one index entry by another; either may be nil.
func (f *folder) move(oldKey, oldValue, key, value []byte) {
	if bytes.Equal(oldKey, key) && bytes.Equal(oldValue, value) {
		return
	}
	if oldKey != nil && !bytes.Equal(oldKey, key) {
		f.delete(oldKey)
	}
	if key != nil {
		f.set(key, value)
	}
}

// estimate of the memory a journey takes, in bytes.
func estimate(j *ledger.Journey) int {
	return 1024 + 640*len(j.Handoffs) + 160*len(j.Custody) + 128*len(j.Anomalies) + 48*len(j.Links)
}
