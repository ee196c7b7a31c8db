// Package depth measures context: how much of it each handoff carried, what became of its fields, what it cost, and whether what producers send has
// changed. [Fold] goes over the ledger's events once, data included; [Live] keeps a fold as a follower of a server; [Tiers], [Fields] and [Drift] are the
// reports, and [Alerts] is what of a drift report is worth an alarm.
//
// # What is kept
//
// The fold is a function of the events up to a position and of the contracts it is given. It reads no clock and draws nothing, and counts integers in
// fixed buckets. Counters stand by series (point, contract, version, producer), day of the offer (UTC) and field. What happens to a handoff later counts on
// the day it was offered, so that shares are of the same handoffs.
//
// # Memory
//
// Beside the counters there are only the handoffs of open journeys: about 100 bytes and 24 for each field. A journey is forgotten when it is closed, or
// when nothing happened in it for Options.Horizon. A field on a day takes 200 bytes and 8 for each bucket in use; days before the newest Options.Days are
// dropped. At most Options.Series series are kept apart, 512 fields of an agreement, 64 values of an enumeration; what is beyond them is counted in
// [Fold.Dropped]. So the bound is series × days × fields × (200 + 8 × buckets) bytes, buckets below 64 + 3 × 336, and in practice a few dozen.
package depth
