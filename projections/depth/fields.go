package depth

import (
	"cmp"
	"slices"

	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/projections/shift"
)

// FieldReport says what becomes of fields: which are asked for, sent, delivered, looked at and used, and what that costs.
type FieldReport struct {
	Head
	Rows      []FieldRow     `json:"rows"`      // by point, the dearest first
	Catalogue []CatalogueRow `json:"catalogue"` // every field, over all points
	Funnels   []FunnelRow    `json:"funnels"`   // stages where journeys begin
}

// FieldRow is a field at a point, over the versions and producers that have it. Shares are of the row's handoffs, but used_share, which is of those that
// were completed with the field delivered, as far as that is known: used ÷ delivered.
type FieldRow struct {
	Point          string   `json:"point"`
	Contract       string   `json:"contract,omitempty"`
	Versions       []int    `json:"versions,omitempty"`
	Field          string   `json:"field"`
	Class          string   `json:"class"`
	Kind           string   `json:"kind"` // identifier, metadata, history or predicted
	Classification string   `json:"classification,omitempty"`
	Handoffs       int64    `json:"handoffs"`
	Offered        int64    `json:"offered"`
	Delivered      int64    `json:"delivered"`
	Viewed         int64    `json:"viewed"`
	Used           int64    `json:"used"`
	Missing        int64    `json:"missing"`          // handoffs that were offered without it
	Junk           int64    `json:"junk"`             // values that look as if something had to be entered
	Required       int64    `json:"required_missing"` // handoffs in which the contract's check found it absent, variants applied; 0 where nothing is checked
	Malformed      int64    `json:"malformed"`        // values that break the contract's schema, as its check found
	Stale          int64    `json:"stale"`            // older than it may be when it was offered
	OfferedShare   float64  `json:"offered_share"`
	DeliveredShare float64  `json:"delivered_share"`
	ViewedShare    float64  `json:"viewed_share"`
	UsedShare      float64  `json:"used_share"`
	MissingRate    float64  `json:"missing_rate"`
	MalformedRate  float64  `json:"malformed_rate"`
	FillP50        float64  `json:"fill_p50_ms"`
	Filled         int64    `json:"filled"`          // values with a fill time
	HoursPerMonth  float64  `json:"hours_per_month"` // median fill time × values filled in 30 days
	AgeP50         float64  `json:"age_p50_hours"`   // asserted_at to the offer
	FreshFor       float64  `json:"fresh_for_hours,omitempty"`
	Methods        Methods  `json:"methods"`
	AskedLost      int64    `json:"asked_lost"` // asked though answered before, and not delivered
	AskedIgnored   int64    `json:"asked_ignored"`
	AskedJunk      int64    `json:"asked_junk"`
	AskedNew       int64    `json:"asked_new"`
	Findings       []string `json:"findings,omitempty"` // unused_personal, unused, stale, gamed, often_missing, add
}

// Methods count values by how they were come by.
type Methods struct {
	User      int64   `json:"user"`
	System    int64   `json:"system"`
	Model     int64   `json:"model"`
	Default   int64   `json:"default"`
	Inherited int64   `json:"inherited"`
	Other     int64   `json:"other"`
	FreeShare float64 `json:"mandatory_not_by_user"` // of a mandatory field's values: they cost the human nothing
}

// Findings of fields.
const (
	Unused         = "unused"          // used in less than 5 % of 200 deliveries or more
	UnusedPersonal = "unused_personal" // the same of a personal or confidential one: it need not be sent (data minimisation)
	Stale          = "stale"           // half of the values are older than they may be
	Gamed          = "gamed"           // surely more than a tenth of the values are junk
	OftenMissing   = "often_missing"   // mandatory, and surely more than a tenth of the handoffs have it not
	Add            = "add"             // receivers ask for it, surely in more than a tenth of the handoffs, and it is not delivered
)

// Limits of findings.
const (
	leastDelivered = 200  // before disuse is a finding
	leastHandoffs  = 50   // before rates are
	disused        = 0.05 // used share below which a field is disused (practice 63)
	often          = 0.1
)

type fieldGroup struct {
	point, contract, field string
}

