package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/external"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/overlay"
	"github.com/baton-ledger/baton/predict/policy"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/train"
	"github.com/baton-ledger/baton/predict/trust"
)

// trainedAnswer is what `baton predict train --json` prints.
type trainedAnswer struct {
	registry.Registered
	Path       string                   `json:"path"`
	Already    bool                     `json:"already,omitempty"` // the same model was registered before
	Candidates []model.CandidateFigures `json:"candidates"`
	Limits     []string                 `json:"limits"`
	Seconds    float64                  `json:"seconds"`
}

func (a *app) predictTrainCommand() *cobra.Command {
	o, fields, actions := train.Options{}, []string(nil), false
	cmd := &cobra.Command{
		Use: "train --target T --name N", Short: "Learn from the ledger what becomes of journeys, and register the model in it", Args: cobra.NoArgs,
		Long: "Learns what becomes of journeys after a handoff was offered or accepted, or after their close. Labels count only when they were known; the last part of the\n" +
			"examples by time is held out, and the model's figures are of it. The same ledger and the same seed give the same model.",
		Example: "  baton predict train --target handover-within:24h --name again\n  baton predict train --target churn --name churn --at accepted",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if actions {
				return a.trainActions(cmd.Context(), policy.Options{Name: o.Name, Seed: o.Seed, Holdout: o.Holdout}, o.Target)
			}
			if o.Fields = fields; len(fields) == 1 && fields[0] == "none" {
				o.Fields = []string{}
			}
			return a.predictTrain(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Target, "target", "", "handover-within:24h, outcome:X, churn or next-activity")
	f.StringVar(&o.Name, "name", "", "name of the model, a-z, 0-9, - and _")
	f.Uint64Var(&o.Seed, "seed", 1, "of learners and folds")
	f.StringSliceVar(&o.Moments, "at", []string{"offered", "accepted"}, "events that examples are taken at: offered and accepted of a handoff, closed of a journey")
	f.StringSliceVar(&fields, "fields", nil, "fields of the context that are features, or none (default those that 5 % of the journeys have and that are numbers or have few values)")
	f.BoolVar(&o.WithFollowed, "with-followed", false, "learn also from moments whose suggestion was followed before the label was known")
	f.Float64Var(&o.Holdout, "holdout", 0.25, "part of the examples, the last by time, that the figures are of")
	f.BoolVar(&actions, "actions", false, "learn which action goes with a good outcome, as predict actions does; the target is outcome:X or outcome:X|Y")
	for _, other := range []string{"at", "fields", "with-followed"} {
		cmd.MarkFlagsMutuallyExclusive("actions", other)
	}
	_ = cmd.MarkFlagRequired("target")
	_ = cmd.MarkFlagRequired("name")
	return cmd
}

func (a *app) predictTrain(ctx context.Context, o train.Options) error {
	if err := registry.CheckName(o.Name); err != nil {
		return err
	}
	if _, err := train.ParseTarget(o.Target); err != nil {
		return err
	}
	for _, m := range o.Moments {
		if !slices.Contains(features.Moments, m) {
			return badFlag("at", "say "+strings.Join(features.Moments, ", ")+", or several with commas", "there is no moment %q", m)
		}
	}
	if len(o.Moments) == 0 || !(o.Holdout > 0 && o.Holdout < 0.9) {
		return badFlag("holdout", "give a part such as 0.25", "%g is no part of the examples above 0 and below 0.9", o.Holdout)
	}
	if err := ledgerThere(a); err != nil {
		return err
	}
	return a.with(ctx, "predict train", writing, func(s *session) error {
		bar := a.progress("Training", "events")
		step := ""
		o.Progress = func(what string, done, total uint64) {
			if what != step {
				step = what
				bar.clear()
				fmt.Fprintf(a.err, "%s …\n", what)
			}
			bar.show(int64(done), int64(total), int64(done))
		}
		r, err := train.Run(ctx, s.source, o)
		bar.clear()
		if err != nil {
			return err
		}
		out := trainedAnswer{Registered: registry.Describe(o.Name, r), Candidates: r.Model.Card.Candidates, Limits: r.Model.Card.Limits, Seconds: r.TotalSeconds}
		if out.Path, err = registry.Save(modelsDir(a.cfg.Data), out.Registered, r.File); err != nil {
			return err
		}
		if out.Registered, out.Already, err = registry.Register(ctx, s.source, s.append, out.Registered); err != nil {
			return err
		}
		return a.show(out, func(w io.Writer) error { return trainedText(w, out) })
	})
}

// ledgerThere refuses to make a ledger by training on it.
func ledgerThere(a *app) error {
	if a.clustered() {
		return nil
	}
	return ledgerExists(a.cfg.Data)
}

func trainedText(w io.Writer, t trainedAnswer) error {
	f := t.Figures
	note := ""
	if t.Already {
		note = " (it was there already)"
	}
	quality := []string{"AUC", fmt.Sprintf("%.4f ± %.4f", f.AUC, f.AUCSE)}
	if t.Target == train.NextActivity {
		quality = []string{"accuracy", fmt.Sprintf("%.4f (%.4f where the journey goes on)", f.Accuracy, f.AccuracyWithoutEnd)}
	}
	rows := [][]string{
		{"target", t.Target + ": " + t.Says},
		{"learner", t.Learner + ", " + t.Setting},
		{"why", t.Why},
		{"trained on", fmt.Sprintf("%s examples of %s journeys, %s to %s", count(t.Data.TrainRows), count(t.Data.Journeys), moment(t.Data.From), moment(t.Data.Cut))},
		{"not known yet", fmt.Sprintf("%s of %s moments", count(t.Data.Unknown), count(t.Data.Unknown+t.Data.Examples))},
		{"left out", fmt.Sprintf("%s moments whose suggestion was followed before that", count(t.Data.SelfCaused))},
		{"held out", fmt.Sprintf("%s later examples, of which %.1f %% came true", count(f.Rows), 100*f.BaseRate)},
		quality,
		{"log loss", fmt.Sprintf("%.4f ± %.4f (%.4f by the rate alone)", f.LogLoss, f.LogLossSE, f.BaseLoss)},
		{"calibration", fmt.Sprintf("%s; expected error %.4f, Brier %.4f", t.Calibrate, f.ECE, f.Brier)},
		{"hash", t.Hash},
		{"file", fmt.Sprintf("%s, %s bytes", t.Path, count(t.Bytes))},
		{"registered", fmt.Sprintf("%s%s, version %d, position %s%s", registry.Prefix, t.Name, t.Version, count(t.Position), note)},
		{"time", fmt.Sprintf("%.1f s", t.Seconds)},
	}
	for _, limit := range t.Limits {
		rows = append(rows, []string{"limit", limit})
	}
	if err := table(w, []string{"MODEL", t.Name}, rows); err != nil {
		return err
	}
	fmt.Fprintln(w)
	rows = nil
	for _, c := range t.Candidates {
		rows = append(rows, []string{c.Learner, count(c.Rows), figure(c.LogLoss), fmt.Sprintf("%.5f ± %.5f", c.Behind, c.BehindSE), figure(c.AUC)})
	}
	return table(w, []string{"LEARNER", ">ROWS HELD BACK", ">LOG LOSS", ">BEHIND", ">AUC"}, rows)
}

func (a *app) predictModelsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "models", Short: "The models that are registered in the ledger", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return a.with(ctx, "predict models", reading, func(s *session) error {
				out := struct {
					Models []modelAnswer `json:"models"`
				}{[]modelAnswer{}}
				for m, err := range registry.All(ctx, s.source) {
					if err != nil {
						return err
					}
					l, err := trust.Read(ctx, s.source, m.Name)
					if err != nil {
						return err
					}
					one := modelAnswer{Registered: m, Level: levelsText(l, m.Hash)}
					if err := a.usable(m); err != nil {
						one.Problem = err.Error()
					}
					out.Models = append(out.Models, one)
				}
				return a.show(out, func(w io.Writer) error { return modelsText(w, out.Models) })
			})
		},
	}
}

