package points

import (
	"context"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections"
)

// Desk answers questions about points, and writes what is said of them, over an open ledger.
type Desk struct {
	Reader ledger.Reader
	Models *projections.Models
	Append ledger.Append // the intake; nil: nothing is written
	// Tiers, where given, says how deep the handoffs were that a point offered in a window.
	Tiers func(ctx context.Context, point string, w Window) (*TierShares, error)
}

// Counter answers what a desk does. *Desk answers from the directory, server/client's through the API.
type Counter interface {
	Dossier(ctx context.Context, name string) (*Dossier, error)
	Checklist(ctx context.Context, name string, o Options) (*Checklist, error)
	Matrix(ctx context.Context, o Options) (*Matrix, error)
	Evidence(ctx context.Context, name, pain, query string, o Options) (*Evidence, error)
	Change(ctx context.Context, c Change, o Options) (Changed, error)
}

var _ Counter = (*Desk)(nil)

// Dossier is a point with its traffic.
type Dossier struct {
	*Point
	Unmapped bool                  `json:"unmapped"`
	Traffic  *projections.PointRow `json:"traffic,omitempty"` // nil where there is none
	Share    float64               `json:"share"`             // of all handoffs
}

// Dossier answers one point. CodeNotFound where it is neither mapped nor has traffic.
func (d *Desk) Dossier(ctx context.Context, name string) (*Dossier, error) {
	p, err := d.point(ctx, name)
	if err != nil {
		return nil, err
	}
	report, err := d.Models.Points(ctx)
	if err != nil {
		return nil, err
	}
	return DossierOf(p, report)
}

// DossierOf puts a point and its traffic together.
func DossierOf(p *Point, report projections.Report[projections.PointRow]) (*Dossier, error) {
	page := &Dossier{Point: p, Unmapped: !p.IsMapped()}
	all := int64(0)
	for i := range report.Rows {
		all += report.Rows[i].Handoffs
		if report.Rows[i].Point == p.Name {
			page.Traffic = &report.Rows[i]
		}
	}
	if page.Traffic == nil && len(p.History) == 0 {
		return nil, ledger.Errorf(ledger.CodeNotFound, op, "list points with `baton points`, or map it: `baton points map '"+p.Name+"' --owner TEAM`",
			"point %s is neither mapped nor has it traffic", p.Name)
	}
	if page.Traffic != nil {
		page.Share = ratio(int(page.Traffic.Handoffs), int(all))
	}
	return page, nil
}

// point reads a point by a name that people wrote.
func (d *Desk) point(ctx context.Context, name string) (*Point, error) {
	name, err := Canonical(name)
	if err != nil {
		return nil, err
	}
	return Read(ctx, d.Reader, name, 0)
}

// Checklist answers the checklist of a point, mapped or not. CodeNotFound where it is neither mapped nor has traffic.
func (d *Desk) Checklist(ctx context.Context, name string, o Options) (*Checklist, error) {
	page, err := d.Dossier(ctx, name)
	if err != nil {
		return nil, err
	}
	f, err := d.Gather(ctx, page.Point, o)
	if err != nil {
		return nil, err
	}
	return Check(page.Point, f, o), nil
}

// Evidence runs the query of a pain point, or one that is given: pain or query is "".
func (d *Desk) Evidence(ctx context.Context, name, pain, query string, o Options) (*Evidence, error) {
	page, err := d.Dossier(ctx, name)
	if err != nil {
		return nil, err
	}
	if query == "" {
		i := page.pain(pain)
		if i < 0 {
			return nil, ledger.Errorf(ledger.CodeNotFound, op, "see them with `baton points show '"+page.Name+"'`", "point %s has no pain point %.100q", page.Name, pain)
		}
		if query = page.Pains[i].Evidence; query == "" {
			return nil, refuse("record it again with a query: `baton points pain … --evidence 'reasks field=…'`", "pain point %s has no evidence query", pain)
		}
	}
	q, err := ParseQuery(query, o.Compile)
	if err != nil {
		return nil, err
	}
	return d.evidence(ctx, page.Point, pain, q, o)
}

// wholeLife is a window, in days, that no ledger is older than.
const wholeLife = 100 * 365

// Change writes one change. The facts of the point are computed where it takes a step: for that its whole life counts, and not the last days alone.
func (d *Desk) Change(ctx context.Context, c Change, o Options) (Changed, error) {
	o.Days, o.Now = wholeLife, time.Time{}
	return Write(ctx, d.Reader, d.Append, c, func(p *Point) (*Facts, error) { return d.Gather(ctx, p, o) }, o)
}
