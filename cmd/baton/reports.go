package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server/client"
)

// reports gives the read models of a session.
func (s *session) reports() client.Reports {
	if s.remote != nil {
		return s.remote
	}
	return s.node.models
}

// withReports opens the read models, caught up, for the length of a function.
func (a *app) withReports(ctx context.Context, command string, do func(client.Reports) error) error {
	return a.with(ctx, command, modelled, func(s *session) error { return do(s.reports()) })
}

// custodyOptions are the limits of the configuration.
func (a *app) custodyOptions() projections.CustodyOptions {
	c := a.cfg.Custody
	o := projections.CustodyOptions{Limits: projections.Limits{Accept: c.AcceptWithin, Orphan: c.OrphanAfter}, Points: map[string]projections.Limits{}}
	for point := range c.Points {
		l := c.For(point)
		o.Points[point] = projections.Limits{Accept: l.AcceptWithin, Orphan: l.OrphanAfter}
	}
	return o
}

func (a *app) reportCommand() *cobra.Command {
	cmd := group("report", "Reports over the whole ledger: custody, network, tiers, fields, drift")
	cmd.AddCommand(a.custodyCommand(), a.networkCommand(), a.tiersCommand(), a.fieldsCommand(), a.driftCommand())
	return cmd
}

func (a *app) custodyCommand() *cobra.Command {
	var now string
	var top int
	cmd := &cobra.Command{
		Use: "custody", Short: "Handoffs, ping-pong, dropped, orphaned, doubled and zombie custody, longest waits", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			o := a.custodyOptions()
			o.Top = top
			if now != "" {
				if o.Now, err = replay.ParseTime(now); err != nil {
					return err
				}
			}
			return a.withReports(cmd.Context(), "report custody", func(r client.Reports) error {
				report, err := r.Custody(cmd.Context(), o)
				if err != nil {
					return err
				}
				return a.show(report, func(w io.Writer) error { return custodyText(w, report) })
			})
		},
	}
	cmd.Flags().StringVar(&now, "now", "", "what running waits are measured to (default: the last occurred time in the ledger)")
	cmd.Flags().IntVar(&top, "top", 10, "longest waits, and examples of each kind")
	return cmd
}

func custodyText(w io.Writer, r projections.CustodyReport) error {
	s := r.Summary
	fmt.Fprintf(w, "Custody as of %s, position %s\n\n", moment(r.AsOf), count(r.Position))
	err := table(w, []string{"WHAT", ">COUNT", ">SHARE", ""}, [][]string{
		{"journeys", count(s.Journeys), "", count(s.OpenJourneys) + " open"},
		{"handoffs", count(s.Handoffs), "", ""},
		{"  accepted", count(s.Accepted), percent(s.Accepted, s.Handoffs), "median wait " + quantile(s.Queue, s.Queue.P50Seconds) + ", 95 % within " + quantile(s.Queue, s.Queue.P95Seconds)},
		{"  never accepted", count(s.NeverAccepted), percent(s.NeverAccepted, s.Handoffs), count(s.Withdrawn) + " withdrawn, " + count(s.Declined) + " declined, " + count(s.Waiting) + " waiting"},
		{"  ping-pong, direct", count(s.PingPongDirect), percent(s.PingPongDirect, s.Handoffs), "A → B → A"},
		{"  ping-pong, indirect", count(s.PingPongIndirect), percent(s.PingPongIndirect, s.Handoffs), "back to an earlier holder by a longer way"},
		{"journeys with ping-pong", count(s.PingPongJourneys), percent(s.PingPongJourneys, s.Journeys), ""},
	})
	fmt.Fprintln(w)
	rows := [][]string{}
	for _, k := range r.Rows {
		examples := []string{}
		for _, e := range k.Examples {
			if len(examples) < 3 && !slices.Contains(examples, e.Journey) {
				examples = append(examples, e.Journey)
			}
		}
		rows = append(rows, []string{k.Kind, count(k.Count), count(k.Journeys), strings.Join(examples, ", ")})
	}
	err = errors.Join(err, table(w, []string{"TROUBLE", ">COUNT", ">JOURNEYS", "FOR EXAMPLE"}, rows))
	fmt.Fprintln(w)
	rows = [][]string{}
	for _, l := range r.LongestWaits {
		rows = append(rows, []string{seconds(l.Seconds), l.Ended, l.Journey, moment(l.Offered), pointText(l.Point)})
	}
	return errors.Join(err, table(w, []string{">LONGEST WAITS", "UNTIL", "JOURNEY", "OFFERED", "POINT"}, rows))
}

// quantile is one of a distribution of waits, with as many digits as its buckets bear (see projections.Wait).
func quantile(w projections.Wait, s float64) string {
	if w.Count == 0 {
		return "-"
	}
	d := time.Duration(s * float64(time.Second))
	for _, u := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if d >= 2*u.size {
			if n := float64(d) / float64(u.size); n < 10 {
				return fmt.Sprintf("~%.1f %s", n, u.name)
			}
			return fmt.Sprintf("~%.0f %s", float64(d)/float64(u.size), u.name)
		}
	}
	return fmt.Sprintf("~%.0f s", d.Seconds())
}

func seconds(s float64) string { return span(time.Duration(s * float64(time.Second))) }

