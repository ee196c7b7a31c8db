package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger/webhook"
	"github.com/baton-ledger/baton/server/client"
)

func (a *app) webhooksCommand() *cobra.Command {
	cmd := group("webhooks", "Endpoints that handoffs are delivered to, their deliveries and every attempt")
	cmd.AddCommand(a.webhooksList(), a.webhooksDeliveries(), a.webhooksShow(), a.webhooksReplay(), a.webhooksEnable(), a.webhooksTest())
	return cmd
}

// hookCommand makes a command of an endpoint.
func (a *app) hookCommand(cmd *cobra.Command, need hookNeed, do func(ctx context.Context, h client.Webhooks, args []string) error) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.withWebhooks(cmd.Context(), "webhooks", need, func(h client.Webhooks) error { return do(cmd.Context(), h, args) })
	}
	return cmd
}

func (a *app) webhooksList() *cobra.Command {
	return a.hookCommand(&cobra.Command{Use: "list", Short: "Endpoints, how they do and how far they are", Args: cobra.NoArgs}, looking,
		func(ctx context.Context, h client.Webhooks, _ []string) error {
			all, err := h.Status(ctx)
			if err != nil {
				return err
			}
			return a.show(client.List[webhook.Status]{Items: all}, func(w io.Writer) error { return endpointsText(w, all) })
		})
}

func endpointsText(w io.Writer, all []webhook.Status) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "No endpoint is configured; see docs/webhooks.md.")
		return err
	}
	rows := make([][]string, len(all))
	for i, s := range all {
		rows[i] = []string{s.Name, s.State, count(s.Pending), count(s.Dead), count(s.Delivered), count(s.Lag), moment(s.LastSuccess),
			s.Reason, s.URL}
		if s.State == "failing" || s.State == "down" {
			rows[i][7] = s.LastError
		}
	}
	return table(w, []string{"ENDPOINT", "STATE", ">PENDING", ">DEAD", ">DELIVERED", ">LAG", "LAST SUCCESS", "WHY", "URL"}, rows)
}

func (a *app) webhooksDeliveries() *cobra.Command {
	var q webhook.Query
	var state string
	cmd := a.hookCommand(&cobra.Command{Use: "deliveries NAME", Short: "Deliveries of an endpoint", Args: cobra.ExactArgs(1)}, looking,
		func(ctx context.Context, h client.Webhooks, args []string) error {
			if q.State = webhook.State(state); state != "" && !slices.Contains([]webhook.State{webhook.Pending, webhook.Delivered, webhook.Dead}, q.State) {
				return badFlag("state", "give one of pending, delivered, dead", "%q is no state of a delivery", state)
			}
			out := client.List[webhook.Delivery]{Items: []webhook.Delivery{}}
			for d, err := range h.Deliveries(ctx, args[0], q) {
				if err != nil {
					return err
				}
				out.Items = append(out.Items, d)
			}
			if n := len(out.Items); n > 0 && n == q.Limit {
				out.Next = out.Items[n-1].ID
			}
			return a.show(out, func(w io.Writer) error { return deliveriesText(w, out.Items) })
		})
	f := cmd.Flags()
	f.StringVar(&state, "state", "", "pending, delivered or dead; any where absent")
	f.StringVar(&q.After, "after", "", "id of the last one seen")
	f.IntVar(&q.Limit, "limit", 100, "at most that many; 0 is all")
	f.BoolVar(&q.Newest, "newest", false, "newest first")
	return cmd
}

func deliveriesText(w io.Writer, list []webhook.Delivery) error {
	rows := make([][]string, len(list))
	for i, d := range list {
		what := d.Reason
		if d.State == webhook.Pending {
			what = "next " + moment(d.Next)
		}
		rows[i] = []string{d.ID, string(d.State), strconv.Itoa(d.Attempts), moment(d.Queued), moment(d.Ended), d.Journey, d.EventID, what}
	}
	return table(w, []string{">ID", "STATE", ">ATTEMPTS", "QUEUED", "ENDED", "JOURNEY", "EVENT", "WHY"}, rows)
}

