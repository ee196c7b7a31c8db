package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/replay/brief"
)

// channelClass is a channel's class by the settings, else by its name.
func (a *app) channelClass(channel string) ledger.ChannelClass {
	if class := a.cfg.Channels.ClassOf(channel); class != "" {
		return ledger.ChannelClass(class)
	}
	return ledger.ClassOfChannel(channel)
}

func (a *app) contextCommand() *cobra.Command {
	var handoff, point, overlay, now string
	var customer bool
	cmd := &cobra.Command{
		Use: "context JOURNEY", Short: "What the next party needs to know: key insight, fields with their age and source, what is missing; now or as of any moment",
		Example: "  baton context J-1\n  baton context J-1 --handoff h-1 --position 120 --overlay off\n  baton context J-1 --customer",
		Args:    cobra.ExactArgs(1),
	}
	a.asOf(cmd, "context", func(ctx context.Context, s *session, args []string, m replay.Moment) (err error) {
		o, err := a.briefOptions(ctx, s.source, args[0], m, nil)
		if err != nil {
			return err
		}
		o.Handoff, o.Point, o.Moment, o.Customer = handoff, point, m, customer
		switch overlay {
		case "on":
		case "off":
			o.NoOverlay = true
		default:
			return badFlag("overlay", "give on or off", "%q is neither", overlay)
		}
		if now == "now" {
			o.Now = time.Now().UTC()
		} else if now != "" {
			if o.Now, err = replay.ParseTime(now); err != nil {
				return badFlag("now", "write it as 2010-04-08T09:30:00Z, or now", "%w", err)
			}
		}
		b, err := brief.Assemble(ctx, s.source, args[0], o)
		if err != nil {
			return err
		}
		return a.show(b, func(w io.Writer) error { return contextText(w, &b, a.text().Width) })
	})
	f := cmd.Flags()
	f.StringVar(&handoff, "handoff", "", "whose context (default: the newest at --point, else the newest open one, else the newest)")
	f.StringVar(&point, "point", "", "sender>receiver@channel whose contract counts (default: that of the handoff)")
	f.StringVar(&overlay, "overlay", "on", "off: no event of the overlay counts, the pure audit view")
	f.BoolVar(&customer, "customer", false, "what the customer may see: fields that are public or personal")
	f.StringVar(&now, "now", "", "what ages are counted to: a time, or now for the clock (default: the moment, else the last event of the journey)")
	return cmd
}

func (a *app) snapshotsCommand() *cobra.Command {
	var journey string
	cmd := &cobra.Command{
		Use: "snapshots HANDOFF", Short: "What was offered, delivered, viewed and used at a handoff, and where context was lost",
		Example: "  baton snapshots h-1\n  baton snapshots h-1 --journey J-1 --json",
		Args:    cobra.ExactArgs(1),
	}
	at := momentFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		m, err := at()
		if err != nil {
			return err
		}
		ctx, need := cmd.Context(), reading
		if journey == "" {
			need = modelled
		}
		return a.with(ctx, "snapshots", need, func(s *session) error {
			if journey == "" {
				row, err := s.reports().Handoff(ctx, "", args[0])
				if err != nil {
					return err
				}
				journey = row.Journey
			}
			o, err := a.briefOptions(ctx, s.source, journey, m, nil)
			if err != nil {
				return err
			}
			o.Moment = m
			out, err := brief.AssembleSnapshots(ctx, s.source, journey, args[0], o)
			if err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) error { return snapshotsText(w, &out, a.text().Width) })
		})
	}
	cmd.Flags().StringVar(&journey, "journey", "", "that the handoff is of (default: looked up in the read models)")
	return cmd
}
