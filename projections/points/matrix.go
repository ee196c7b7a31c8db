package points

import (
	"cmp"
	"context"
	"slices"
)

// Recommendation is the style that a point's volume, complexity and value call for; "" where too little is known.
type Recommendation struct {
	Style string `json:"style,omitempty"`
	Why   string `json:"why"`
}

// recommended is the table of styles, by volume, complexity and value.
var recommended = map[[3]string]Recommendation{
	{High, Low, Low}:   {Stateless, "high volume and low complexity: pass as little as possible"},
	{High, Low, High}:  {Stateful, "high volume and low complexity, and much is at stake: pass what a mistake would cost"},
	{High, High, Low}:  {Stateful, "high volume and high complexity: pass the history, no more"},
	{High, High, High}: {Stateful, "high volume and high complexity: pass the history, and suggest at the critical ones alone"},
	{Low, Low, Low}:    {Stateless, "low volume and low complexity: nothing pays"},
	{Low, Low, High}:   {Stateful, "low complexity, and much is at stake: pass the history"},
	{Low, High, Low}:   {Predictive, "low volume and high complexity: suggest the next step"},
	{Low, High, High}:  {Predictive, "low volume and high complexity: suggest the next step"},
}

// Recommend looks a style up. Value counts as low where nothing is declared.
func Recommend(volume string, c *Classification) Recommendation {
	if c == nil || c.Complexity == "" || volume == Unknown {
		return Recommendation{Why: "volume or complexity is not known"}
	}
	return recommended[[3]string{volume, c.Complexity, cmp.Or(c.Value, Low)}]
}

// MatrixRow is one point in the matrix.
type MatrixRow struct {
	Point       string         `json:"point"`
	Mapped      bool           `json:"mapped"`
	Offers      int64          `json:"offers"` // in the window
	PerDay      float64        `json:"per_day"`
	Share       float64        `json:"share"`                 // of all offers in the window
	Volume      string         `json:"volume"`                // low, high
	Criticality string         `json:"criticality,omitempty"` // low, high, or nobody has said
	Value       string         `json:"value,omitempty"`
	Complexity  string         `json:"complexity,omitempty"`
	Style       string         `json:"style,omitempty"` // policy
	Recommended Recommendation `json:"recommended"`
}

// Matrix is all points by volume, which is counted, and criticality, which is declared.
type Matrix struct {
	Report   string      `json:"report"`
	Window   Window      `json:"window"`
	PerDay   float64     `json:"threshold_per_day"`
	Unmapped int         `json:"unmapped"`       // points that have traffic and are not mapped
	Share    float64     `json:"unmapped_share"` // of all offers in the window
	Rows     []MatrixRow `json:"rows"`           // the busiest first
}

// Matrix places every point that is mapped or has traffic.
func (d *Desk) Matrix(ctx context.Context, o Options) (*Matrix, error) {
	o = o.withDefaults()
	w, volumes, err := d.window(ctx, o)
	if err != nil {
		return nil, err
	}
	m := &Matrix{Report: "points matrix", Window: w, PerDay: o.PerDay, Rows: []MatrixRow{}}
	at := map[string]int{}
	total := int64(0)
	for i := range volumes {
		at[volumes[i].Point] = len(m.Rows)
		n := w.offers(&volumes[i])
		total += n
		m.Rows = append(m.Rows, MatrixRow{Point: volumes[i].Point, Offers: n})
	}
	for p, err := range All(ctx, d.Reader, 0) {
		if err != nil {
			return nil, err
		}
		if !p.IsMapped() {
			continue
		}
		i, there := at[p.Name]
		if !there {
			i = len(m.Rows)
			m.Rows = append(m.Rows, MatrixRow{Point: p.Name})
		}
		row := &m.Rows[i]
		row.Mapped, row.Style = true, p.Style
		if c := p.Class; c != nil {
			row.Criticality, row.Value, row.Complexity = c.Criticality, c.Value, c.Complexity
		}
	}
	m.finish(w, total)
	return m, nil
}

// finish computes volumes and shares, and orders the rows.
func (m *Matrix) finish(w Window, total int64) {
	unmapped := int64(0)
	for i := range m.Rows {
		row := &m.Rows[i]
		row.PerDay = w.perDay(row.Offers)
		row.Volume = level(row.PerDay, m.PerDay)
		if total > 0 {
			row.Share = float64(row.Offers) / float64(total)
		}
		if !row.Mapped {
			m.Unmapped++
			unmapped += row.Offers
		}
		row.Recommended = Recommend(row.Volume, &Classification{Value: row.Value, Complexity: row.Complexity})
	}
	if total > 0 {
		m.Share = float64(unmapped) / float64(total)
	}
	slices.SortStableFunc(m.Rows, func(a, b MatrixRow) int {
		return cmp.Or(cmp.Compare(b.Offers, a.Offers), cmp.Compare(a.Point, b.Point))
	})
}

func level(perDay, threshold float64) string {
	if perDay > threshold {
		return High
	}
	return Low
}
