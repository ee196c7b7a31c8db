package depth

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger/contract"
)

// psiFloor is the least share that an index is counted with (definition 9 of the depth practices).
const psiFloor = 1e-6

// DriftOptions say what is normal and what counts as a change; the zero value is good.
type DriftOptions struct {
	Query
	Baseline int     // days from the first one on that are taken as normal, at each point; default 28, and half of the days where there are fewer than twice as many
	Alpha    float64 // probability of a false finding among all that a report tests, default 0.01
	Index    float64 // least stability index that counts, however large the sample, default 0.1
	Rise     float64 // least rise of a rate that counts, default 0.02
	Least    int     // handoffs on each side below which nothing is tested, default 50
	Charts   bool    // control charts of all rates, not of drifted ones alone
}

func (o *DriftOptions) defaults() {
	o.Baseline, o.Least = cmp.Or(o.Baseline, 28), cmp.Or(o.Least, 50)
	o.Alpha, o.Index, o.Rise = cmp.Or(o.Alpha, 0.01), cmp.Or(o.Index, 0.1), cmp.Or(o.Rise, 0.02)
}

// Kinds of drift.
const (
	DriftMissing      = "missing"      // a field is absent more often
	DriftMalformed    = "malformed"    // its value is of another form, or breaks its schema, more often
	DriftEnum         = "enum"         // a new value of a field with few values
	DriftDistribution = "distribution" // its values are spread in another way
	DriftStructure    = "structure"    // a field, a class or a type that was not there before
	DriftVersion      = "version"      // versions have other shares
)

// DriftReport says what producers send otherwise than they did.
type DriftReport struct {
	Head
	Rows      []DriftRow   `json:"rows"`  // what drifted, the surest first; then what is new and not sure
	Rates     []RateRow    `json:"rates"` // every rate that was tested
	Indexes   []IndexRow   `json:"indexes"`
	Versions  []VersionRow `json:"versions"` // contracts that come in several
	Producers []Producer   `json:"producers"`
	Baseline  int          `json:"baseline_days"`
	Alpha     float64      `json:"alpha"`
	Tests     int          `json:"tests"` // that share alpha
}

// DriftRow is one thing that changed.
type DriftRow struct {
	Kind      string     `json:"kind"`
	Point     string     `json:"point"`
	Contract  string     `json:"contract,omitempty"`
	Version   int        `json:"version,omitempty"`
	Field     string     `json:"field,omitempty"`
	Drifted   bool       `json:"drifted"`         // surely: the figures below are beyond their thresholds
	Active    bool       `json:"active"`          // it has not gone back since
	Since     string     `json:"since,omitempty"` // day on which it most likely began
	Noticed   string     `json:"noticed,omitempty"`
	Before    float64    `json:"before"` // rate or share in the baseline
	After     float64    `json:"after"`  // since then
	NBefore   int64      `json:"n_before"`
	N         int64      `json:"n"`
	Statistic float64    `json:"statistic"` // CUSUM, stability index, or likelihood ratio
	Threshold float64    `json:"threshold,omitempty"`
	P         float64    `json:"p"`               // that it would look so without a change
	Value     string     `json:"value,omitempty"` // new value (a digest of personal ones), or new form
	Sample    string     `json:"sample,omitempty"`
	FirstSeen *Sighting  `json:"first_seen,omitempty"`
	StartedBy *StartedBy `json:"started_by,omitempty"`
	Chart     []ChartDay `json:"chart,omitempty"`
}

// Sighting is where something was seen first.
type Sighting struct {
	Position uint64    `json:"position"`
	Time     time.Time `json:"time"`
	Journey  string    `json:"journey"`
	Source   string    `json:"source"`
}

// StartedBy is the producer in which a change is greatest.
type StartedBy struct {
	Source  string `json:"source"`
	Version int    `json:"version,omitempty"`
}

// VersionRow is the versions of a contract at a point, by day.
type VersionRow struct {
	Point    string       `json:"point"`
	Contract string       `json:"contract"`
	Versions []int        `json:"versions"`
	Days     []VersionDay `json:"days"`
}

// VersionDay counts handoffs by version, in the order of the row's versions.
type VersionDay struct {
	Day    string  `json:"day"`
	Counts []int64 `json:"counts"`
}

