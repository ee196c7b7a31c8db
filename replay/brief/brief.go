package brief

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/replay"
)

// Resolver names the rules by which a brief is made. Another number means that the same events may give another brief.
const Resolver = "baton/brief/1"

// Options of a brief. The zero value is the whole context of a journey, now, without contracts.
type Options struct {
	Handoff string        // whose context it is; "": the newest at Point, else the newest open one, else the newest
	Point   string        // sender>receiver@channel; "": that of the handoff
	Moment  replay.Moment // as of when
	Now     time.Time     // what ages are counted to; zero is the moment's time, else the last occurred time that counts

	NoOverlay bool // the pure audit view: no event of the overlay counts, so neither suggestions nor enrichments
	Customer  bool // what a customer may see of it: see [Field.Classification]

	Contracts contract.Catalogue                             // as of the same moment; nil: there are none
	Variant   func(*contract.Contract, *ledger.Event) string // name of the variant that holds for an offer, "" for none; nil: none does
	Upcast    Upcast                                         // nil: envelopes of earlier versions are read by the version they follow
	Style     func(point string) string                      // policy of a point: a style, or ""; nil: none has one
	Class     func(channel string) ledger.ChannelClass       // nil: ledger.ClassOfChannel
	Identify  func(field string, of *contract.Contract) bool // tells identifiers, which alone make a minimal tier; nil: IsIdentifier
}

// Upcast makes an envelope that follows a version of a contract one of the newest, and says by which steps. It is pure.
type Upcast func(e contract.Envelope, from *contract.Contract) (contract.Envelope, []Applied, error)

// Applied is one upcast that was applied on read.
type Applied struct {
	Contract string `json:"contract"`
	From     int    `json:"from"`
	To       int    `json:"to"`
	Hash     string `json:"hash,omitempty"` // of its steps
}

// Styles are the policies of a point, see docs/context.md. They say how much is passed, whatever the contract lists.
const (
	Stateless  = "stateless"  // mandatory fields alone
	Stateful   = "stateful"   // no predictions and no suggestions
	Predictive = "predictive" // everything
)

// Tiers are what a brief really holds.
const (
	Minimal          = "minimal"    // identifiers alone, or nothing
	Contextual       = "contextual" // at least one field of history or metadata, or a reference
	PredictiveTier   = "predictive" // at least one forward-looking field or suggestion
	InsightLength    = contract.DefaultInsight
	classUndeclared  = "known" // class of a field where no contract says one and its producer did not
	classAttribute   = "attribute"
	classKeyInsight  = "key_insight"
	enrichmentFamily = "enrichment"
)

// Brief is the context of a handoff at a moment.
type Brief struct {
	Journey  string              `json:"journey"`
	Handoff  string              `json:"handoff,omitempty"`
	State    ledger.HandoffState `json:"state,omitempty"`
	Point    string              `json:"point,omitempty"`
	Class    ledger.ChannelClass `json:"channel_class,omitempty"`
	Moment   replay.Moment       `json:"moment"`   // as it was asked for
	Position uint64              `json:"position"` // of the last event that counts
	AsOf     time.Time           `json:"as_of"`    // what ages are counted to
	Overlay  bool                `json:"overlay"`

	Contract *Reference `json:"contract,omitempty"` // that the fields are read by
	Followed *Reference `json:"followed,omitempty"` // version that the offer follows, where that is another
	Applied  []Applied  `json:"upcasts,omitempty"`
	Style    string     `json:"style,omitempty"` // the point's policy
	Tier     string     `json:"tier"`            // what this brief holds

	Insight     *Insight             `json:"key_insight,omitempty"`
	Fields      []Field              `json:"fields"`
	Missing     []Missing            `json:"missing"`
	LeftOut     LeftOut              `json:"left_out"`
	SidePanel   []contract.Reference `json:"side_panel,omitempty"` // to be opened on demand; never inlined
	Custody     Custody              `json:"custody"`
	Suggestions []replay.Suggestion  `json:"suggestions,omitempty"` // that wait for an answer
	Sources     []Source             `json:"enrichment,omitempty"`  // what was asked for this handoff, and how it went

	Tokens   int         `json:"tokens"` // estimate of its size for a model: a quarter of the envelope's bytes
	Digest   ledger.Hash `json:"digest"` // of the envelope, see [EnvelopeDigest]
	Resolver string      `json:"resolver"`
	Problems []string    `json:"problems,omitempty"` // why it is not all that it should be

	envelope contract.Envelope
}

// Envelope is the brief as an envelope: values by class and what is known of them, without what depends on the moment.
func (b *Brief) Envelope() contract.Envelope { return b.envelope }

// Reference names a version of a contract.
type Reference struct {
	Name    string      `json:"name"`
	Version int         `json:"version"`
	Variant string      `json:"variant,omitempty"`
	Digest  ledger.Hash `json:"digest"`
}

// Field is one value of the context.
type Field struct {
	Name       string          `json:"name"`
	Title      string          `json:"title,omitempty"`
	Class      string          `json:"class"` // by the contract; without one as it was said: mandatory, optional, forward_looking, attribute
	Value      json.RawMessage `json:"value"`
	Source     string          `json:"source"`               // system that says it, else the source of the event
	Method     string          `json:"method,omitempty"`     // user, system, model, default, inherited
	Confidence *float64        `json:"confidence,omitempty"` // 0 to 1
	// Classification is public, internal, personal or confidential. A customer's preview has public and personal fields alone: what is not
	// classified counts as internal.
	Classification string    `json:"classification,omitempty"`
	AssertedAt     time.Time `json:"asserted_at"`     // by the field's metadata, else when the event occurred
	Age            int64     `json:"age_seconds"`     // as of Brief.AsOf, not below 0
	Stale          bool      `json:"stale,omitempty"` // older than the contract's fresh_for
	FreshFor       int64     `json:"fresh_for_seconds,omitempty"`
	Position       uint64    `json:"position"` // of the event that said it
	By             string    `json:"event_source"`
	AfterAccept    bool      `json:"after_accept,omitempty"` // recorded after the handoff was accepted: not known at accept time
	Enriched       bool      `json:"enriched,omitempty"`     // said by an enrichment
}

