package interop

import (
	"context"
	"errors"

	"github.com/baton-ledger/baton/ledger"
)

// partial is a chunk of which some events are there, all of them with the same content.
type partial struct {
	*chunk
	fresh []ledger.Event
}

// settle writes what is new of chunks that are partly there, once everything that is there proved to be the same.
func (a *appender) settle(ctx context.Context, chunks []*chunk) (failed error) {
	const attempts = 3 // another import of the same file may run; each attempt sees what it wrote
	for range attempts {
		if len(chunks) == 0 {
			return nil
		}
		parts, err := a.agreeing(ctx, chunks)
		if err != nil {
			return err
		}
		chunks, failed = nil, nil
		for i, r := range a.offer(ctx, freshBatches(parts)) {
			switch {
			case r.Err == nil:
				a.skipped += int64(len(parts[i].events) - len(parts[i].fresh))
				a.count(r.Receipts)
			case errors.Is(r.Err, ledger.CodePartialBatch):
				chunks = append(chunks, parts[i].chunk)
				failed = blame(ctx, parts[i].chunk, r.Err)
			default:
				return blame(ctx, parts[i].chunk, r.Err)
			}
		}
	}
	return failed
}

// offer appends, where there is something to append.
func (a *appender) offer(ctx context.Context, batches []ledger.Batch) []ledger.Result {
	if len(batches) == 0 {
		return nil
	}
	return a.append(ctx, batches)
}

func freshBatches(parts []partial) []ledger.Batch {
	batches := make([]ledger.Batch, len(parts))
	for i, p := range parts {
		batches[i] = ledger.Batch{Stream: p.stream, Expect: ledger.Any, Events: p.fresh}
	}
	return batches
}

// agreeing gives the chunks without a conflict that have something new, and refuses those with one. It offers what is there again, which
// writes nothing and makes the engine compare.
func (a *appender) agreeing(ctx context.Context, chunks []*chunk) (parts []partial, err error) {
	var old []ledger.Batch
	there := make([][]bool, len(chunks))
	for i, c := range chunks {
		if there[i], err = a.present(ctx, c); err != nil {
			return nil, err
		}
		if events := c.only(there[i], true); len(events) > 0 {
			old = append(old, ledger.Batch{Stream: c.stream, Expect: ledger.Any, Events: events})
		}
	}
	disputed := map[string]bool{}
	for i, r := range a.offer(ctx, old) {
		if r.Err != nil {
			disputed[old[i].Stream] = true
		}
	}
	for i, c := range chunks {
		conflicts, fresh := c.skipped(there[i]), c.only(there[i], false)
		if disputed[c.stream] {
			changed, err := a.changed(ctx, c, there[i])
			if err != nil {
				return nil, err
			}
			conflicts = append(conflicts, changed...)
		}
		switch {
		case len(conflicts) > 0:
			a.refuse(c, conflicts)
		case len(fresh) > 0:
			parts = append(parts, partial{c, fresh})
		default:
			a.skipped += int64(len(c.events))
		}
	}
	return parts, nil
}

// present reads which events of a chunk its stream has.
func (a *appender) present(ctx context.Context, c *chunk) ([]bool, error) {
	ids := make(map[[2]string]int, len(c.events))
	for i := range c.events {
		ids[[2]string{c.events[i].Source, c.events[i].ID}] = i
	}
	there := make([]bool, len(c.events))
	for r, err := range a.reader.ReadStream(ctx, c.stream, ledger.ReadOptions{HeaderOnly: true}) {
		if err != nil {
			return nil, err
		}
		if i, ok := ids[[2]string{r.Source, r.ID}]; ok {
			there[i] = true
		}
	}
	return there, nil
}

// skipped finds rows that are not there although later ones are: what makes events of rows has changed since. Events that name
// themselves may come late.
func (c *chunk) skipped(there []bool) (conflicts []Conflict) {
	last := len(there) - 1
	for last >= 0 && !there[last] {
		last--
	}
	for i := 0; i < last && c.ids == nil; i++ {
		if !there[i] {
			conflicts = append(conflicts, c.conflict(i, "was not imported with the rows that follow it: the preset, the map or a row has changed"))
		}
	}
	return conflicts
}

// changed offers the events that are there again, one by one, to learn of each whether it is the same.
func (a *appender) changed(ctx context.Context, c *chunk, there []bool) (conflicts []Conflict, err error) {
	var batches []ledger.Batch
	var at []int
	for i := range c.events {
		if there[i] {
			batches, at = append(batches, ledger.Batch{Stream: c.stream, Expect: ledger.Any, Events: c.events[i : i+1]}), append(at, i)
		}
	}
	for k, r := range a.offer(ctx, batches) {
		if r.Err == nil {
			continue
		}
		if !errors.Is(r.Err, ledger.CodeIDConflict) {
			return nil, blame(ctx, c, r.Err)
		}
		conflict := c.conflict(at[k], "is in the ledger with other content")
		var id *ledger.IDConflict
		if errors.As(r.Err, &id) {
			conflict.Stored, conflict.Offered = id.Stored, id.Offered
		}
		conflicts = append(conflicts, conflict)
	}
	return conflicts, nil
}

func (c *chunk) conflict(i int, reason string) Conflict {
	return Conflict{Row: c.rows[i], Case: c.caseID, ID: c.events[i].ID, Type: c.events[i].Type, Reason: reason}
}

func (c *chunk) only(there []bool, want bool) (events []ledger.Event) {
	for i := range c.events {
		if there[i] == want {
			events = append(events, c.events[i])
		}
	}
	return events
}
