package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/config"
	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/replay"
)

// errDemoDir refuses to mix made-up journeys into a ledger.
func errDemoDir(dir string) error {
	return ledger.Errorf(ledger.CodeInvalid, "demo", "leave --data out: the demo then makes a folder of its own", "%s holds a ledger already", dir)
}

func (a *app) demoCommand() *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use: "demo", Short: "The whole story on an embedded ledger, then the API on 127.0.0.1", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if cmd.Flags().Changed("data") {
				if ledgerExists(a.cfg.Data) == nil {
					return errDemoDir(a.cfg.Data)
				}
				return a.demo(ctx, once)
			}
			dir, err := os.MkdirTemp("", "baton-demo-")
			if err != nil {
				return environment("demo", "choose a folder with --data", err)
			}
			a.cfg.Data = dir
			return errors.Join(a.demo(ctx, once), os.RemoveAll(dir))
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end after the story")
	config.AddFlags(cmd.Flags(), "listen", "nats.enabled", "nats.url", "nats.port")
	return cmd
}

// demo tells the story on a new ledger, then serves it.
func (a *app) demo(ctx context.Context, once bool) (err error) {
	lock, held, err := lockDir(ctx, a.cfg.Data, "demo")
	if err != nil {
		return err
	}
	if held.API != "" {
		return errDemoDir(a.cfg.Data)
	}
	n := &node{dir: a.cfg.Data, lock: lock}
	defer func() { err = errors.Join(err, n.close(context.WithoutCancel(ctx))) }()
	if err := a.openNode(ctx, n, writing); err != nil {
		return err
	}
	if err := a.story(ctx, n); err != nil || once {
		return err
	}
	a.say("The ledger stays up", "Look around: `baton journeys --data "+n.dir+"` in another terminal, or the API below.")
	return a.serve(ctx, n)
}

// chapter is one step of the story.
type chapter struct {
	title string
	tell  func(ctx context.Context, n *node) error
}

