package contract

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Break is one way in which two versions differ in the envelopes they accept: some that are valid under one are not under the other.
type Break struct {
	Direction Compatibility   `json:"direction"`         // backward: old envelopes, new readers; forward: the reverse
	Against   int             `json:"against"`           // the earlier version
	Field     string          `json:"field,omitempty"`   // of the contract, or key_insight
	Case      string          `json:"case,omitempty"`    // the variants it is about, "" for all handoffs
	What      string          `json:"what"`              // what changed; begins with the field
	Breaks    string          `json:"breaks"`            // for whom
	Fix       string          `json:"fix"`               // how to mend it
	Certain   bool            `json:"certain"`           // Witness shows it, whichever case it is read as; else there may be no break
	Witness   json.RawMessage `json:"witness,omitempty"` // a small envelope that is valid under the one and not, in this case, under the other
	Upcast    string          `json:"upcast,omitempty"`  // what the new version's upcast makes of the witness
	Mended    bool            `json:"mended,omitempty"`  // the upcast makes the witness valid

	about aspect // of the field
}

// aspect is what of a field a break is about.
type aspect int

const (
	aboutPresence aspect = iota // whether it is there, and in which class
	aboutValues
	aboutClassification
)

// Comparison is two versions of a contract, both ways.
type Comparison struct {
	Name     string  `json:"contract"`
	Old      int     `json:"old"`
	New      int     `json:"new"`
	Backward []Break `json:"backward,omitempty"` // none: every envelope valid under Old is valid under New
	Forward  []Break `json:"forward,omitempty"`  // none: every envelope valid under New is valid under Old
}

// Compatible reports whether the versions keep a compatibility: nothing breaks, and nothing is uncertain.
func (c *Comparison) Compatible(with Compatibility) bool {
	back, forth := directions(with)
	return !(back && len(c.Backward) > 0) && !(forth && len(c.Forward) > 0)
}

// Compare compares two versions on the sets of their valid envelopes. Producers send what their version declares; readers are strict or
// tolerant as the contract that they read by says.
func Compare(old, new *Contract) Comparison {
	return Comparison{Name: new.Name, Old: old.Version, New: new.Version,
		Backward: breaks(old, new, Backward, new.Reader), Forward: breaks(old, new, Forward, old.Reader)}
}

// Satisfies lists what keeps a new version from the compatibility asked of it, against the last version of a history (ascending), or
// against all of it where that is transitive. Reader says how undeclared fields are read; "" as each contract says.
func Satisfies(history []*Contract, new *Contract, c Compatibility, r Reader) (out []Break) {
	if len(history) > 1 && !strings.HasSuffix(string(c), "_transitive") {
		history = history[len(history)-1:]
	}
	back, forth := directions(c)
	for _, old := range history {
		if back {
			out = append(out, breaks(old, new, Backward, either(r, new.Reader))...)
		}
		if forth {
			out = append(out, breaks(old, new, Forward, either(r, old.Reader))...)
		}
	}
	return out
}

func either[T comparable](a, b T) T {
	if a != *new(T) {
		return a
	}
	return b
}

func directions(c Compatibility) (backward, forward bool) {
	switch Compatibility(strings.TrimSuffix(string(c), "_transitive")) {
	case Backward:
		return true, false
	case Forward:
		return false, true
	case Full:
		return true, true
	}
	return false, false
}

// pair is one case of the version that producers send by, and one of the version that readers read by.
type pair struct {
	from, to  *kase
	direction Compatibility
	against   int
	reader    Reader
	rivals    []*kase                    // the cases that readers may be in, where from holds
	upcast    *Upcast                    // of the new version from the old, backward only
	found     map[string]json.RawMessage // samples of fields
}

// breaks lists what keeps the envelopes of one version from being valid under the other.
func breaks(old, new *Contract, direction Compatibility, reader Reader) (out []Break) {
	from, to := old, new
	var upcast *Upcast
	if direction == Forward {
		from, to = new, old
	} else if new.Upcast != nil && new.Upcast.From == old.Version {
		upcast = new.Upcast.to(new.Version)
	}
	toCases := reached(to.cases())
	for _, k := range reached(from.cases()) {
		rivals := meets(k, from, toCases)
		for _, other := range rivals {
			p := &pair{k, other, direction, old.Version, reader, rivals, upcast, map[string]json.RawMessage{}}
			for _, b := range p.compare() {
				out = mergeBreak(out, b)
			}
		}
	}
	return out
}

// reached leaves out variants whose guard an earlier one has: they are never taken.
func reached(cases []*kase) (out []*kase) {
	for _, k := range cases {
		if !slices.ContainsFunc(out, func(o *kase) bool { return o.when == k.when }) {
			out = append(out, k)
		}
	}
	return out
}

// mergeBreak lists a break once that is the same in several cases.
func mergeBreak(list []Break, b Break) []Break {
	i := slices.IndexFunc(list, func(o Break) bool { return o.Field == b.Field && o.What == b.What && o.Direction == b.Direction })
	if i < 0 {
		return append(list, b)
	}
	switch o := &list[i]; {
	case b.Certain && !o.Certain:
		b.Case = joinCase(o.Case, b.Case)
		list[i] = b
	default:
		o.Case = joinCase(o.Case, b.Case)
	}
	return list
}

func joinCase(a, b string) string {
	if a == "" || b == "" {
		return ""
	}
	if slices.Contains(strings.Split(a, "; "), b) {
		return a
	}
	return a + "; " + b
}

// meets lists the cases that a reader may be in where a producer is in case k. The first guard that holds decides, so a reader's case is
// out where its guard is one that the producer's side has found not to hold, or comes after one that does hold. Guards are the same where
// their texts are; of others nothing is known.
func meets(k *kase, from *Contract, to []*kase) (out []*kase) {
	var failed []string
	for _, v := range from.Variants {
		if k.variant == v.Name && k.when == v.When {
			break
		}
		failed = append(failed, v.When)
	}
	for _, other := range to[1:] {
		if slices.Contains(failed, other.when) {
			continue
		}
		out = append(out, other)
		if k.when != "" && other.when == k.when {
			return out
		}
	}
	return append(out, to[0])
}

// caseName says which handoffs a break is about.
func (p *pair) caseName() string {
	switch {
	case p.from.variant == "" && p.to.variant == "" && len(p.from.contract.Variants)+len(p.to.contract.Variants) == 0:
		return ""
	case p.from.variant == p.to.variant:
		return variantName(p.from)
	}
	return fmt.Sprintf("%s, read as %s", variantName(p.from), variantName(p.to))
}

func variantName(k *kase) string {
	if k.variant == "" {
		return "no variant"
	}
	return "variant " + k.variant
}

// Breaking lists what keeps the versions from a compatibility.
func (c *Comparison) Breaking(with Compatibility) (out []Break) {
	back, forth := directions(with)
	if back {
		out = append(out, c.Backward...)
	}
	if forth {
		out = append(out, c.Forward...)
	}
	return out
}
