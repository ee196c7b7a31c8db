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
	var unsettled []*chunk
	for i, r := range results {
		switch {
		case r.Err == nil:
			a.count(r.Receipts)
		case errors.Is(r.Err, ledger.CodePartialBatch), errors.Is(r.Err, ledger.CodeIDConflict):
			unsettled = append(unsettled, chunks[i])
		case failed == nil:
			failed = blame(ctx, chunks[i], r.Err)
		}
	}
	if failed != nil {
		return failed
	}
	return a.settle(ctx, unsettled)
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

func (a *appender) refuse(c *chunk, conflicts []Conflict) {
	a.refused[c.stream] = true
	a.conflicts += len(conflicts)
	a.first = append(a.first, conflicts[:min(len(conflicts), keepConflicts-len(a.first))]...)
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
