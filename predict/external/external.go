// Package external is how a scorer of somebody else's is asked: one NATS request for each moment, a JSON object there and one back. docs/suggestions.md says it for those
// who write one, in any language.
//
// What comes back is judged strictly. A reply that cannot be taken whole is taken not at all, and the error says why; nothing of Baton's waits longer than the
// budget for it.
package external

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
)

// Limits of a reply.
const (
	MaxReply   = 64 << 10 // bytes
	MaxReasons = 3
	MaxActions = 32
	maxText    = 512 // bytes of a text
)

// Request is what the scorer is sent.
type Request struct {
	Journey  string            `json:"journey"`
	Position uint64            `json:"position"` // of the handoff event
	Handoff  string            `json:"handoff"`
	Point    string            `json:"point"`  // sender>receiver@channel
	Moment   string            `json:"moment"` // offered, accepted
	Target   string            `json:"target"` // what the probability is of
	Model    Model             `json:"model"`
	Features features.Snapshot `json:"features"`
	BudgetMS int64             `json:"budget_ms"` // what is left of the time to answer
}

// Model names the declaration that is asked.
type Model struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Hash    string `json:"hash"`
}

// Reply is what it answers. Members that are not named here are kept in the record, and not looked at.
type Reply struct {
	Probability *float64 `json:"probability"` // from 0 to 1
	Reasons     []Reason `json:"reasons"`     // at most MaxReasons, the weightiest first
	Actions     []string `json:"actions"`     // that it would choose among, the best first
	Version     string   `json:"version"`     // of the scorer; where it is said it must be the declared one
}

// Reason is one of a reply.
type Reason struct {
	Code   string  `json:"code"`
	Text   string  `json:"text"`
	Effect string  `json:"effect"` // raises, lowers
	Weight float64 `json:"weight"`
}

// Digest of a reply's bytes.
func Digest(answer []byte) string {
	sum := sha256.Sum256(answer)
	return hex.EncodeToString(sum[:])
}

func refuse(code ledger.Code, format string, args ...any) error {
	return ledger.Errorf(code, "external scorer", "correct the scorer; docs/suggestions.md says what it may answer. Handoffs go on", format, args...)
}

// Parse reads a reply, whose scorer declared a version, "" for none. Errors are CodeTooLarge or CodeInvalid, and name the member.
func Parse(answer []byte, version string) (r Reply, err error) {
	if e := ledger.ReadReply(answer, MaxReply, &r); e != nil {
		return r, refuse(e.Code, "%w", e)
	}
	return r, r.check(version)
}

func (r *Reply) check(version string) error {
	switch p := r.Probability; {
	case p == nil:
		return refuse(ledger.CodeInvalid, "probability is missing")
	case math.IsNaN(*p) || *p < 0 || *p > 1:
		return refuse(ledger.CodeInvalid, "probability is %g, and not from 0 to 1", *p)
	case len(r.Reasons) > MaxReasons:
		return refuse(ledger.CodeInvalid, "reasons has %d members, at most %d are allowed", len(r.Reasons), MaxReasons)
	case len(r.Actions) > MaxActions:
		return refuse(ledger.CodeInvalid, "actions has %d members, at most %d are allowed", len(r.Actions), MaxActions)
	case r.Version != "" && r.Version != version:
		return refuse(ledger.CodeInvalid, "version is %.80q, and %.80q was declared: register the new one", r.Version, version)
	}
	for i, reason := range r.Reasons {
		switch {
		case reason.Code == "" || reason.Text == "" || len(reason.Code) > maxText || len(reason.Text) > maxText:
			return refuse(ledger.CodeInvalid, "reasons[%d] needs a code and a text, of at most %d bytes each", i, maxText)
		case reason.Effect != "raises" && reason.Effect != "lowers":
			return refuse(ledger.CodeInvalid, "reasons[%d].effect is %.20q, and neither raises nor lowers", i, reason.Effect)
		}
	}
	for i, action := range r.Actions {
		if strings.TrimSpace(action) == "" || len(action) > maxText {
			return refuse(ledger.CodeInvalid, "actions[%d] is no name", i)
		}
	}
	return nil
}

// Ask sends a request and waits for the reply as long as the context allows. Errors: CodeUnavailable where nobody serves the subject or NATS is away, and the context's.
func Ask(ctx context.Context, c *nats.Conn, subject string, request []byte) ([]byte, error) {
	m, err := c.RequestWithContext(ctx, subject, request)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, ledger.Errorf(ledger.CodeUnavailable, "external scorer", "start the scorer; handoffs go on", "nobody answers at %s", subject)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, ledger.Errorf(ledger.CodeUnavailable, "external scorer", "see whether NATS is there; handoffs go on", "%s: %w", subject, err)
	}
	return m.Data, nil
}
