package contract

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Source is the source of the events that say what became of contracts.
const Source = "baton/contracts"

// Status is where a version stands.
type Status string

// The statuses, in the order of a version's life. A prototype is tried on few handoffs and never blocks one; deprecated versions are
// still accepted, until they are retired.
const (
	Drafted    Status = "drafted"
	Prototype  Status = "prototype"
	Published  Status = "published"
	Deprecated Status = "deprecated"
	Retired    Status = "retired"
)

// steps says from which statuses a verb of the contract family leads where.
var steps = map[string]struct {
	to   Status
	from []Status
}{
	"drafted":    {Drafted, []Status{"", Drafted, Prototype}},
	"prototyped": {Prototype, []Status{Drafted, Prototype}},
	"published":  {Published, []Status{Drafted, Prototype, Deprecated}}, // a deprecation may be taken back
	"deprecated": {Deprecated, []Status{Published, Deprecated}},
	"retired":    {Retired, []Status{Drafted, Prototype, Published, Deprecated}},
}

// Said is the data of the events about a version; which members a verb has is said in docs/formats.md.
type Said struct {
	Contract  *Contract    `json:"contract,omitempty"`  // of drafted: the whole document
	Name      string       `json:"name"`                // of the contract
	Version   int          `json:"version"`             //
	Digest    *ledger.Hash `json:"digest,omitempty"`    // of the document
	Why       string       `json:"why,omitempty"`       // in words
	Cap       int          `json:"cap,omitempty"`       // of prototyped: most handoffs that may follow it
	Sunset    time.Time    `json:"sunset,omitzero"`     // of published, deprecated: it is retired then
	Successor int          `json:"successor,omitempty"` // of deprecated: version to use instead
	Rule      string       `json:"rule,omitempty"`      // of exception_granted: the lint rule, or "compatibility"
	Party     string       `json:"party,omitempty"`     // of signed: the owner or consumer that agrees
	Breaks    []string     `json:"breaks,omitempty"`    // of published: what it breaks by an exception, in words
	Upcast    *ledger.Hash `json:"upcast,omitempty"`    // of published: digest of the upcast from the earlier version
}

// Version is one version of a contract and what became of it.
type Version struct {
	Contract   *Contract       `json:"contract"`
	Digest     ledger.Hash     `json:"digest"`
	Status     Status          `json:"status"`
	Since      time.Time       `json:"since"` // of the status; recorded time
	Position   uint64          `json:"position"`
	Published  time.Time       `json:"published_at,omitzero"`
	Sunset     time.Time       `json:"sunset,omitzero"`
	Successor  int             `json:"successor,omitempty"`
	Cap        int             `json:"cap,omitempty"`
	Exceptions []Exception     `json:"exceptions,omitempty"`
	Signed     []Signature     `json:"signed,omitempty"`
	History    []HistoryRecord `json:"history"`

	compiled *Compiled
}

// Exception lets a version break a rule.
type Exception struct {
	Rule string `json:"rule"`
	Why  string `json:"why"`
	By   string `json:"by,omitempty"`
}

// Signature is a party's agreement to a document.
type Signature struct {
	Party string      `json:"party"`
	Of    ledger.Hash `json:"of"` // digest of what was signed
	By    string      `json:"by,omitempty"`
	At    time.Time   `json:"at"`
}

// HistoryRecord is one event about a version.
type HistoryRecord struct {
	Verb     string    `json:"verb"`
	At       time.Time `json:"at"`
	Position uint64    `json:"position"`
	By       string    `json:"by,omitempty"`
	Why      string    `json:"why,omitempty"`
}

// State is one contract with its versions: the fold of its stream in order, from the zero value with Name set.
type State struct {
	Name     string     `json:"name"`
	Revision uint64     `json:"revision"`
	Position uint64     `json:"position"`
	Versions []*Version `json:"versions"` // ascending
	Ignored  []Ignored  `json:"ignored,omitempty"`
}

// Ignored is an event in a contract's stream that changed nothing, and why.
type Ignored struct {
	Position uint64 `json:"position"`
	Why      string `json:"why"`
}

// Version gives a version, nil where there is none.
func (s *State) Version(version int) *Version {
	for _, v := range s.Versions {
		if v.Contract.Version == version {
			return v
		}
	}
	return nil
}

