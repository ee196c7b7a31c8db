package brief

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/replay"
)

// Snapshots are the four states of a handoff's context, and what went missing between them. A snapshot that nobody recorded is absent.
type Snapshots struct {
	Journey  string              `json:"journey"`
	Handoff  string              `json:"handoff"`
	State    ledger.HandoffState `json:"state"`
	Point    string              `json:"point"`
	Schema   string              `json:"dataschema,omitempty"` // that the offer follows
	Contract *Reference          `json:"contract,omitempty"`
	Accepted time.Time           `json:"accepted_at,omitzero"`

	Offered   *Snapshot `json:"offered,omitempty"`   // what the sender built
	Delivered *Snapshot `json:"delivered,omitempty"` // what the receiver was given
	Viewed    *Snapshot `json:"viewed,omitempty"`    // what it opened
	Used      *Snapshot `json:"used,omitempty"`      // what its outcome refers to

	Missing         []string `json:"missing"`           // mandatory, and said by nobody before the offer
	LeftOut         []string `json:"left_out"`          // listed by the contract (without one: any), said before the offer, and not in it
	Cut             []string `json:"cut"`               // offered and not delivered
	Added           []string `json:"added"`             // delivered and not offered: enrichment
	Late            []string `json:"late"`              // enriched after the handoff was accepted: not known at accept time
	NeverViewed     []string `json:"never_viewed"`      // delivered and not opened
	ViewedNotUsed   []string `json:"viewed_not_used"`   // opened and not used
	UsedWithoutView []string `json:"used_without_view"` // used and not opened
	Lost            string   `json:"lost"`              // where the most fields were lost: before offer (by a contract alone), delivery, viewing; "" nowhere
	Words           []string `json:"words"`             // the same in sentences
}

// Snapshot is one of the four.
type Snapshot struct {
	At        time.Time    `json:"at"`       // when it first was so
	Position  uint64       `json:"position"` // of the last event that counts
	By        []string     `json:"by,omitempty"`
	Fields    []string     `json:"fields"`
	SidePanel []string     `json:"side_panel,omitempty"` // references opened, or offered
	Events    int          `json:"events"`
	Assumed   bool         `json:"assumed,omitempty"` // the event names no fields: all that was offered
	Tokens    int          `json:"tokens,omitempty"`
	Tier      string       `json:"tier,omitempty"`
	Digest    ledger.Hash  `json:"digest"`                    // of an envelope with these fields, see [EnvelopeDigest]
	Declared  *ledger.Hash `json:"envelope_digest,omitempty"` // that a delivery says it has given
	AsOf      uint64       `json:"as_of_position,omitempty"`  // the brief as of it has that digest
}

// AssembleSnapshots reads a journey up to a moment and takes a handoff's context apart. handoff "" is the newest one. Errors are those of [Assemble].
func AssembleSnapshots(ctx context.Context, r ledger.Reader, journey, handoff string, o Options) (Snapshots, error) {
	var events []ledger.Recorded
	for e, err := range replay.Events(ctx, r, journey, o.Moment) {
		if err != nil {
			return Snapshots{}, err
		}
		events = append(events, e)
	}
	return SnapshotsOf(journey, handoff, events, o)
}

// SnapshotsOf is [AssembleSnapshots] over events that were read already.
func SnapshotsOf(journey, handoff string, events []ledger.Recorded, o Options) (Snapshots, error) {
	view := replay.Standing(journey, events)
	if handoff == "" && len(view.Journey.Handoffs) > 0 {
		handoff = view.Journey.Handoffs[len(view.Journey.Handoffs)-1].ID
	}
	i := view.Journey.Find(handoff)
	if i < 0 {
		return Snapshots{}, ledger.Errorf(ledger.CodeNotFound, "snapshots", "look at the handoffs of the journey; a handoff's id is that of its offered event",
			"journey %.80q has no handoff %.80q at %s", journey, handoff, o.Moment)
	}
	h := &view.Journey.Handoffs[i]
	s := &snapper{out: Snapshots{Journey: journey, Handoff: handoff, State: h.State, Point: h.Point(), Accepted: h.Accepted.UTC()}, before: map[string]bool{}}
	if h.Accepted.IsZero() {
		s.out.Accepted = time.Time{}
	}
	for i := range events {
		s.apply(&events[i])
	}
	s.judge(o)
	return s.out, nil
}

// snapper folds the events of a journey for one handoff.
type snapper struct {
	out      Snapshots
	envelope contract.Envelope // offered, and what was enriched since
	offered  []string
	event    ledger.Event    // the offer
	before   map[string]bool // said before the offer
	accept   uint64
	late     map[string]bool
}

// stepData is what is read of the events of a handoff. Members of another shape are left out, each on its own.
type stepData struct {
	Fields     []string
	Used       []string
	SidePanel  []string
	Tier       string
	Tokens     int
	Digest     *ledger.Hash
	AsOf       uint64
	Attributes map[string]json.RawMessage
}

func readStep(data []byte) (d stepData) {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return d
	}
	for name, into := range map[string]any{"fields": &d.Fields, "used": &d.Used, "side_panel": &d.SidePanel, "tier": &d.Tier, "tokens": &d.Tokens, "envelope_digest": &d.Digest, "as_of_position": &d.AsOf,
		"attributes": &d.Attributes} {
		_ = json.Unmarshal(members[name], into)
	}
	return d
}

func (s *snapper) apply(e *ledger.Recorded) {
	family, verb := ledger.SplitType(e.Type)
	about := e.Facets.Handoff == s.out.Handoff
	switch {
	case e.Type == typeOffered && e.ID == s.out.Handoff:
		s.offer(e)
	case s.out.Offered == nil:
		s.note(e)
	case family == enrichmentFamily && about:
		s.enrich(e)
	case family == "handoff" && about:
		s.step(e, verb)
	case family == "journey" && verb == "closed" || family == "suggestion" && verb == "outcome" && about:
		s.used(e, readStep(e.Data).Used)
	}
}

