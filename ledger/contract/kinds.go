package contract

import (
	"slices"
	"strings"
)

// Kind is what sort of knowledge a field is. It decides about tiers and weights of depth, and about what lint expects.
type Kind int

// The kinds.
const (
	Identifier Kind = iota // says which one: an order number, a reference
	Metadata
	History   // what has happened: earlier contacts, what was tried, a transcript
	Predicted // forward-looking
)

// Ends of names by which a field is taken for an identifier, and parts by which it is taken for history, where no contract says it.
var (
	identifierEnds = []string{"_id", "_ref", "_token", "_number", "_no", "_key", "_uuid", "_code", "_iban", "_email", "_phone"}
	identifiers    = []string{"id", "ref", "token", "number", "key", "uuid", "email", "e-mail", "phone", "name", "order", "account", "customer"}
	historyParts   = []string{"history", "transcript", "last_", "previous_", "prior_", "past_", "earlier_", "tried", "attempt", "promised", "summary", "notes"}
)

// KindOf tells the kind of a field: by its class, its contract's weight (0 where that says none), and then its name.
func KindOf(name string, class Class, weight float64) Kind {
	name = strings.ToLower(name)
	switch {
	case class == ForwardLooking:
		return Predicted
	case weight > 0 && weight <= 1:
		return Identifier
	case weight >= 3:
		return History
	case weight > 0:
		return Metadata
	case slices.ContainsFunc(historyParts, func(part string) bool { return strings.Contains(name, part) }):
		return History
	case slices.Contains(identifiers, name), slices.ContainsFunc(identifierEnds, func(end string) bool { return strings.HasSuffix(name, end) }):
		return Identifier
	}
	return Metadata
}
