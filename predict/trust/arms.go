package trust

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/baton-ledger/baton/ledger"
)

// arm is what became of the suggestion of a moment: shown, or held out; and what it said.
type arm struct {
	Position    uint64  `json:"position"`
	Policy      Level   `json:"policy"`
	HoldOut     bool    `json:"hold_out"`
	Probability float64 `json:"probability"`
	Model       Model   `json:"model"`
}

// suggested reads, by the position of the moment, a model's suggestions up to a position in the journeys of the moments.
func suggested(ctx context.Context, r ledger.Reader, hash string, list []Moment, to uint64) (map[uint64]arm, error) {
	var journeys []string
	for _, m := range list {
		journeys = append(journeys, m.Journey)
	}
	slices.Sort(journeys)
	out := map[uint64]arm{}
	for _, journey := range slices.Compact(journeys) {
		for e, err := range r.ReadStream(ctx, ledger.OverlayStream(journey), ledger.ReadOptions{}) {
			if err != nil {
				return nil, err
			}
			if to > 0 && e.Position > to {
				break
			}
			var a arm
			if e.Source == SuggestionSource && e.Type == ledger.Type("suggestion", "offered") && json.Unmarshal(e.Data, &a) == nil && a.Model.Hash == hash {
				out[a.Position] = a
			}
		}
	}
	return out, nil
}

// arms are the suggestions that were made on a level that is shown.
func arms(ctx context.Context, r ledger.Reader, hash string, list []Moment, to uint64) (map[uint64]arm, error) {
	out, err := suggested(ctx, r, hash, list, to)
	for position, a := range out {
		if !a.Policy.Shown() {
			delete(out, position)
		}
	}
	return out, err
}

// answers keeps the moments that another program was asked at, with the probability that it gave then: it cannot be computed again.
func answers(ctx context.Context, r ledger.Reader, hash string, list []Moment, to uint64) (out []Moment, err error) {
	of, err := suggested(ctx, r, hash, list, to)
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if a, ok := of[m.Position]; ok {
			m.P = a.Probability
			out = append(out, m)
		}
	}
	return out, nil
}
