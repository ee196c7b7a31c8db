package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections/points"
)

// pointChange is a command that says one thing of a point.
func (a *app) pointChange(use, verb, short string, c *points.Change) *cobra.Command {
	c.Verb = verb
	cmd := &cobra.Command{
		Use: use + " POINT", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.Point = args[0]
			return a.changePoint(cmd.Context(), "points "+use, *c)
		},
	}
	cmd.Flags().StringVar(&c.By, "by", "", "who says so")
	cmd.Flags().StringVar(&c.Why, "why", "", "the reason")
	return cmd
}

func (a *app) changePoint(ctx context.Context, command string, c points.Change) error {
	if c.Verb != "mapped" {
		if err := ledgerThere(a); err != nil {
			return err
		}
	}
	return a.with(ctx, command, writing, func(s *session) error {
		d, err := a.desk(ctx, s, c.Verb == "advanced")
		if err != nil {
			return err
		}
		o, ended := a.pointOptions(points.Options{}, d, "reading")
		out, err := d.Change(ctx, c, o)
		ended()
		if err != nil {
			return err
		}
		return a.show(out, func(w io.Writer) error { return changedText(w, &out) })
	})
}

func changedText(w io.Writer, c *points.Changed) error {
	if c.Unchanged {
		_, err := fmt.Fprintf(w, "%s: it was so already; nothing was written. Its step is %s.\n", printable(pointText(c.Point)), dash(c.Step))
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %s. Its step is %s. Recorded at position %s.\n", printable(pointText(c.Point)), strings.ReplaceAll(c.Verb, "_", " "), dash(c.Step), count(c.Receipt.Position))
	if err == nil && len(c.Missing) > 0 {
		_, err = fmt.Fprintf(w, "In spite of what is missing: %s.\n", strings.Join(c.Missing, "; "))
	}
	return err
}

// mappingFlags are those of what is said of a point when it is mapped.
func mappingFlags(cmd *cobra.Command, m *points.Mapping) {
	f := cmd.Flags()
	f.StringVar(&m.Owner, "owner", "", "team that answers for the point")
	f.StringVar(&m.Description, "description", "", "what happens there")
	f.StringSliceVar(&m.Data, "passed", nil, "fields that are passed today, apart by commas")
	f.StringVar(&m.Style, "style", "", "policy: stateless, stateful or predictive")
	f.StringVar(&m.Tier, "tier", "", "target: minimal, contextual or predictive")
	f.StringVar(&m.Direction, "direction", "", "one_way (default) or feedback")
	f.StringVar(&m.SLA, "sla", "", "within which it is to be accepted, as 4h")
	f.StringVar(&m.Contract, "contract", "", "name of its context contract")
}

func (a *app) pointsMap() *cobra.Command {
	c := points.Change{Verb: "mapped"}
	var file string
	cmd := &cobra.Command{
		Use: "map POINT | map --file FILE", Short: "Map a point, or say more of it; or map all points of a file", Args: cobra.MaximumNArgs(1),
		Long: "What a call does not say stays as it was said before. The same call, or the same file, again writes nothing.",
		Example: "  baton points map 'sales>support@ticket' --owner support-ops --style stateful --contract sales-to-support/1\n" +
			"  baton points map --file points.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case file != "" && len(args) > 0:
				return badFlag("file", "give one of the two", "the file names its points itself, and %q is one", args[0])
			case file != "":
				return a.mapFile(cmd.Context(), file, c.By)
			case len(args) == 0:
				return badFlag("file", "say `baton points map 'sender>receiver@channel' --owner TEAM`, or --file points.yaml", "there is neither a point nor a file")
			}
			c.Point = args[0]
			return a.changePoint(cmd.Context(), "points map", c)
		},
	}
	f := cmd.Flags()
	mappingFlags(cmd, &c.Mapping)
	f.StringVar(&c.By, "by", "", "who says so")
	f.StringVar(&c.Why, "why", "", "the reason")
	f.StringVar(&file, "file", "", "YAML or JSON with a list of points, see docs/points.md")
	return cmd
}

// mappedFile is what `baton points map --file --json` prints.
type mappedFile struct {
	Points    int `json:"points"`
	Written   int `json:"written"` // events
	Unchanged int `json:"unchanged"`
}