func (a *app) networkCommand() *cobra.Command {
	var o projections.NetworkOptions
	cmd := &cobra.Command{
		Use: "network", Short: "Handover of work between groups or people", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withReports(cmd.Context(), "report network", func(r client.Reports) error {
				report, err := r.Network(cmd.Context(), o)
				if err != nil {
					return err
				}
				return a.show(report, func(w io.Writer) error { return networkText(w, report) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Level, "level", projections.LevelGroup, "group, resource, or offered (handoffs as they were offered)")
	f.BoolVar(&o.Self, "self", false, "count handovers to oneself too")
	f.StringVar(&o.Norm, "norm", "total", "share of a row: none, total, or row (of all from the same)")
	f.IntVar(&o.Top, "top", 20, "the most frequent alone; 0 is all")
	return cmd
}

func networkText(w io.Writer, r projections.NetworkReport) error {
	fmt.Fprintf(w, "Handover of work by %s: %s handovers, %s distinct pairs, %s to oneself\n\n", r.Level, count(r.Pairs), count(r.Distinct), count(r.Self))
	most := int64(1)
	for _, row := range r.Rows {
		most = max(most, row.Count)
	}
	rows := make([][]string, len(r.Rows))
	for i, row := range r.Rows {
		rows[i] = []string{row.From, row.To, count(row.Count), fmt.Sprintf("%.2f %%", 100*row.Share), bar(row.Count, most, 24)}
	}
	if err := table(w, []string{"FROM", "TO", ">COUNT", ">SHARE", ""}, rows); err != nil || r.Level == projections.LevelOffered {
		return err
	}
	_, err := fmt.Fprintln(w, "\nCounted are acts that directly follow each other in a journey; --level offered counts handoffs as they were offered.")
	return err
}

// bar draws n of most as a bar of at most width cells.
func bar(n, most int64, width int) string {
	eighths := int(n * int64(width) * 8 / most)
	out := ""
	for ; eighths >= 8; eighths -= 8 {
		out += "█"
	}
	if eighths > 0 {
		out += string([]rune("▏▎▍▌▋▊▉")[eighths-1])
	}
	return out
}

// journeysAnswer is what `baton journeys --json` prints.
type journeysAnswer struct {
	Items []projections.Listed `json:"items"`
}

func (a *app) journeysCommand() *cobra.Command {
	var q projections.Query
	cmd := &cobra.Command{
		Use: "journeys", Short: "List journeys", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q.Limit < 0 {
				return badFlag("limit", "give 0 for all", "%d is no number of journeys", q.Limit)
			}
			if q.State != "" && q.State != "open" && q.State != "closed" {
				return badFlag("state", "give open or closed", "%q is no state of a journey", q.State)
			}
			return a.withReports(cmd.Context(), "journeys", func(r client.Reports) error {
				out := journeysAnswer{Items: []projections.Listed{}}
				for l, err := range r.Journeys(cmd.Context(), q) {
					if err != nil {
						return err
					}
					out.Items = append(out.Items, l)
				}
				if len(out.Items) == 0 && q.Anomaly != "" {
					if err := knownAnomaly(cmd.Context(), r, q.Anomaly); err != nil {
						return err
					}
				}
				return a.show(out, func(w io.Writer) error { return journeysText(w, out.Items) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.After, "after", "", "cursor of the last one seen (from --json)")
	f.IntVar(&q.Limit, "limit", 50, "at most that many; 0 is all")
	f.StringVar(&q.State, "state", "", "open or closed")
	f.StringVar(&q.Stage, "stage", "", "held by this stage now")
	f.StringVar(&q.Anomaly, "anomaly", "", "with this anomaly, as zombie or ping_pong_direct")
	f.StringVar(&q.Prefix, "prefix", "", "beginning of the id")
	f.BoolVar(&q.Newest, "newest", false, "newest first")
	return cmd
}

// knownAnomaly refuses a name that no journey can be listed by: a filter that is misspelt would look like good news.
func knownAnomaly(ctx context.Context, r client.Reports, name string) error {
	report, err := r.Custody(ctx, projections.CustodyOptions{Top: 1})
	if err != nil {
		return err
	}
	var names []string
	for _, row := range report.Rows {
		switch row.Kind {
		case "dropped", "late", "orphaned":
			if name == row.Kind {
				return badFlag("anomaly", "see `baton report custody --top 1000 --json`", "%q depends on the time of the report and is no mark of a journey", name)
			}
		case name:
			return nil
		default:
			names = append(names, row.Kind)
		}
	}
	if _, anomalous := strings.CutSuffix(name, "_twice"); anomalous || strings.Contains(name, "_after_") || strings.Contains(name, "_before_") || strings.Contains(name, "_without_") {
		return nil // an illegal move that this ledger has not seen
	}
	return badFlag("anomaly", "use one of "+strings.Join(names, ", "), "%q is no anomaly of this ledger", name)
}

func journeysText(w io.Writer, items []projections.Listed) error {
	if len(items) == 0 {
		_, err := fmt.Fprintln(w, "No journeys match.")
		return err
	}
	rows := make([][]string, len(items))
	for i, l := range items {
		j := &l.Journey
		rows[i] = []string{j.ID, state(j), j.Owner().Stage, count(j.Events), count(len(j.Handoffs)), count(len(j.Anomalies)), moment(j.Started), moment(j.Last)}
	}
	return table(w, []string{"JOURNEY", "STATE", "HELD BY", ">EVENTS", ">HANDOFFS", ">ANOMALIES", "STARTED", "LAST"}, rows)
}

func state(j *ledger.Journey) string {
	if j.IsOpen() {
		return "open"
	}
	return "closed"
}
