package depth

import (
	"cmp"
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger/contract"
)

// CatalogueRow is a field over all points.
type CatalogueRow struct {
	Field          string   `json:"field"`
	Classification string   `json:"classification,omitempty"`
	Points         int      `json:"points"` // that carry it
	Contracts      []string `json:"contracts"`
	Delivered      int64    `json:"delivered"`
	Used           int64    `json:"used"`
	UsedShare      float64  `json:"used_share"`
	HoursPerMonth  float64  `json:"hours_per_month"`
}

// FunnelRow is what becomes of the journeys that begin at a stage: a form, an e-mail.
type FunnelRow struct {
	Stage     string       `json:"stage"`
	Started   int64        `json:"started"`
	Offered   int64        `json:"offered"`   // handed over by that stage
	Closed    int64        `json:"closed"`    // ended there, by somebody who closed them
	Abandoned float64      `json:"abandoned"` // share of the started ones that were neither: still open, or left
	Requested int          `json:"requested"` // fields that are asked for there, mandatory ones among them
	Mandatory int          `json:"mandatory"`
	ByFields  []FunnelStep `json:"by_fields"`
}

// FunnelStep counts first handoffs by how many fields they had.
type FunnelStep struct {
	Fields  int   `json:"fields"`
	Offered int64 `json:"offered"`
}

func catalogueOf(rows []FieldRow) []CatalogueRow {
	byName, points := map[string]*CatalogueRow{}, map[string]map[string]bool{}
	for _, r := range rows {
		if r.Class == "" {
			continue
		}
		c := byName[r.Field]
		if c == nil {
			c = &CatalogueRow{Field: r.Field, Contracts: []string{}}
			byName[r.Field], points[r.Field] = c, map[string]bool{}
		}
		c.Classification = cmp.Or(r.Classification, c.Classification)
		points[r.Field][r.Point] = true
		if r.Contract != "" && !slices.Contains(c.Contracts, r.Contract) {
			c.Contracts = append(c.Contracts, r.Contract)
		}
		c.Delivered, c.Used, c.HoursPerMonth = c.Delivered+r.Delivered, c.Used+r.Used, c.HoursPerMonth+r.HoursPerMonth
	}
	out := []CatalogueRow{}
	for name, c := range byName {
		c.Points, c.UsedShare = len(points[name]), share(c.Used, c.Delivered)
		slices.Sort(c.Contracts)
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b CatalogueRow) int {
		return cmp.Or(cmp.Compare(b.Points, a.Points), strings.Compare(a.Field, b.Field))
	})
	return out
}

// funnelRows report the stages where journeys begin. What a form asks for is what its contract, or the most of its envelopes' agreement, lists.
func (f *Fold) funnelRows(q Query) []FunnelRow {
	out := []FunnelRow{}
	for stage, u := range f.funnels {
		if q.Point != "" && !slices.ContainsFunc(f.chosen(q), func(s *series) bool { return s.sender == stage }) {
			continue
		}
		var sum funnelDay
		for number, d := range u.days {
			if !q.has(number) {
				continue
			}
			sum.started, sum.offered, sum.closed = sum.started+d.started, sum.offered+d.offered, sum.closed+d.closed
			for i, n := range d.fields {
				sum.fields[i] += n
			}
		}
		row := FunnelRow{Stage: stage, Started: int64(sum.started), Offered: int64(sum.offered), Closed: int64(sum.closed), ByFields: []FunnelStep{}}
		if row.Started == 0 {
			continue
		}
		row.Abandoned = share(row.Started-row.Offered-row.Closed, row.Started)
		for i, n := range sum.fields {
			if n > 0 {
				row.ByFields = append(row.ByFields, FunnelStep{i, int64(n)})
			}
		}
		row.Requested, row.Mandatory = f.requested(stage, q)
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b FunnelRow) int {
		return cmp.Or(cmp.Compare(b.Started, a.Started), cmp.Compare(a.Stage, b.Stage))
	})
	return out
}

// requested is how many fields the agreement asks for that a stage sends most by.
func (f *Fold) requested(stage string, q Query) (all, mandatory int) {
	var most uint32
	for _, s := range f.chosen(q) {
		if s.sender != stage {
			continue
		}
		d, _ := s.over(q)
		if d.handoffs <= most {
			continue
		}
		most, all, mandatory = d.handoffs, 0, 0
		for _, a := range s.agreement.fields {
			switch {
			case a.guest || a.className() == contract.ForwardLooking:
			case a.className() == contract.Mandatory:
				mandatory++
				all++
			default:
				all++
			}
		}
	}
	return all, mandatory
}
