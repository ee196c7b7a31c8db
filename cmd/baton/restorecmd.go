package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
)

// restoreRequest is what a restore is asked to do.
type restoreRequest struct {
	backup     string
	dir        string // data directory
	keys       string // keys folder, "" for the backup's own
	known      []string
	acceptLoss bool
	reason     string
}

// restoreReport is the answer to a restore.
type restoreReport struct {
	Dir      string      `json:"dir"`
	Backup   string      `json:"backup,omitempty"`
	Position uint64      `json:"position"` // where the backup ends
	Root     ledger.Hash `json:"root"`
	Bytes    int64       `json:"bytes,omitempty"`
	Known    []knownFile `json:"known"` // checkpoints that it was held against
	Loss     *restored   `json:"loss,omitempty"`
	Finished bool        `json:"finished,omitempty"` // of a restore that was cut off: what it had verified was put in place
	Seconds  float64     `json:"seconds"`
}

type knownFile struct {
	File string `json:"file"`
	Size uint64 `json:"size"`
}

// restored is a loss that was accepted, and where it is recorded.
type restored struct {
	Position uint64 `json:"position"` // of the event that records it
	Evidence string `json:"evidence"` // folder of the checkpoints that are not reached
	notary.Loss
}

func (a *app) restoreCommand() *cobra.Command {
	var r restoreRequest
	cmd := &cobra.Command{
		Use: "restore BACKUP", Short: "Verify a backup and put it into an empty data directory", Args: cobra.ExactArgs(1),
		Long: "Verify a backup and put it into a data directory that is empty, does not exist, or has lost its ledger.\n\n" +
			"A backup that ends before a checkpoint that is known (in the data directory, in checkpoint.copies, or\n" +
			"named with --known-checkpoint) is refused, because events that were acknowledged are not in it.\n" +
			"--accept-loss restores it all the same: the checkpoint is kept as evidence, and an event in the ledger\n" +
			"says what was lost. One that is no beginning of the ledger under a known checkpoint is always refused.",
		RunE: func(cmd *cobra.Command, args []string) error {
			r.backup, r.dir = args[0], a.cfg.Data
			if err := a.onlyEmbedded("restore", "restore EventStoreDB with its own tools, or restore into a folder and move it: baton migrate --from DIR --to esdb://…"); err != nil {
				return err
			}
			if r.reason != "" && !r.acceptLoss {
				return badFlag("reason", "say --accept-loss too, or leave it out", "a reason is for a loss that is accepted")
			}
			report, err := a.restore(cmd.Context(), r)
			if err != nil {
				return err
			}
			return a.show(report, func(w io.Writer) error { return restoreText(w, report) })
		},
	}
	cmd.Flags().StringVar(&r.keys, "keys", "", "folder with notary.key and tag.key, for a backup without them")
	cmd.Flags().StringArrayVar(&r.known, "known-checkpoint", nil, "file with a signed checkpoint that the backup must reach; may be given more than once")
	cmd.Flags().BoolVar(&r.acceptLoss, "accept-loss", false, "restore a backup that ends before a known checkpoint, and record what is lost")
	cmd.Flags().StringVar(&r.reason, "reason", "", "why, for the record of a loss")
	return cmd
}

func restoreText(w io.Writer, r restoreReport) error {
	if r.Finished {
		fmt.Fprintf(w, "RESTORED: the restore that was cut off is finished: %s events in %s\n", count(r.Position), r.Dir)
	} else {
		fmt.Fprintf(w, "RESTORED: %s events from %s to %s\nEvery record was read and held against the signed checkpoint; root %s\n",
			count(r.Position), r.Backup, r.Dir, r.Root)
	}
	if len(r.Known) == 0 && !r.Finished {
		fmt.Fprintln(w, "No other checkpoint of this ledger was found: nothing says whether it went on after that.")
	}
	for _, k := range r.Known {
		fmt.Fprintf(w, "Held against the checkpoint of %s events in %s\n", count(k.Size), printable(k.File))
	}
	if l := r.Loss; l != nil {
		fmt.Fprintf(w, "LOST: positions %s to %s, which a signed checkpoint covers. Recorded at position %s; evidence in %s\n",
			count(l.LostFrom), count(l.LostTo), count(l.Position), l.Evidence)
		fmt.Fprintln(w, "A NATS stream that has received them is ahead of the ledger now: `baton serve` says so and does not go on until it is set aside.")
	}
	_, err := fmt.Fprintln(w, "Next: baton serve")
	return err
}
