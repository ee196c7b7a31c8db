package main

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/cmd/baton/bench"
	"github.com/baton-ledger/baton/ledger"
)

func (a *app) benchCommand() *cobra.Command {
	o := bench.Options{Say: a.err}
	var dir string
	var quick, list, markdown bool
	cmd := &cobra.Command{
		Use: "bench [cluster]", Short: "Measure this machine: Baton beside the disk, bare Pebble and JetStream", Args: cobra.OnlyValidArgs,
		ValidArgs: []string{"cluster"},
		Long: "Measures each figure beside a limit or a peer that does the same work, in turns, and prints the middle\n" +
			"and the ends of all rounds. Ratios are of one round's two figures: they mean something on a busy\n" +
			"machine too. It writes some gigabytes below --dir, and removes them.\n\n" +
			"With cluster it measures several servers instead, which all run in this process.",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.Cluster = len(args) > 0
			if list {
				return a.benchList(o.Cluster)
			}
			if quick {
				o.Events, o.Rounds = min(o.Events, 50_000), min(o.Rounds, 2)
			}
			if err := benchable(o); err != nil {
				return err
			}
			if o.Binary, err = os.Executable(); err != nil {
				return environment("bench", "run it from where its binary can be found", err)
			}
			if o.Dir, err = os.MkdirTemp(dir, "baton-bench-"); err != nil {
				return environment("bench", "choose a folder with --dir", err)
			}
			o.Version = version()
			o.FileSystem, _, _ = fileSystem(o.Dir)
			report, err := bench.Run(cmd.Context(), o)
			if err := errors.Join(err, os.RemoveAll(o.Dir)); err != nil {
				return environment("bench", "see that the disk has some gigabytes left; one case alone: --only NAME", err)
			}
			return a.show(report, func(w io.Writer) error {
				if markdown {
					return report.Markdown(w)
				}
				return report.Text(w)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", "", "folder on the disk to measure (default the system's temporary folder)")
	f.IntVar(&o.Events, "events", 1_000_000, "events in the large ledger")
	f.IntVar(&o.Rounds, "rounds", 5, "rounds of each case")
	f.StringSliceVar(&o.Only, "only", nil, "only these cases, separated by commas; see --list")
	f.StringVar(&o.Log, "import", "", "an XES file for the import case, which is left out without one")
	f.BoolVar(&quick, "quick", false, "50,000 events and two rounds: for a first look")
	f.BoolVar(&list, "list", false, "list the cases")
	f.BoolVar(&markdown, "markdown", false, "print the table for a page")
	return cmd
}

func benchable(o bench.Options) error {
	if o.Events < 20_000 {
		return ledger.Errorf(ledger.CodeInvalid, "bench", "use at least 20000", "--events %d is too few to compare with the ledger of ten thousand", o.Events)
	}
	if o.Rounds < 1 {
		return ledger.Errorf(ledger.CodeInvalid, "bench", "use at least 1", "--rounds %d measures nothing", o.Rounds)
	}
	if err := o.CheckNames(); err != nil {
		return ledger.Errorf(ledger.CodeInvalid, "bench", "see `baton bench --list`", "--only: %w", err)
	}
	if o.Log != "" {
		if _, err := os.Stat(o.Log); err != nil {
			return ledger.Errorf(ledger.CodeInvalid, "bench", "name an XES file", "--import: %w", err)
		}
	}
	return nil
}

// benchCase is a row of the list.
type benchCase struct {
	Name string `json:"name"`
	What string `json:"what"`
	Unit string `json:"unit"`
}

func (a *app) benchList(cluster bool) error {
	var cases []benchCase
	var rows [][]string
	all := bench.Cases()
	if cluster {
		all = bench.ClusterCases()
	}
	for _, c := range all {
		cases = append(cases, benchCase{c.Name, c.What, c.Unit})
		rows = append(rows, []string{c.Name, c.Unit, c.What})
	}
	return a.show(cases, func(w io.Writer) error { return table(w, []string{"CASE", "UNIT", "WHAT"}, rows) })
}