// Producer is one source at a point under one version, and the structure of what it sends: Fingerprint is SHA-256 over the sorted lines
// "class/field path type format" of everything it has ever sent.
type Producer struct {
	Point       string    `json:"point"`
	Contract    string    `json:"contract,omitempty"`
	Version     int       `json:"version,omitempty"`
	Source      string    `json:"source"`
	Handoffs    int64     `json:"handoffs"`
	FirstSeen   time.Time `json:"first_seen"`
	LastSeen    time.Time `json:"last_seen"`
	Forms       int       `json:"forms"`
	Fingerprint string    `json:"fingerprint"`
	LastChange  time.Time `json:"last_change"` // when the newest form came first
}

// Drift reports what changed. It is a function of the fold and the options: thresholds are drawn with fixed seeds.
func (f *Fold) Drift(o DriftOptions) DriftReport {
	o.defaults()
	out := DriftReport{Head: f.head("drift", o.Query), Rows: []DriftRow{}, Rates: []RateRow{}, Indexes: []IndexRow{}, Versions: []VersionRow{},
		Producers: []Producer{}, Baseline: o.Baseline, Alpha: o.Alpha}
	groups := f.groups(&o)
	d := &drifts{fold: f, o: &o, out: &out}
	d.collect(groups)
	out.Tests = d.tests
	d.judge()
	for _, s := range f.chosen(o.Query) {
		out.Producers = append(out.Producers, s.producer())
	}
	slices.SortStableFunc(out.Rows, func(a, b DriftRow) int {
		return cmp.Or(-compareBool(a.Drifted, b.Drifted), cmp.Compare(a.P, b.P), cmp.Compare(b.Statistic, a.Statistic), cmp.Compare(a.Point, b.Point), cmp.Compare(a.Field, b.Field))
	})
	slices.SortFunc(out.Producers, func(a, b Producer) int {
		return cmp.Or(cmp.Compare(a.Point, b.Point), cmp.Compare(a.Contract, b.Contract), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Source, b.Source))
	})
	return out
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// drifts collects what a report tests, then judges it: how much of alpha a test gets depends on how many there are.
type drifts struct {
	fold    *Fold
	o       *DriftOptions
	out     *DriftReport
	tests   int
	rates   []rate
	indexes []index
	mixes   []mixed
	values  []newValue
	forms   []newForm
}

func (d *drifts) collect(groups []*group) {
	seen := map[*agreement]bool{}
	for _, g := range groups {
		d.collectRates(g)
		d.collectIndexes(g)
		if a := g.agreement; !seen[a] {
			seen[a] = true
			d.collectValues(a)
			d.collectForms(a)
		}
	}
	d.collectVersions(groups)
	d.tests = len(d.rates) + len(d.indexes) + len(d.mixes) + len(d.values) + len(d.forms)
}

func (d *drifts) judge() {
	alpha := d.o.Alpha / float64(max(d.tests, 1))
	for i := range d.rates {
		d.judgeRate(&d.rates[i], alpha)
	}
	for i := range d.indexes {
		d.judgeIndex(&d.indexes[i], alpha)
	}
	for i := range d.mixes {
		d.judgeMix(&d.mixes[i], alpha)
	}
	for i := range d.values {
		d.judgeValue(&d.values[i], alpha)
	}
	for i := range d.forms {
		d.judgeForm(&d.forms[i], alpha)
	}
}

func (s sight) sighting() *Sighting {
	return &Sighting{Position: s.position, Time: time.UnixMilli(s.at).UTC(), Journey: s.journey, Source: s.series.source}
}

// still reports whether something was seen within the last week of an agreement's offers. Offers count and not the report's time: what comes long after
// them, an outcome a month later say, makes nothing old.
func (a *agreement) still(last int64) bool { return a.last-last <= 7*dayMS }

func (s *series) producer() Producer {
	p := Producer{Point: s.point, Contract: s.agreement.contract(), Version: s.agreement.version, Source: s.source, Handoffs: int64(s.handoffs),
		FirstSeen: time.UnixMilli(s.first.at).UTC(), LastSeen: time.UnixMilli(s.last).UTC(), Forms: len(s.shapes), LastChange: time.UnixMilli(s.first.at).UTC()}
	lines := make([]string, len(s.shapes))
	for i, h := range s.shapes {
		lines[i] = s.agreement.line(&h)
		if at := time.UnixMilli(h.first.at).UTC(); at.After(p.LastChange) {
			p.LastChange = at
		}
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	p.Fingerprint = hex.EncodeToString(sum[:])
	return p
}

// line is a form as the fingerprint has it.
func (a *agreement) line(h *shape) string {
	return fmt.Sprintf("%s/%s%s %s %s", contract.Classes()[h.class], a.fields[h.field].name, h.path, kindTexts[h.kind][0], kindTexts[h.kind][1])
}
