package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/projections/depth"
	"github.com/baton-ledger/baton/server/client"
)

func (a *app) tiersCommand() *cobra.Command {
	var f depthFlags
	var o depth.TierOptions
	top := 0
	cmd := &cobra.Command{
		Use: "tiers", Short: "How deep handoffs were: tiers by what was delivered and shown, depth scores, benefit beside burden", Args: cobra.NoArgs,
		Long: "The tier of a handoff is derived: minimal if identifiers alone were delivered, contextual if metadata, history or a transcript was, predictive if something\n" +
			"forward-looking was shown. The depth score is the weighted share of the point's fields that came, each less the older it is. See docs/depth.md.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := f.query()
			if err != nil {
				return err
			}
			if !(o.Thin > 0 && o.Thin < o.Rich && o.Rich <= 1) {
				return badFlag("thin", "give --thin below --rich, both above 0 and up to 1", "%g and %g cut nothing apart", o.Thin, o.Rich)
			}
			o.Query = q
			return a.withDepth(cmd.Context(), "report tiers", func(d client.Depth) error {
				r, err := d.Tiers(cmd.Context(), o)
				if err == nil {
					err = f.known(len(r.Rows))
				}
				if err != nil {
					return err
				}
				return a.show(r, func(w io.Writer) error { return tiersText(w, r, a.text().Width, top) })
			})
		},
	}
	f.add(cmd)
	cmd.Flags().Float64Var(&o.Thin, "thin", 0.25, "depth scores below are thin")
	cmd.Flags().Float64Var(&o.Rich, "rich", 0.6, "depth scores from here on are rich")
	cmd.Flags().IntVar(&top, "top", 20, "the busiest points alone, as text; 0 is all")
	return cmd
}

// depthHead is the first line of a report about context.
func depthHead(w io.Writer, what string, h depth.Head, width int) {
	text := fmt.Sprintf("%s as of %s, position %s%s", what, moment(h.AsOf), count(h.Position), daysText(h))
	if h.Behind > 0 {
		text += fmt.Sprintf(". %s events are not in it yet: the follower is catching up.", count(h.Behind))
	}
	if h.Dropped != nil {
		text += fmt.Sprintf(" Left out by the limits: %s offers, %s fields.", count(h.Dropped.Offers), count(h.Dropped.Fields))
	}
	fmt.Fprintln(w, wrapped(text, "", width))
	fmt.Fprintln(w)
}

func daysText(h depth.Head) string {
	switch {
	case h.Since != "" && h.Until != "":
		return ", handoffs offered from " + h.Since + " to " + h.Until
	case h.Since != "":
		return ", handoffs offered since " + h.Since
	case h.Until != "":
		return ", handoffs offered until " + h.Until
	}
	return ""
}

func tiersText(w io.Writer, r depth.TierReport, width, top int) error {
	depthHead(w, "Tiers", r.Head, width)
	if len(r.Rows) == 0 {
		_, err := fmt.Fprintln(w, "No handoffs.")
		return err
	}
	rows, burden := [][]string{}, [][]string{}
	shown := r.Rows
	if top > 0 && len(shown) > top {
		shown = shown[:top]
	}
	for _, row := range shown {
		point := pointText(row.Point)
		rows = append(rows, []string{point, count(row.Handoffs), percent(row.Minimal, row.Handoffs), percent(row.Contextual, row.Handoffs), percent(row.Predictive, row.Handoffs),
			percent(row.None, row.Handoffs), percent(row.Mismatch, row.Declared), fmt.Sprintf("%.2f", row.DepthMean), row.Label, spark(floats(row.Histogram))})
		b := row.Benefit
		burden = append(burden, []string{point, count(b.Accepted), percent(b.LostHandoffs, b.Accepted), count(b.AskedAgain), millis(b.PreparedP50), fmt.Sprintf("%.0f", b.Tokens),
			millis(b.ParseP50), fmt.Sprintf("%.1f s", b.ParsePer1k)})
	}
	err := fitted(w, width, []string{"POINT", ">HANDOFFS", ">MINIMAL", ">CONTEXTUAL", ">PREDICTIVE", ">NONE", ">MISMATCH", ">DEPTH", "", "THIN TO RICH"}, rows,
		"", ">NONE", "THIN TO RICH", ">MINIMAL", ">MISMATCH")
	if more := len(r.Rows) - len(shown); more > 0 {
		fmt.Fprintf(w, "%s more points; --top 0 shows them.\n", count(more))
	}
	fmt.Fprintln(w)
	err = errors.Join(err, fitted(w, width, []string{"BENEFIT AND BURDEN", ">ACCEPTED", ">LOST", ">ASKED AGAIN", ">PREPARED", ">TOKENS", ">READ", ">PER 1K TOKENS"}, burden,
		">PER 1K TOKENS", ">ACCEPTED", ">TOKENS"))
	m := r.Mix
	fmt.Fprintf(w, "\n%s\n", wrapped(fmt.Sprintf("All handoffs: %.0f %% minimal, %.0f %% contextual, %.0f %% predictive; the target is %.0f, %.0f and %.0f (χ² %.0f, stability index %.2f). That informs, and is no alarm.",
		100*m.Minimal, 100*m.Contextual, 100*m.Predictive, 100*m.Target[0], 100*m.Target[1], 100*m.Target[2], m.ChiSquare, m.PSI), "", min(width, 140)))
	for _, p := range r.Pairs {
		if p.Inconsistent {
			var parts []string
			for _, c := range p.Channels {
				parts = append(parts, fmt.Sprintf("%s %d/%d/%d", c.Channel, c.Minimal, c.Contextual, c.Predictive))
			}
			fmt.Fprintln(w, wrapped(fmt.Sprintf("%s → %s has other tiers by channel (%s; %.2f bits of %.2f)", p.Sender, p.Receiver, strings.Join(parts, ", "), p.Between, p.Entropy), "", min(width, 140)))
		}
	}
	for _, row := range r.Rows {
		if len(row.Mismatches) > 0 {
			x := row.Mismatches[len(row.Mismatches)-1]
			fmt.Fprintln(w, wrapped(fmt.Sprintf("Not as declared, for example: journey %s, handoff %s: %s was declared and %s derived. --json has more.", printable(x.Journey), printable(x.Handoff), x.Declared, x.Derived), "", min(width, 140)))
			break
		}
	}
	return err
}

