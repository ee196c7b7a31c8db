package deadlines

import (
	"container/heap"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// atOnce is how many events go into one append.
const atOnce = 256

// backoff is how long an event waits that could not be written.
const backoff = 5 * time.Second

// verdict is what is to be done about an entry that is due.
type verdict struct {
	over     bool   // it has ended, or was replaced: forget it
	closed   bool   // its journey is closed: leave it alone while that is so
	revision uint64 // of its stream, when that was read
	data     map[string]any
}

// expire writes what is due: streams in the order in which something came due in them, the events of each in order.
func (d *Deadlines) expire(ctx context.Context) error {
	for {
		batches, entries, err := d.decide(ctx, time.Now())
		if err != nil || len(batches) == 0 {
			return err
		}
		for i, r := range d.o.Append(ctx, batches) {
			for _, e := range entries[i] {
				d.settle(e, r.Err, len(entries[i]) == 1)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// decide takes entries that are due out of the queue and makes the events of those that time has run out for. Those of one stream go into one
// batch: in a batch of its own the second would expect the revision that the first makes, which an accept of the second makes as well.
func (d *Deadlines) decide(ctx context.Context, now time.Time) (batches []ledger.Batch, entries [][]*entry, err error) {
	place := map[string]int{}
	for n := 0; n < atOnce && len(d.due) > 0 && !d.due[0].when().After(now); {
		e := heap.Pop(&d.due).(*entry)
		v, err := d.judge(ctx, e)
		switch {
		case err != nil:
			heap.Push(&d.due, e)
			return batches, entries, err
		case v.over:
			delete(d.entries, e.key)
			continue
		case v.closed:
			d.parked[e.stream] = append(d.parked[e.stream], e)
			continue
		}
		i, there := place[e.stream]
		if !there || e.alone {
			i = len(batches)
			if !e.alone {
				place[e.stream] = i
			}
			batches, entries = append(batches, ledger.Batch{Stream: e.stream, Expect: ledger.Expect(v.revision)}), append(entries, nil)
		}
		n++
		batches[i].Events = append(batches[i].Events, e.expired(v.data))
		entries[i] = append(entries[i], e)
	}
	return batches, entries, nil
}

// settle notes the answer to an event. What is refused together with others is tried again alone: one of them may be what is wrong.
func (d *Deadlines) settle(e *entry, err error, alone bool) {
	if d.entries[e.key] != e {
		return
	}
	switch ledger.CodeOf(err) {
	case "":
		delete(d.entries, e.key)
		return
	case ledger.CodeStaleRevision: // something came in between: it is decided again, on what is there then
	case ledger.CodeInvalid, ledger.CodeTooLarge, ledger.CodeIDConflict, ledger.CodePartialBatch:
		if e.alone = true; !alone {
			break
		}
		d.o.Logger.Error("a deadline cannot be recorded", "stream", e.stream, "id", e.id, "error", err)
		delete(d.entries, e.key)
		return
	default:
		d.o.Logger.Warn("a deadline could not be recorded, trying again", "stream", e.stream, "id", e.id, "error", err, "hint", ledger.HintOf(err))
		e.again = time.Now().Add(backoff)
	}
	heap.Push(&d.due, e)
}

// expired is the event that says so. Nothing in it depends on when it is made.
func (e *entry) expired(data map[string]any) ledger.Event {
	verb := "expired"
	if e.kind == contract {
		verb = "retired"
	}
	data["due"] = e.at.Format(time.RFC3339Nano)
	if e.limit > 0 {
		data["limit"] = e.limit.String()
	}
	b, _ := json.Marshal(data) // texts always can; members are sorted by name
	return ledger.Event{ID: eventID(e.kind, e.event), Source: Source, Type: ledger.Type(string(e.kind), verb), Subject: e.subject, Time: e.at,
		ContentType: "application/json", Actor: Source, CausationID: e.event, Data: b}
}

// eventID is expired/<kind>/<id>, with the digest of an id that would make it too long.
func eventID(k kind, id string) string {
	out := "expired/" + string(k) + "/" + id
	if len(out) > ledger.MaxID {
		sum := sha256.Sum256([]byte(id))
		out = "expired/" + string(k) + "/sha256:" + hex.EncodeToString(sum[:])
	}
	return out
}
