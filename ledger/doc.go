// Package ledger is the domain of Baton: what an event is, how it becomes bytes, what it does to a journey, and what an
// engine that stores it must promise. It imports the standard library alone; engines, proofs, fan-out and formats live in the
// packages below this one and never import each other.
//
// # The path of an event
//
// A producer's [Event] passes the intake, a chain of [Stage] around [Append]: [Validate] checks it and derives its [Facets]. The
// engine encodes it once with [EncodeRecord]; those bytes are the record, the same over every engine. The engine then places
// the record: it gives it a position in the whole ledger (from 1, no gaps), a revision in its stream (from 1, no gaps)
// and a recorded time (never decreasing). The [Leaf] commits to the record and to its place, chains to the stream's
// previous head, and becomes leaf position-1 of the Merkle tree.
//
// # Reading
//
// Reads are iterators over [Recorded]. [Journey] is the fold of a journey's two streams (facts and overlay) in position order; it
// reads the record's header alone and no clock, so every rebuild gives the same state. [Context] is the fold that reads the data.
package ledger
