package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/projections/points"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server"
)

func (a *app) pointsCommand() *cobra.Command {
	top := 0
	cmd := &cobra.Command{
		Use: "points", Short: "Handoff points: traffic, owners, pain points, steps, the decision checklist", Args: cobra.NoArgs,
		Long: "Without a command: the points that are discovered from traffic, with volume and waits, and what is known of those that are mapped.\n" +
			"A point is written as sender>receiver@channel, in a shell in quotes.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listPoints(cmd.Context(), top) },
	}
	cmd.Flags().IntVar(&top, "top", 0, "the busiest alone; 0 is all")
	cmd.AddCommand(a.pointsMap(), a.pointsShow(), a.pointsPain(), a.pointsDecide(), a.pointsEvidence(), a.pointsClassify(), a.pointsStyle(), a.pointsTrain(),
		a.pointsAdvance(), a.pointsAnswer(), a.pointsRetire(), a.pointsChecklist(), a.pointsMatrix(), a.pointsBoard(), a.pointsExport())
	return cmd
}

// desk answers about points, in this process or through the holder. Read models are opened where the question needs them.
func (a *app) desk(ctx context.Context, s *session, models bool) (points.Counter, error) {
	if s.remote != nil {
		return s.remote.PointDesk(), nil
	}
	if models && s.node.models == nil {
		if err := a.openModels(ctx, s.node); err != nil {
			return nil, err
		}
	}
	return &points.Desk{Reader: s.source, Models: s.node.models, Append: s.append}, nil
}

// askDesk opens what a question needs.
func (a *app) askDesk(ctx context.Context, command string, do func(points.Counter) error) error {
	return a.with(ctx, command, modelled, func(s *session) error {
		d, err := a.desk(ctx, s, true)
		if err != nil {
			return err
		}
		return do(d)
	})
}

// pointFlags are the thresholds of checklist, matrix and evidence.
type pointFlags struct {
	points.Options
	now string
}

func (o *pointFlags) flags(cmd *cobra.Command, names ...string) {
	f := cmd.Flags()
	for _, name := range names {
		switch name {
		case "days":
			f.StringVar(&o.now, "now", "", "a moment in the last day of the window (default: the ledger's last offer)")
			f.IntVar(&o.Days, "days", 0, "window, in days (default points.days of the configuration)")
		case "journeys":
			f.IntVar(&o.Journeys, "journeys", 0, "journeys that are read at most, the newest (default 2000)")
		case "least":
			f.IntVar(&o.Least, "least", 0, "handoffs that a share is worth something from; with less the answer is unknown (default points.least)")
		case "per-day":
			f.Float64Var(&o.PerDay, "per-day", 0, "handoffs a day above which volume is high (default points.per_day)")
		case "lost-rate":
			f.Float64Var(&o.LostRate, "lost-rate", 0, "share of accepted handoffs with a lost re-ask above which fields are missing (default points.lost_rate)")
		case "human-share":
			f.Float64Var(&o.HumanShare, "human-share", 0, "share from which a point is between humans (default points.human_share)")
		case "trained-share":
			f.Float64Var(&o.TrainedShare, "trained-share", 0, "share of each team from which users are trained (default points.trained_share)")
		}
	}
}

// pointSettings are those of the configuration.
func (a *app) pointSettings() points.Options {
	c := a.cfg.Points
	o := points.Options{Days: c.Days, PerDay: c.PerDay, LostRate: c.LostRate, HumanShare: c.HumanShare, TrainedShare: c.TrainedShare, Least: c.Least, Monitored: c.Monitored,
		Channels: map[string]ledger.ChannelClass{}, Compile: server.CompileEvidence}
	for class, names := range map[ledger.ChannelClass][]string{ledger.RealTime: a.cfg.Channels.RealTime, ledger.NearRealTime: a.cfg.Channels.NearRealTime, ledger.Async: a.cfg.Channels.Async} {
		for _, name := range names {
			o.Channels[name] = class
		}
	}
	return o
}

// pointOptions are those of a question: what its flags say, over the configuration where the ledger is opened here (a holder has its own), and
// the progress of reading.
func (a *app) pointOptions(o points.Options, d points.Counter, label string) (points.Options, func()) {
	p := a.progress(label, "journeys")
	if _, here := d.(*points.Desk); here {
		o = o.Over(a.pointSettings())
	}
	o.Progress = func(done, of int) { p.show(int64(done), int64(of), int64(done)) }
	return o, p.clear
}