func floats(n []int64) []float64 {
	out := make([]float64, len(n))
	for i, v := range n {
		out[i] = float64(v)
	}
	return out
}

// millis is a time for people.
func millis(ms float64) string {
	switch {
	case ms == 0:
		return "-"
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	case ms < 120_000:
		return fmt.Sprintf("%.1f s", ms/1000)
	}
	return span(time.Duration(ms) * time.Millisecond)
}

func (a *app) fieldsCommand() *cobra.Command {
	var f depthFlags
	all := false
	cmd := &cobra.Command{
		Use: "fields", Short: "What becomes of fields: sent, delivered, viewed, used, missing, junk, stale, and what filling them in costs", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := f.query()
			if err != nil {
				return err
			}
			return a.withDepth(cmd.Context(), "report fields", func(d client.Depth) error {
				r, err := d.Fields(cmd.Context(), q)
				if err == nil {
					err = f.known(len(r.Rows))
				}
				if err != nil {
					return err
				}
				return a.show(r, func(w io.Writer) error { return fieldsText(w, r, a.text().Width, all || f.point != "") })
			})
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "every field of every point, not those alone that somebody should look at")
	return cmd
}

// findingTexts say what a finding asks for.
var findingTexts = map[string]string{
	depth.UnusedPersonal: "personal and hardly used: do not send it", depth.Unused: "hardly used: take it out?", depth.Stale: "older than it may be", depth.Gamed: "filled with junk",
	depth.OftenMissing: "mandatory and often missing", depth.Add: "often asked for: send it?",
}

func fieldsText(w io.Writer, r depth.FieldReport, width int, all bool) error {
	depthHead(w, "Fields", r.Head, width)
	if len(r.Rows) == 0 {
		_, err := fmt.Fprintln(w, "No handoffs.")
		return err
	}
	rows, hidden := [][]string{}, 0
	for _, row := range r.Rows {
		var notes []string
		for _, name := range row.Findings {
			if name != depth.Unused || !slices.Contains(row.Findings, depth.UnusedPersonal) {
				notes = append(notes, findingTexts[name])
			}
		}
		if len(notes) == 0 && !all {
			hidden++
			continue
		}
		rows = append(rows, []string{pointText(row.Point), row.Field, row.Class, count(row.Handoffs), rate(row.OfferedShare), rate(row.DeliveredShare), rate(row.ViewedShare), rate(row.UsedShare),
			rate(row.MissingRate), percent(row.Junk, row.Offered), millis(row.FillP50), fmt.Sprintf("%.1f", row.HoursPerMonth), strings.Join(notes, "; ")})
	}
	err := fitted(w, width, []string{"POINT", "FIELD", "CLASS", ">HANDOFFS", ">OFFERED", ">DELIVERED", ">VIEWED", ">USED", ">MISSING", ">JUNK", ">FILL", ">H/MONTH", "NOTE"}, rows,
		">VIEWED", "CLASS", ">FILL", ">OFFERED", ">JUNK", ">DELIVERED", ">H/MONTH", ">MISSING", ">HANDOFFS")
	if hidden > 0 {
		fmt.Fprintln(w, wrapped(fmt.Sprintf("%s more fields without a finding; --all shows them, --point one point's.", count(hidden)), "", width))
	}
	fmt.Fprintln(w)
	rows = nil
	for _, c := range r.Catalogue[:min(len(r.Catalogue), 12)] {
		rows = append(rows, []string{c.Field, c.Classification, count(c.Points), rate(c.UsedShare), fmt.Sprintf("%.1f", c.HoursPerMonth)})
	}
	err = errors.Join(err, fitted(w, width, []string{"MOST CARRIED", "CLASSIFICATION", ">POINTS", ">USED", ">H/MONTH"}, rows, "CLASSIFICATION"))
	fmt.Fprintln(w)
	rows = nil
	for _, u := range r.Funnels {
		steps := make([]float64, 0, len(u.ByFields))
		for _, s := range u.ByFields {
			steps = append(steps, float64(s.Offered))
		}
		name := ""
		if len(u.ByFields) > 0 {
			name = fmt.Sprintf("%d to %d fields %s", u.ByFields[0].Fields, u.ByFields[len(u.ByFields)-1].Fields, spark(steps))
		}
		rows = append(rows, []string{u.Stage, count(u.Started), count(u.Offered), count(u.Closed), fmt.Sprintf("%.1f %%", 100*u.Abandoned), fmt.Sprintf("%d (%d mandatory)", u.Requested, u.Mandatory), name})
	}
	return errors.Join(err, fitted(w, width, []string{"BEGINS AT", ">STARTED", ">HANDED OVER", ">CLOSED", ">ABANDONED", "FIELDS ASKED FOR", "SENT"}, rows, "SENT", "FIELDS ASKED FOR"))
}

func rate(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }
