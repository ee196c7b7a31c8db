package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/replay"
)

func (a *app) suggestionsCommand() *cobra.Command {
	cmd := group("suggestions", "List suggestions, and say what became of them: shown, accepted, modified, dismissed, outcome")
	cmd.AddCommand(a.suggestionsList(),
		a.answerCommand("shown", "shown", "Record that a suggestion was shown to somebody"),
		a.answerCommand("accept", "accepted", "Accept a suggestion: what it says is done"),
		a.answerCommand("modify", "modified", "Record that something else was done than was suggested", "action"),
		a.answerCommand("dismiss", "dismissed", "Dismiss a suggestion, and say why", "reason"),
		a.answerCommand("outcome", "outcome", "Record how it ended", "outcome"))
	return cmd
}

// answerCommand says one thing of a suggestion.
func (a *app) answerCommand(use, verb, short string, required ...string) *cobra.Command {
	answer := replay.Answer{Verb: verb}
	var at string
	var value float64
	cmd := &cobra.Command{
		Use: use + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			ctx := cmd.Context()
			answer.Suggestion = args[0]
			if at != "" {
				if answer.Time, err = replay.ParseTime(at); err != nil {
					return badFlag("time", "write it as 2010-04-08T09:30:00Z", "%w", err)
				}
			}
			if cmd.Flags().Changed("value") {
				answer.Value = &value
			}
			if err := ledgerThere(a); err != nil {
				return err
			}
			return a.with(ctx, "suggestions "+use, writing, func(s *session) error {
				if answer.Journey == "" {
					if answer.Journey, err = journeyOfSuggestion(ctx, s.source, answer.Suggestion); err != nil {
						return err
					}
				}
				out, err := replay.Say(ctx, s.source, s.append, answer)
				if err != nil {
					return err
				}
				return a.show(out, func(w io.Writer) error { return answeredText(w, &out) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&answer.Journey, "journey", "", "that it is of (default: found by the position in the id)")
	f.StringVar(&answer.By.Stage, "by", "", "stage (group, team or system) that says so")
	f.StringVar(&answer.By.Party, "by-party", "", "person, bot or agent in it")
	f.StringVar(&answer.ID, "id", "", "of the event (default: a digest of the call; the same call then writes nothing)")
	f.StringVar(&answer.Source, "source", "", "of the event (default baton/answers)")
	f.StringVar(&at, "time", "", "when it happened (default: when it is recorded)")
	switch verb {
	case "modified":
		f.StringVar(&answer.Action, "action", "", "what was done instead")
		f.StringVar(&answer.Reason, "reason", "", "why")
	case "accepted", "dismissed":
		f.StringVar(&answer.Reason, "reason", "", "why")
	case "outcome":
		f.StringVar(&answer.Outcome, "outcome", "", "how it ended, as sold or churned")
		f.Float64Var(&value, "value", 0, "what it was worth")
	}
	for _, name := range required {
		_ = cmd.MarkFlagRequired(name)
	}
	return cmd
}

func answeredText(w io.Writer, out *replay.Answered) error {
	s := &out.Suggestion
	again := ""
	if out.Receipt.Duplicate {
		again = ", as it was before"
	}
	late := ""
	if s.Answer != nil && s.Answer.Late {
		late = " (late: it was over)"
	}
	_, err := fmt.Fprintf(w, "Suggestion %s of %s: %s%s. Recorded at position %s%s.\n", printable(s.ID), printable(out.Journey), s.State, late, count(out.Receipt.Position), again)
	return err
}

// suggestionsAnswer is what `baton suggestions list --json` prints.
type suggestionsAnswer struct {
	Items []replay.Listed `json:"items"`
}

func (a *app) suggestionsList() *cobra.Command {
	var journey string
	var open, shadow bool
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "Suggestions, with their answers and outcomes", Args: cobra.NoArgs,
		Example: "  baton suggestions list --open\n  baton suggestions list --journey J-1 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return badFlag("limit", "give 0 for all", "%d is no number of suggestions", limit)
			}
			ctx := cmd.Context()
			return a.with(ctx, "suggestions list", reading, func(s *session) error {
				out := suggestionsAnswer{Items: []replay.Listed{}}
				for item, err := range replay.Suggestions(ctx, s.source, journey) {
					if err != nil {
						return err
					}
					if open && !item.IsOpen() || item.Withheld && !shadow {
						continue
					}
					if out.Items = append(out.Items, item); len(out.Items) == limit {
						break
					}
				}
				return a.show(out, func(w io.Writer) error { return suggestionsText(w, out.Items) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&journey, "journey", "", "of this one alone (default: of all; that reads every overlay)")
	f.BoolVar(&open, "open", false, "those alone that wait for an answer")
	f.BoolVar(&shadow, "shadow", false, "also those that nobody is shown: policy shadow, and hold-outs")
	f.IntVar(&limit, "limit", 50, "at most that many; 0 is all")
	return cmd
}

func suggestionsText(w io.Writer, items []replay.Listed) error {
	if len(items) == 0 {
		_, err := fmt.Fprintln(w, "No suggestions match.")
		return err
	}
	rows := make([][]string, len(items))
	for i := range items {
		s := &items[i]
		chance, outcome := "-", "-"
		if s.Probability != nil {
			chance = fmt.Sprintf("%.1f %%", 100**s.Probability)
		}
		if s.Outcome != nil {
			outcome = s.Outcome.Outcome
		}
		rows[i] = []string{s.ID, s.Journey, s.Standing(), cmp.Or(s.Action, "-"), chance, moment(s.Offered), moment(s.Expires), outcome}
	}
	return table(w, []string{"SUGGESTION", "JOURNEY", "STATE", "ACTION", ">CHANCE", "OFFERED", "EXPIRES", "OUTCOME"}, rows)
}
