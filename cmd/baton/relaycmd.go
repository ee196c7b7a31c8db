package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/baton-ledger/baton/config"
	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server/client"
)

func (a *app) relayCommand() *cobra.Command {
	cmd := group("relay", "Compare the ledger with the NATS stream, and repair the stream")
	for _, repair := range []bool{false, true} {
		c := &cobra.Command{Use: "check", Short: "Find events that the NATS stream does not have", Args: cobra.NoArgs}
		if repair {
			c.Use, c.Short = "repair", "Publish the events that the NATS stream does not have"
		}
		c.RunE = func(cmd *cobra.Command, _ []string) error {
			r, err := a.checkRelay(cmd.Context(), repair)
			if err != nil {
				return err
			}
			if err := a.show(r, func(w io.Writer) error { return relayText(w, r) }); err != nil || r.Clean() && r.Lag == 0 {
				return err
			}
			if !a.json {
				fmt.Fprintln(a.err, "Try:   `baton relay repair` publishes what is missing; `baton serve` what lags.")
			}
			return errNo
		}
		config.AddFlags(c.Flags(), append(natsFlags, "nats.port")...)
		cmd.AddCommand(c)
	}
	return cmd
}

// checkRelay asks the holder, or starts what is needed for the length of the command.
func (a *app) checkRelay(ctx context.Context, repair bool) (r relay.CheckReport, err error) {
	if err := ledgerExists(a.cfg.Data); err != nil {
		return r, err
	}
	lock, held, err := lockDir(ctx, a.cfg.Data, "relay")
	if err != nil {
		return r, err
	}
	if held.API != "" {
		return a.ask(held).CheckRelay(ctx, repair)
	}
	n := &node{dir: a.cfg.Data, lock: lock}
	err = a.openNode(ctx, n, reading)
	if err == nil {
		r, err = a.checkHere(ctx, n, repair)
	}
	return r, errors.Join(err, n.close(ctx))
}

func (a *app) checkHere(ctx context.Context, n *node, repair bool) (relay.CheckReport, error) {
	f := &fan{id: ledgerID(n.keys)}
	defer f.close()
	var err error
	if a.cfg.NATS.URL == "" {
		err = a.connectFan(n, f)
	} else { // a command does not wait for a server that is away, as serve does
		f.conn, err = a.dialNATS("baton relay")
	}
	if err != nil {
		return relay.CheckReport{}, err
	}
	if repair {
		rel, err := relay.New(f.conn, relay.Options{LedgerID: f.id, Logger: a.logger()})
		if err != nil {
			return relay.CheckReport{}, err
		}
		if err := rel.CatchUp(ctx, n.store); err != nil {
			return relay.CheckReport{}, err
		}
	}
	return f.check(n)(ctx, repair)
}

func relayText(w io.Writer, r relay.CheckReport) error {
	err := table(w, []string{"NATS STREAM " + relay.StreamName, ""}, [][]string{
		{"ledger ends at", count(r.Head)}, {"published up to", count(r.To)}, {"lag", count(r.Lag)}, {"events found", count(r.Published)},
		{"missing", some(r.Missing, r.Gaps)}, {"duplicates", some(r.Duplicates, r.Doubled)},
		{"out of order", count(r.OutOfOrder)}, {"repaired, so late", count(r.Repaired)}, {"not of this ledger", count(r.Foreign)},
		{"past the ledger's end", count(r.Ahead)}, {"without their data (too large)", count(r.Omitted)}})
	if err != nil || len(r.Consumers) == 0 {
		return err
	}
	rows := make([][]string, len(r.Consumers))
	for i, c := range r.Consumers {
		name := printable(c.Name)
		if c.Paused {
			name += " (paused)"
		}
		rows[i] = []string{name, count(c.Acknowledged), count(c.Pending), count(c.Waiting), count(c.Redelivered), cmp.Or(printable(strings.Join(c.Filters, ", ")), "all")}
	}
	fmt.Fprintln(w)
	return table(w, []string{"DURABLE CONSUMER", "ACKNOWLEDGED UP TO", "PENDING", "WAITING FOR ACK", "REDELIVERED", "SUBJECTS"}, rows)
}

