// Package deadlines is the one follower that reads a clock: it writes down that time has run out.
//
//	what                        due                                                        written, in the same stream
//	handoff.offered             data.expires_at; else the later of occurred and recorded,  handoff.expired
//	                            plus the limit of its point
//	suggestion.offered          data.expires_at                                            suggestion.expired
//	contract.published,         data.sunset; a later event of the contract replaces it     contract.retired, reason "sunset"
//	contract.deprecated
//
// A handoff's clock starts at the later of occurred and recorded time: to import an old log must not at once expire its history, and a
// receiver cannot be late for what nobody could know of. expires_at is what the sender said, and holds as it stands.
//
// # What is decided
//
// Folds read no clock, so an expiry must be a fact that somebody recorded. Before it writes, the follower reads the stream again and decides on
// what is there: a handoff that is not open any more, or whose journey is closed, is left alone, and so is a suggestion that nobody is shown. The event is appended with the
// revision that was read, so that an accept which came meanwhile wins, and it is decided again. In a journey that goes on after
// it was closed, an offer that was left alone is decided again too.
//
// # The events
//
// Each is a function of the ledger alone and never of the moment it is written: id expired/<kind>/<id of the offer>, source
// baton/deadlines, time the moment it was due. Written twice it is the same event, so that neither a restart nor a lost answer makes two.
// When it was noticed is its recorded time: as of a moment in between, what was known is that the offer stood.
//
// # Resuming
//
// There is no state on disk. The follower reads the ledger's headers from the first event on and keeps what may still expire, which is one entry
// for each open offer; then it goes on live. What came due while nobody ran is written at once, earliest first.
package deadlines

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Source is the source and the actor of the events.
const Source = "baton/deadlines"

// Options of a follower. Store and Append are required.
type Options struct {
	Store  ledger.Source
	Append ledger.Append                    // the intake
	Limit  func(point string) time.Duration // how long an offer at a point may stand; nil, and 0: for ever
	Logger *slog.Logger
}

// Deadlines is the follower. It is for one goroutine; a second one on the same ledger writes nothing twice.
type Deadlines struct {
	o       Options
	cursor  uint64
	entries map[key]*entry
	due     queue
	parked  map[string][]*entry // overdue in a closed journey, by stream
	known   journeys
}

// kind is what can expire.
type kind string

const (
	handoff    kind = "handoff"
	suggestion kind = "suggestion"
	contract   kind = "contract"
)

// key names one thing that can expire: an offer by the id of its event, a contract by its subject.
type key struct {
	kind   kind
	stream string
	id     string
}

// entry is one of them.
type entry struct {
	key
	event    string // id of the event that set the moment
	subject  string
	revision uint64 // of that event
	position uint64
	at       time.Time     // due
	limit    time.Duration // of the point; 0 where the event said when
	again    time.Time     // not to be tried before
	alone    bool          // not in one batch with others
	place    int           // in the queue, -1 while it is in none
}

// New makes a follower that has read nothing yet.
func New(o Options) *Deadlines {
	if o.Limit == nil {
		o.Limit = func(string) time.Duration { return 0 }
	}
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	return &Deadlines{o: o, entries: make(map[key]*entry), parked: make(map[string][]*entry), known: journeys{}}
}

// Name is "deadlines".
func (d *Deadlines) Name() string { return "deadlines" }

// Cursor is the last position looked at: 0 at every start.
func (d *Deadlines) Cursor(context.Context) (uint64, error) { return d.cursor, nil }

// Waiting is how many things can still expire.
func (d *Deadlines) Waiting() int { return len(d.due) }

// longest is how long the clock is not looked at: a machine that slept does not move timers on.
const longest = time.Minute

// Run follows the ledger and writes what comes due, until the context ends, whose error it returns, or the ledger cannot be read. What cannot be
// written for now (a full disk) is tried again. progress may be nil.
func (d *Deadlines) Run(ctx context.Context, progress *ledger.Progress) error {
	for {
		head, err := d.o.Store.Head(ctx)
		if err != nil {
			return err
		}
		if head.Position > d.cursor {
			if err := ledger.Follow(ctx, d.o.Store, d, ledger.FollowOptions{HeaderOnly: true, Progress: progress, Until: head.Position}); err != nil {
				return err
			}
		}
		if err := d.expire(ctx); err != nil {
			return err
		}
		if err := d.wait(ctx); err != nil {
			return err
		}
	}
}

// wait returns when there are events to read, something is due, or it is time to look at the clock again.
func (d *Deadlines) wait(ctx context.Context) error {
	pause := longest
	if len(d.due) > 0 {
		pause = min(pause, time.Until(d.due[0].when()))
	}
	if pause <= 0 {
		return ctx.Err()
	}
	inner, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	_, err := d.o.Store.Wait(inner, d.cursor)
	if errors.Is(err, context.DeadlineExceeded) {
		return ctx.Err()
	}
	return err
}
