package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/predict/evaluate"
	"github.com/baton-ledger/baton/predict/learn"
	tabular "github.com/baton-ledger/baton/predict/table"
)

func (a *app) predictCommand() *cobra.Command {
	cmd := group("predict", "Learn from what happened, and measure what it is worth")
	cmd.AddCommand(a.predictEvaluateCommand(), a.predictTrainCommand(), a.predictRegisterCommand(), a.predictModelsCommand(), a.predictScoreCommand(), a.predictReproduceCommand(),
		a.predictActionsCommand(), a.predictPolicyCommand(),
		a.predictPromoteCommand(), a.predictDemoteCommand(), a.predictRetireCommand(), a.predictBoardCommand(), a.predictDriftCommand(), a.predictWhatIfCommand())
	return cmd
}

// evaluateFlags are the flags of predict evaluate.
type evaluateFlags struct {
	suite, dataDir string
	only           []string
	table          evaluate.TableOptions
	tableFile, log string
	read           evaluate.LogOptions
	target, split  string
	attributes     []string
}

func (a *app) predictEvaluateCommand() *cobra.Command {
	var o evaluateFlags
	cmd := &cobra.Command{
		Use: "evaluate", Short: "Measure learners on a table, a log or the public suite", Args: cobra.NoArgs,
		Long: "Races the learners inside each training part, scores the test part once, and prints the figures of all beside\n" +
			"those of the one that the training part chose. Conventions: docs/predict.md.",
		Example: "  baton predict evaluate --suite public\n" +
			"  baton predict evaluate --table F.csv --label Churn --positive Yes --drop customerID --folds 5 --seed 42\n" +
			"  baton predict evaluate --log F.xes.gz --case concept:name --activity concept:name --time time:timestamp --target next-activity --split tax\n" +
			"  baton predict evaluate --log F.csv --case C --activity A --time T --target handover-within:24h --party org:group --split time:0.667",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.predictEvaluate(cmd, &o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.suite, "suite", "", "a suite of public data sets: public")
	f.StringVar(&o.dataDir, "data-dir", "../shared/data", "folder of the suite's files")
	f.StringSliceVar(&o.only, "only", nil, "only the suite's tasks whose names hold one of these")
	f.StringVar(&o.tableFile, "table", "", "a CSV file with a header line, plain or gzipped")
	f.StringVar(&o.table.Label, "label", "", "column of the table that is to be told")
	f.StringVar(&o.table.Positive, "positive", "", "value of the label that counts as yes (default the second of two)")
	f.StringSliceVar(&o.table.Drop, "drop", nil, "columns of the table that are no features")
	f.IntVar(&o.table.Folds, "folds", 5, "folds of a table")
	f.Uint64Var(&o.table.Seed, "seed", 42, "seed of folds and learners")
	f.StringVar(&o.log, "log", "", "a XES or CSV log, plain or gzipped")
	f.StringVar(&o.read.Case, "case", "concept:name", "column of the case")
	f.StringVar(&o.read.Activity, "activity", "concept:name", "column of the activity; columns joined by + where none has that name")
	f.StringVar(&o.read.Time, "time", "time:timestamp", "column of the time")
	f.StringVar(&o.read.Party, "party", "", "column of the group or person that has the work")
	f.StringSliceVar(&o.attributes, "attributes", nil, "columns that are features of the last event (default all with few values enough)")
	f.StringVar(&o.target, "target", "", "next-activity, or handover-within:24h")
	f.StringVar(&o.split, "split", "", "tax (cases in file order, two thirds train), or time:0.667 (default by the target)")
	cmd.MarkFlagsMutuallyExclusive("suite", "table", "log")
	cmd.MarkFlagsOneRequired("suite", "table", "log")
	return cmd
}

func (a *app) predictEvaluate(cmd *cobra.Command, o *evaluateFlags) error {
	say := func(format string, args ...any) { fmt.Fprintf(a.err, format+"\n", args...) }
	if o.suite != "" {
		if o.suite != "public" {
			return badFlag("suite", "say --suite public", "there is no suite %q", o.suite)
		}
		r, err := evaluate.Suite(cmd.Context(), o.dataDir, o.only, say)
		if err != nil {
			return err
		}
		return a.show(r, func(w io.Writer) error { return suiteText(w, r) })
	}
	task, learners, err := o.task(cmd)
	if err != nil {
		return err
	}
	r, err := evaluate.Run(cmd.Context(), task, learners, say)
	if err != nil {
		return err
	}
	return a.show(r, func(w io.Writer) error { return reportText(w, r) })
}

// task makes the task of a table or a log.
func (o *evaluateFlags) task(cmd *cobra.Command) (*evaluate.Task, []learn.Learner, error) {
	if o.tableFile != "" {
		if o.table.Label == "" {
			return nil, nil, badFlag("label", "name the column that is to be told", "--table needs --label")
		}
		o.table.Name = "table " + o.table.Label
		text, err := tabular.OpenCSV(o.tableFile)
		if err != nil {
			return nil, nil, err
		}
		t, err := evaluate.Table(text, o.table)
		return t, evaluate.TableLearners(), err
	}
	target, horizon, cut, err := o.logTarget()
	if err != nil {
		return nil, nil, err
	}
	if cmd.Flags().Changed("attributes") {
		o.read.Attributes = o.attributes
	}
	l, err := evaluate.ReadLog(o.log, o.read)
	if err != nil {
		return nil, nil, err
	}
	if target == "next-activity" {
		t, err := evaluate.NextActivity(l, o.target, o.table.Seed)
		return t, evaluate.SequenceLearners(), err
	}
	t, err := evaluate.Handover(l, o.target, horizon, cut, o.table.Seed)
	return t, evaluate.HandoverLearners(), err
}

// logTarget reads --target and --split.
func (o *evaluateFlags) logTarget() (target string, horizon time.Duration, cut float64, err error) {
	target, text, _ := strings.Cut(o.target, ":")
	split, at, _ := strings.Cut(o.split, ":")
	switch target {
	case "next-activity":
		if o.split != "" && o.split != "tax" {
			err = badFlag("split", "say --split tax", "next-activity has no split %q", o.split)
		}
		return target, 0, 0, err
	case "handover-within":
		if horizon, err = time.ParseDuration(text); err != nil || horizon <= 0 {
			return "", 0, 0, badFlag("target", "say --target handover-within:24h", "%q is no length of time", text)
		}
		if o.split == "" {
			return target, horizon, 2.0 / 3, nil
		}
		if cut, err = fraction(at); split != "time" || err != nil {
			return "", 0, 0, badFlag("split", "say --split time:0.667, or time:2/3", "%q is no split of %s", o.split, target)
		}
		return target, horizon, cut, nil
	}
	return "", 0, 0, badFlag("target", "say --target next-activity or --target handover-within:24h", "there is no target %q", o.target)
}

// fraction reads a part between 0 and 1. Three digits of two thirds (or one) stand for it exactly.
func fraction(text string) (float64, error) {
	if over, under, ok := strings.Cut(text, "/"); ok {
		a, err1 := strconv.ParseFloat(over, 64)
		b, err2 := strconv.ParseFloat(under, 64)
		if err1 != nil || err2 != nil || !(a > 0 && a < b) {
			return 0, strconv.ErrSyntax
		}
		return a / b, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v > 0 && v < 1) {
		return 0, strconv.ErrSyntax
	}
	for _, third := range []float64{1.0 / 3, 2.0 / 3} {
		if math.Abs(v-third) < 0.0005 {
			return third, nil
		}
	}
	return v, nil
}