// note remembers what was said before the offer.
func (s *snapper) note(e *ledger.Recorded) {
	if len(e.Data) == 0 || !ledger.IsJSON(e.ContentType) {
		return
	}
	say := func(values map[string]json.RawMessage) {
		for name, v := range values {
			s.before[name] = string(v) != "null"
		}
	}
	say(readStep(e.Data).Attributes)
	if envelope, ok := contract.ReadEnvelope(&e.Event); ok {
		for _, class := range contract.Classes() {
			say(envelope.In(class))
		}
	}
}

func (s *snapper) offer(e *ledger.Recorded) {
	s.envelope, _ = contract.ReadEnvelope(&e.Event)
	s.offered = s.envelope.Names()
	s.out.Schema, s.event = e.Schema, e.Event
	s.out.Offered = &Snapshot{At: e.Occurred().UTC(), Position: e.Position, Fields: s.offered, Events: 1, Digest: EnvelopeDigest(s.envelope), By: whose(e.Facets.Sender, e.Facets.SenderParty)}
	for _, ref := range s.envelope.SidePanel {
		s.out.Offered.SidePanel = append(s.out.Offered.SidePanel, ref.Ref)
	}
}

func whose(stage, party string) []string {
	switch {
	case party != "" && stage != "":
		return []string{stage + "/" + party}
	case stage != "":
		return []string{stage}
	case party != "":
		return []string{party}
	}
	return nil
}

func (s *snapper) enrich(e *ledger.Recorded) {
	envelope, _ := contract.ReadEnvelope(&e.Event)
	for name, v := range readStep(e.Data).Attributes {
		if string(v) == "null" {
			continue
		}
		if _, class, ok := s.envelope.Find(name); ok {
			s.envelope.Put(class, name, v)
		} else {
			s.envelope.Put(contract.Optional, name, v)
		}
		if s.envelope.Fields == nil {
			s.envelope.Fields = map[string]contract.Meta{}
		}
		s.envelope.Fields[name] = envelope.Fields[name]
		if s.accept > 0 {
			if s.late == nil {
				s.late = map[string]bool{}
			}
			s.late[name] = true
		}
	}
}

func (s *snapper) step(e *ledger.Recorded, verb string) {
	switch d := readStep(e.Data); verb {
	case string(ledger.Accepted):
		if s.accept == 0 {
			s.accept = e.Position
		}
	case string(ledger.Delivered):
		fields, assumed := d.Fields, false
		if envelope, ok := contract.ReadEnvelope(&e.Event); ok && fields == nil {
			fields = envelope.Names()
		}
		if fields == nil {
			fields, assumed = s.offered, true
		}
		s.delivered(e, fields, assumed, d)
	case string(ledger.Viewed):
		s.out.Viewed = s.add(s.out.Viewed, e, d.Fields)
		s.out.Viewed.SidePanel = union(s.out.Viewed.SidePanel, d.SidePanel)
	case string(ledger.Completed):
		s.used(e, d.Used)
	}
}

// delivered adds a delivery. Where one says which fields it gave, those that do not say are not guessed any more.
func (s *snapper) delivered(e *ledger.Recorded, fields []string, assumed bool, d stepData) {
	had := s.out.Delivered
	switch {
	case had != nil && assumed && !had.Assumed:
		fields = nil
	case had != nil && had.Assumed && !assumed:
		had.Fields, had.Assumed = nil, false
	}
	s.out.Delivered = s.add(had, e, fields)
	s.out.Delivered.Assumed = assumed && (had == nil || had.Assumed)
	if d.Tokens > 0 || d.Tier != "" || d.Digest != nil {
		s.out.Delivered.Tokens, s.out.Delivered.Tier, s.out.Delivered.Declared, s.out.Delivered.AsOf = d.Tokens, d.Tier, d.Digest, d.AsOf
	}
}

func (s *snapper) used(e *ledger.Recorded, fields []string) {
	if fields != nil {
		s.out.Used = s.add(s.out.Used, e, fields)
	}
}

func (s *snapper) add(to *Snapshot, e *ledger.Recorded, fields []string) *Snapshot {
	if to == nil {
		to = &Snapshot{At: e.Occurred().UTC()}
	}
	to.Position, to.Events = e.Position, to.Events+1
	to.Fields = union(to.Fields, fields)
	to.By = union(to.By, whose(e.Facets.Stage, e.Facets.Party))
	to.Digest = EnvelopeDigest(restrict(s.envelope, to.Fields))
	return to
}

// restrict is an envelope with some of its fields alone.
func restrict(e contract.Envelope, fields []string) contract.Envelope {
	out := contract.Envelope{KeyInsight: e.KeyInsight}
	for _, name := range fields {
		v, class, ok := e.Find(name)
		if !ok {
			continue
		}
		out.Put(class, name, v)
		if meta, ok := e.Fields[name]; ok {
			if out.Fields == nil {
				out.Fields = map[string]contract.Meta{}
			}
			out.Fields[name] = meta
		}
	}
	return out
}

func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	out = slices.Compact(out)
	if out == nil {
		return []string{}
	}
	return out
}

// minus is what a has and b has not, never nil.
func minus(a, b []string) []string {
	out := []string{}
	for _, name := range a {
		if !slices.Contains(b, name) {
			out = append(out, name)
		}
	}
	return out
}

func trueNames(set map[string]bool) []string {
	maps.DeleteFunc(set, func(_ string, there bool) bool { return !there })
	return slices.Sorted(maps.Keys(set))
}
