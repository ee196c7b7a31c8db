package interop

import (
	"context"
	"errors"
	"fmt"

	"github.com/baton-ledger/baton/ledger"
)

// Conflict is an event of the file whose id the ledger has with other content, or that should have been there and is not.
type Conflict struct {
	Row     int64       `json:"row"`
	Case    string      `json:"case"`
	ID      string      `json:"id"`
	Type    string      `json:"type"`
	Stored  ledger.Hash `json:"stored,omitzero"` // retry digests
	Offered ledger.Hash `json:"offered,omitzero"`
	Reason  string      `json:"reason"`
}

func (c *Conflict) String() string {
	text := fmt.Sprintf("row %d, case %.80q: %s %s", c.Row, c.Case, c.Type, c.Reason)
	if c.Offered != (ledger.Hash{}) {
		text += fmt.Sprintf(" (stored digest %.16s, offered %.16s)", c.Stored, c.Offered)
	}
	return text
}

// appender writes windows and finds out, for what is there already, whether it is the same.
//
// It appends first and asks later: a batch that is new is written, one that is there with the same content is acknowledged again, and
// the engine tells both by one look-up of ids that it makes anyway. Only where it answers that a batch is partly present (a longer
// export, or a run that was killed between two chunks of a long case) or in conflict is the stream read. Content is always
// compared by the engine: it alone knows how, when values are encrypted.
type appender struct {
	append    ledger.Append
	reader    ledger.Reader
	written   int64
	skipped   int64
	conflicts int
	first     []Conflict      // the first few
	refused   map[string]bool // streams with a conflict: nothing more is written to them
}

// keepConflicts is how many conflicts are told in full.
const keepConflicts = 20

func (a *appender) write(ctx context.Context, g group) error {
	batches := make([]ledger.Batch, 0, len(g.chunks))
	chunks := make([]*chunk, 0, len(g.chunks))
	for _, c := range g.chunks {
		if !a.refused[c.stream] {
			batches = append(batches, ledger.Batch{Stream: c.stream, Expect: ledger.Any, Events: c.events})
			chunks = append(chunks, c)
		}
	}
	if len(batches) == 0 {
		return nil
	}
	results := a.append(ctx, batches)
	if len(results) != len(batches) {
		return ledger.Errorf(ledger.CodeInternal, "import", "", "%d batches were answered by %d results", len(batches), len(results))
	}
	var failed error
	for i, r := range results {
		switch {
		case r.Err == nil:
			a.count(r.Receipts)
		case failed != nil:
		case errors.Is(r.Err, ledger.CodePartialBatch), errors.Is(r.Err, ledger.CodeIDConflict):
			failed = a.settle(ctx, chunks[i])
		default:
			failed = blame(ctx, chunks[i], r.Err)
		}
	}
	return failed
}

func (a *appender) count(receipts []ledger.Receipt) {
	for i := range receipts {
		if receipts[i].Duplicate {
			a.skipped++
		} else {
			a.written++
		}
	}
}

// settle writes what is new of a chunk that is partly there, once everything that is there proved to be the same.
func (a *appender) settle(ctx context.Context, c *chunk) error {
	const attempts = 3 // another import of the same file may run; each attempt sees what it wrote
	var err error
	for range attempts {
		var there []bool
		if there, err = a.present(ctx, c); err != nil {
			return err
		}
		same, conflicts, cerr := a.compare(ctx, c, there)
		if cerr != nil {
			return cerr
		}
		if len(conflicts) > 0 {
			a.refuse(c, conflicts)
			return nil
		}
		fresh := c.only(there, false)
		if len(fresh) == 0 {
			a.skipped += same
			return nil
		}
		r := a.append(ctx, []ledger.Batch{{Stream: c.stream, Expect: ledger.Any, Events: fresh}})[0]
		if err = r.Err; err == nil {
			a.skipped += same
			a.count(r.Receipts)
			return nil
		}
		if !errors.Is(err, ledger.CodePartialBatch) {
			break
		}
	}
	return blame(ctx, c, err)
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

// compare offers the events that are there again, one by one: that writes nothing, and the engine says of each whether it is the same.
// Of rows, it also finds the ones that are not there although later ones are: the mapping has changed since.
func (a *appender) compare(ctx context.Context, c *chunk, there []bool) (same int64, conflicts []Conflict, err error) {
	var batches []ledger.Batch
	var at []int
	for i := range c.events {
		if there[i] {
			batches, at = append(batches, ledger.Batch{Stream: c.stream, Expect: ledger.Any, Events: c.events[i : i+1]}), append(at, i)
		}
	}
	if len(batches) == 0 {
		return 0, nil, nil
	}
	if c.ids == nil {
		for i, t := range there[:at[len(at)-1]] {
			if !t {
				conflicts = append(conflicts, c.conflict(i, "was not imported with the rows that follow it: the preset, the map or a row has changed"))
			}
		}
	}
	for k, r := range a.append(ctx, batches) {
		var id *ledger.IDConflict
		switch {
		case r.Err == nil:
			same++
		case errors.As(r.Err, &id):
			conflict := c.conflict(at[k], "is in the ledger with other content")
			conflict.Stored, conflict.Offered = id.Stored, id.Offered
			conflicts = append(conflicts, conflict)
		case errors.Is(r.Err, ledger.CodeIDConflict):
			conflicts = append(conflicts, c.conflict(at[k], "is in the ledger with other content"))
		default:
			return 0, nil, blame(ctx, c, r.Err)
		}
	}
	return same, conflicts, nil
}

func (a *appender) refuse(c *chunk, conflicts []Conflict) {
	a.refused[c.stream] = true
	a.conflicts += len(conflicts)
	a.first = append(a.first, conflicts[:min(len(conflicts), keepConflicts-len(a.first))]...)
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

// blame names the row that an append was refused for, where the event alone shows it, and else the case and its rows.
func blame(ctx context.Context, c *chunk, err error) error {
	check := ledger.Validate(func(_ context.Context, b []ledger.Batch) []ledger.Result { return make([]ledger.Result, len(b)) })
	where := fmt.Sprintf("import rows %d to %d (case %.80q)", c.rows[0], c.rows[len(c.rows)-1], c.caseID)
	for i := range c.events {
		if r := check(ctx, []ledger.Batch{{Stream: c.stream, Expect: ledger.Any, Events: c.events[i : i+1]}})[0]; r.Err != nil {
			where, err = fmt.Sprintf("import row %d (case %.80q)", c.rows[i], c.caseID), r.Err
			break
		}
	}
	hint := ledger.HintOf(err)
	var e *ledger.Error
	if errors.As(err, &e) && e.Err != nil {
		err = e.Err
	}
	return &ledger.Error{Code: codeOf(e), Op: where, Err: err, Hint: hint}
}

func codeOf(e *ledger.Error) ledger.Code {
	if e == nil {
		return ledger.CodeInternal
	}
	return e.Code
}
