package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/projections/depth"
	"github.com/baton-ledger/baton/server/client"
)

func (a *app) driftCommand() *cobra.Command {
	var f depthFlags
	var o depth.DriftOptions
	cmd := &cobra.Command{
		Use: "drift", Short: "What producers send otherwise than they did: rates, values, forms and versions, since when, and who began", Args: cobra.NoArgs,
		Example: "  baton report drift --baseline-days 14\n  baton report drift --point 'web-form>email-sequence@api' --charts",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Baseline < 1 {
				return badFlag("baseline-days", "give 7 or more", "%d days are no baseline", o.Baseline)
			}
			if !(o.Alpha > 0 && o.Alpha <= 0.5) {
				return badFlag("alpha", "give a probability such as 0.01", "%g is none above 0 and up to 0.5", o.Alpha)
			}
			if o.Query, err = f.query(); err != nil {
				return err
			}
			return a.withDepth(cmd.Context(), "report drift", func(d client.Depth) error {
				r, err := d.Drift(cmd.Context(), o)
				if err == nil {
					err = f.known(len(r.Producers))
				}
				if err != nil {
					return err
				}
				return a.show(r, func(w io.Writer) error { return changesText(w, r, min(a.text().Width, 140)) })
			})
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&o.Baseline, "baseline-days", 28, "days from the first one on that are taken as normal, at each point")
	cmd.Flags().Float64Var(&o.Alpha, "alpha", 0.01, "probability of a false finding in the whole report")
	cmd.Flags().BoolVar(&o.Charts, "charts", false, "control charts of all rates, not of drifted ones alone")
	return cmd
}

func changesText(w io.Writer, r depth.DriftReport, width int) error {
	depthHead(w, "Drift", r.Head, width)
	drifted, rest := 0, 0
	for i := range r.Rows {
		if row := &r.Rows[i]; row.Drifted {
			drifted++
			driftRow(w, row, width)
		} else {
			rest++
		}
	}
	if drifted == 0 {
		fmt.Fprintln(w, "Nothing drifted.")
	}
	if rest > 0 {
		fmt.Fprintln(w, "\nNew, and too rare to be sure:")
		for i := range r.Rows {
			if row := &r.Rows[i]; !row.Drifted {
				fmt.Fprintln(w, wrapped(pointText(row.Point)+": "+printable(row.Sentence()), "  ", width))
			}
		}
	}
	for _, row := range r.Rates {
		if len(row.Chart) > 0 && !row.Drifted {
			fmt.Fprintf(w, "\n%s\n", wrapped(fmt.Sprintf("%s, %s of %s", pointText(row.Point), row.Kind, printable(row.Field)), "", width))
			chartText(w, row.Chart, width)
		}
	}
	versionsText(w, r, width)
	_, err := fmt.Fprintf(w, "\n%s\n", wrapped(fmt.Sprintf("%s tests over %s producers at points, %s rates and %s spreads among them; %d days are normal. Without any change a report says drifted with probability %g at most.",
		count(r.Tests), count(len(r.Producers)), count(len(r.Rates)), count(len(r.Indexes)), r.Baseline, r.Alpha), "", width))
	return err
}

func driftRow(w io.Writer, row *depth.DriftRow, width int) {
	state := ""
	if !row.Active {
		state = ", over"
	}
	if row.Contract != "" {
		state += fmt.Sprintf(" (contract %s, version %d)", printable(row.Contract), row.Version)
	}
	fmt.Fprintln(w, wrapped(fmt.Sprintf("%s: %s%s", strings.ToUpper(row.Kind), pointText(row.Point), state), "", width))
	fmt.Fprintln(w, wrapped(printable(row.Sentence()), "  ", width))
	if s := row.FirstSeen; s != nil {
		fmt.Fprintln(w, wrapped(fmt.Sprintf("seen first at %s, position %s, journey %s", moment(s.Time), count(s.Position), printable(s.Journey)), "  ", width))
	}
	chartText(w, row.Chart, width)
}

// chartText draws a control chart: the rate of each day, or of as many days as a cell holds, and what lies beyond the limits.
func chartText(w io.Writer, chart []depth.ChartDay, width int) {
	if len(chart) == 0 {
		return
	}
	cells := max(8, min(width-4, len(chart)))
	rates, beyond, out := make([]float64, cells), []rune(strings.Repeat(" ", cells)), 0
	n := make([]float64, cells)
	for i, d := range chart {
		at := i * cells / len(chart)
		rates[at], n[at] = rates[at]+float64(d.K), n[at]+float64(d.N)
		if d.Out {
			beyond[at], out = '!', out+1
		}
	}
	for i := range rates {
		rates[i] /= max(n[i], 1)
	}
	fmt.Fprintf(w, "  %s\n", spark(rates))
	if out > 0 {
		fmt.Fprintf(w, "  %s\n", strings.TrimRight(string(beyond), " "))
	}
	fmt.Fprintln(w, wrapped(fmt.Sprintf("%s to %s; %d of %d days beyond the limits", chart[0].Day, chart[len(chart)-1].Day, out, len(chart)), "  ", width))
}

// versionsText draws how contracts' versions take turns.
func versionsText(w io.Writer, r depth.DriftReport, width int) {
	rows := [][]string{}
	for _, v := range r.Versions {
		last := len(v.Versions) - 1
		cells := max(1, min(30, len(v.Days)))
		k, n := make([]float64, cells), make([]float64, cells)
		var newest, all int64
		for i, d := range v.Days {
			at := i * cells / len(v.Days)
			for j, c := range d.Counts {
				n[at], all = n[at]+float64(c), all+c
				if j == last {
					k[at], newest = k[at]+float64(c), newest+c
				}
			}
		}
		if all < 50 {
			continue
		}
		for i := range k {
			k[i] /= max(n[i], 1)
		}
		rows = append(rows, []string{pointText(v.Point), v.Contract, fmt.Sprintf("v%d", v.Versions[last]), count(all), percent(newest, all), spark(k)})
	}
	if len(rows) > 0 {
		fmt.Fprintln(w)
		_ = fitted(w, width, []string{"VERSIONS", "CONTRACT", "NEWEST", ">HANDOFFS", ">ITS SHARE", "BY TIME"}, rows, "CONTRACT", "BY TIME")
	}
}
