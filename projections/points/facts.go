package points

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/projections"
)

// Facts are what a point's handoffs say of it. Handoffs, Kinds and Humans count all that were offered in the window; from Read on, figures come
// from the data of the newest of their journeys, at most Options.Journeys.
type Facts struct {
	Point    string  `json:"point"`
	Window   Window  `json:"window"`
	Handoffs int     `json:"handoffs"`
	PerDay   float64 `json:"per_day"`
	Kinds    int     `json:"kinds"`  // handoffs both of whose parties say what they are
	Humans   int     `json:"humans"` // both human, of these

	Read     int            `json:"read"`     // handoffs whose journey was read
	Complete bool           `json:"complete"` // all of the window were
	Accepted int            `json:"accepted"`
	Lost     int            `json:"lost"` // handoffs with a lost re-ask at least
	Reasks   map[string]int `json:"reasks"`
	Demand   []Demand       `json:"demand"`  // lost re-asks by field, the most first
	Schemas  map[string]int `json:"schemas"` // offers by dataschema

	Contract           Contract `json:"contract"`
	UnderContract      int      `json:"under_contract"`       // offers that follow it
	UnderContractSince int      `json:"under_contract_since"` // of these, since the present step was reached

	Tiers *TierShares `json:"tiers,omitempty"` // nil: not computed
}

// Demand is a field that receivers asked for again because it was lost.
type Demand struct {
	Field string `json:"field"`
	Lost  int    `json:"lost"`
}

// TierShares are the shares of handoffs by the tier that was derived from what they delivered and showed.
type TierShares struct {
	N          int     `json:"n"`
	Minimal    float64 `json:"minimal"`
	Contextual float64 `json:"contextual"`
	Predictive float64 `json:"predictive"`
}

// HumanShare is the share of handoffs between humans among those whose kinds are known.
func (f *Facts) HumanShare() float64 { return ratio(f.Humans, f.Kinds) }

// LostRate is handoffs with a lost re-ask over handoffs accepted, among those read (definition 3 of the depth practices).
func (f *Facts) LostRate() float64 { return ratio(f.Lost, f.Accepted) }

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// Gather computes a point's facts: one pass over its handoffs' headers, and one over the data of their newest journeys.
func (d *Desk) Gather(ctx context.Context, p *Point, o Options) (*Facts, error) {
	o, err := d.aliases(ctx, p, o.withDefaults())
	if err != nil {
		return nil, err
	}
	w, _, err := d.window(ctx, o)
	if err != nil {
		return nil, err
	}
	f := &Facts{Point: p.Name, Window: w, Reasks: map[string]int{}, Schemas: map[string]int{}, Demand: []Demand{}}
	rows, err := d.offered(ctx, p.Name, w)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		f.count(&rows[i])
	}
	f.PerDay = w.perDay(int64(f.Handoffs))
	var all []*handed
	if f.Complete, err = d.journeys(ctx, rows, o, nil, func(list []*handed) { all = append(all, list...) }); err != nil {
		return nil, err
	}
	f.read(all)
	if f.Contract, err = ReadContract(ctx, d.Reader, cmp.Or(p.Contract, f.followed())); err != nil {
		return nil, err
	}
	f.follow(all, p)
	if d.Tiers != nil {
		f.Tiers, err = d.Tiers(ctx, p.Name, w)
	}
	return f, err
}

// offered lists the handoffs of a point that were offered in a window, the newest in the ledger first.
func (d *Desk) offered(ctx context.Context, point string, w Window) ([]projections.HandoffRow, error) {
	var rows []projections.HandoffRow
	for row, err := range d.Models.Handoffs(ctx, projections.HandoffQuery{Point: point, Newest: true}) {
		if err != nil {
			return nil, err
		}
		if w.Holds(row.Offered) {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// count takes what the header of a handoff says.
func (f *Facts) count(h *projections.HandoffRow) {
	f.Handoffs++
	if h.Sender.Kind != "" && h.Receiver.Kind != "" {
		f.Kinds++
		if h.Sender.Kind == "human" && h.Receiver.Kind == "human" {
			f.Humans++
		}
	}
}

// read takes what the data of journeys says.
func (f *Facts) read(all []*handed) {
	lost := map[string]int{}
	for _, h := range all {
		f.Read++
		if h.known != nil {
			f.Accepted++
		}
		if h.schema != "" {
			f.Schemas[h.schema]++
		}
		any := false
		for _, q := range h.reasks {
			f.Reasks[q.Class]++
			if q.Class == Lost {
				lost[q.Field]++
				any = true
			}
		}
		if any {
			f.Lost++
		}
	}
	for _, field := range slices.Sorted(maps.Keys(lost)) {
		f.Demand = append(f.Demand, Demand{field, lost[field]})
	}
	slices.SortStableFunc(f.Demand, func(a, b Demand) int { return cmp.Compare(b.Lost, a.Lost) })
}

// followed is the contract that most offers name, "" where none does.
func (f *Facts) followed() string {
	by := map[string]int{}
	for schema, n := range f.Schemas {
		if name, _, ok := contract.ReadSchema(schema); ok {
			by[name] += n
		}
	}
	best := ""
	for _, name := range slices.Sorted(maps.Keys(by)) {
		if best == "" || by[name] > by[best] {
			best = name
		}
	}
	return best
}

// follow counts offers under the contract.
func (f *Facts) follow(all []*handed, p *Point) {
	for _, h := range all {
		if name, _, ok := contract.ReadSchema(h.schema); ok && name == f.Contract.Name {
			f.UnderContract++
			if h.row.Offered.After(p.Since()) {
				f.UnderContractSince++
			}
		}
	}
}
