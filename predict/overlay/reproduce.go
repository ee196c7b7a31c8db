package overlay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/trust"
)

// Reproduction is the answer to whether a suggestion can be made again.
type Reproduction struct {
	ID          string       `json:"id"`
	Journey     string       `json:"journey"`
	Position    uint64       `json:"position"` // of the suggestion
	Model       ModelRef     `json:"model"`
	Same        bool         `json:"same"`   // every byte of the data
	Digest      string       `json:"digest"` // of the features, made again
	Probability float64      `json:"probability"`
	Reasons     []Reason     `json:"reasons"`
	Differences []Difference `json:"differences"`
	Recorded    bool         `json:"recorded,omitempty"` // another program answered: its answer is the recorded one, and it was not asked again

	Asked *[]Difference `json:"asked,omitempty"` // where it was asked again besides: what it says otherwise today
}

// Difference is a member of the data that came out otherwise.
type Difference struct {
	Member string `json:"member"`
	Stored string `json:"stored"`
	Again  string `json:"again"`
}

// Find gives a suggestion by its id in a journey's overlay. The error is CodeNotFound where there is none, and CodeInvalid where it was not made here.
func Find(ctx context.Context, r ledger.Reader, journey, id string) (e ledger.Recorded, err error) {
	var foreign error
	for e, err := range r.ReadStream(ctx, ledger.OverlayStream(journey), ledger.ReadOptions{}) {
		if err != nil {
			return e, err
		}
		if e.ID != id || e.Type != ledger.Type("suggestion", "offered") {
			continue
		}
		if e.Source != Source {
			foreign = ledger.Errorf(ledger.CodeInvalid, "predict reproduce", "reproduce suggestions whose source is "+Source,
				"suggestion %q was made by %q, and says not how", id, e.Source)
			continue
		}
		return e, nil
	}
	if foreign != nil {
		return e, foreign
	}
	return e, ledger.Errorf(ledger.CodeNotFound, "predict reproduce", "`baton journey "+journey+"` lists its suggestions", "journey %q has no suggestion %q", journey, id)
}

// Reproduce makes a suggestion again. A model that is not to be had any more is an error; a difference is none.
func Reproduce(ctx context.Context, r ledger.Reader, models string, e ledger.Recorded) (*Reproduction, error) {
	journey := ledger.JourneyOf(e.Stream)
	var stored Suggestion
	if err := json.Unmarshal(e.Data, &stored); err != nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, "predict reproduce", "", "the data of suggestion %q: %w", e.ID, err)
	}
	reg, err := registry.Find(ctx, r, stored.Model.Name, stored.Model.Hash)
	if err != nil {
		return nil, err
	}
	m, err := ScorerOf(models, reg, nil)
	if reg.Kind == registry.KindExternal {
		m, err = recorded(reg, stored.External)
	}
	if err != nil {
		return nil, err
	}
	s, err := OfScorer(ctx, r, m, journey, stored.Position)
	if err != nil {
		return nil, err
	}
	ladder, err := trust.Read(ctx, r, stored.Model.Name)
	if err != nil {
		return nil, err
	}
	level, _ := ladder.Level(stored.Model.Hash, s.point, stored.Position)
	again, err := suggest(s, manner{level, stored.HoldShare, time.Duration(stored.TTLSeconds * float64(time.Second)), stored.Explore})
	if err != nil {
		return nil, err
	}
	out := &Reproduction{ID: e.ID, Journey: journey, Position: e.Position, Model: s.Model, Digest: s.Features.Digest, Probability: s.Probability, Reasons: s.Reasons,
		Same: bytes.Equal(again.Data, e.Data) && again.ID == e.ID, Differences: []Difference{}, Recorded: reg.Kind == registry.KindExternal}
	if !out.Same {
		out.Differences = differences(e.Data, again.Data)
		if again.ID != e.ID {
			out.Differences = append(out.Differences, Difference{"id", e.ID, again.ID})
		}
	}
	return out, nil
}

// AskAgain asks the scorer of another program what it says today of the moment of a suggestion, and gives the members that differ from what is recorded. The error is CodeInvalid where
// the model is not another program's, else what went wrong with the scorer.
func AskAgain(ctx context.Context, r ledger.Reader, e ledger.Recorded, ask Ask) ([]Difference, error) {
	var stored Suggestion
	if err := json.Unmarshal(e.Data, &stored); err != nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, "predict reproduce", "", "the data of suggestion %q: %w", e.ID, err)
	}
	reg, err := registry.Find(ctx, r, stored.Model.Name, stored.Model.Hash)
	if err != nil {
		return nil, err
	}
	if reg.Kind != registry.KindExternal || stored.External == nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, "predict reproduce", "leave --ask out", "model %s is no other program's", reg.Name)
	}
	s, err := OfScorer(ctx, r, &externalScorer{reg, ask}, ledger.JourneyOf(e.Stream), stored.Position)
	if err != nil {
		return nil, err
	}
	if s.External.Answer == stored.External.Answer {
		return []Difference{}, nil
	}
	return differences([]byte(stored.External.Answer), []byte(s.External.Answer)), nil
}

// differences compares the members of two objects, those of the features one by one.
func differences(stored, again []byte) (list []Difference) {
	var a, b map[string]json.RawMessage
	if json.Unmarshal(stored, &a) != nil || json.Unmarshal(again, &b) != nil {
		return []Difference{{"data", short(stored), short(again)}}
	}
	for _, name := range names(a, b) {
		if same(a[name], b[name]) {
			continue
		}
		var inA, inB map[string]json.RawMessage
		if json.Unmarshal(a[name], &inA) == nil && json.Unmarshal(b[name], &inB) == nil {
			for _, d := range differences(a[name], b[name]) {
				d.Member = name + "." + d.Member
				list = append(list, d)
			}
			continue
		}
		list = append(list, Difference{name, short(a[name]), short(b[name])})
	}
	if len(list) == 0 {
		list = append(list, Difference{"data", fmt.Sprintf("%d bytes", len(stored)), fmt.Sprintf("%d bytes, written otherwise", len(again))})
	}
	return list
}

func same(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

func short(b []byte) string {
	if len(b) == 0 {
		return "nothing"
	}
	if len(b) > 160 {
		return string(b[:159]) + "…"
	}
	return string(b)
}

func names(a, b map[string]json.RawMessage) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}
