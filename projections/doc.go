// Package projections keeps the read models of a ledger: journeys, handoffs, points, custody and the network of handovers of work.
//
// # What is kept
//
// The models are one Pebble database beside the ledger's, made of event headers alone: no data, no clock, no random number. All of it
// can be made again. Keys are a space byte and parts that order as tuples; counters are sparse vectors of int64 that a merge
// operator adds up, histograms among them.
//
//	j journey               the fold's state (ledger.Journey), versioned binary
//	f position              the journey whose first event it is
//	s stage journey         journeys by the stage that owns them
//	q time journey          open journeys with an owner and no open offer, by the last act in them; their point
//	g point position        handoffs of a point (sender receiver chan) by position; their journey
//	h handoff journey       handoffs by id
//	i position              handoffs by the position of their first event; their journey
//	w time journey handoff  open handoffs by when they were offered; their point
//	l -wait journey handoff ended waits, the longest first; how they ended, their point
//	n name journey position instances of an anomaly, ping-pong among them
//	a name                  counters of an anomaly: instances, journeys
//	p sender receiver chan  counters and histograms of a point
//	v sender receiver chan  offers of a point by day: cells are UTC days since 1970
//	o level from to         handovers of work: by group, by resource, by offered handoff
//	x                       totals
//	t                       first and last occurred time of a fact
//
// A journey's keys depend on its state alone, and the shared ones add up; so neither the size of batches, nor the order between
// journeys, nor the number of workers shows in the database. The state digest is SHA-256 over its keys and values in key order,
// bookkeeping (space 0) left out.
//
// # Keeping it
//
// [Models] is a ledger.Follower: Handle writes a batch's changes and its cursor in one atomic step, not synced: a crash takes back both,
// and the follower goes on from there. [Models.Rebuild] makes the whole database again beside the live one, in parallel, compares
// the digests at one position, and only when they are equal puts the new one in the old one's place (DIR/CURRENT names the directory
// in use; it is replaced by rename). Queries read a snapshot and go on while either happens.
//
// # Times
//
// The waits of a handoff (definition 5 of the depth practices): queue is offered to accepted, first act is accepted to the receiver's first
// act, work is accepted to completed, end to end is offered to completed. Now, for a report that needs it, is the last occurred time of
// a fact (an event of a journey's own stream) unless the caller says otherwise.
package projections
