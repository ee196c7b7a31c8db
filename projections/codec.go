package projections

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// rowVersion is the first byte of every journey row.
const rowVersion = 1

// row is what the database keeps of a journey: the fold's state, and what the fold does not say.
type row struct {
	First   uint64    // position of its first event
	LastAct time.Time // latest occurred time of a fact that is not against the rules of custody
	Journey ledger.Journey
}

// encoder writes a row. Times are seconds from the journey's start; a text that stands before is a number, so that the same bytes
// always come of the same state.
type encoder struct {
	buf   []byte
	base  int64
	texts []string
	index map[string]int // of texts, once there are many
}

// manyTexts is from where a map finds a text sooner than a look at all of them.
const manyTexts = 24

// encode appends the row's bytes to buf.
func (r *row) encode(buf []byte) []byte {
	j := &r.Journey
	e := encoder{buf: append(buf, rowVersion), base: j.Started.Unix(), texts: make([]string, 0, 32)}
	e.int(e.base)
	e.uint(r.First)
	e.time(r.LastAct)
	e.text(j.ID)
	e.uint(j.Revision)
	e.uint(j.Overlay)
	e.uint(j.Position)
	e.uint(uint64(j.Events))
	for _, t := range []time.Time{j.Started, j.Last, j.Recorded, j.Closed} {
		e.time(t)
	}
	for _, s := range []string{j.Outcome, j.Activity, j.Status, j.Channel, j.Stage, j.Party} {
		e.text(s)
	}
	e.uint(uint64(len(j.Handoffs)))
	for i := range j.Handoffs {
		e.handoff(&j.Handoffs[i])
	}
	e.uint(uint64(len(j.Custody)))
	for i := range j.Custody {
		e.party(j.Custody[i].Holder)
		e.time(j.Custody[i].From)
		e.time(j.Custody[i].Until)
		e.text(j.Custody[i].Handoff)
	}
	e.uint(uint64(len(j.Anomalies)))
	for i := range j.Anomalies {
		a := &j.Anomalies[i]
		e.text(a.Name)
		e.uint(a.Position)
		e.uint(a.Revision)
		e.text(a.Handoff)
		e.text(a.Stage)
	}
	e.uint(uint64(len(j.Links)))
	for _, l := range j.Links {
		e.text(l)
	}
	return e.buf
}

func (e *encoder) handoff(h *ledger.Handoff) {
	e.text(h.ID)
	e.text(string(h.State))
	e.party(h.Sender)
	e.party(h.Receiver)
	e.text(h.Channel)
	e.uint(h.Position)
	e.uint(h.Revision)
	e.party(h.AcceptedBy)
	for _, t := range [...]*time.Time{&h.Offered, &h.Delivered, &h.Viewed, &h.Accepted, &h.FirstAct, &h.LastAct, &h.Ended} {
		e.time(*t)
	}
	e.text(h.Outcome)
	e.text(h.Reason)
	e.text(h.PingPong)
	held := uint64(0)
	if h.SenderHeld {
		held = 1
	}
	e.uint(held)
}

func (e *encoder) party(p ledger.Party) {
	e.text(p.Stage)
	e.text(p.Party)
	e.text(p.Kind)
}

func (e *encoder) uint(v uint64) { e.buf = binary.AppendUvarint(e.buf, v) }
func (e *encoder) int(v int64)   { e.buf = binary.AppendVarint(e.buf, v) }

// text writes 0 for "", 1 and the text for a new one, and 2 + n for the n-th new one.
func (e *encoder) text(s string) {
	if s == "" {
		e.buf = append(e.buf, 0)
		return
	}
	if n := e.find(s); n >= 0 {
		e.uint(uint64(n) + 2)
		return
	}
	e.texts = append(e.texts, s)
	if e.index != nil {
		e.index[s] = len(e.texts) - 1
	}
	e.buf = append(e.buf, 1)
	e.uint(uint64(len(s)))
	e.buf = append(e.buf, s...)
}

func (e *encoder) find(s string) int {
	if e.index == nil && len(e.texts) >= manyTexts {
		e.index = make(map[string]int, 4*manyTexts)
		for i, t := range e.texts {
			e.index[t] = i
		}
	}
	if e.index != nil {
		if n, ok := e.index[s]; ok {
			return n
		}
		return -1
	}
	for i, t := range e.texts {
		if t == s {
			return i
		}
	}
	return -1
}

// Bits of the byte before a time.
const (
	timePresent = 1 << iota
	timeNanos
	timeOffset
)

func (e *encoder) time(t time.Time) {
	if t.IsZero() {
		e.buf = append(e.buf, 0)
		return
	}
	flags, nanos := byte(timePresent), t.Nanosecond()
	_, offset := t.Zone()
	if nanos != 0 {
		flags |= timeNanos
	}
	if offset != 0 {
		flags |= timeOffset
	}
	e.buf = append(e.buf, flags)
	e.int(t.Unix() - e.base)
	if nanos != 0 {
		e.uint(uint64(nanos))
	}
	if offset != 0 {
		e.int(int64(offset / 60))
	}
}

// damaged is the error of stored bytes that cannot be read.
func damaged(what string) error {
	return ledger.Errorf(ledger.CodeCorrupt, "read models", "stop the server and remove the data directory's models folder: the ledger has all that is needed to build it again",
		"%s of the read models cannot be read", strings.TrimSpace(what))
}
