// Package lease chooses which of several nodes works on a role (relay, notary, deadlines), over a NATS key-value bucket.
//
// # What it promises, and what not
//
// The lease only chooses who works. That the work is right is the resource's own compare-and-set: expected last sequence at NATS, expected
// revision in the ledger. No lease can do better. A holder may be paused (a virtual machine moved, a disk that hangs) between looking at its
// lease and writing, for longer than any lease lasts; when it wakes up it believes in its lease for a moment, and only the resource can refuse
// what it then writes. So everything a role does must be refused when another did it first. What the lease adds: in
// ordinary times one node works and the others do not waste their work, and somebody takes over soon.
//
// # How
//
// A role is one key of the bucket, {node, session, epoch, since}. All writes are compare-and-set on the key's revision, so of several who
// want it one gets it. The holder writes it again every TTL/4.
//
//	holder    believes until 3/4 TTL after it SENT the last renewal that was answered; then it ends its work, answered or not
//	waiter    takes over when it has itself SEEN no new revision for one TTL
//
// A renewal is seen after it was sent, so on clocks that run equally fast the holder stops at least TTL/4 before anybody takes over, whatever was slow in
// between. Nobody compares its clock with another's, and no time of day is looked at: since and the server's timestamps are for people. (A key TTL
// kept by the server is the obvious other way. It was not taken: it counts by the clock of whoever leads the bucket, in whole
// seconds, and starts again with a new leader; and a waiter needs its own watch anyway, to know of the end at once.)
//
// A holder that ends in order writes the key without a node, and waiters, who watch the key, take it at once. After a death it takes one TTL from
// the last renewal, and the time of two messages.
//
// The epoch grows by one with each holding as long as the bucket keeps its files. It is a name for logs and status, not a fencing token.
//
// # When NATS is away
//
// A holder that cannot renew stops in time; waiters wait. Watches are opened again and the bucket is made again where it was lost. Nothing
// ends but by the caller's context or the work's own error.
package lease

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"regexp"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
)

// DefaultBucket is the key-value bucket of leases; its stream is KV_BATON_LEASES.
const DefaultBucket = "BATON_LEASES"

// DefaultTTL is how long a dead holder keeps a role.
const DefaultTTL = 3 * time.Second

// leastTTL leaves a quarter of it enough for one answer of a cluster.
const leastTTL = 200 * time.Millisecond

// Options of leases.
type Options struct {
	Bucket   string        // default DefaultBucket; all nodes of one ledger share it
	Node     string        // this node's name, for people; required
	TTL      time.Duration // default DefaultTTL, at least 200 ms; the same on all nodes
	Replicas int           // of the bucket when it is made, default 1; 3 where NATS has three nodes
	Logger   *slog.Logger
}

// Leases are one node's part in the choice. It is safe for concurrent use.
type Leases struct {
	Options
	js jetstream.JetStream
}

// New does not talk to the server yet. Errors: CodeInvalid.
func New(nc *nats.Conn, o Options) (*Leases, error) {
	const op = "leases"
	if o.Bucket == "" {
		o.Bucket = DefaultBucket
	}
	if o.TTL == 0 {
		o.TTL = DefaultTTL
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Replicas = max(o.Replicas, 1)
	switch {
	case o.Node == "":
		return nil, ledger.Errorf(ledger.CodeInvalid, op, "give each node a name of its own", "the node's name is missing")
	case o.TTL < leastTTL:
		return nil, ledger.Errorf(ledger.CodeInvalid, op, "use 3s", "a TTL of %v is too short to be renewed in time; at least %v", o.TTL, leastTTL)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeUnavailable, op, "", "%w", err)
	}
	return &Leases{Options: o, js: js}, nil
}

// value is what a role's key holds.
type value struct {
	Node    string    `json:"node"`    // empty: nobody holds it
	Session string    `json:"session"` // tells two processes of one name apart
	Epoch   uint64    `json:"epoch"`
	Since   time.Time `json:"since"` // by the holder's clock
}

// Holder says who holds a role.
type Holder struct {
	Node    string    `json:"node"`
	Epoch   uint64    `json:"epoch"`   // counts holdings of the role
	Since   time.Time `json:"since"`   // by the holder's clock
	Renewed time.Time `json:"renewed"` // by the NATS server's clock; older than a few TTL: the holder is gone and nobody waits for the role
}

// Holder reads who holds a role; false where nobody does. It may lag behind by a moment. Error: CodeUnavailable.
func (l *Leases) Holder(ctx context.Context, role string) (Holder, bool, error) {
	if err := checkRole(role); err != nil {
		return Holder{}, false, err
	}
	kv, err := l.js.KeyValue(ctx, l.Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return Holder{}, false, nil
	}
	var e jetstream.KeyValueEntry
	if err == nil {
		e, err = kv.Get(ctx, role)
	}
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Holder{}, false, nil
	}
	if err != nil {
		return Holder{}, false, ledger.Errorf(ledger.CodeUnavailable, "lease "+role, "check that the NATS server runs and has JetStream enabled", "%w", err)
	}
	v := parse(e)
	return Holder{Node: v.Node, Epoch: v.Epoch, Since: v.Since, Renewed: e.Created()}, v.Node != "", nil
}

// parse reads an entry. What nobody of ours wrote is a role that nobody holds: the next holder writes it anew.
func parse(e jetstream.KeyValueEntry) (v value) {
	if e.Operation() != jetstream.KeyValuePut || json.Unmarshal(e.Value(), &v) != nil {
		return value{}
	}
	return v
}

var roleName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func checkRole(role string) error {
	if !roleName.MatchString(role) {
		return ledger.Errorf(ledger.CodeInvalid, "lease", "use letters, digits, - and _", "%.80q is no name of a role", role)
	}
	return nil
}

// bucket opens the bucket, and makes it where it is not there.
func (l *Leases) bucket(ctx context.Context) (jetstream.KeyValue, error) {
	kv, err := l.js.KeyValue(ctx, l.Bucket)
	if !errors.Is(err, jetstream.ErrBucketNotFound) {
		return kv, err
	}
	kv, err = l.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: l.Bucket, Description: "which node of a Baton ledger works on which role",
		History: 1, Storage: jetstream.FileStorage, Replicas: l.Replicas})
	if errors.Is(err, jetstream.ErrBucketExists) { // another node was faster, and wants another number of replicas
		kv, err = l.js.KeyValue(ctx, l.Bucket)
	}
	return kv, err
}
