package train

import (
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/table"
)

// references are the histograms that drift counts against: of the features over the training rows, and of the score over the examples held out, since on rows that it was
// trained on a model says more extreme things than it does later.
func (s *set) references(out *Result) (list []model.Reference) {
	for i := range s.frame.Columns {
		c := &s.frame.Columns[i]
		values := make([]table.Value, len(s.train))
		for k, row := range s.train {
			switch {
			case c.Kind == table.Number:
				values[k].Number = c.Numbers[row]
			case c.Codes[row] >= 0:
				values[k].Text = c.Names[c.Codes[row]]
			}
		}
		list = append(list, model.NewReference(c.Name, c.Kind, values, s.journeys(s.train)))
	}
	said := make([]table.Value, len(out.Held))
	for k, h := range out.Held {
		said[k].Number = h.P
	}
	return append(list, model.NewReference(model.ScoreReference, table.Number, said, s.journeys(s.held)))
}

func (s *set) journeys(rows []int) int {
	seen := map[int32]bool{}
	for _, row := range rows {
		seen[s.labels.Group[row]] = true
	}
	return len(seen)
}
