package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger/interop"
)

func (a *app) importCommand() *cobra.Command {
	var o interop.Options
	var columns []string
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Import a log: XES, CSV, OCEL 2.0 JSON or CloudEvents NDJSON, plain or gzipped; safe to run twice",
		Example: "  baton import incidents.xes.gz --preset bpi13\n" +
			"  baton import tickets.csv --map case=TicketID,activity=Step,time=At,stage=Team,party=Agent",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.Path = args[0]
			if o.Map, err = interop.ParseMap(strings.Join(columns, ",")); err != nil {
				return err
			}
			ctx := cmd.Context()
			to := &lazy{open: func() (*session, error) { return a.open(ctx, "import", writing) }}
			o.Append, o.Ledger = to.append, to
			bar := a.progress("Importing", "rows")
			o.Progress = func(p interop.Progress) { bar.show(p.Bytes, p.TotalBytes, p.Rows) }
			summary, err := interop.Import(ctx, o)
			bar.clear()
			if err = to.end(ctx, err); err != nil && summary.Rows == 0 {
				return err
			}
			if e := a.show(summary, func(w io.Writer) error { return importText(w, summary, err != nil) }); err == nil {
				err = e
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Preset, "preset", "", "what the file is: "+strings.Join(interop.PresetNames(), ", ")+", or a YAML file; else by its name")
	f.StringArrayVar(&columns, "map", nil, "columns: case=…,activity=…,time=…,party=…,stage=…,channel=…,status=…")
	f.StringVar(&o.Source, "source", "", "source of the events; the same log exported again needs the same one (default import:<preset>)")
	return cmd
}

func importText(w io.Writer, s interop.Summary, stopped bool) error {
	rows := [][]string{
		{"journeys", count(s.Journeys)},
		{"rows", count(s.Rows)},
		{"handoffs", fmt.Sprintf("%s between %s distinct ordered pairs", count(s.Handoffs), count(s.Pairs))},
		{"never accepted", count(s.NeverAccepted)},
		{"events written", count(s.Written)},
		{"already there", count(s.Skipped)},
		{"conflicts", count(s.Conflicts)},
		{"time", fmt.Sprintf("%.1f s, %s rows/s", s.Seconds, count(int64(float64(s.Rows)/max(s.Seconds, 1e-3))))},
	}
	title := "IMPORTED"
	if stopped {
		title = "STOPPED"
	}
	if err := table(w, []string{title, s.Preset + ", source " + s.Source}, rows); err != nil || s.Handoffs > 0 || stopped {
		return err
	}
	_, err := fmt.Fprintln(w, "\nNothing was handed over: no row has a stage, or none changes it. Name the column of the team with --map stage=COLUMN.")
	return err
}
