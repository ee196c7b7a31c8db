package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server/client"
)

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Read every byte again and hold it against the signed checkpoint", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := a.verify(cmd.Context())
			if err != nil {
				return err
			}
			if err := a.show(report, func(w io.Writer) error { return verifyText(w, report) }); err != nil {
				return err
			}
			if !report.OK {
				return errNo
			}
			return nil
		},
	}
}

// verify opens the directory without Guard, which would refuse to look at what is to be reported; or has its holder verify.
func (a *app) verify(ctx context.Context) (notary.Report, error) {
	dir, take := a.cfg.Data, lockToRead
	if err := notMigrating(dir); err != nil {
		return notary.Report{}, err
	}
	if a.clustered() {
		take = lockDir
	} else if err := ledgerExists(dir); err != nil {
		return notary.Report{}, err
	}
	lock, held, err := take(ctx, dir, "verify")
	if err != nil {
		return notary.Report{}, err
	}
	if held.API != "" {
		return a.ask(held).Verify(ctx)
	}
	n := &node{dir: dir, lock: lock}
	var report notary.Report
	if a.clustered() {
		report, err = a.verifyCluster(ctx, n)
	} else if err = notAMirror(dir); err == nil {
		report, err = a.verifyNode(ctx, n)
	}
	return report, errors.Join(err, n.close(ctx))
}

func (a *app) verifyNode(ctx context.Context, n *node) (report notary.Report, err error) {
	if n.keys, err = a.loadKeys(n, reading); err != nil {
		return report, err
	}
	files, err := a.checkFiles(ctx, n.dir)
	if err != nil {
		return report, err
	}
	if err := n.openDisk(pebblestore.OpenReadOnly(ctx, n.ledgerDir(), a.engine(n))); err != nil {
		report, err = unreadable(err)
		return withFiles(report, files), err
	}
	bar := a.progress("Verifying", "events")
	defer bar.clear()
	report, err = a.verifyOpen(ctx, n, func(done, total uint64) { bar.show(int64(done), int64(total), int64(done)) })
	return withFiles(report, files), err
}

// verifyCluster brings the mirror up to EventStoreDB and verifies both. Where the two do not agree the report names each event in which they
// differ.
func (a *app) verifyCluster(ctx context.Context, n *node) (report notary.Report, err error) {
	client, err := esdb.Dial(a.cfg.Store, a.logger())
	if err != nil {
		return report, err
	}
	store, err := a.openMirror(ctx, n, client, reading, true)
	if err != nil {
		report, err = unreadable(err)
		return report, errors.Join(err, client.Close())
	}
	n.store, n.cluster = store, store
	var evidence []error
	if store.Failure() == nil { // else nothing that others have posted is taken over
		if err := a.openSharedNotary(ctx, n, reading); errors.Is(err, ledger.CodeCorrupt) {
			evidence = append(evidence, err)
		} else if err != nil {
			return report, err
		}
	}
	bar := a.progress("Verifying", "events")
	defer bar.clear()
	report, err = a.verifyOpen(ctx, n, func(done, total uint64) { bar.show(int64(done), int64(total), int64(done)) })
	return withFiles(report, evidence), err
}

// verifyOpen verifies an open ledger, also one that is being written to.
func (a *app) verifyOpen(ctx context.Context, n *node, progress func(done, total uint64)) (notary.Report, error) {
	return notary.Verify(ctx, notary.VerifyOptions{Store: n.store, Keys: n.keys, Dir: n.dir, Copies: a.cfg.Checkpoint.Copies, Progress: progress})
}

// unreadable makes a report of a ledger that cannot even be opened: that is an answer too.
func unreadable(err error) (notary.Report, error) {
	if ledger.CodeOf(err) != ledger.CodeCorrupt {
		return notary.Report{}, err
	}
	failed := notary.Verdict{Verdict: "failed", Detail: err.Error()}
	unknown := notary.Verdict{Verdict: "not covered", Detail: "the ledger cannot be opened"}
	return notary.Report{Verdicts: notary.Verdicts{Integrity: failed, Completeness: unknown, Origin: unknown, Time: unknown},
		Problems: []notary.Problem{{Verdict: "integrity", What: err.Error()}}}, nil
}

func verifyText(w io.Writer, r notary.Report) error {
	answer := "VERIFIED"
	if !r.OK {
		answer = "NOT VERIFIED"
	}
	if r.Root.IsZero() {
		fmt.Fprintf(w, "%s: the ledger cannot be opened\n", answer)
	} else {
		fmt.Fprintf(w, "%s: %s events in %s streams, root %s\n", answer, count(r.Events), count(r.Streams), r.Root)
	}
	if r.Checkpoint != nil {
		fmt.Fprintf(w, "Signed checkpoint: %s, %s events, %s after it not covered yet\n", r.Checkpoint.Origin, count(r.Checkpoint.Size), count(r.Uncovered))
	}
	fmt.Fprintln(w)
	v := r.Verdicts
	err := table(w, []string{"QUESTION", "ANSWER", "WHY"}, [][]string{
		{"integrity", v.Integrity.Verdict, v.Integrity.Detail}, {"completeness", v.Completeness.Verdict, v.Completeness.Detail},
		{"origin", v.Origin.Verdict, v.Origin.Detail}, {"time", v.Time.Verdict, v.Time.Detail}})
	for i, p := range r.Problems {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, "- "+printable(p.String()))
	}
	if r.Omitted > 0 {
		fmt.Fprintf(w, "… and %s more\n", count(r.Omitted))
	}
	for _, l := range r.Losses {
		fmt.Fprintln(w, "\nRecorded loss: "+printable(l.String()))
	}
	if !r.OK {
		fmt.Fprint(w, "\nKeep the directory as it is: it is evidence.")
		if slices.ContainsFunc(r.Problems, func(p notary.Problem) bool { return p.Evidence != nil }) {
			fmt.Fprint(w, " `baton verify --json` prints the proofs that a third party can check.")
		}
		fmt.Fprintln(w)
	}
	return err
}

func (a *app) rebuildCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rebuild [ID]", Short: "Make the read models again from the first event and prove them equal; with ID, one journey", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if len(args) == 1 {
				return a.with(ctx, "replay rebuild", reading, func(s *session) error {
					p, err := replay.Prove(ctx, s.source, args[0], replay.Moment{})
					if err != nil {
						return err
					}
					if err := a.show(p, func(w io.Writer) error { return p.WriteText(w, a.text()) }); err != nil || p.Equal {
						return err
					}
					return errNo
				})
			}
			return a.withReports(ctx, "replay rebuild", func(r client.Reports) error {
				report, err := r.Rebuild(ctx)
				if err != nil && report.Events == 0 {
					return err
				}
				if e := a.show(report, func(w io.Writer) error {
					rows := [][]string{{"position", count(report.Position)}, {"events", count(report.Events)},
						{"live", report.DigestLive.String()}, {"rebuilt", report.DigestRebuilt.String()}, {"equal", fmt.Sprint(report.Equal)}}
					if report.Difference != "" {
						rows = append(rows, []string{"difference", report.Difference})
					}
					took := fmt.Sprintf("%.2f s, %s events/s", report.Seconds, count(int64(float64(report.Events)/max(report.Seconds, 1e-3))))
					return table(w, []string{"REBUILT", ""}, append(rows, []string{"time", took}))
				}); err == nil {
					err = e
				}
				return err
			})
		},
	}
}