// Missing is a mandatory field that nobody has said.
type Missing struct {
	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
}

// LeftOut counts what is known and not in the brief, by why.
type LeftOut struct {
	Undeclared int `json:"undeclared"` // the contract does not list it
	Variant    int `json:"variant"`    // the contract's variant omits it
	Style      int `json:"style"`      // the point's style passes less
	Customer   int `json:"customer"`   // not for the customer's eyes
}

// Insight is the brief in a sentence.
type Insight struct {
	Text     string   `json:"text"`
	Made     bool     `json:"made"`               // by a rule from the fields that are named, since nobody said one
	Fields   []string `json:"fields,omitempty"`   // it was made of
	Position uint64   `json:"position,omitempty"` // of the event that said it
	Cut      bool     `json:"cut,omitempty"`      // it was longer than allowed
}

// Custody says who holds the journey.
type Custody struct {
	Owner   ledger.Party `json:"owner"`
	Since   time.Time    `json:"since,omitzero"`
	Open    bool         `json:"journey_open"`
	Waiting []Waiting    `json:"waiting,omitempty"` // open handoffs, oldest first
}

// Waiting is a handoff that waits for its receiver.
type Waiting struct {
	Handoff string       `json:"handoff"`
	Point   string       `json:"point"`
	To      ledger.Party `json:"to"`
	Since   time.Time    `json:"since"`
}

// Assemble reads a journey up to the moment of the options and makes its brief. Errors are those of [replay.Events], and CodeNotFound for a
// handoff that the journey does not have at that moment.
func Assemble(ctx context.Context, r ledger.Reader, journey string, o Options) (Brief, error) {
	var events []ledger.Recorded
	for e, err := range replay.Events(ctx, r, journey, o.Moment) {
		if err != nil {
			return Brief{}, err
		}
		events = append(events, e)
	}
	return Of(journey, events, o)
}

// Of is [Assemble] over events that were read already: those of one journey that count, in position order.
func Of(journey string, events []ledger.Recorded, o Options) (Brief, error) {
	if o.NoOverlay {
		events = facts(events)
	}
	view := replay.Standing(journey, events)
	h, err := subject(&view, &o)
	if err != nil {
		return Brief{}, err
	}
	b := Brief{Journey: journey, Moment: o.Moment, Position: view.Journey.Position, Overlay: !o.NoOverlay, Resolver: Resolver,
		Fields: []Field{}, Missing: []Missing{}, Custody: custodyOf(&view.Journey), Point: o.Point}
	b.AsOf = asOf(&o, &view.Journey)
	if h != nil {
		b.Handoff, b.State, b.Point = h.ID, h.State, cmp.Or(o.Point, h.Point())
		b.Class = classOf(&o, h.Channel)
	} else if channel, ok := channelOf(b.Point); ok {
		b.Class = classOf(&o, channel)
	}
	if o.Style != nil && b.Point != "" {
		b.Style = o.Style(b.Point)
	}
	a := newAssembly(&b, &o, events)
	a.fold(events)
	a.choose()
	a.suggest(view.Suggestions)
	a.finish()
	return b, nil
}

// facts leaves out the overlay.
func facts(events []ledger.Recorded) []ledger.Recorded {
	return slices.DeleteFunc(slices.Clone(events), func(e ledger.Recorded) bool {
		category, _ := ledger.SplitStream(e.Stream)
		return category == ledger.CategoryOverlay
	})
}

// subject is the handoff that a brief is for, nil where there is none.
func subject(v *replay.View, o *Options) (*ledger.Handoff, error) {
	list := v.Journey.Handoffs
	if o.Handoff != "" {
		i := v.Journey.Find(o.Handoff)
		if i < 0 {
			return nil, ledger.Errorf(ledger.CodeNotFound, "context", "look at the handoffs of the journey; a handoff's id is that of its offered event",
				"journey %.80q has no handoff %.80q at %s", v.Journey.ID, o.Handoff, o.Moment)
		}
		return &list[i], nil
	}
	var open *ledger.Handoff
	for i := len(list) - 1; i >= 0; i-- {
		switch h := &list[i]; {
		case o.Point != "" && h.Point() == o.Point:
			return h, nil
		case o.Point == "" && open == nil && h.State.Open():
			open = h
		}
	}
	if o.Point == "" && open == nil && len(list) > 0 {
		open = &list[len(list)-1]
	}
	return open, nil
}

func asOf(o *Options, j *ledger.Journey) time.Time {
	for _, t := range []time.Time{o.Now, o.Moment.At, o.Moment.Recorded, o.Moment.KnownAt} {
		if !t.IsZero() {
			return t.UTC()
		}
	}
	return j.Last.UTC()
}

func classOf(o *Options, channel string) ledger.ChannelClass {
	if o.Class != nil {
		return o.Class(channel)
	}
	return ledger.ClassOfChannel(channel)
}

func custodyOf(j *ledger.Journey) Custody {
	c := Custody{Owner: j.Owner(), Open: j.IsOpen()}
	if n := len(j.Custody); n > 0 {
		c.Since = j.Custody[n-1].From
	}
	for i := range j.Handoffs {
		if h := &j.Handoffs[i]; h.State.Open() {
			c.Waiting = append(c.Waiting, Waiting{h.ID, h.Point(), h.Receiver, h.Offered})
		}
	}
	return c
}
