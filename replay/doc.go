// Package replay rebuilds one journey as it stood at any moment, and asks questions of its history: what changed between two
// moments, after which event a condition first held, what would have been without an event. It reads a [ledger.Reader], writes
// nothing, and reads no clock: the same question about the same record has the same answer for ever.
//
// # Moments
//
// A [Moment] says how much of the record counts. Position, revision, recorded time and known-at each cut the record: what comes after
// the cut is not looked at, so appending to the ledger never changes an answer. At is a filter within what was known: the events
// that had happened by then, still folded in revision order, because that is the order in which the parties learned of them.
//
// # Cost
//
// Everything but [Prove] reads the two streams of the journey (facts and overlay, merged by position) and stops at the cut, so
// the cost grows with the journey and not with the ledger.
//
// # Layers of the package
//
// Each question has a function over a Reader ([AsOf], [Timeline], [Diff], [Bisect], [WhatIf], [Prove]). The folds below them are
// plain functions over events ([Fold], [Compare]) and know no storage. Results carry JSON tags (the written contract) and a
// WriteText method (for people; never sends a control character from the record to a terminal).
package replay
