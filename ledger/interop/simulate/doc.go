// Package simulate makes journeys: seeded, realistic, and with a known truth, so that models and reports can be compared with it.
//
// # What a journey is
//
// Nine flows (see [FlowNames]) lead over two to four stages of people, bots, AI agents, systems, teams and partners, each with its
// working hours. Journeys begin by season, weekday and hour; queues are log-normal in working time and longer on busy days. Each planned
// handoff has a context envelope of three to five mandatory fields and more; on its way a field is missing (nobody knows it), left
// out (known, not in the envelope), cut (in the envelope, not delivered) or gamed (junk under a name that a rule demands). Who lacks a
// field asks: lost, ignored and gamed questions were answered before, new ones were not. Offers are declined, expire, are
// withdrawn, fail, come back, bounce, are taken twice, by others, or never; some journeys are dropped or orphaned, and some former
// holders go on acting. On predictive points a policy with known propensities suggests an action, holds a fifth back, and is followed
// or not.
//
// # What comes of it
//
// Success (converted or resolved) and churn are drawn from
//
//	P = 1 / (1 + exp(-(intercept of the flow + sum of coefficient x feature + effect of the action + noise_sd x noise)))
//
// with the coefficients of the truth's first line and the features and noise of each journey's. visible_p is the same with the noise
// integrated out: no model that reads the ledger can do better. After the drift date, flows and segments come in other proportions,
// queues are longer, more producers send version 2 of an envelope, a category appears that was not there before, and two
// coefficients change.
//
// # Same seed, same bytes
//
// Journey k hangs on the options and k alone, not on how many journeys there are: a longer run has the journeys of a shorter one. Its
// random numbers are PCG-DXSM's, seeded with both; distributions, exp and log are this package's, and no product is added to without being
// rounded, so that the bytes are the same on every machine. Nothing iterates over a map. [Version] is part of every id: whoever changes a
// byte raises it.
//
// # Memory
//
// A journey is planned when it begins and kept, about 1 KiB, until its last event. What is in memory grows with the journeys that are open at
// the same time: their number times their length over [Options].Days.
package simulate
