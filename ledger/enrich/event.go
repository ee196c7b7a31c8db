package enrich

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// eventData is the data of enrichment events, see docs/context.md.
type eventData struct {
	Handoff    string                     `json:"handoff"`
	Source     string                     `json:"source"`
	Kind       string                     `json:"kind,omitempty"`
	Point      string                     `json:"point,omitempty"`
	Fields     []string                   `json:"fields,omitempty"` // asked for
	BudgetMS   int64                      `json:"budget_ms,omitempty"`
	TookMS     *int64                     `json:"took_ms,omitempty"`
	Skipped    bool                       `json:"skipped,omitempty"`
	Reason     string                     `json:"reason,omitempty"`
	Version    string                     `json:"version,omitempty"` // of the source
	Digest     string                     `json:"answer_sha256,omitempty"`
	Attributes map[string]json.RawMessage `json:"attributes,omitempty"`
	Envelope   *metadata                  `json:"envelope,omitempty"`
}

// metadata is what is known of the values, where envelopes have it.
type metadata struct {
	Fields map[string]Meta `json:"fields"`
}

// verbs of the states that are events.
var verbs = map[string]string{Asked: "requested", Answered: "completed", Late: "late", Failed: "failed", Skipped: "failed"}

// EventID is the id of the event that says that a source came to a state for a handoff: "enrich/<source>/<handoff>/<verb>". A handoff whose id
// is too long for that has its digest there.
func EventID(source, handoff, state string) string {
	verb := verbs[state]
	if state == Skipped {
		verb = "skipped"
	}
	id := "enrich/" + source + "/" + handoff + "/" + verb
	if len(id) > ledger.MaxID {
		sum := sha256.Sum256([]byte(handoff))
		id = "enrich/" + source + "/" + hex.EncodeToString(sum[:]) + "/" + verb
	}
	return id
}

func (p *Progress) event(state string, d eventData) (ledger.Event, error) {
	data, err := json.Marshal(d)
	if err != nil {
		return ledger.Event{}, ledger.Errorf(ledger.CodeInternal, "enrichment", "", "%w", err)
	}
	return ledger.Event{ID: EventID(d.Source, p.Handoff, state), Source: EventSource, Type: ledger.Type("enrichment", verbs[state]), Subject: p.Journey,
		ContentType: "application/json", CausationID: p.Handoff, CorrelationID: p.offer.CorrelationID, TraceParent: p.offer.TraceParent, Data: data}, nil
}

// tries is how often an append is tried at a new revision: each time somebody else has appended to the overlay in between.
const tries = 100

// settle appends what became of a source, unless it has an outcome: at the revision of the overlay at which it had none. With again a failure is no outcome, and an
// event that is there already is left as it is. The answer is the state that the source has then.
func (e *Enricher) settle(ctx context.Context, p *Progress, state string, d eventData, again bool) (string, error) {
	ev, err := p.event(state, d)
	if err != nil {
		return "", err
	}
	turn := &e.turns[ledger.Partition(ledger.OverlayStream(p.Journey))]
	turn.Lock()
	defer turn.Unlock()
	for try := 0; ; try++ {
		now, err := e.read(ctx, p.Journey, p.Handoff)
		if err != nil {
			return "", err
		}
		if have := now.state(d.Source); Final(have) && !(again && retried(have)) || have == Asked && state == Asked {
			return have, nil
		}
		result := e.o.Append(ctx, []ledger.Batch{{Stream: ledger.OverlayStream(p.Journey), Expect: ledger.Expect(now.overlay), Events: []ledger.Event{ev}}})[0]
		switch {
		case result.Err == nil, errors.Is(result.Err, ledger.CodeIDConflict): // the same outcome, said with other numbers
			return state, nil
		case errors.Is(result.Err, ledger.CodeStaleRevision) && try < tries:
			continue
		}
		return "", result.Err
	}
}

// retried reports whether a state is one that somebody may ask again after.
func retried(state string) bool { return state == Failed || state == Skipped || state == Unanswered }

func (p *Progress) state(source string) string {
	for i := range p.Sources {
		if p.Sources[i].Source == source {
			return p.Sources[i].State
		}
	}
	return Waiting
}

// taken is the data of an answer.
func taken(d eventData, s *Source, a Answer, text []byte, took time.Duration) eventData {
	ms := took.Milliseconds()
	d.TookMS, d.Version, d.Digest, d.Attributes = &ms, a.Version, digest(text), a.Values
	d.Envelope = &metadata{map[string]Meta{}}
	for name := range a.Values {
		m := a.Fields[name]
		if m.Source == "" {
			m.Source = s.Name
		}
		if m.Method == "" {
			m.Method = "system"
		}
		d.Envelope.Fields[name] = m
	}
	return d
}
