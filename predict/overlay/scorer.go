package overlay

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/external"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/trust"
)

// Scorer is a version of a model that can be asked: a file, or another program.
type Scorer interface {
	registered() *registry.Registered
	spec() *features.Spec
	// score says what it thinks of a journey as it stands in b. at has journey, handoff, point and the last event.
	score(ctx context.Context, b *features.Builder, at *Score) (*Score, error)
}

// fileScorer is a model that was trained here.
type fileScorer struct{ *registry.Loaded }

func (f fileScorer) registered() *registry.Registered { return &f.Registered }
func (f fileScorer) spec() *features.Spec             { return f.Spec }
func (f fileScorer) score(_ context.Context, b *features.Builder, at *Score) (*Score, error) {
	return score(f.Loaded, at.Journey, b), nil
}

// Ask sends a request to a scorer's subject and gives the bytes of its reply.
type Ask func(ctx context.Context, subject string, request []byte) ([]byte, error)

// External is the answer of another program, as it stands in a suggestion: byte for byte, with its SHA-256.
type External struct {
	Subject string   `json:"subject"`
	Answer  string   `json:"answer"`
	Digest  string   `json:"digest"`
	Version string   `json:"version,omitempty"`
	Actions []string `json:"actions,omitempty"`
}

// externalScorer asks another program, or reads what it answered once.
type externalScorer struct {
	reg registry.Registered
	ask Ask
}

func (e *externalScorer) registered() *registry.Registered { return &e.reg }
func (e *externalScorer) spec() *features.Spec {
	return &features.Spec{Activities: e.reg.External.Activities}
}

func (e *externalScorer) score(ctx context.Context, b *features.Builder, at *Score) (*Score, error) {
	s := &Score{Journey: at.Journey, Model: trust.ModelOf(e.reg), Target: e.reg.Target, Says: e.reg.Says, Scale: "of the scorer", Reasons: []Reason{}, Features: b.Snapshot(b.Row(nil))}
	request := external.Request{Journey: s.Journey, Position: at.last.Position, Handoff: at.handoff, Point: at.point, Moment: features.Moment(&at.last), Target: s.Target,
		Model: external.Model(s.Model), Features: s.Features}
	if end, ok := ctx.Deadline(); ok {
		request.BudgetMS = max(1, time.Until(end).Milliseconds())
	}
	body, err := json.Marshal(request)
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInternal, "external scorer", "", "%w", err)
	}
	answer, err := e.ask(ctx, e.reg.External.Subject, body)
	if err != nil {
		return nil, err
	}
	reply, err := external.Parse(answer, e.reg.External.Version)
	if err != nil {
		return nil, err
	}
	s.Probability = *reply.Probability
	for _, r := range reply.Reasons {
		s.Reasons = append(s.Reasons, Reason{Code: r.Code, Text: r.Text, Effect: r.Effect, Weight: r.Weight, Evidence: []features.Place{}})
	}
	s.External = &External{Subject: e.reg.External.Subject, Answer: string(answer), Digest: external.Digest(answer), Version: cmp.Or(reply.Version, e.reg.External.Version), Actions: reply.Actions}
	return s, nil
}

// recorded is a scorer that gives the answer in a suggestion again. The error is CodeCorrupt where that is not what its digest says.
func recorded(reg registry.Registered, stored *External) (Scorer, error) {
	if stored == nil || external.Digest([]byte(stored.Answer)) != stored.Digest {
		return nil, ledger.Errorf(ledger.CodeCorrupt, "predict reproduce", "compare with a copy of the ledger", "the answer that is stored is not the one of its digest")
	}
	return &externalScorer{reg, func(context.Context, string, []byte) ([]byte, error) { return []byte(stored.Answer), nil }}, nil
}

// ScorerOf is a version of a model that can be asked: through ask where another program answers for it, else by its file in a folder. The errors are those of [registry.Load],
// and CodeUnavailable where ask is nil and needed.
func ScorerOf(models string, reg registry.Registered, ask Ask) (Scorer, error) {
	if reg.Kind != registry.KindExternal {
		m, err := registry.Load(models, reg)
		return fileScorer{m}, err
	}
	if ask == nil {
		return nil, ledger.Errorf(ledger.CodeUnavailable, "external scorer", "serve with nats.enabled", "model %s is asked over NATS, and there is none", reg.Name)
	}
	return &externalScorer{reg, ask}, nil
}
