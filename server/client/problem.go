package client

import (
	"errors"

	"github.com/baton-ledger/baton/ledger"
)

// Problem is an error on the wire (RFC 9457), with the ledger's code and hint. A client gets the same *ledger.Error back from it,
// so errors.Is works on both sides.
type Problem struct {
	Type     string       `json:"type" doc:"urn:baton:<code>"`
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Detail   string       `json:"detail,omitempty"`
	Code     ledger.Code  `json:"code"`
	Op       string       `json:"op,omitempty"`
	Hint     string       `json:"hint,omitempty" doc:"what to do next"`
	Stream   string       `json:"stream,omitempty" doc:"of stale_revision and id_conflict"`
	Expected *int64       `json:"expected,omitempty" doc:"of stale_revision"`
	Current  *uint64      `json:"current,omitempty" doc:"of stale_revision: the stream's revision"`
	Source   string       `json:"source,omitempty" doc:"of id_conflict"`
	ID       string       `json:"id,omitempty" doc:"of id_conflict"`
	Position uint64       `json:"position,omitempty" doc:"of id_conflict: where the first event is"`
	Stored   *ledger.Hash `json:"stored,omitempty" doc:"of id_conflict: digest of what is recorded"`
	Offered  *ledger.Hash `json:"offered,omitempty" doc:"of id_conflict: digest of what was sent"`

	Notices []ledger.Notice `json:"notices,omitempty" doc:"of violation: contracts and how they are broken"`
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is problem+json whatever was asked for.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// Ledger gives the error the problem was made of.
func (p *Problem) Ledger() error {
	e := &ledger.Error{Code: p.Code, Op: p.Op, Err: errors.New(p.Detail), Hint: p.Hint}
	switch {
	case p.Code == ledger.CodeStaleRevision && p.Expected != nil && p.Current != nil:
		e.Err = &ledger.StaleRevision{Stream: p.Stream, Expected: ledger.Expect(*p.Expected), Current: *p.Current}
	case p.Code == ledger.CodeIDConflict && p.Stored != nil && p.Offered != nil:
		e.Err = &ledger.IDConflict{Stream: p.Stream, Source: p.Source, ID: p.ID, Position: p.Position, Stored: *p.Stored, Offered: *p.Offered}
	case p.Code == ledger.CodeViolation && len(p.Notices) > 0:
		e.Err = &ledger.Broken{Notices: p.Notices}
	}
	return e
}
