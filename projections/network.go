package projections

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// Levels of a network report.
const (
	LevelGroup    = "group"    // stages of consecutive interactions of a journey
	LevelResource = "resource" // parties of consecutive interactions of a journey
	LevelOffered  = "offered"  // sender and receiver stage of offered handoffs
)

// NetworkOptions choose what a network report counts.
type NetworkOptions struct {
	Level string // LevelGroup ("" is that), LevelResource, LevelOffered
	Self  bool   // count a handover to oneself too, as PM4Py does
	Norm  string // share of a row: "none" or "" (0), "total" (of all counted), "row" (of all from the same)
	Top   int    // the most frequent rows alone, 0 is all
}

// NetworkReport is the handover of work (van der Aalst, Reijers, Song, CSCW 14(6), 2005): how often an interaction of one is directly
// followed, in the same journey, by an interaction of another. Interactions that name nobody break the chain.
type NetworkReport struct {
	Report[NetworkRow]
	Level    string `json:"level"`
	Pairs    int64  `json:"pairs"`    // handovers counted
	Distinct int    `json:"distinct"` // different rows, before Top
	Self     int64  `json:"self"`     // handovers to oneself, counted or not
}

// NetworkRow is one pair.
type NetworkRow struct {
	From  string  `json:"from"`
	To    string  `json:"to"`
	Count int64   `json:"count"`
	Share float64 `json:"share"`
}

// Network reports handovers, the most frequent first.
func (m *Models) Network(ctx context.Context, o NetworkOptions) (NetworkReport, error) {
	if o.Level == "" {
		o.Level = LevelGroup
	}
	out := NetworkReport{Report: Report[NetworkRow]{Report: "network", Rows: []NetworkRow{}}, Level: o.Level}
	level, known := map[string]byte{LevelGroup: levelGroup, LevelResource: levelResource, LevelOffered: levelOffered}[o.Level]
	if !known {
		return out, invalid("level", "say group, resource or offered", o.Level)
	}
	if o.Norm != "" && o.Norm != "none" && o.Norm != "total" && o.Norm != "row" {
		return out, invalid("norm", "say none, total or row", o.Norm)
	}
	v, err := m.view(ctx)
	if err != nil {
		return out, err
	}
	defer v.close()
	out.Position = v.position
	if out.AsOf, err = v.time(keyLastAt); err != nil {
		return out, err
	}
	if err := out.read(ctx, v, level, o.Self); err != nil {
		return out, err
	}
	out.finish(&o)
	return out, nil
}

func (r *NetworkReport) read(ctx context.Context, v *view, level byte, self bool) error {
	for p, err := range v.scan(ctx, []byte{spaceNetwork, level}, nil, false) {
		if err != nil {
			return err
		}
		from, rest, ok1 := readText(p.key[2:])
		to, _, ok2 := readText(rest)
		s, err := decodeSums(p.value)
		if err != nil || !ok1 || !ok2 {
			return damaged(keyName(p.key))
		}
		n := s.get(0)
		if from == to {
			r.Self += n
		}
		if n > 0 && (self || from != to) {
			r.Rows = append(r.Rows, NetworkRow{From: from, To: to, Count: n})
			r.Pairs += n
		}
	}
	r.Distinct = len(r.Rows)
	return nil
}

func (r *NetworkReport) finish(o *NetworkOptions) {
	from := make(map[string]int64)
	for _, row := range r.Rows {
		from[row.From] += row.Count
	}
	for i := range r.Rows {
		switch row := &r.Rows[i]; o.Norm {
		case "total":
			row.Share = ratio(row.Count, r.Pairs)
		case "row":
			row.Share = ratio(row.Count, from[row.From])
		}
	}
	slices.SortFunc(r.Rows, func(a, b NetworkRow) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.From, b.From), strings.Compare(a.To, b.To))
	})
	if o.Top > 0 && len(r.Rows) > o.Top {
		r.Rows = slices.Clip(r.Rows[:o.Top])
	}
}