// some is a number and the first few of the ranges that make it up.
func some(n uint64, ranges []relay.Range) string {
	var list []string
	for _, r := range ranges[:min(len(ranges), 10)] {
		if r.From == r.To {
			list = append(list, count(r.From))
		} else {
			list = append(list, count(r.From)+" to "+count(r.To))
		}
	}
	if len(ranges) > len(list) {
		list = append(list, "…")
	}
	if n == 0 {
		return "0"
	}
	return count(n) + ": " + strings.Join(list, ", ")
}

func (a *app) tailCommand() *cobra.Command {
	var o relay.TailOptions
	var family, verb, point, filter string
	limit := 0
	cmd := &cobra.Command{
		Use: "tail", Short: "Follow events as an ordinary NATS client; with --json as CloudEvents, one a line", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := knownFilter(family, verb, point); err != nil {
				return err
			}
			if family != "" || verb != "" || point != "" {
				o.Filter = relay.FilterSubject(family, verb, point)
			}
			ctx := cmd.Context()
			var messages iter.Seq2[relay.Message, error]
			if filter != "" {
				var err error
				if messages, err = a.tailFiltered(ctx, family, verb, client.TailOptions{From: o.From, Point: point, Filter: filter}); err != nil {
					return err
				}
			} else {
				conn, err := a.dialNATS("baton tail")
				if err != nil {
					return err
				}
				defer conn.Close()
				messages = relay.Tail(ctx, conn, o)
			}
			seen := 0
			if f, ok := a.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
				fmt.Fprintf(a.err, "Following %s. Stop with Ctrl-C.\n", cmp.Or(filter, o.Filter, relay.AllSubjects))
			}
			for m, err := range messages {
				if err != nil {
					if ctx.Err() != nil {
						return nil
					}
					return err
				}
				if err := a.printMessage(&m); err != nil {
					return err
				}
				if seen++; limit > 0 && seen == limit {
					return nil
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&o.From, "from", 0, "first position; 0 is the next event to come")
	f.StringVar(&family, "family", "", "of the type, as handoff")
	f.StringVar(&verb, "verb", "", "of the type, as offered")
	f.StringVar(&point, "point", "", "sender>receiver@channel")
	f.StringVar(&filter, "filter", "", "CEL expression over event and data; asks the server instead of NATS\n  "+strings.Join(replay.FilterHelp(), "\n  "))
	f.IntVar(&limit, "limit", 0, "end after that many; 0 goes on")
	config.AddFlags(f, natsFlags...)
	return cmd
}

// knownFilter refuses a filter that nothing can match: waiting for it would look like silence.
func knownFilter(family, verb, point string) error {
	families := append(ledger.Families(), "other")
	switch {
	case family != "" && !slices.Contains(families, family):
		return badFlag("family", "use one of "+strings.Join(families, ", "), "there is no family %q", family)
	case verb != "" && family == "":
		return badFlag("verb", "give --family too", "verb %q belongs to a family", verb)
	case verb != "" && family != "other" && !slices.Contains(ledger.Verbs(family), verb):
		return badFlag("verb", "use one of "+strings.Join(ledger.Verbs(family), ", "), "family %q has no verb %q", family, verb)
	case point != "" && !(strings.Contains(point, ">") && strings.Contains(point, "@")):
		return badFlag("point", "spell it sender>receiver@channel, as `baton points --json` does", "%q is no point", point)
	}
	return nil
}

func (a *app) printMessage(m *relay.Message) error {
	if a.json {
		_, err := a.out.Write(append(ledger.AppendCloudEventLine(nil, &m.Recorded), '\n'))
		return err
	}
	family, verb := ledger.SplitType(m.Type)
	what := family + "." + verb
	if family == "" {
		what = m.Type
	}
	_, err := fmt.Fprintf(a.out, "%8s  %s  %-22s  %-20s  %s\n", count(m.Position), moment(m.Occurred()), printable(what), printable(m.Recorded.Event.Subject), printable(shorten(string(m.Data), 80)))
	return err
}
