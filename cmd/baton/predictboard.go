package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/trust"
)

// boardRow is a version of a model at a point.
type boardRow struct {
	Model   trust.Model    `json:"model"`
	Target  string         `json:"target"`
	Point   string         `json:"point"`
	Level   trust.Level    `json:"level"`
	Since   time.Time      `json:"since"`
	Figures *trust.Figures `json:"figures,omitempty"`
	Drift   *trust.Drifted `json:"drift,omitempty"` // the column furthest beyond its threshold
	Uplift  *trust.Uplift  `json:"uplift,omitempty"`
	Missing []string       `json:"missing"` // for the next level
	Problem string         `json:"problem,omitempty"`
	Not     []string       `json:"not_measured,omitempty"` // and why
}

func (a *app) predictBoardCommand() *cobra.Command {
	return &cobra.Command{
		Use: "board", Short: "All models at all points: level, what they have shown, and what is missing for the next level", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return a.with(ctx, "predict board", reading, func(s *session) error {
				rows := []boardRow{}
				for m, err := range registry.All(ctx, s.source) {
					if err != nil {
						return err
					}
					some, err := a.boardRows(ctx, s, m)
					if err != nil {
						return err
					}
					rows = append(rows, some...)
				}
				out := struct {
					Board []boardRow `json:"board"`
				}{rows}
				return a.show(out, func(w io.Writer) error { return boardText(w, rows) })
			})
		},
	}
}