func (a *app) story(ctx context.Context, n *node) error {
	s := &demoStory{app: a}
	for i, c := range []chapter{
		{"A small past: customers, a bot, marketing, sales, onboarding and support", s.past},
		{"Fan out: every event on NATS, on a subject one can subscribe to", s.fanOut},
		{"Project: who holds what, and what went wrong", s.project},
		{"Replay: one journey as it stood at two moments, and what changed", s.replay},
		{"Serve: a handoff in one call, a signed webhook, a live tail, a deadline", s.served},
		{"Agree: what passes at a handoff is a contract, what breaks it is kept, and the receiver gets what it needs", s.agree},
		{"Suggest: a model learns from a simulated past, speaks of a live handoff, is answered and made again", s.suggest},
		{"Verify: every byte against the signed checkpoint", s.verify},
		{"Back up: a verified copy, and a restore that would forget", s.backup},
		{"Cluster: the same ledger in EventStoreDB, two nodes, one history", s.cluster},
		{"Tamper: somebody with the database's own tools changes one word", s.tamper},
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		a.say(fmt.Sprintf("%d · %s", i+1, c.title), "")
		if err := c.tell(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) say(title, text string) {
	bold, plain := "", ""
	if a.text().Color {
		bold, plain = "\x1b[1m", "\x1b[0m"
	}
	fmt.Fprintf(a.out, "\n%s%s%s\n", bold, title, plain)
	if text != "" {
		fmt.Fprintln(a.out, text)
	}
	fmt.Fprintln(a.out)
}

type demoStory struct{ app *app }

func (s *demoStory) past(ctx context.Context, n *node) error {
	batches := demoPast()
	events := 0
	var last ledger.Receipt
	for _, r := range n.intake()(ctx, batches) {
		if r.Err != nil {
			return r.Err
		}
		events += len(r.Receipts)
		last = r.Receipts[len(r.Receipts)-1]
	}
	fmt.Fprintf(s.app.out, "%d events of %d journeys are on disk. The last receipt: %s revision %d, position %d, leaf %.16s…\n",
		events, len(batches), last.Stream, last.Revision, last.Position, last.LeafHash)
	again := n.intake()(ctx, batches[:1])[0]
	if again.Err != nil {
		return again.Err
	}
	fmt.Fprintf(s.app.out, "The first batch was sent again: acknowledged with the first receipt (position %d, duplicate: %v), written once.\n",
		again.Receipts[0].Position, again.Receipts[0].Duplicate)
	return nil
}

func (s *demoStory) fanOut(ctx context.Context, n *node) error {
	if !s.app.cfg.NATS.Enabled {
		fmt.Fprintln(s.app.out, "NATS is off in the configuration.")
		return nil
	}
	f, err := s.app.startFan(n)
	if err != nil {
		return err
	}
	defer f.close()
	if err := f.relay.CatchUp(ctx, n.store); err != nil {
		return err
	}
	if err := s.listen(ctx, f.conn); err != nil {
		return err
	}
	report, err := relay.Check(ctx, f.conn, n.store, f.id)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.app.out, "\nThe stream %s has %d of %d events, %d missing, %d twice.\n", relay.StreamName, report.Published, report.Head, report.Missing, report.Duplicates)
	return nil
}

// listen prints the first messages an ordinary subscriber to failed handoffs gets.
func (s *demoStory) listen(ctx context.Context, conn *nats.Conn) error {
	filter := relay.FilterSubject("handoff", "returned", "")
	fmt.Fprintf(s.app.out, "A subscriber to %s receives:\n", filter)
	shown := 0
	for m, err := range relay.Tail(ctx, conn, relay.TailOptions{Filter: filter, From: 1}) {
		if err != nil {
			return err
		}
		fmt.Fprintf(s.app.out, "  %s\n    %s\n", m.Subject, printable(string(m.Data)))
		if shown++; shown == 2 {
			break
		}
	}
	return nil
}

func (s *demoStory) project(ctx context.Context, n *node) error {
	if err := s.app.openModels(ctx, n); err != nil {
		return err
	}
	o := s.app.custodyOptions()
	o.Top = 3
	report, err := n.models.Custody(ctx, o)
	if err != nil {
		return err
	}
	return custodyText(s.app.out, report)
}

func (s *demoStory) replay(ctx context.Context, n *node) error {
	before := replay.Moment{Revision: demoBefore}
	for _, m := range []replay.Moment{before, {}} {
		view, err := replay.AsOf(ctx, n.store, demoJourney, m)
		if err != nil {
			return err
		}
		if err := view.WriteText(s.app.out, s.app.text()); err != nil {
			return err
		}
		fmt.Fprintln(s.app.out)
	}
	d, err := replay.Diff(ctx, n.store, demoJourney, before, replay.Moment{})
	if err != nil {
		return err
	}
	return d.WriteText(s.app.out, s.app.text())
}

func (s *demoStory) verify(ctx context.Context, n *node) error {
	if _, err := n.notary.Checkpoint(ctx); err != nil {
		return err
	}
	report, err := s.app.verifyOpen(ctx, n, nil)
	if err != nil {
		return err
	}
	if err := verifyText(s.app.out, report); err != nil || report.OK {
		return err
	}
	return errNo
}

// tamper changes one word in a copy, with valid checksums everywhere, and lets verify find it.
func (s *demoStory) tamper(ctx context.Context, n *node) error {
	dir := filepath.Join(n.dir, "tampered-copy")
	changed, err := tamperedCopy(n, dir)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintf(s.app.out, "In a copy, the record at position %d now says %q where it said %q.\nThe database itself is content: every checksum is right. And yet:\n\n", changed, demoAfter, demoWord)
	copied := &node{dir: dir}
	report, err := s.app.verifyNode(ctx, copied)
	if err = errors.Join(err, copied.close(ctx)); err != nil {
		return err
	}
	if report.OK {
		return ledger.Errorf(ledger.CodeInternal, "demo", "", "the tampered copy was verified: this is a defect of Baton")
	}
	return verifyText(s.app.out, report)
}
