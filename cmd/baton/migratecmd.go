package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (a *app) migrateCommand() *cobra.Command {
	var from, to string
	var newSigner bool
	cmd := &cobra.Command{
		Use: "migrate --from DIR --to esdb://HOST:2113", Short: "Copy a ledger to another engine, with ids, order and bytes, and prove the copy equal", Args: cobra.NoArgs,
		Long: "Copy a ledger from a data directory into an empty EventStoreDB, back, or into another directory. Ids, order,\n" +
			"bytes, positions and recorded times are kept, and so the root of the Merkle tree: in the end both sides are\n" +
			"read from the first event on, and both roots are computed and compared. Where it was stopped, however it\n" +
			"was, the same command goes on.\n\n" +
			"On the side of EventStoreDB a node is opened, with its own folder: --data DIR, else the configured one, else\n" +
			"the data directory's name with -esdb after it. Serve the ledger from it afterwards, or from a new one.",
		Example: "  baton migrate --from baton-data --to 'esdb://node1:2113?tls=false'\n" +
			"  baton migrate --from 'esdb://node1:2113?tls=false' --to other-data --data baton-data-esdb",
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, t, err := a.sides(from, to, cmd.Flags().Changed("data"))
			if err != nil {
				return err
			}
			report, err := a.migrate(cmd.Context(), f, t, newSigner)
			if err != nil && report.RootFrom.IsZero() {
				return err
			}
			if e := a.show(report, func(w io.Writer) error { return a.migrateText(w, report, err) }); e != nil && err == nil {
				err = e
			}
			return err
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "where the ledger is: a data directory, or esdb://host:2113?tls=true")
	cmd.Flags().StringVar(&to, "to", "", "where it is to be: an empty directory or EventStoreDB, or one that this ledger was copied into before")
	cmd.Flags().BoolVar(&newSigner, "new-signer", false, "out of EventStoreDB, without the key that signs: make a new one, which signs from here on")
	_ = cmd.MarkFlagRequired("from")
	_ = cmd.MarkFlagRequired("to")
	return cmd
}

func (a *app) migrateText(w io.Writer, r migrateReport, failed error) error {
	answer, equal := "MIGRATED", "EQUAL"
	if failed != nil {
		answer = "NOT MIGRATED"
	}
	if !r.Equal {
		equal = "NOT EQUAL"
	}
	fmt.Fprintf(w, "%s: %s events in %s streams\n", answer, count(r.Events), count(r.Streams))
	err := table(w, []string{equal, ""}, [][]string{
		{"from", r.From}, {"root", r.RootFrom.String()}, {"to", r.To}, {"root", r.RootTo.String()},
		{"copied", count(r.Copied)}, {"skipped", count(r.Skipped) + " (there already)"}})
	if h := r.Held; h != nil {
		fmt.Fprintf(w, "Held against the source's signed checkpoint of %s events.\n", count(h.Size))
	}
	if r.Verified {
		fmt.Fprintf(w, "Verified: every record was read again at the destination. %.1f s, %s events copied a second.\n", r.Seconds, count(int64(float64(r.Copied)/max(r.Seconds, 1e-3))))
	}
	switch c := r.Checkpoint; {
	case r.Signer == "new":
		fmt.Fprintln(w, "A NEW KEY signs from here on (keys/notary.pub of the destination): give it to those who verify. What was signed before needs the old one.")
	case r.Signer == "none":
		fmt.Fprintln(w, "The key that signs is not on this machine: start a node with it (notary.key_file) to have what follows signed.")
	case c != nil:
		fmt.Fprintf(w, "The destination's checkpoint covers %s events, signed with the same key.\n", count(c.Size))
	}
	if r.Later > 0 {
		fmt.Fprintf(w, "%s events came since it began: run it again to copy them too.\n", count(r.Later))
	}
	if failed != nil {
		return err
	}
	next := "baton serve --data " + r.To
	if namesCluster(r.To) {
		next = "baton serve --store " + shellWord(r.To) + " --data " + r.Node
	}
	fmt.Fprintf(w, "Write to one of the two only: ledgers that go on differently under one key are a fork.\nNext: %s\n", next+keyFileFlag(a.cfg.Notary.KeyFile))
	return err
}
