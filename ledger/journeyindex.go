package ledger

// indexFrom is how many handoffs and spans of custody a journey has before it keeps an index of them: below that, looking through is
// cheaper. Some journeys (a shared mailbox, a machine's account) have tens of thousands.
const indexFrom = 64

// journeyIndex answers for a long journey what Find, offeredTo, held and pingPong look through a short one for. It is made of the
// journey alone, as it is asked, and is no part of its state.
type journeyIndex struct {
	of              *Journey        // a copy of the journey makes its own
	handoffs, spans int             // how many are in it
	byID            map[string]int  // handoffs
	senders         map[string]int  // the first handoff that a stage offered
	offers          map[string]int  // open handoffs by the stage they wait for
	holders         map[string]bool // stages that have had custody
}

// indexed is the index, up to date; nil for a short journey.
func (j *Journey) indexed() *journeyIndex {
	if len(j.Handoffs)+len(j.Custody) < indexFrom {
		return nil
	}
	x := j.index
	if x == nil || x.of != j || x.handoffs > len(j.Handoffs) || x.spans > len(j.Custody) {
		x = &journeyIndex{of: j, byID: map[string]int{}, senders: map[string]int{}, offers: map[string]int{}, holders: map[string]bool{}}
		j.index = x
	}
	for ; x.handoffs < len(j.Handoffs); x.handoffs++ {
		h := &j.Handoffs[x.handoffs]
		x.byID[h.ID] = x.handoffs
		if _, there := x.senders[h.Sender.Stage]; !there {
			x.senders[h.Sender.Stage] = x.handoffs
		}
		x.moved(h, None, h.State)
	}
	for ; x.spans < len(j.Custody); x.spans++ {
		x.holders[j.Custody[x.spans].Holder.Stage] = true
	}
	return x
}

func (x *journeyIndex) moved(h *Handoff, from, to HandoffState) {
	if from.Open() {
		x.offers[h.Receiver.Stage]--
	}
	if to.Open() {
		x.offers[h.Receiver.Stage]++
	}
}

// Find is the index of the handoff with an id, -1 where there is none. Like Apply it is for one goroutine at a time.
func (j *Journey) Find(id string) int {
	if x := j.indexed(); x != nil {
		if i, there := x.byID[id]; there {
			return i
		}
		return -1
	}
	for i := len(j.Handoffs) - 1; i >= 0; i-- { // newest first: that is the one most events are about
		if j.Handoffs[i].ID == id {
			return i
		}
	}
	return -1
}

// move takes a handoff to a state.
func (j *Journey) move(i int, to HandoffState) {
	h := &j.Handoffs[i]
	if x := j.indexed(); x != nil {
		x.moved(h, h.State, to)
	}
	h.State = to
}

// offeredTo reports whether an open handoff waits for a stage.
func (j *Journey) offeredTo(stage string) bool {
	if x := j.indexed(); x != nil {
		return x.offers[stage] > 0
	}
	for i := range j.Handoffs {
		if h := &j.Handoffs[i]; h.State.Open() && h.Receiver.Stage == stage {
			return true
		}
	}
	return false
}

// held reports whether a stage has or had custody.
func (j *Journey) held(stage string) bool {
	if x := j.indexed(); x != nil {
		return x.holders[stage]
	}
	for i := range j.Custody {
		if j.Custody[i].Holder.Stage == stage {
			return true
		}
	}
	return false
}

// offeredBefore reports whether a stage offered a handoff before the one with an index.
func (j *Journey) offeredBefore(i int, stage string) bool {
	if x := j.indexed(); x != nil {
		first, there := x.senders[stage]
		return there && first < i
	}
	for k := range i {
		if j.Handoffs[k].Sender.Stage == stage {
			return true
		}
	}
	return false
}
