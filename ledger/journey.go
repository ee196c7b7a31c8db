package ledger

import (
	"strings"
	"time"
)

// Names of anomalies that are not illegal moves of one handoff (for those see Move). They are found without a clock; what needs one
// (dropped, orphaned) is for the custody report.
const (
	AnomalyZombie         = "zombie"                  // a former owner acts
	AnomalyOutsider       = "acted_without_custody"   // somebody acts who never had custody and was not offered it
	AnomalyDoubled        = "doubled"                 // custody is accepted from somebody who has given it to another already
	AnomalyNoCustody      = "offered_without_custody" // the sender did not hold what it offers
	AnomalyOther          = "accepted_by_other"       // accepted by another stage than it was offered to
	AnomalyUnknownHandoff = "unknown_handoff"         // an overlay event about a handoff the journey has not seen
	AnomalyAfterClose     = "act_after_close"         // something happens in a closed journey; it counts as open again
)

// Anomaly is something that the rules of custody do not allow and the world did all the same.
type Anomaly struct {
	Name     string `json:"name"`
	Position uint64 `json:"position"`
	Revision uint64 `json:"revision"` // of the stream the event is in
	Handoff  string `json:"handoff,omitempty"`
	Stage    string `json:"stage,omitempty"` // who
}

// Span is one time of custody: who held the journey, from when, by which handoff ("" for who began it).
type Span struct {
	Holder  Party     `json:"holder"`
	From    time.Time `json:"from"`
	Until   time.Time `json:"until,omitzero"` // zero: still held
	Handoff string    `json:"handoff,omitempty"`
}

// Journey is the state of one journey: the fold of its two streams in position order, from the zero value. At any moment it has at most one
// owner. It holds no data values, only facets.
type Journey struct {
	ID        string    `json:"id"`
	Revision  uint64    `json:"revision"`           // of the journey's stream
	Overlay   uint64    `json:"overlay_revision"`   // of its overlay stream
	Position  uint64    `json:"position"`           // of the last event of either
	Events    int       `json:"events"`             // of both
	Started   time.Time `json:"started_at"`         // earliest occurred time
	Last      time.Time `json:"last_at"`            // latest occurred time
	Recorded  time.Time `json:"recorded_at"`        // recorded time of the last event
	Closed    time.Time `json:"closed_at,omitzero"` // zero: open
	Outcome   string    `json:"outcome,omitempty"`
	Activity  string    `json:"activity,omitempty"` // of the last interaction, as are the next four
	Status    string    `json:"status,omitempty"`
	Channel   string    `json:"channel,omitempty"`
	Stage     string    `json:"stage,omitempty"`
	Party     string    `json:"party,omitempty"`
	Custody   []Span    `json:"custody"`
	Handoffs  []Handoff `json:"handoffs"`
	Anomalies []Anomaly `json:"anomalies"`
	Links     []string  `json:"links,omitempty"` // other journeys

	index *journeyIndex // of a long one
}

// Change says what one event did to a journey, for read models that count.
type Change struct {
	Handoff   int          // index of the handoff it moved, -1 for none
	From      HandoffState // that handoff's state before
	New       bool         // the handoff was not known before
	Anomalies []Anomaly    // found by this event
	PrevStage string       // stage and party of the interaction before this one, where this is one and not the first
	PrevParty string
}

// Owner is who holds the journey now: the zero Party before anybody acted.
func (j *Journey) Owner() Party {
	if len(j.Custody) == 0 {
		return Party{}
	}
	return j.Custody[len(j.Custody)-1].Holder
}

// IsOpen reports whether the journey goes on.
func (j *Journey) IsOpen() bool { return j.Closed.IsZero() }