// boardRows are those of one version: at "*", and where it has a level of its own. A version that is off everywhere has one row without figures.
func (a *app) boardRows(ctx context.Context, s *session, reg registry.Registered) (rows []boardRow, err error) {
	l, err := trust.Read(ctx, s.source, reg.Name)
	if err != nil {
		return nil, err
	}
	head, err := s.source.Head(ctx)
	if err != nil {
		return nil, err
	}
	m, problem := trust.Open(modelsDir(a.cfg.Data), reg)
	var list []trust.Moment
	for i, point := range l.Points(reg.Hash) {
		level, since := l.Level(reg.Hash, point, 0)
		row := boardRow{Model: trust.ModelOf(reg), Target: reg.Target, Point: point, Level: level, Since: reg.Registered, Missing: []string{}}
		for _, step := range l.Steps {
			if step.Position == since {
				row.Since = step.At
			}
		}
		switch {
		case problem != nil:
			row.Problem = problem.Error()
		case level != trust.Off:
			if i == 0 || list == nil {
				list, err = trust.Judge(ctx, s.source, m, trust.OutOfSample(reg, head.Position))
				if ledger.CodeOf(err) == ledger.CodeUnsupported {
					problem, row.Problem = err, err.Error() // the points that follow have it too
					break
				}
				if err != nil {
					return nil, err
				}
			}
			if err := a.judgeRow(ctx, s, l, m, list, head.Position, &row); err != nil {
				return nil, err
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// judgeRow fills in what the gate to the next level, or the monitor's window on the last one, says.
func (a *app) judgeRow(ctx context.Context, s *session, l *trust.Ladder, m *registry.Loaded, list []trust.Moment, to uint64, row *boardRow) error {
	g, err := trust.Evaluate(ctx, s.source, l, m, list, row.Point, row.Level.Next(), to, a.gateSettings())
	if err != nil {
		return err
	}
	row.Figures, row.Uplift = &g.Figures, g.Uplift
	if row.Level != trust.Default {
		for _, c := range g.Criteria {
			if !c.Met {
				row.Missing = append(row.Missing, c.Name)
			}
		}
	}
	monitor := a.monitor()
	r, err := trust.Drift(m, list[max(0, len(list)-monitor.Window):], monitor.Drift)
	if err == nil && len(r.Columns) > 0 {
		row.Drift = &r.Columns[0]
	} else if err != nil { // it has no references
		row.Not = append(row.Not, err.Error())
	}
	return nil
}

func boardText(w io.Writer, list []boardRow) error {
	if len(list) == 0 {
		return modelsText(w, nil)
	}
	var rows [][]string
	for _, r := range list {
		row := []string{r.Model.Name, count(r.Model.Version), ladderPoint(r.Point), string(r.Level), moment(r.Since), "-", "-", "-", "-", "-", cmp.Or(strings.Join(r.Missing, ", "), r.Problem, "nothing")}
		if f := r.Figures; f != nil {
			row[5], row[6], row[7] = count(f.Outcomes), fmt.Sprintf("%s ≤ %s", figure(f.ECE), figure(f.ECEUpper)), fmt.Sprintf("%s / %s", figure(f.LogLoss), figure(f.BaseLoss))
		}
		if d := r.Drift; d != nil {
			row[8] = fmt.Sprintf("%s %.2f (%.2f)", d.Column, d.PSI, d.Threshold)
		}
		if len(r.Not) > 0 {
			row[8] = "not measured"
		}
		if u := r.Uplift; u != nil && min(u.Shown, u.Held) > 0 {
			row[9] = upliftText(u)
		}
		if r.Level == trust.Default {
			row[10] = "-"
		}
		rows = append(rows, row)
	}
	return table(w, []string{"NAME", ">VERSION", "POINT", "LEVEL", "SINCE", ">OUTCOMES", "ECE", "LOG LOSS / RATE", "WORST DRIFT (LIMIT)", "UPLIFT", "MISSING FOR THE NEXT"}, rows)
}

func upliftText(u *trust.Uplift) string {
	return fmt.Sprintf("%+.3f (%+.3f to %+.3f), %s / %s", u.Uplift, u.Low, u.High, count(u.Shown), count(u.Held))
}

func (a *app) predictDriftCommand() *cobra.Command {
	var name string
	var version, last int
	cmd := &cobra.Command{
		Use: "drift --model N", Short: "How far the last handoffs lie from what a model was trained on", Args: cobra.NoArgs,
		Example: "  baton predict drift --model again\n  baton predict drift --model again --last 1000 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if last < 1 {
				return badFlag("last", "say --last 500", "%d is no number of moments", last)
			}
			return a.with(ctx, "predict drift", reading, func(s *session) error {
				reg, err := versionOf(ctx, s, name, version)
				if err != nil {
					return err
				}
				m, err := trust.Open(modelsDir(a.cfg.Data), reg)
				if err != nil {
					return err
				}
				list, err := trust.Judge(ctx, s.source, m, trust.OutOfSample(reg, 0))
				if err != nil {
					return err
				}
				r, err := trust.Drift(m, list[max(0, len(list)-last):], a.monitor().Drift)
				if err != nil {
					return err
				}
				return a.show(r, func(w io.Writer) error { return driftText(w, r) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "model", "", "name of the model")
	f.IntVar(&version, "version", 0, "of the model (default the newest)")
	f.IntVar(&last, "last", 500, "moments that are compared, the last ones since the training's cut")
	_ = cmd.MarkFlagRequired("model")
	return cmd
}

func driftText(w io.Writer, r *trust.DriftReport) error {
	fmt.Fprintf(w, "%d of %d columns have drifted\n  %s, version %d; %s moments of %s journeys, positions %s to %s; false alarms on any column %g %%\n\n", r.Drifted, len(r.Columns),
		printable(r.Model.Name), r.Model.Version, count(r.Moments), count(r.Journeys), count(r.First), count(r.Last), 100*r.Alpha)
	var rows [][]string
	for _, d := range r.Columns {
		rows = append(rows, []string{d.Column, fmt.Sprintf("%.4f", d.PSI), fmt.Sprintf("%.4f", d.Threshold), fmt.Sprint(d.Classical), count(d.Bins), yes(d.Drifted)})
	}
	return table(w, []string{"COLUMN", ">PSI", ">THRESHOLD", ">CLASSICAL", ">BINS", "DRIFTED"}, rows)
}

// levelsText says on which levels a version is: that of all points, then those of single ones.
func levelsText(l *trust.Ladder, hash string) string {
	var list []string
	for _, point := range l.Points(hash) {
		level, _ := l.Level(hash, point, 0)
		if !slices.Contains(list, string(level)) {
			list = append(list, string(level))
		}
	}
	return strings.Join(list, ", ")
}