// Pick gives a version by its number; for 0 the newest that is published, else the newest. The error is CodeNotFound.
func (s *State) Pick(version int) (*Version, error) {
	v := s.Version(version)
	if version == 0 && len(s.Versions) > 0 {
		if v = s.Newest(); v == nil {
			v = s.Versions[len(s.Versions)-1]
		}
	}
	if v == nil {
		return nil, ledger.Errorf(ledger.CodeNotFound, "contract", "see `baton contracts list`", "contract %.80s has no version %d", s.Name, version)
	}
	return v, nil
}

// Newest is the highest version that is published, else nil.
func (s *State) Newest() *Version {
	for _, v := range slices.Backward(s.Versions) {
		if v.Status == Published {
			return v
		}
	}
	return nil
}

// Apply folds one event that was read with its data. What has no meaning where it stands is kept in Ignored: the record is not the fold's to judge.
func (s *State) Apply(r *ledger.Recorded) {
	s.Revision, s.Position = r.Revision, r.Position
	family, verb := ledger.SplitType(r.Type)
	if family != "contract" || r.Source != Source && !expiry(r) {
		return
	}
	var d Said
	if err := json.Unmarshal(r.Data, &d); err != nil {
		s.ignore(r, "its data cannot be read")
		return
	}
	if expiry(r) {
		if name, version, ok := ReadSchema("contracts/" + r.Subject); ok {
			d.Name, d.Version = name, version
		}
	}
	if d.Name != s.Name {
		s.ignore(r, "it is about another contract")
		return
	}
	v := s.Version(d.Version)
	if v == nil && verb == "drafted" && d.Contract != nil {
		v = &Version{}
		defer func() {
			if v.Contract != nil {
				s.Versions = append(s.Versions, v)
				slices.SortFunc(s.Versions, func(a, b *Version) int { return a.Contract.Version - b.Contract.Version })
			}
		}()
	}
	if v == nil {
		s.ignore(r, "there is no such version")
		return
	}
	if why := v.apply(r, verb, &d); why != "" {
		s.ignore(r, why)
	}
}

// expiry reports whether an event is the end that time itself puts to a version.
func expiry(r *ledger.Recorded) bool {
	return r.Source == "baton/deadlines" && r.Type == ledger.Type("contract", "retired")
}

func (s *State) ignore(r *ledger.Recorded, why string) {
	s.Ignored = append(s.Ignored, Ignored{Position: r.Position, Why: why})
}

// apply changes a version, or says why it does not.
func (v *Version) apply(r *ledger.Recorded, verb string, d *Said) (ignored string) {
	if step, ok := steps[verb]; ok {
		if !slices.Contains(step.from, v.Status) {
			return string(v.Status) + " is not followed by " + verb
		}
		if verb == "drafted" {
			if d.Contract == nil || d.Contract.check() != nil {
				return "its document is no contract"
			}
			v.Contract, v.Digest, v.compiled = d.Contract, d.Contract.Digest(), nil
			v.Signed = nil // they were of another document
		} else if d.Digest != nil && *d.Digest != v.Digest {
			return "it is about another document of this version"
		}
		v.Status, v.Since, v.Position = step.to, r.RecordedTime, r.Position
	}
	switch verb {
	case "prototyped":
		v.Cap = d.Cap
	case "published":
		v.Published, v.Sunset, v.Successor = r.RecordedTime, d.Sunset, 0
	case "deprecated":
		v.Successor = d.Successor
		if !d.Sunset.IsZero() {
			v.Sunset = d.Sunset
		}
	case "exception_granted":
		v.Exceptions = append(v.Exceptions, Exception{Rule: d.Rule, Why: d.Why, By: r.Actor})
	case "signed":
		if d.Digest == nil || *d.Digest != v.Digest {
			return "it signs another document of this version"
		}
		v.Signed = append(v.Signed, Signature{Party: d.Party, Of: *d.Digest, By: r.Actor, At: r.RecordedTime})
	default:
		if _, ok := steps[verb]; !ok {
			return "it says nothing of a version"
		}
	}
	v.History = append(v.History, HistoryRecord{Verb: verb, At: r.RecordedTime, Position: r.Position, By: strings.Clone(r.Actor), Why: d.Why})
	return ""
}

// Allowed lists the rules that the version may break.
func (v *Version) Allowed() (rules []string) {
	for _, e := range v.Exceptions {
		rules = append(rules, e.Rule)
	}
	return rules
}

// Accepted reports whether offers may follow the version.
func (v *Version) Accepted() bool {
	return v.Status == Published || v.Status == Deprecated || v.Status == Prototype
}

// Mode is what happens to an offer that breaks the version. A prototype never blocks one.
func (v *Version) Mode() Mode {
	if m := v.Contract.Mode; v.Status != Prototype || m == Observe {
		return m
	}
	return Warn
}