// Apply folds one event of the journey's streams. It reads the header and place of the event, never its data, and no clock: the
// same events in the same order give the same state. Strings it keeps are copies.
func (j *Journey) Apply(r *Recorded) Change {
	category, id := SplitStream(r.Stream)
	at, change := r.Occurred(), Change{Handoff: -1}
	if j.Events == 0 {
		j.ID, j.Started = strings.Clone(id), at
	}
	if category == CategoryOverlay {
		j.Overlay = r.Revision
	} else {
		j.Revision = r.Revision
	}
	j.Events++
	j.Position, j.Recorded = r.Position, r.RecordedTime
	if at.Before(j.Started) {
		j.Started = at
	}
	if at.After(j.Last) {
		j.Last = at
	}
	found := len(j.Anomalies)
	switch family, verb := SplitType(r.Type); family {
	case "journey":
		j.life(r, verb, at)
	case "interaction":
		change.PrevStage, change.PrevParty = j.Stage, j.Party
		j.act(r, at)
	case "handoff":
		j.handoff(r, HandoffState(verb), at, &change)
	}
	change.Anomalies = j.Anomalies[found:]
	return change
}

func (j *Journey) life(r *Recorded, verb string, at time.Time) {
	switch verb {
	case "started":
		keep(&j.Channel, r.Facets.Channel)
		if holder := actor(r); holder.Stage != "" && len(j.Custody) == 0 {
			j.hold(holder, at, "")
		}
	case "linked":
		j.Links = append(j.Links, strings.Clone(r.Facets.Journey))
	case "closed":
		j.Closed = at
		keep(&j.Outcome, r.Facets.Outcome)
	}
}

// act folds an interaction: the first stage to act holds the journey; after that only the owner, and the receiver of an
// open offer, act within the rules.
func (j *Journey) act(r *Recorded, at time.Time) {
	j.reopen(r, "")
	keep(&j.Activity, r.Facets.Activity)
	keep(&j.Status, r.Facets.Status)
	keep(&j.Channel, r.Facets.Channel)
	j.Stage, j.Party = strings.Clone(r.Facets.Stage), strings.Clone(r.Facets.Party)
	stage := r.Facets.Stage
	switch owner := j.Owner(); {
	case stage == "":
	case owner.IsZero():
		j.hold(actor(r), at, "")
	case owner.Stage == stage:
		j.touch(at)
	case j.offeredTo(stage):
	case j.held(stage):
		j.flag(AnomalyZombie, r, "")
	default:
		j.flag(AnomalyOutsider, r, "")
	}
}

// reopen notes that a closed journey goes on.
func (j *Journey) reopen(r *Recorded, handoff string) {
	if !j.IsOpen() {
		j.flag(AnomalyAfterClose, r, handoff)
		j.Closed, j.Outcome = time.Time{}, ""
	}
}

// touch notes an act of the owner on the handoff that gave it custody.
func (j *Journey) touch(at time.Time) {
	by := j.Custody[len(j.Custody)-1].Handoff
	if by == "" {
		return
	}
	if i := j.Find(by); i >= 0 {
		h := &j.Handoffs[i]
		if h.FirstAct.IsZero() {
			h.FirstAct = at
		}
		h.LastAct = at
	}
}

// handoff folds one verb about one handoff.
func (j *Journey) handoff(r *Recorded, verb HandoffState, at time.Time, change *Change) {
	id := r.Facets.Handoff
	if verb == Offered {
		id = r.ID
	}
	i := j.Find(id)
	if i < 0 {
		if InOverlay(r.Type) {
			j.flag(AnomalyUnknownHandoff, r, id)
			return
		}
		i = j.open(r, id)
		change.New = true
	}
	h := &j.Handoffs[i]
	next, anomaly := Move(h.State, verb)
	change.Handoff, change.From = i, h.State
	if anomaly != "" {
		j.flag(anomaly, r, id)
		if h.State != None {
			return
		}
	}
	j.move(i, next)
	h.stamp(verb, at)
	keep(&h.Outcome, r.Facets.Outcome)
	keep(&h.Reason, r.Facets.Reason)
	switch verb {
	case Offered:
		j.reopen(r, id)
		j.offered(r, i)
	case Accepted:
		j.reopen(r, id)
		j.accepted(r, i, at)
	case Returned:
		j.hold(h.Sender, at, h.ID)
	}
}

