package projections

import (
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// decoder reads a row. Its texts are parts of one string, made of all the row's bytes. After the first malformed field it
// yields zero values, and bad is set.
type decoder struct {
	s     string
	base  int64
	texts []string
	bad   bool
}

// decodeRow is the inverse of row.encode.
func decodeRow(b []byte) (*row, error) {
	d := decoder{s: string(b), texts: make([]string, 0, 16)}
	if len(b) == 0 || b[0] != rowVersion {
		return nil, damaged("a journey")
	}
	d.s = d.s[1:]
	r := new(row)
	d.journey(r)
	if d.bad || d.s != "" {
		return nil, damaged("journey " + r.Journey.ID)
	}
	return r, nil
}

func (d *decoder) journey(r *row) {
	j := &r.Journey
	d.base = d.int()
	r.First = d.uint()
	r.LastAct = d.time()
	j.ID = d.text()
	j.Revision, j.Overlay, j.Position, j.Events = d.uint(), d.uint(), d.uint(), int(d.uint())
	for _, t := range []*time.Time{&j.Started, &j.Last, &j.Recorded, &j.Closed} {
		*t = d.time()
	}
	for _, s := range []*string{&j.Outcome, &j.Activity, &j.Status, &j.Channel, &j.Stage, &j.Party} {
		*s = d.text()
	}
	j.Handoffs = list[ledger.Handoff](d)
	for i := range j.Handoffs {
		d.handoff(&j.Handoffs[i])
	}
	j.Custody = list[ledger.Span](d)
	for i := range j.Custody {
		j.Custody[i] = ledger.Span{Holder: d.party(), From: d.time(), Until: d.time(), Handoff: d.text()}
	}
	j.Anomalies = list[ledger.Anomaly](d)
	for i := range j.Anomalies {
		j.Anomalies[i] = ledger.Anomaly{Name: d.text(), Position: d.uint(), Revision: d.uint(), Handoff: d.text(), Stage: d.text()}
	}
	j.Links = list[string](d)
	for i := range j.Links {
		j.Links[i] = d.text()
	}
}

func (d *decoder) handoff(h *ledger.Handoff) {
	h.ID, h.State = d.text(), ledger.HandoffState(d.text())
	h.Sender, h.Receiver = d.party(), d.party()
	h.Channel, h.Position, h.Revision = d.text(), d.uint(), d.uint()
	h.AcceptedBy = d.party()
	for _, t := range [...]*time.Time{&h.Offered, &h.Delivered, &h.Viewed, &h.Accepted, &h.FirstAct, &h.LastAct, &h.Ended} {
		*t = d.time()
	}
	h.Outcome, h.Reason, h.PingPong = d.text(), d.text(), d.text()
	h.SenderHeld = d.uint() == 1
}

// list makes a slice of as many elements as are announced, nil for none; each takes a byte at least, so damage cannot ask for more memory.
func list[T any](d *decoder) []T {
	n := d.uint()
	if n > uint64(len(d.s)) {
		d.fail()
		return nil
	}
	if n == 0 {
		return nil
	}
	return make([]T, n, n+n/4+1)
}

func (d *decoder) party() ledger.Party {
	return ledger.Party{Stage: d.text(), Party: d.text(), Kind: d.text()}
}

func (d *decoder) fail() { d.s, d.bad = "", true }

func (d *decoder) uint() uint64 {
	var x uint64
	for i := 0; i < len(d.s) && i < 10; i++ {
		x |= uint64(d.s[i]&0x7f) << (7 * i)
		if d.s[i] < 0x80 {
			d.s = d.s[i+1:]
			return x
		}
	}
	d.fail()
	return 0
}

func (d *decoder) int() int64 {
	x := d.uint()
	return int64(x>>1) ^ -int64(x&1)
}

func (d *decoder) text() string {
	switch n := d.uint(); {
	case n == 0:
		return ""
	case n == 1:
		size := d.uint()
		if size > uint64(len(d.s)) {
			d.fail()
			return ""
		}
		s := d.s[:size]
		d.s, d.texts = d.s[size:], append(d.texts, s)
		return s
	case n-2 < uint64(len(d.texts)):
		return d.texts[n-2]
	}
	d.fail()
	return ""
}

func (d *decoder) time() time.Time {
	if d.s == "" {
		d.fail()
		return time.Time{}
	}
	flags := d.s[0]
	if d.s = d.s[1:]; flags == 0 {
		return time.Time{}
	}
	seconds, nanos, zone := d.base+d.int(), int64(0), time.UTC
	if flags&timeNanos != 0 {
		nanos = int64(d.uint())
	}
	if flags&timeOffset != 0 {
		zone = time.FixedZone("", int(d.int())*60)
	}
	return time.Unix(seconds, nanos).In(zone)
}
