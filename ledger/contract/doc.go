// Package contract is what passes at a handoff, agreed and checked: context contracts.
//
// A contract has a name and versions. A version lists fields, each in one of three classes (mandatory, optional, forward-looking), each with
// a JSON Schema 2020-12 for its value and with what it is for: classification, purpose, data subject, freshness. Versions stand side by side;
// an offer says which one it follows in its attribute dataschema, "contracts/<name>/v<version>". What is drafted, published, deprecated and
// retired are events in the stream contract-<name>, whose fold is [Registry]; a document is never changed once it is published.
//
// The package knows documents, checks and comparisons. It neither listens nor has a clock.
package contract