// mapFile makes the changes that a file asks for, one after the other: what is so already is passed over, so a run that was cut off can be repeated.
func (a *app) mapFile(ctx context.Context, file, by string) error {
	document, err := os.ReadFile(file)
	if err != nil {
		return ledger.Errorf(ledger.CodeNotFound, "points map", "name a file with --file", "%w", err)
	}
	changes, err := points.ParseFile(document)
	if err != nil {
		return err
	}
	return a.with(ctx, "points map", writing, func(s *session) error {
		d, err := a.desk(ctx, s, false)
		if err != nil {
			return err
		}
		o, ended := a.pointOptions(points.Options{}, d, "mapping")
		defer ended()
		out := mappedFile{}
		for _, c := range changes {
			c.By = by
			done, err := d.Change(ctx, c, o)
			if err != nil {
				return err
			}
			if c.Verb == "mapped" {
				out.Points++
			}
			if done.Unchanged {
				out.Unchanged++
			} else {
				out.Written++
			}
		}
		ended()
		return a.show(out, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s points: %s events written, %s as they were.\n", count(out.Points), count(out.Written), count(out.Unchanged))
			return err
		})
	})
}

func (a *app) pointsPain() *cobra.Command {
	c := &points.Change{}
	cmd := a.pointChange("pain", "pain_recorded", "Record what hurts at a point, with the query that shows it", c)
	cmd.Example = `  baton points pain 'sales>support@ticket' --id order-number --text 'agents ask for the account again' \` + "\n" +
		"      --evidence 'reasks field=account_id' --fields account_id"
	f := cmd.Flags()
	f.StringVar(&c.Pain, "id", "", "a short name")
	f.StringVar(&c.Text, "text", "", "what hurts")
	f.StringVar(&c.Evidence, "evidence", "", `query that shows it: reasks field=order_id, returned reason="context missing", or CEL over event and data`)
	f.StringSliceVar(&c.Fields, "fields", nil, "fields that might help, apart by commas")
	return cmd
}

func (a *app) pointsDecide() *cobra.Command {
	c := &points.Change{}
	cmd := a.pointChange("decide", "pain_decided", "Decide whether deeper context would solve a pain point", c)
	cmd.Flags().StringVar(&c.Pain, "pain", "", "id of the pain point")
	cmd.Flags().StringVar(&c.Decision, "deeper", "", "yes, no or undecided")
	return cmd
}

func (a *app) pointsClassify() *cobra.Command {
	c := &points.Change{}
	cmd := a.pointChange("classify", "classified", "Declare a point's criticality, value and complexity; its volume is counted", c)
	f := cmd.Flags()
	f.StringVar(&c.Criticality, "criticality", "", "low or high; high needs --why")
	f.StringVar(&c.Value, "value", "", "of a handoff: low or high")
	f.StringVar(&c.Complexity, "complexity", "", "of what is handed over: low or high")
	return cmd
}

func (a *app) pointsStyle() *cobra.Command {
	c := points.Change{Verb: "mapped"}
	cmd := &cobra.Command{
		Use: "style POINT STYLE", Short: "Set a point's policy: stateless, stateful or predictive", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.Point, c.Style = args[0], args[1]
			return a.changePoint(cmd.Context(), "points style", c)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Tier, "tier", "", "target: minimal, contextual or predictive")
	f.StringVar(&c.By, "by", "", "who says so")
	f.StringVar(&c.Why, "why", "", "the reason")
	return cmd
}

func (a *app) pointsTrain() *cobra.Command {
	c := &points.Change{Share: new(float64)}
	cmd := a.pointChange("train", "trained", "Record which share of a team was trained on a point's fields", c)
	f := cmd.Flags()
	f.StringVar(&c.Team, "team", "", "who was trained")
	f.Float64Var(c.Share, "share", 1, "of the team, 0 to 1")
	f.StringVar(&c.Held, "held", "", "date, as 2026-03-04")
	return cmd
}

func (a *app) pointsAdvance() *cobra.Command {
	c := &points.Change{}
	cmd := a.pointChange("advance", "advanced", "Take a point to its next step, where nothing is missing for it", c)
	cmd.Long = "The steps: " + strings.Join(points.LifeSteps(), ", ") + "; after that monitored again."
	f := cmd.Flags()
	f.StringVar(&c.To, "to", "", "step (default the next)")
	f.BoolVar(&c.Force, "force", false, "in spite of what is missing, which is recorded; needs --why")
	return cmd
}

func (a *app) pointsAnswer() *cobra.Command {
	c := &points.Change{}
	cmd := a.pointChange("answer", "answered", "Answer a question of the checklist that data does not answer", c)
	cmd.Flags().StringVar(&c.Question, "question", "", strings.Join(points.Questions(), ", "))
	cmd.Flags().StringVar(&c.Answer, "answer", "", "yes or no")
	return cmd
}

func (a *app) pointsRetire() *cobra.Command {
	return a.pointChange("retire", "retired", "Take a point out of the registry; its history stays", &points.Change{})
}
