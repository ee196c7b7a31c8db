package projections

import (
	"cmp"
	"encoding/binary"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Indexes of the counters of a point. The totals have the same for all points together, and those of the journeys after them.
const (
	countHandoffs = iota
	countOffered
	countAccepted
	countWaiting
	countDeclined
	countExpired
	countWithdrawn
	countCompleted
	countReturned
	countFailed
	countDirect
	countIndirect

	countEvents       = 20 // of the whole ledger
	countInteractions = 21
	countJourneys     = 22
	countOpenJourneys = 23
	countBounced      = 24 // journeys with a ping-pong

	histogramQueue    = 64 // offered to accepted
	histogramFirstAct = histogramQueue + 512
	histogramWork     = histogramFirstAct + 512 // accepted to completed
	histogramEndToEnd = histogramWork + 512     // offered to completed
	histogramJourney  = histogramEndToEnd + 512 // started to closed, totals only
)

// Indexes of the counters of an anomaly's name.
const (
	countInstances = iota
	countInJourneys
)

// Names of anomalies of this package's own, beside those of package ledger.
const (
	AnomalyPingPongDirect   = "ping_pong_direct"   // A→B→A
	AnomalyPingPongIndirect = "ping_pong_indirect" // back to an earlier stage with more than one between
)

var stateCounts = map[ledger.HandoffState]uint32{
	ledger.Offered: countWaiting, ledger.Delivered: countWaiting, ledger.Viewed: countWaiting,
	ledger.Declined: countDeclined, ledger.Expired: countExpired, ledger.Withdrawn: countWithdrawn,
	ledger.Completed: countCompleted, ledger.Returned: countReturned, ledger.Failed: countFailed,
}

// countHandoff adds n (1, or -1 to take it back) of what a handoff is worth to the counters of its point or to the totals.
func (s *sums) countHandoff(h *ledger.Handoff, n int64) {
	s.add(countHandoffs, n)
	if i, ok := stateCounts[h.State]; ok {
		s.add(i, n)
	}
	switch h.PingPong {
	case "direct":
		s.add(countDirect, n)
	case "indirect":
		s.add(countIndirect, n)
	}
	offered, accepted := !h.Offered.IsZero(), !h.Accepted.IsZero()
	completed := h.State == ledger.Completed
	if offered {
		s.add(countOffered, n)
	}
	if accepted {
		s.add(countAccepted, n)
		if !h.FirstAct.IsZero() {
			s.observe(histogramFirstAct, h.FirstAct.Sub(h.Accepted), n)
		}
		if completed {
			s.observe(histogramWork, h.Ended.Sub(h.Accepted), n)
		}
	}
	if offered && accepted {
		s.observe(histogramQueue, h.Accepted.Sub(h.Offered), n)
	}
	if offered && completed {
		s.observe(histogramEndToEnd, h.Ended.Sub(h.Offered), n)
	}
}

// How a wait ended: the byte before the point in an ended wait's value.
const (
	waitAccepted = 'a'
	waitAnswered = 'e' // completed or returned without having been accepted
	waitClosed   = 'c' // the journey closed before anybody answered
)

// answers are the other ways.
var answers = map[ledger.HandoffState]byte{ledger.Declined: 'd', ledger.Withdrawn: 'w', ledger.Expired: 'x', ledger.Failed: 'f'}

// waitEntry gives the index entry of an offer: under spaceWaiting while it waits, under spaceWaited from then on, none for a handoff
// that was never offered.
func waitEntry(h *ledger.Handoff, journey string, closed time.Time) (key, value []byte) {
	point := h.Point()
	end, how := closed, byte(waitClosed)
	switch {
	case h.Offered.IsZero():
		return nil, nil
	case !h.Accepted.IsZero():
		end, how = h.Accepted, waitAccepted
	case !h.Ended.IsZero():
		end, how = h.Ended, cmp.Or(answers[h.State], waitAnswered)
	case closed.IsZero():
		key = appendTime(append(make([]byte, 0, 96), spaceWaiting), h.Offered)
		return appendText(appendText(key, journey), h.ID), []byte(point)
	}
	key = binary.BigEndian.AppendUint64(append(make([]byte, 0, 96), spaceWaited), ^uint64(max(0, end.Sub(h.Offered))))
	return appendText(appendText(key, journey), h.ID), append(appendTime([]byte{how}, h.Offered), point...)
}

// idleEntry gives the index entry of an open journey whose owner nobody is about to relieve, by the last act in it: nil where
// it is closed, has no owner, or an offer is open (then the wait counts, not the idleness).
func (r *row) idleEntry() (key, value []byte) {
	j := &r.Journey
	if !j.IsOpen() || j.Owner().IsZero() {
		return nil, nil
	}
	by := j.Custody[len(j.Custody)-1].Handoff
	for i := range j.Handoffs {
		switch h := &j.Handoffs[i]; {
		case h.State.Open():
			return nil, nil
		case by != "" && h.ID == by:
			value = []byte(h.Point())
		}
	}
	key = appendTime(append(make([]byte, 0, 64), spaceIdle), r.LastAct)
	return appendText(key, j.ID), value
}

// pingPongName is the anomaly's name for a handoff's ping-pong.
func pingPongName(h *ledger.Handoff) string {
	switch h.PingPong {
	case "direct":
		return AnomalyPingPongDirect
	case "indirect":
		return AnomalyPingPongIndirect
	}
	return ""
}

// against reports whether an anomaly is an act that the rules of custody do not give its party: it does not keep a journey from being idle.
func against(found []ledger.Anomaly) bool {
	for i := range found {
		if found[i].Name == ledger.AnomalyZombie || found[i].Name == ledger.AnomalyOutsider {
			return true
		}
	}
	return false
}
