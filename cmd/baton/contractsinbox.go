package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
)

// inboxAnswer is what `baton contracts inbox --json` prints.
type inboxAnswer struct {
	Items []*contract.Item `json:"items"`
}

func (a *app) contractsInbox() *cobra.Command {
	var all bool
	cmd := &cobra.Command{Use: "inbox", Short: "What is in quarantine, and why", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return a.with(ctx, "contracts inbox", reading, func(s *session) error {
				out := inboxAnswer{Items: []*contract.Item{}}
				for item, err := range contract.Inbox(ctx, s.source) {
					if err != nil {
						return err
					}
					if all || item.State == "waiting" {
						out.Items = append(out.Items, item)
					}
				}
				return a.show(out, func(w io.Writer) error { return inboxText(w, out.Items) })
			})
		}}
	cmd.Flags().BoolVar(&all, "all", false, "what was released or discarded too")
	return cmd
}

func inboxText(w io.Writer, items []*contract.Item) error {
	if len(items) == 0 {
		_, err := fmt.Fprintln(w, "Nothing waits in quarantine.")
		return err
	}
	var rows [][]string
	for _, i := range items {
		n, what := i.Said.Notices[0], ""
		for k, v := range n.Violations {
			if k > 0 {
				what += "; "
			}
			what += v.Type + " " + v.Path
		}
		rows = append(rows, []string{shortItem(i.ID), moment(i.At), i.State, i.Said.Journey, fmt.Sprintf("%s v%d", n.Contract, n.Version), count(i.Said.Events), what})
	}
	return table(w, []string{"ID", "SINCE", "STATE", "JOURNEY", "CONTRACT", ">EVENTS", "WHAT IS WRONG"}, rows)
}

// shortItem is enough of an id to find it by.
func shortItem(id string) string {
	id = strings.TrimPrefix(id, "quarantined/")
	return id[:min(12, len(id))]
}

func (a *app) contractsPayload() *cobra.Command {
	return &cobra.Command{Use: "payload ID", Short: "Print what is in quarantine, as it was sent: CloudEvents, one a line", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.with(ctx, "contracts payload", reading, func(s *session) error {
				item, err := contract.FindItem(ctx, s.source, args[0])
				if err != nil {
					return err
				}
				events, err := contract.Payload(ctx, s.source, item)
				if err != nil {
					return err
				}
				for i := range events {
					if _, err := a.out.Write(ledger.AppendCloudEventLine(nil, &events[i])); err != nil {
						return err
					}
				}
				return nil
			})
		}}
}

func (a *app) contractsRelease() *cobra.Command {
	var r contract.Release
	var rename, set, move, drop []string
	cmd := &cobra.Command{Use: "release ID", Short: "Let what is in quarantine go where it belongs, as it was sent or repaired", Args: cobra.ExactArgs(1),
		Long: "The events are held against their contracts once more. What still breaks one stays where it is. The original stays in the record in any case, and so does what was repaired, by whom and why.",
		Example: "  baton contracts release 1f3c9a --why 'the contract was too strict'\n" +
			"  baton contracts release 1f3c9a --rename order_no=order_id --set mandatory.amount=49 --why 'the old app sends other names'",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			r.ID = args[0]
			if r.Repair, err = repairs(rename, set, move, drop); err != nil {
				return err
			}
			return a.settleItem(cmd, "release", func(s *session) (*contract.Item, error) {
				return contract.ReleaseItem(cmd.Context(), s.source, s.append, r)
			})
		}}
	f := cmd.Flags()
	f.StringArrayVar(&rename, "rename", nil, "OLD=NEW: give a field of the envelope another name")
	f.StringArrayVar(&set, "set", nil, "CLASS.FIELD=VALUE (JSON, or else a text): give an absent field a value")
	f.StringArrayVar(&move, "move", nil, "FIELD=CLASS: put a field where it belongs")
	f.StringArrayVar(&drop, "drop", nil, "FIELD: leave it out, before --set")
	f.StringVar(&r.Why, "why", "", "in words")
	f.StringVar(&r.By, "by", "", "who does it (with an API key, the key's name)")
	return cmd
}

func repairs(rename, set, move, drop []string) (steps []contract.Step, err error) {
	pair := func(flag, text string) (string, string, error) {
		left, right, ok := strings.Cut(text, "=")
		if !ok || left == "" || right == "" {
			return "", "", badFlag(flag, "see `baton contracts release --help`", "%.80q has no =", text)
		}
		return left, right, nil
	}
	for _, text := range rename {
		from, to, err := pair("rename", text)
		if err != nil {
			return nil, err
		}
		steps = append(steps, contract.Step{Rename: &contract.Rename{From: from, To: to}})
	}
	for _, text := range move {
		field, class, err := pair("move", text)
		if err != nil {
			return nil, err
		}
		steps = append(steps, contract.Step{Move: &contract.Move{Field: field, Class: contract.Class(class)}})
	}
	for _, field := range drop {
		steps = append(steps, contract.Step{Drop: field})
	}
	for _, text := range set {
		place, value, err := pair("set", text)
		class, field, ok := strings.Cut(place, ".")
		if err != nil || !ok {
			return nil, badFlag("set", "write it as mandatory.amount=49", "%.80q names no class and field", text)
		}
		raw := json.RawMessage(value)
		if !json.Valid(raw) {
			raw, _ = json.Marshal(value) // a text always can
		}
		steps = append(steps, contract.Step{Set: &contract.Set{Field: field, Class: contract.Class(class), Value: raw}})
	}
	for _, s := range steps {
		class := contract.Mandatory
		if s.Set != nil {
			class = s.Set.Class
		} else if s.Move != nil {
			class = s.Move.Class
		}
		if class != contract.Mandatory && class != contract.Optional && class != contract.ForwardLooking {
			return nil, badArg("use mandatory, optional or forward_looking", "%.40q is no class of a field", string(class))
		}
	}
	return steps, nil
}

func (a *app) contractsDiscard() *cobra.Command {
	var why, by string
	cmd := &cobra.Command{Use: "discard ID", Short: "Say that what is in quarantine is not wanted; it stays in the record", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.settleItem(cmd, "discard", func(s *session) (*contract.Item, error) {
				return contract.Discard(cmd.Context(), s.source, s.append, args[0], why, by)
			})
		}}
	cmd.Flags().StringVar(&why, "why", "", "in words")
	cmd.Flags().StringVar(&by, "by", "", "who does it (with an API key, the key's name)")
	_ = cmd.MarkFlagRequired("why")
	return cmd
}

func (a *app) settleItem(cmd *cobra.Command, use string, do func(*session) (*contract.Item, error)) error {
	if err := ledgerThere(a); err != nil {
		return err
	}
	return a.with(cmd.Context(), "contracts "+use, writing, func(s *session) error {
		item, err := do(s)
		if err != nil {
			return err
		}
		return a.show(item, func(w io.Writer) error {
			if r := item.Released; r != nil {
				_, err = fmt.Fprintf(w, "%s: released to %s, position %s. %s\n", shortItem(item.ID), printable(r.Stream), count(r.Positions[0]), repaired(r))
				return err
			}
			_, err = fmt.Fprintf(w, "%s: %s.\n", shortItem(item.ID), item.State)
			return err
		})
	})
}

func repaired(r *contract.ReleasedData) string {
	if len(r.Repair) == 0 {
		return "As it was sent."
	}
	if len(r.Repair) == 1 {
		return "One repair; the original stays in quarantine."
	}
	return fmt.Sprintf("%d repairs; the original stays in quarantine.", len(r.Repair))
}
