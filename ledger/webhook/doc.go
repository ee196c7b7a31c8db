// Package webhook delivers events of the ledger to the URLs of their receivers: signed, retried, and given up with a
// reason.
//
// # What is delivered
//
// One POST for each event that an [Endpoint] asks for, with the event as CloudEvents JSON in the body, exactly as
// [ledger.AppendCloudEvent] renders it. The request is signed as Standard Webhooks (standardwebhooks.com) describes
// it: webhook-id, webhook-timestamp (seconds), and webhook-signature, which is "v1," and the base64 of HMAC-SHA256
// over "id.timestamp.body", once for each secret, apart by spaces, so that a secret can be replaced while both are
// known. The id is that of the NATS message, the ledger's id and the event's position: every attempt at an event has
// the same one, so a receiver that remembers ids takes each event once. An answer 200 to 299 is a success, anything
// else a failure: redirects are not followed.
//
// # Promises
//
// At least once: what was delivered is noted after the answer came, so a crash between the two delivers again. In
// order within a journey: the next event of a journey is sent when the one before it was delivered or given up;
// journeys do not wait for each other. Endpoints do not wait for each other at all: each has its own cursor in the
// ledger, goroutines, connections and limits.
//
// # Failure
//
// A delivery that fails is tried again after 5 s, 10 s, 20 s … at most an hour, half of it random; after MaxAttempts,
// or the first failure later than GiveUpAfter, it is dead: kept with the reason and every attempt, until somebody
// replays it. When five different deliveries have failed in a row the endpoint is held to be down: then one delivery
// at a time is tried as a probe, always the one that has been tried least, so that a single event nobody can take
// does not keep the endpoint down; the first success lets everything flow. Retry-After of a 429 or 503 delays the
// endpoint, at most an hour. 410 Gone switches the endpoint off until an operator switches it on.
//
// # Size
//
// An endpoint has at most 1000 undelivered events in its window; beyond that its cursor waits in the ledger, which
// costs nothing. A delivery holds the event's position and names: its body is read from the ledger for each attempt, so
// nothing of an event's data is copied into this package's database. The newest 10,000 deliveries made and the
// newest 100,000 given up are kept.
//
// # State
//
// One Pebble database. A batch moves the cursor together with the deliveries that were made of the events; another
// one holds each attempt and what follows from it. Nothing is synced but what an operator asked for: after power loss
// the database is an earlier state of itself, from which events are delivered again, never left out.
package webhook