// check refuses numbers that say nothing.
func (o *pointFlags) check(cmd *cobra.Command) (err error) {
	if o.now != "" {
		if o.Now, err = replay.ParseTime(o.now); err != nil {
			return badFlag("now", "write it as 2010-04-08T09:30:00Z", "%w", err)
		}
	}
	for name, v := range map[string]float64{"days": float64(o.Days), "journeys": float64(o.Journeys), "least": float64(o.Least), "per-day": o.PerDay,
		"lost-rate": o.LostRate, "human-share": o.HumanShare, "trained-share": o.TrainedShare} {
		if v < 0 || v == 0 && cmd.Flags().Changed(name) || (name == "lost-rate" || strings.HasSuffix(name, "-share")) && v > 1 {
			return badFlag(name, "give a number above 0, a share up to 1", "%g is none", v)
		}
	}
	return nil
}

// listedPoint is a row of `baton points`: traffic, and what is known.
type listedPoint struct {
	projections.PointRow
	Share  float64 `json:"share"` // of all handoffs
	Mapped bool    `json:"mapped"`
	Style  string  `json:"style,omitempty"`
	Step   string  `json:"step,omitempty"`
}

// pointList is what `baton points --json` prints.
type pointList struct {
	projections.Report[listedPoint]
	Unmapped      int     `json:"unmapped"`       // points
	UnmappedShare float64 `json:"unmapped_share"` // of all handoffs
	Silent        int     `json:"silent"`         // mapped points without traffic
}

func (a *app) listPoints(ctx context.Context, top int) error {
	return a.with(ctx, "points", modelled, func(s *session) error {
		report, err := s.reports().Points(ctx)
		if err != nil {
			return err
		}
		known := map[string]*points.Point{}
		for p, err := range points.All(ctx, s.source, 0) {
			if err != nil {
				return err
			}
			if p.IsMapped() {
				known[p.Name] = p
			}
		}
		out := listOf(report, known)
		if top > 0 && len(out.Rows) > top {
			out.Rows = out.Rows[:top]
		}
		return a.show(out, func(w io.Writer) error { return pointsText(w, out) })
	})
}

func listOf(report projections.Report[projections.PointRow], known map[string]*points.Point) pointList {
	out := pointList{Report: projections.Report[listedPoint]{Report: report.Report, AsOf: report.AsOf, Position: report.Position, Rows: []listedPoint{}}}
	all, unmapped := int64(0), int64(0)
	for _, row := range report.Rows {
		all += row.Handoffs
	}
	out.Silent = len(known)
	for _, row := range report.Rows {
		one := listedPoint{PointRow: row, Share: float64(row.Handoffs) / float64(max(all, 1))}
		if p := known[row.Point]; p != nil {
			one.Mapped, one.Style, one.Step = true, p.Style, p.Step
			out.Silent--
		} else {
			out.Unmapped++
			unmapped += row.Handoffs
		}
		out.Rows = append(out.Rows, one)
	}
	out.UnmappedShare = float64(unmapped) / float64(max(all, 1))
	return out
}

func pointsText(w io.Writer, l pointList) error {
	rows := make([][]string, len(l.Rows))
	mapped := false
	for i, p := range l.Rows {
		rows[i] = []string{p.Sender, p.Receiver, p.Channel, count(p.Handoffs), percent(p.Accepted, p.Handoffs),
			quantile(p.Queue, p.Queue.P50Seconds), quantile(p.Queue, p.Queue.P95Seconds), count(p.PingPongDirect + p.PingPongIndirect),
			yes(p.Mapped), dash(p.Style), dash(p.Step)}
		mapped = mapped || p.Mapped
	}
	header := []string{"SENDER", "RECEIVER", "CHANNEL", ">HANDOFFS", ">ACCEPTED", ">WAIT P50", ">P95", ">PING-PONG", "MAPPED", "STYLE", "STEP"}
	if !mapped {
		header = header[:8]
		for i := range rows {
			rows[i] = rows[i][:8]
		}
	}
	if err := table(w, header, rows); err != nil || !mapped && l.Silent == 0 {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d points are not mapped, with %.1f %% of the handoffs; %d mapped points have no traffic.\n", l.Unmapped, 100*l.UnmappedShare, l.Silent)
	return err
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}
