// Package brief puts together what the next party of a journey needs to know: its context at the right depth, as it stood at any moment.
//
// A brief is curated: it has the fields that the contract of the handoff point lists, in the contract's order, each with what is known of it
// (source, age, method, confidence), what is mandatory and missing, a key insight in one sentence, and references to what may be opened on demand.
// What the contract does not list is counted and left out. Without a contract it is everything known, newest first.
//
// [Assemble] and [Of] are functions of a journey's events up to a moment and of the contracts as they were then. They read no clock: the same
// prefix of the ledger gives the same bytes. docs/context.md says it for those who use it.
package brief