// Fields reports fields by point.
func (f *Fold) Fields(q Query) FieldReport {
	out := FieldReport{Head: f.head("fields", q), Rows: []FieldRow{}, Catalogue: []CatalogueRow{}, Funnels: []FunnelRow{}}
	rows, sums := map[fieldGroup]*FieldRow{}, map[fieldGroup]*fieldDay{}
	days := f.span(q)
	for _, s := range f.chosen(q) {
		d, any := s.over(q)
		if !any {
			continue
		}
		a := s.agreement
		for i := range a.fields {
			g := fieldGroup{s.point, a.contract(), a.fields[i].name}
			if a.fields[i].guest && !d.of(i).touched() {
				continue
			}
			if rows[g] == nil {
				rows[g], sums[g] = &FieldRow{Point: s.point, Contract: g.contract, Field: g.field}, &fieldDay{}
			}
			rows[g].take(&a.fields[i], a.version, &d)
			sums[g].add(d.of(i))
		}
	}
	for g, row := range rows {
		row.fill(sums[g], days)
		out.Rows = append(out.Rows, *row)
	}
	slices.SortFunc(out.Rows, func(a, b FieldRow) int {
		return cmp.Or(cmp.Compare(a.Point, b.Point), cmp.Compare(a.Contract, b.Contract), cmp.Compare(b.HoursPerMonth, a.HoursPerMonth),
			cmp.Compare(b.Offered, a.Offered), cmp.Compare(a.Field, b.Field))
	})
	out.Catalogue, out.Funnels = catalogueOf(out.Rows), f.funnelRows(q)
	return out
}

// contract is the name of the contract, "" where none is named.
func (a *agreement) contract() string {
	if a.version == 0 {
		return ""
	}
	return a.name
}

func (d *fieldDay) touched() bool { return d.n != [nCounters]uint32{} }

// span is how many days the query's data cover.
func (f *Fold) span(q Query) float64 {
	first, last := int32(1<<30), int32(-1<<30)
	for _, s := range f.order {
		for number := range s.days {
			if q.has(number) {
				first, last = min(first, number), max(last, number)
			}
		}
	}
	return max(1, float64(last-first+1))
}

// take adds what the agreement says of the field.
func (r *FieldRow) take(f *agreed, version int, d *day) {
	r.Class, r.Kind, r.Classification = string(f.className()), kindNames[f.kind], cmp.Or(f.classification, r.Classification)
	if f.declared && f.life > 0 {
		r.FreshFor = float64(f.life) / 3600e3
	}
	if version > 0 && !slices.Contains(r.Versions, version) {
		r.Versions = append(r.Versions, version)
		slices.Sort(r.Versions)
	}
	if f.guest {
		r.Class = "" // nobody offers it
	}
	r.Handoffs += int64(d.handoffs)
}

func (r *FieldRow) fill(d *fieldDay, days float64) {
	n := func(i int) int64 { return int64(d.n[i]) }
	r.Offered, r.Delivered, r.Viewed, r.Used = n(nOffered), n(nDelivered), n(nViewed), n(nUsed)
	r.Missing, r.Junk, r.Required, r.Malformed, r.Stale = r.Handoffs-r.Offered, n(nJunk), n(nRequired), n(nMalformed), n(nStale)
	r.AskedLost, r.AskedIgnored, r.AskedJunk, r.AskedNew = n(nLost), n(nIgnored), n(nGamed), n(nNew)
	r.OfferedShare, r.DeliveredShare, r.ViewedShare = share(r.Offered, r.Handoffs), share(r.Delivered, r.Handoffs), share(r.Viewed, r.Handoffs)
	r.UsedShare, r.MissingRate, r.MalformedRate = share(r.Used, r.Delivered), share(r.Missing, r.Handoffs), share(r.Malformed, r.Offered)
	r.FillP50, r.Filled = d.fill.quantile(0.5), d.fill.total()
	r.HoursPerMonth = r.FillP50 * float64(r.Filled) / days * 30 / 3600e3
	r.AgeP50 = d.age.quantile(0.5) / 60
	m := &r.Methods
	for i, to := range [...]*int64{&m.User, &m.System, &m.Model, &m.Default, &m.Inherited, &m.Other} {
		*to = n(nMethod + i)
	}
	if r.Class == string(contract.Mandatory) {
		m.FreeShare = share(r.Offered-m.User, r.Offered)
	}
	r.find()
}

// find names what somebody should look at.
func (r *FieldRow) find() {
	private := r.Classification == "personal" || r.Classification == "confidential"
	add := func(on bool, name string) {
		if on {
			r.Findings = append(r.Findings, name)
		}
	}
	add(private && r.UsedShare < disused && r.Delivered >= leastDelivered, UnusedPersonal)
	add(r.UsedShare < disused && r.Delivered >= leastDelivered, Unused)
	add(r.FreshFor > 0 && r.AgeP50 > r.FreshFor && r.Offered >= leastHandoffs, Stale)
	add(surely(r.Junk, r.Offered), Gamed)
	add(r.Class == string(contract.Mandatory) && surely(r.Missing, r.Handoffs), OftenMissing)
	add(surely(r.AskedLost+r.AskedNew, r.Handoffs), Add)
}

// surely reports whether a rate is over the limit by the lower end of its 95 % interval.
func surely(k, n int64) bool {
	return n >= leastHandoffs && shift.Lower(float64(k), float64(n), 1.96) > often
}