// modelAnswer is a registered model, and why it cannot be asked here.
type modelAnswer struct {
	registry.Registered
	Level   string `json:"level"` // levels, of all points and of single ones
	Problem string `json:"problem,omitempty"`
}

func modelsText(w io.Writer, list []modelAnswer) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "No models are registered. Train one with `baton predict train --target handover-within:24h --name NAME`.")
		return err
	}
	var rows [][]string
	for _, m := range list {
		rows = append(rows, []string{m.Name, count(m.Version), m.Level, m.Target, m.Learner, figure(m.Figures.AUC), figure(m.Figures.LogLoss), figure(m.Figures.ECE),
			count(m.Figures.Rows), m.Hash[:min(12, len(m.Hash))], count(m.Position), cmp.Or(m.Problem, place(m.Registered))})
	}
	return table(w, []string{"NAME", ">VERSION", "LEVEL", "TARGET", "LEARNER", ">AUC", ">LOG LOSS", ">ECE", ">HELD OUT", "HASH", ">POSITION", "FILE"}, rows)
}

// place is where a model that can be asked is.
func place(m registry.Registered) string {
	if m.Kind == registry.KindExternal {
		return "asked at " + m.External.Subject
	}
	return "ready"
}

func (a *app) predictScoreCommand() *cobra.Command {
	var name, hash string
	var position uint64
	cmd := &cobra.Command{
		Use: "score JOURNEY --model N", Short: "What a model says of a journey, at its last handoff or as of a position, and why", Args: cobra.ExactArgs(1),
		Example: "  baton predict score order-1007 --model again\n  baton predict score order-1007 --model again --position 120",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.with(ctx, "predict score", reading, func(s *session) error {
				m, err := a.loadModel(ctx, s, name, hash)
				if err != nil {
					return err
				}
				if position == 0 {
					if position, err = overlay.LastMoment(ctx, s.source, m, args[0]); err != nil {
						return err
					}
				}
				out, err := overlay.Of(ctx, s.source, m, args[0], position)
				if err != nil {
					return err
				}
				return a.show(out, func(w io.Writer) error { return scoreText(w, out) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "model", "", "name of the model")
	f.StringVar(&hash, "hash", "", "beginning of its hash (default the newest)")
	f.Uint64Var(&position, "position", 0, "as the journey stood at this position of the ledger (default its last handoff moment)")
	_ = cmd.MarkFlagRequired("model")
	return cmd
}

func (a *app) loadModel(ctx context.Context, s *session, name, hash string) (*registry.Loaded, error) {
	reg, err := registry.Find(ctx, s.source, name, hash)
	if err != nil {
		return nil, err
	}
	return registry.Load(modelsDir(a.cfg.Data), reg)
}

func scoreText(w io.Writer, s *overlay.Score) error {
	fmt.Fprintf(w, "%.1f %%  %s\n", 100*s.Probability, s.Says)
	for _, next := range s.Next[min(1, len(s.Next)):] {
		fmt.Fprintf(w, "%.1f %%  %s\n", 100*next.Probability, printable(next.Activity))
	}
	if s.Choice != nil {
		if err := choiceText(w, s.Choice); err != nil {
			return err
		}
	}
	if err := reasonsText(w, s.Reasons, s.Scale); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nModel %s, version %d, %s\nFeatures of position %s (revision %d), digest %s\n", printable(s.Model.Name), s.Model.Version, s.Model.Hash,
		count(s.Features.Position), s.Features.Revision, s.Features.Digest)
	if s.Outside {
		fmt.Fprintln(w, "The last event is no handoff moment that the model was trained at: take the figure with care.")
	}
	return nil
}

func reasonsText(w io.Writer, reasons []overlay.Reason, scale string) error {
	var rows [][]string
	for _, r := range reasons {
		var at []string
		for _, e := range r.Evidence {
			family, verb := ledger.SplitType(e.Type)
			at = append(at, fmt.Sprintf("%s.%s at %s", family, verb, count(e.Position)))
		}
		rows = append(rows, []string{"  " + r.Text, r.Effect + " it", fmt.Sprintf("%+.3f", r.Weight), cmp.Or(strings.Join(at, ", "), "no such event")})
	}
	return table(w, []string{"  BECAUSE", "", ">" + strings.ToUpper(scale), "EVIDENCE"}, rows)
}

func (a *app) predictReproduceCommand() *cobra.Command {
	var ask bool
	cmd := &cobra.Command{
		Use: "reproduce [JOURNEY] ID", Short: "Make a suggestion again from the ledger and the model's file, bit for bit", Args: cobra.RangeArgs(1, 2),
		Example: "  baton predict reproduce suggestion/4f1a22b09c8d7e65/4711\n  baton predict reproduce order-1007 suggestion/4f1a22b09c8d7e65/4711",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.with(ctx, "predict reproduce", reading, func(s *session) error {
				journey, id := "", args[len(args)-1]
				if len(args) == 2 {
					journey = args[0]
				} else {
					var err error
					if journey, err = journeyOfSuggestion(ctx, s.source, id); err != nil {
						return err
					}
				}
				e, err := overlay.Find(ctx, s.source, journey, id)
				if err != nil {
					return err
				}
				r, err := overlay.Reproduce(ctx, s.source, modelsDir(a.cfg.Data), e)
				if err != nil {
					return err
				}
				if ask {
					conn, err := a.dialNATS("predict reproduce")
					if err != nil {
						return err
					}
					defer conn.Close()
					again, err := overlay.AskAgain(ctx, s.source, e, func(ctx context.Context, subject string, request []byte) ([]byte, error) {
						ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
						defer cancel()
						return external.Ask(ctx, conn, subject, request)
					})
					if err != nil {
						return err
					}
					r.Asked = &again
				}
				if err := a.show(r, func(w io.Writer) error { return reproductionText(w, r) }); err != nil || r.Same {
					return err
				}
				return errNo
			})
		},
	}
	cmd.Flags().BoolVar(&ask, "ask", false, "ask a scorer of another program again besides, and show what it says otherwise today")
	return cmd
}

// journeyOfSuggestion finds the journey by the position in the id: it is that of the handoff event.
func journeyOfSuggestion(ctx context.Context, r ledger.Reader, id string) (string, error) {
	var position uint64
	parts := strings.Split(id, "/")
	if _, err := fmt.Sscanf(parts[len(parts)-1], "%d", &position); err != nil || len(parts) != 3 || position == 0 {
		return "", ledger.Errorf(ledger.CodeInvalid, "predict reproduce", "give suggestion/<hash>/<position>, or the journey and the id", "%.100q is not the id of a suggestion", id)
	}
	for e, err := range r.Read(ctx, ledger.ReadOptions{From: position, To: position, HeaderOnly: true}) {
		if err != nil {
			return "", err
		}
		if journey := ledger.JourneyOf(e.Stream); journey != "" {
			return journey, nil
		}
	}
	return "", ledger.Errorf(ledger.CodeNotFound, "predict reproduce", "give the journey and the id", "there is no journey's event at position %d", position)
}

func reproductionText(w io.Writer, r *overlay.Reproduction) error {
	if r.Same {
		fmt.Fprintf(w, "SAME  %s\n", printable(r.ID))
		if r.Recorded {
			fmt.Fprintln(w, "  The features were made again from the ledger, and the answer that is recorded was read again. The scorer is another program and was not run again.")
		}
	} else {
		fmt.Fprintf(w, "DIFFERENT  %s\n", printable(r.ID))
	}
	fmt.Fprintf(w, "  journey %s, position %s; model %s, version %d, %s\n  probability %v, features %s\n", printable(r.Journey), count(r.Position), printable(r.Model.Name),
		r.Model.Version, r.Model.Hash, r.Probability, r.Digest)
	for _, reason := range r.Reasons {
		fmt.Fprintf(w, "  %s\n", printable(reason.Sentence()))
	}
	if r.Asked != nil {
		fmt.Fprintf(w, "  Asked again, the scorer differs in %d members.\n", len(*r.Asked))
		for _, d := range *r.Asked {
			fmt.Fprintf(w, "    %s: %s then, %s today\n", printable(d.Member), printable(d.Stored), printable(d.Again))
		}
	}
	if r.Same {
		return nil
	}
	var rows [][]string
	for _, d := range r.Differences {
		rows = append(rows, []string{d.Member, d.Stored, d.Again})
	}
	fmt.Fprintln(w)
	return table(w, []string{"MEMBER", "STORED", "MADE AGAIN"}, rows)
}