// open adds a handoff the journey has not seen, with what the event says of its ends.
func (j *Journey) open(r *Recorded, id string) int {
	f := &r.Facets
	j.Handoffs = append(j.Handoffs, Handoff{
		ID:       strings.Clone(id),
		Sender:   party(f.Sender, f.SenderParty, f.SenderKind),
		Receiver: party(f.Receiver, f.ReceiverParty, f.ReceiverKind),
		Channel:  strings.Clone(f.Channel),
		Position: r.Position, Revision: r.Revision,
	})
	return len(j.Handoffs) - 1
}

func (j *Journey) offered(r *Recorded, i int) {
	h := &j.Handoffs[i]
	if owner := j.Owner(); owner.IsZero() {
		j.hold(h.Sender, h.Offered, "")
	}
	h.SenderHeld = j.Owner().Stage == h.Sender.Stage
	if !h.SenderHeld {
		j.flag(AnomalyNoCustody, r, h.ID)
	}
	h.PingPong = j.pingPong(i)
}

// pingPong looks at the sequence of stages that work was offered along: is the receiver an earlier one? (Celonis' direct and indirect
// ping-pong; BPI Challenge 2013 calls it bouncing.)
func (j *Journey) pingPong(i int) string {
	receiver := j.Handoffs[i].Receiver.Stage
	if i > 0 && j.Handoffs[i-1].Sender.Stage == receiver && receiver != j.Handoffs[i].Sender.Stage {
		return "direct"
	}
	if receiver != j.Handoffs[i].Sender.Stage && j.offeredBefore(i-1, receiver) {
		return "indirect"
	}
	return ""
}

func (j *Journey) accepted(r *Recorded, i int, at time.Time) {
	h := &j.Handoffs[i]
	by := actor(r)
	if by.Stage == "" {
		by.Stage = h.Receiver.Stage
	}
	if by.Party == "" {
		by.Party = h.Receiver.Party
	}
	if by.Kind == "" {
		by.Kind = h.Receiver.Kind
	}
	h.AcceptedBy = by
	if h.Receiver.Stage != "" && by.Stage != h.Receiver.Stage {
		j.flag(AnomalyOther, r, h.ID)
	}
	if h.SenderHeld && j.Owner().Stage != h.Sender.Stage {
		j.flag(AnomalyDoubled, r, h.ID)
	}
	j.hold(by, at, h.ID)
}

// hold gives custody to a party. Where nothing is known of it (a return of a handoff whose offer was never seen), custody stays where it was.
func (j *Journey) hold(p Party, at time.Time, handoff string) {
	if p.IsZero() {
		return
	}
	if n := len(j.Custody); n > 0 {
		j.Custody[n-1].Until = at
	}
	j.Custody = append(j.Custody, Span{Holder: p, From: at, Handoff: handoff})
}

func (j *Journey) flag(name string, r *Recorded, handoff string) {
	stage := r.Facets.Stage
	if stage == "" && handoff != "" && name == AnomalyNoCustody {
		stage = r.Facets.Sender
	}
	j.Anomalies = append(j.Anomalies, Anomaly{Name: name, Position: r.Position, Revision: r.Revision,
		Handoff: strings.Clone(handoff), Stage: strings.Clone(stage)})
}

func actor(r *Recorded) Party { return party(r.Facets.Stage, r.Facets.Party, r.Facets.Kind) }

func party(stage, name, kind string) Party {
	return Party{Stage: strings.Clone(stage), Party: strings.Clone(name), Kind: strings.Clone(kind)}
}

// keep replaces a value by a newer one that says something.
func keep(field *string, value string) {
	if value != "" && *field != value {
		*field = strings.Clone(value)
	}
}
