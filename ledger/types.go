package ledger

import (
	"slices"
	"strings"
)

// TypePrefix and TypeSuffix frame the types of Baton's own catalogue: dev.baton.<family>.<verb>.v1.
const (
	TypePrefix = "dev.baton."
	TypeSuffix = ".v1"
)

// catalogue is the list of families and verbs, version 1: one spelling for each meaning. Adding a verb here is all it takes for
// the ledger to record it; what it does to a journey is said in journey.go and handoff.go.
var catalogue = map[string][]string{
	"journey":     {"started", "linked", "closed"},
	"interaction": {"recorded"},
	"handoff": {"offered", "delivered", "viewed", "accepted", "declined", "expired", "withdrawn", "completed",
		"returned", "failed"},
	"enrichment": {"requested", "completed", "failed", "late"},
	"question":   {"asked", "answered"},
	"suggestion": {"offered", "shown", "accepted", "modified", "dismissed", "expired", "outcome"},
	"feedback":   {"recorded", "propagated", "acknowledged"},
	"contract": {"drafted", "prototyped", "published", "deprecated", "retired", "exception_granted", "signed", "violated", "quarantined",
		"released", "discarded", "drift_detected", "drift_cleared"},
	"point":      {"mapped", "pain_recorded", "pain_decided", "classified", "advanced", "trained", "answered", "retired"},
	"model":      {"registered", "shadowed", "promoted", "demoted", "retired"},
	"experiment": {"registered", "started", "stopped", "decided"},
	"subject":    {"classified", "key_destroyed", "hold_placed", "hold_released"},
	"access":     {"viewed", "exported", "revealed"},
	"ledger":     {"restored"},
}

// required names the facets an event of a type cannot do without, by their path in the data object.
var required = map[string][]string{
	"interaction.recorded": {"activity"},
	"handoff.offered":      {"from.stage", "to.stage", "channel"},
	"handoff.delivered":    {"handoff"},
	"handoff.viewed":       {"handoff"},
	"handoff.accepted":     {"handoff"},
	"handoff.declined":     {"handoff"},
	"handoff.expired":      {"handoff"},
	"handoff.withdrawn":    {"handoff"},
	"handoff.completed":    {"handoff"},
	"handoff.returned":     {"handoff"},
	"handoff.failed":       {"handoff"},
	"journey.linked":       {"journey"},
}

// dated names the facets that are moments, by type: there, what cannot be read as one is refused rather than never come due.
var dated = map[string]string{
	"handoff.offered":     "expires_at",
	"suggestion.offered":  "expires_at",
	"contract.published":  "sunset",
	"contract.deprecated": "sunset",
}

// Type spells the type of a family's verb: Type("handoff", "offered") is "dev.baton.handoff.offered.v1".
func Type(family, verb string) string { return TypePrefix + family + "." + verb + TypeSuffix }

// SplitType gives family and verb of a type of the catalogue's form, whether or not the catalogue has them; both are "" for
// foreign types.
func SplitType(typ string) (family, verb string) {
	if !strings.HasPrefix(typ, TypePrefix) || !strings.HasSuffix(typ, TypeSuffix) || len(typ) < len(TypePrefix)+len(TypeSuffix) {
		return "", ""
	}
	family, verb, ok := strings.Cut(typ[len(TypePrefix):len(typ)-len(TypeSuffix)], ".")
	if !ok || strings.Contains(verb, ".") {
		return "", ""
	}
	return family, verb
}

// InOverlay reports whether events of this type belong to the journey's overlay stream: what machines and reading make, so that
// a producer's expected revision never fails because of them.
func InOverlay(typ string) bool {
	switch family, verb := SplitType(typ); family {
	case "suggestion", "enrichment":
		return true
	case "handoff":
		return verb == "delivered" || verb == "viewed"
	case "contract":
		return verb == "violated"
	}
	return false
}

// Families lists the catalogue's families, sorted.
func Families() []string {
	out := make([]string, 0, len(catalogue))
	for f := range catalogue {
		out = append(out, f)
	}
	slices.Sort(out)
	return out
}

// Verbs lists the verbs of a family, in the catalogue's order; none for a family it does not have.
func Verbs(family string) []string { return slices.Clone(catalogue[family]) }

// Required lists the members that the data of a family's verb cannot do without, by their path: "from.stage" is stage in the object from, or
// from where that is a string.
func Required(family, verb string) []string { return slices.Clone(required[family+"."+verb]) }

// checkType accepts the catalogue's types and foreign ones; a type in Baton's own name that the catalogue lacks is a mistake.
func checkType(typ string) *Error {
	if !strings.HasPrefix(typ, TypePrefix) {
		return nil
	}
	family, verb := SplitType(typ)
	verbs, ok := catalogue[family]
	switch {
	case family == "":
		return Errorf(CodeInvalid, "", "spell it dev.baton.<family>.<verb>.v1", "type %q is not of Baton's form", typ)
	case !ok:
		return Errorf(CodeInvalid, "", "use one of "+strings.Join(Families(), ", ")+", or a type outside dev.baton",
			"type %q: unknown family %q", typ, family)
	case !slices.Contains(verbs, verb):
		return Errorf(CodeInvalid, "", "use one of "+strings.Join(verbs, ", "), "type %q: family %q has no verb %q", typ, family, verb)
	}
	return nil
}
