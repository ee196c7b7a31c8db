// Package enrich asks other systems for what a handoff's context lacks, and records what they answered and when.
//
// A source fills named fields at some points: by HTTP, by a NATS request, or from a file of values that were computed before. What is asked and what
// comes back are events in the journey's overlay: requested, then completed, late (the budget of the channel was over) or failed. Values stand in the
// member attributes, so that the context has them from then on; whether somebody knew one when they accepted is told by the positions.
//
// On real-time channels somebody waits on the line: there snapshots alone are used, and that another source was passed over is recorded. Nothing here
// holds a handoff up. What a source says never replaces what a party said: only fields are asked for that are not known.
//
// The ids of the events are made of source, handoff and verb, and an outcome is appended at the overlay's revision at which there was none: however many
// work at the same handoff, each source has one outcome. docs/context.md says it for those who write a source.
package enrich