func (a *app) webhooksShow() *cobra.Command {
	return a.hookCommand(&cobra.Command{Use: "show NAME ID", Short: "One delivery and each attempt at it", Args: cobra.ExactArgs(2)}, looking,
		func(ctx context.Context, h client.Webhooks, args []string) error {
			d, err := h.Delivery(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			return a.show(d, func(w io.Writer) error { return deliveryText(w, &d) })
		})
}

func deliveryText(w io.Writer, d *webhook.Delivery) error {
	rows := [][]string{{"event", d.EventID}, {"type", d.Type}, {"journey", d.Journey}, {"point", pointText(d.Point)}, {"webhook-id", d.WebhookID},
		{"queued", moment(d.Queued)}, {"attempts", strconv.Itoa(d.Attempts)}}
	if d.State == webhook.Pending {
		rows = append(rows, []string{"next attempt", moment(d.Next)}, []string{"given up at", moment(d.GiveUp)})
	} else {
		rows = append(rows, []string{"ended", moment(d.Ended)})
	}
	for _, more := range [][]string{{"why", d.Reason}, {"not noted in the ledger", d.Unnoted}} {
		if more[1] != "" {
			rows = append(rows, more)
		}
	}
	if err := table(w, []string{"DELIVERY " + d.ID, string(d.State)}, rows); err != nil || len(d.Log) == 0 {
		return err
	}
	fmt.Fprintln(w)
	rows = nil
	for _, t := range d.Log {
		rows = append(rows, attemptRow(&t))
	}
	return table(w, []string{"ATTEMPT", ">TOOK", "STATUS", "ANSWER OR ERROR"}, rows)
}

func attemptRow(t *webhook.Attempt) []string {
	status := "-"
	if t.Status > 0 {
		status = strconv.Itoa(t.Status)
	}
	return []string{moment(t.At), time.Duration(t.Duration).Round(time.Millisecond).String(), status, cmp.Or(t.Error, t.Response)}
}

func (a *app) webhooksReplay() *cobra.Command {
	var q webhook.Replay
	cmd := a.hookCommand(&cobra.Command{Use: "replay NAME [ID]", Short: "Deliver again: one, all dead ones, or a range of positions",
		Args: cobra.RangeArgs(1, 2), Example: "  baton webhooks replay crm 1042\n  baton webhooks replay crm --dead\n  baton webhooks replay crm --from 1000 --to 2000"}, changing,
		func(ctx context.Context, h client.Webhooks, args []string) error {
			if len(args) == 2 {
				q.ID = args[1]
			}
			out, err := h.Replay(ctx, args[0], q)
			if err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) error { return replayedText(w, args[0], &out) })
		})
	f := cmd.Flags()
	f.BoolVar(&q.Dead, "dead", false, "all that were given up")
	f.Uint64Var(&q.From, "from", 0, "first position of the ledger")
	f.Uint64Var(&q.To, "to", 0, "last position; 0 is up to where the endpoint is")
	return cmd
}

func replayedText(w io.Writer, name string, r *webhook.Replayed) error {
	fmt.Fprintf(w, "%s queued, %s were waiting already.\n", count(r.Queued), count(r.Waiting))
	if r.Next > 0 {
		fmt.Fprintf(w, "Enough wait at %s now: go on from position %d when they are delivered.\n", name, r.Next)
	}
	return nil
}

func (a *app) webhooksEnable() *cobra.Command {
	return a.hookCommand(&cobra.Command{Use: "enable NAME", Short: "Switch on an endpoint that answered 410; try one that is down at once",
		Args: cobra.ExactArgs(1)}, changing,
		func(ctx context.Context, h client.Webhooks, args []string) error {
			if err := h.Enable(ctx, args[0]); err != nil {
				return err
			}
			return a.show(map[string]string{"enabled": args[0]}, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%s is switched on.\n", args[0])
				return err
			})
		})
}

func (a *app) webhooksTest() *cobra.Command {
	return a.hookCommand(&cobra.Command{Use: "test NAME", Short: "Send an event that is in no ledger, and say what came of it",
		Args: cobra.ExactArgs(1)}, sending,
		func(ctx context.Context, h client.Webhooks, args []string) error {
			t, err := h.Test(ctx, args[0])
			if err != nil {
				return err
			}
			err = a.show(t, func(w io.Writer) error {
				return table(w, []string{"ATTEMPT", ">TOOK", "STATUS", "ANSWER OR ERROR"}, [][]string{attemptRow(&t)})
			})
			if err == nil && (t.Status < 200 || t.Status > 299) {
				return errNo
			}
			return err
		})
}
