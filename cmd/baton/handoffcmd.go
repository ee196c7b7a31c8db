package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server/client"
)

func (a *app) handoffCommand() *cobra.Command {
	var c ledger.HandoffCall
	var m ledger.HandoffMove
	var verb, at, envelope string
	cmd := &cobra.Command{
		Use: "handoff JOURNEY", Short: "Hand a journey over in one call, or move a handoff that was offered", Args: cobra.ExactArgs(1),
		Example: "  baton handoff J-1 --from bot --to sales --channel chat --reason 'asks for a price'\n  baton handoff J-1 --move completed --id h-1 --outcome sold",
		RunE: func(cmd *cobra.Command, args []string) error {
			c.Journey = args[0]
			if at != "" {
				t, err := replay.ParseTime(at)
				if err != nil {
					return badFlag("time", "write it as 2010-04-08T09:30:00Z", "%w", err)
				}
				c.Time = t
			}
			if envelope != "" {
				c.Envelope = json.RawMessage(envelope)
			}
			m.Verb, m.Handoff, m.Journey, m.Source, m.Reason, m.Time = ledger.HandoffState(verb), c.ID, c.Journey, c.Source, c.Reason, c.Time
			if err := handoffFlags(cmd, verb != ""); err != nil {
				return err
			}
			ctx := cmd.Context()
			return a.with(ctx, "handoff", writing, func(s *session) (err error) {
				var out ledger.HandedOff
				if verb != "" {
					out, err = ledger.MoveHandoff(ctx, s.source, s.append, m)
				} else {
					out, err = ledger.HandOff(ctx, s.source, s.append, c)
				}
				if err != nil {
					return err
				}
				return a.show(out, func(w io.Writer) error { return handedOffText(w, &out) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.From.Stage, "from", "", "stage (group, team or system) that hands over")
	f.StringVar(&c.From.Party, "from-party", "", "person, bot or agent in it")
	f.StringVar(&c.From.Kind, "from-kind", "", "human, bot, ai_agent, system, team, partner or customer")
	f.StringVar(&c.To.Stage, "to", "", "stage that takes over")
	f.StringVar(&c.To.Party, "to-party", "", "person, bot or agent in it")
	f.StringVar(&c.To.Kind, "to-kind", "", "as --from-kind")
	f.StringVar(&c.Channel, "channel", "", "chat, phone, e-mail …")
	f.StringVar(&c.Reason, "reason", "", "why")
	f.StringVar(&c.Schema, "dataschema", "", "contract and version that the offer follows, as contracts/support/refund/v2")
	f.StringVar(&envelope, "envelope", "", `context that goes along, as '{"mandatory":{"need":"a price"}}'`)
	f.BoolVar(&c.OfferOnly, "offer", false, "record the offer alone; the receiver accepts with --move accepted")
	f.StringVar(&c.ID, "id", "", "of the handoff: the same call again then writes nothing; default: a random one")
	f.StringVar(&c.Source, "source", "", "of the events (default "+ledger.HandoffSource+")")
	f.StringVar(&at, "time", "", "when it happened (default: when it is recorded)")
	f.StringVar(&verb, "move", "", "move the handoff --id: accepted, declined, completed, returned, withdrawn or failed")
	f.StringVar(&m.By.Stage, "by", "", "with --move: stage that moves it")
	f.StringVar(&m.By.Party, "by-party", "", "with --move: person, bot or agent in it")
	f.StringVar(&m.Outcome, "outcome", "", "with --move: how it ended")
	return cmd
}

// handoffFlags refuses flags that say nothing in the form that was chosen, and asks for those that it needs.
func handoffFlags(cmd *cobra.Command, move bool) error {
	needed, idle, form := []string{"from", "to", "channel"}, []string{"by", "by-party", "outcome"}, "without --move"
	if move {
		needed, idle = []string{"id"}, []string{"from", "from-party", "from-kind", "to", "to-party", "to-kind", "channel", "envelope", "dataschema", "offer"}
		form = "with --move"
	}
	for _, name := range needed {
		if cmd.Flag(name).Value.String() == "" {
			return badFlag(name, "add --"+name, "it is needed %s", form)
		}
	}
	for _, name := range idle {
		if cmd.Flags().Changed(name) {
			return badFlag(name, "leave it out", "it says nothing %s", form)
		}
	}
	return nil
}

func handedOffText(w io.Writer, h *ledger.HandedOff) error {
	holder := h.Owner.Stage
	if h.Owner.Party != "" {
		holder += " (" + h.Owner.Party + ")"
	}
	text := fmt.Sprintf("%s. %s is held by %s.", h.State, h.Journey, holder)
	if h.State == ledger.Quarantined {
		text = "kept in quarantine. " + h.Journey + " knows nothing of it; see `baton contracts inbox`."
	}
	_, err := fmt.Fprintf(w, "Handoff %s, %s: %s\n", printable(h.Handoff), printable(pointText(h.Point)), printable(text))
	noticesText(w, h.Notices)
	if err == nil && len(h.Anomalies) > 0 {
		_, err = fmt.Fprintf(w, "Recorded, and against the rules of custody: %s.\n", strings.Join(h.Anomalies, ", "))
	}
	return errors.Join(err, receiptsText(w, h.Receipts))
}

// handoffsAnswer is what `baton handoffs --json` prints.
type handoffsAnswer struct {
	Items []projections.HandoffRow `json:"items"`
}

func (a *app) handoffsCommand() *cobra.Command {
	var q projections.HandoffQuery
	var state string
	cmd := &cobra.Command{
		Use: "handoffs", Short: "List handoffs", Args: cobra.NoArgs,
		Example: "  baton handoffs --order open\n  baton handoffs --point 'bot>sales@chat' --state declined",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q.Limit < 0 {
				return badFlag("limit", "give 0 for all", "%d is no number of handoffs", q.Limit)
			}
			if q.Order != "" && q.Order != projections.ByOffered && q.Order != projections.ByWait {
				return badFlag("order", "give open or wait", "%q is no order of handoffs", q.Order)
			}
			if q.State = ledger.HandoffState(state); state != "" && !slices.Contains(ledger.Verbs("handoff"), state) {
				return badFlag("state", "give one of "+strings.Join(ledger.Verbs("handoff"), ", "), "%q is no state of a handoff", state)
			}
			return a.withReports(cmd.Context(), "handoffs", func(r client.Reports) error {
				out := handoffsAnswer{Items: []projections.HandoffRow{}}
				for h, err := range r.Handoffs(cmd.Context(), q) {
					if err != nil {
						return err
					}
					out.Items = append(out.Items, h)
				}
				return a.show(out, func(w io.Writer) error { return handoffsText(w, out.Items) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.After, "after", "", "cursor of the last one seen (from --json)")
	f.IntVar(&q.Limit, "limit", 50, "at most that many; 0 is all")
	f.StringVar(&q.Order, "order", "", "open: those that wait, the longest first; wait: ended waits, the longest first")
	f.StringVar(&q.Point, "point", "", "sender>receiver@channel")
	f.StringVar(&state, "state", "", "offered, accepted, completed …")
	f.BoolVar(&q.Newest, "newest", false, "newest first")
	return cmd
}

func handoffsText(w io.Writer, items []projections.HandoffRow) error {
	if len(items) == 0 {
		_, err := fmt.Fprintln(w, "No handoffs match.")
		return err
	}
	rows := make([][]string, len(items))
	for i := range items {
		h := &items[i]
		wait := "-"
		if h.QueueSeconds != nil {
			wait = seconds(*h.QueueSeconds)
		}
		rows[i] = []string{h.ID, h.Journey, pointText(h.Point), string(h.State), moment(h.Offered), wait, h.Owner.Stage}
	}
	return table(w, []string{"HANDOFF", "JOURNEY", "POINT", "STATE", "OFFERED", ">WAITED", "HELD BY"}, rows)
}
