// Package points keeps what people know of handoff points: who owns one, what hurts there, how deep its handoffs should be, and how far
// the work on it has gone.
//
// # What is kept
//
// A point's events are in the stream point-<point>, written with source baton/points. [Read] folds them up to a position, and reads no
// clock: the same events give the same [Point]. Everything that is measured comes from handoffs, in [Facts].
//
// # What is asked
//
// A [Desk] answers over an open ledger: a point with its traffic, the checklist of six questions, the matrix of volume and criticality, and
// the evidence of a pain point; and it writes changes, each held against the state that it changes.
package points
