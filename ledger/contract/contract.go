package contract

import (
	"encoding/json"
	"time"
)

// Class says what a field is to a handoff.
type Class string

// The classes. A forward-looking field is a prediction or a suggestion: it is never mandatory, and never a fact.
const (
	Mandatory      Class = "mandatory"
	Optional       Class = "optional"
	ForwardLooking Class = "forward_looking"
)

// Classes lists them in the order in which people read an envelope.
func Classes() []Class { return []Class{Mandatory, Optional, ForwardLooking} }

// Mode is what happens to an offer that breaks its contract.
type Mode string

// The modes, from the mildest on.
const (
	Observe    Mode = "observe"    // recorded; the violation is an event beside it
	Warn       Mode = "warn"       // the same, and the sender is told in the answer
	Quarantine Mode = "quarantine" // kept whole in a stream of its own, to be released after a fix
	Reject     Mode = "reject"     // refused, with an error that names the fields
)

// Modes lists them.
func Modes() []Mode { return []Mode{Observe, Warn, Quarantine, Reject} }

// Compatibility is what a new version owes to earlier ones, on the sets of their valid envelopes: backward is that every envelope valid under
// the old version is valid under the new one, forward the reverse, full both; transitive against all earlier versions and not the last alone.
type Compatibility string

// The compatibilities.
const (
	AnyChange          Compatibility = "none"
	Backward           Compatibility = "backward"
	BackwardTransitive Compatibility = "backward_transitive"
	Forward            Compatibility = "forward"
	ForwardTransitive  Compatibility = "forward_transitive"
	Full               Compatibility = "full"
	FullTransitive     Compatibility = "full_transitive"
)

// Compatibilities lists them.
func Compatibilities() []Compatibility {
	return []Compatibility{AnyChange, Backward, BackwardTransitive, Forward, ForwardTransitive, Full, FullTransitive}
}

// Reader says what readers do with fields that a version does not declare.
type Reader string

// A strict reader refuses them, and so do checks (Additional-Properties). A tolerant reader ignores them: checks let them pass, and
// comparisons treat them as if nobody looked.
const (
	Strict   Reader = "strict"
	Tolerant Reader = "tolerant"
)

// Contract is one version of a contract: the document that teams write, in YAML or JSON.
type Contract struct {
	Name          string        `json:"contract"`
	Version       int           `json:"version"` // from 1
	Title         string        `json:"title,omitempty"`
	Description   string        `json:"description,omitempty"`
	Owner         string        `json:"owner,omitempty"`     // team that answers for what is sent
	Consumers     []string      `json:"consumers,omitempty"` // teams that read it
	Points        []string      `json:"points,omitempty"`    // sender>receiver@channel: an offer there without a dataschema follows this contract
	Mode          Mode          `json:"mode,omitempty"`      // default observe
	Reader        Reader        `json:"reader,omitempty"`    // default strict
	Compatibility Compatibility `json:"compatibility,omitempty"`
	KeyInsight    *KeyInsight   `json:"key_insight,omitempty"` // nil: may be there, at most DefaultInsight letters
	Fields        []Field       `json:"fields"`
	Variants      []Variant     `json:"variants,omitempty"` // the first whose guard holds is taken; none: the fields as they are
	Upcast        *Upcast       `json:"upcast,omitempty"`   // how an envelope of an earlier version becomes one of this
}

// KeyInsight is what a contract asks of the envelope's one-sentence summary.
type KeyInsight struct {
	Required bool `json:"required,omitempty"`
	Max      int  `json:"max,omitempty"` // letters; default DefaultInsight
}

// DefaultInsight is how long a key insight may be, in letters.
const DefaultInsight = 280

// Field is one field of a contract.
type Field struct {
	Name           string          `json:"name"`
	Class          Class           `json:"class"`
	Title          string          `json:"title,omitempty"`
	Description    string          `json:"description,omitempty"`
	Schema         json.RawMessage `json:"schema,omitempty"`         // JSON Schema 2020-12 of the value; absent: any value
	Classification string          `json:"classification,omitempty"` // public, internal, personal, confidential
	Purpose        []string        `json:"purpose,omitempty"`        // what the receiver may use it for
	Subject        string          `json:"subject,omitempty"`        // whose data it is: customer, agent, company …
	FreshFor       Duration        `json:"fresh_for,omitzero"`       // older than that, from asserted_at, it is stale; 0: never
	Source         string          `json:"source,omitempty"`         // system that says it
	Method         string          `json:"method,omitempty"`         // user, system, model, default, inherited: who fills it in
	Weight         float64         `json:"weight,omitempty"`         // in the depth score; 0: by its class
	Default        json.RawMessage `json:"default,omitempty"`        // what forms enter where nobody says anything
}

// Variant is a contract as it is for some handoffs: by channel, segment or value.
type Variant struct {
	Name      string   `json:"name"`
	When      string   `json:"when"`                // CEL, true or false, see [GuardNames]
	Mandatory []string `json:"mandatory,omitempty"` // fields that are mandatory here
	Optional  []string `json:"optional,omitempty"`  // fields that are optional here
	Omit      []string `json:"omit,omitempty"`      // fields that are not passed here
}

// Upcast makes an envelope of version From one of the contract's own version. Its steps are applied in order; each is pure.
type Upcast struct {
	From  int    `json:"from"`
	Steps []Step `json:"steps"`
	To    int    `json:"-"` // the contract's version; set by [Contract.Upcaster] and [Chain]

	derived map[int]*derivation // compiled expressions by step; nil: not compiled yet
}

// Step is one change of an envelope; exactly one member is set.
type Step struct {
	Rename *Rename `json:"rename,omitempty"`
	Set    *Set    `json:"set,omitempty"`
	Move   *Move   `json:"move,omitempty"`
	Drop   string  `json:"drop,omitempty"` // field
	Derive *Derive `json:"derive,omitempty"`
}

// Rename gives a field another name, in the class it is in.
type Rename struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Set gives a field that is absent a value.
type Set struct {
	Field string          `json:"field"`
	Class Class           `json:"class"`
	Value json.RawMessage `json:"value"`
}

// Move puts a field into another class.
type Move struct {
	Field string `json:"field"`
	Class Class  `json:"class"`
}

// Derive gives a field the value of a CEL expression over fields, a map of all the envelope's values by name. Where the expression asks
// for a field that is not there, nothing is set.
type Derive struct {
	Field string `json:"field"`
	Class Class  `json:"class"`
	From  string `json:"from"`
}

// Duration is a span that is written as Go and people write it: 90s, 24h; and d for days of 24 hours.
type Duration time.Duration

// Catalogue gives the contract that an offer follows: by its dataschema, or where that names none by its point. Nil where there is none.
type Catalogue func(schema, point string) *Contract
