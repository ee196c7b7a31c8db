package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/baton-ledger/baton/predict/evaluate"
)

// suiteText prints the tasks one after the other, then all goals.
func suiteText(w io.Writer, s *evaluate.SuiteReport) error {
	var rows [][]string
	for _, r := range s.Tasks {
		if err := reportText(w, r); err != nil {
			return err
		}
		fmt.Fprintln(w)
		for _, g := range r.Goals {
			rows = append(rows, []string{r.Task, g.Figure, figure(g.Value), figure(g.SE), figure(g.Reference), yes(g.Holds), figure(g.Stretch), yes(g.Met)})
		}
	}
	fmt.Fprintf(w, "Chosen models beside the references (%.0f s)\n", s.Seconds)
	return table(w, []string{"TASK", "FIGURE", ">CHOSEN", ">SE", ">REFERENCE", "HOLDS", ">STRETCH", "MET"}, rows)
}

// reportText prints one task: what was measured, all learners, the chosen one and its calibration.
func reportText(w io.Writer, r *evaluate.Report) error {
	fmt.Fprintf(w, "%s\n  %s\n  %s rows; over %d split(s) %s train and %s test; seed %d\n\n", strings.ToUpper(r.Task), r.Convention,
		count(r.Rows), r.Splits, count(r.TrainRows), count(r.TestRows), r.Seed)
	if r.NextAction != nil {
		return nextActionText(w, r.NextAction)
	}
	binary := r.Classes == 2
	header := []string{"LEARNER", ">ACCURACY", ">±SE", ">W/O END", ">LOG LOSS", ">±SE", ">BRIER", ">ECE", ">TRAIN S", ">SCORE µS"}
	if binary {
		header = []string{"LEARNER", ">AUC", ">±SE", ">AVG PREC", ">LOG LOSS", ">±SE", ">BRIER", ">ECE", ">TRAIN S", ">SCORE µS"}
	}
	var rows [][]string
	line := func(name string, o evaluate.Outcome) {
		first, third := o.Figure("accuracy"), o.Figure("accuracy_without_end")
		if binary {
			first, third = o.Figure("auc"), o.Figure("average_precision")
		}
		rows = append(rows, []string{name, figure(first), figure(o.SE), figure(third), figure(o.Figure("log_loss")), figure(o.SEs["log_loss"]),
			figure(o.Figure("brier")), figure(o.Figure("ece")), took(o.TrainSeconds, 1), took(o.ScoreNanoseconds/1000, 2)})
	}
	for _, c := range r.Candidates {
		line(c.Learner, c)
	}
	line("→ chosen: "+r.Chosen.Learner, r.Chosen)
	if err := table(w, header, rows); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nThe chosen row's training is the whole race. Chosen inside the training part:\n")
	for i, m := range r.Models {
		fmt.Fprintf(w, "  split %d: %s (%s); %s; calibration %s\n", i+1, m.Learner, m.Setting, m.Why, m.Calibration.Method)
	}
	return reliabilityText(w, r)
}

// reliabilityText prints how often came true what the chosen model said.
func reliabilityText(w io.Writer, r *evaluate.Report) error {
	var rows [][]string
	for _, b := range r.Reliability {
		rows = append(rows, []string{count(b.Rows), figure(b.Low) + " – " + figure(b.High), figure(b.Said), figure(b.CameTrue)})
	}
	fmt.Fprintf(w, "\nReliability of the chosen, all test rows, bins of equally many\n")
	return table(w, []string{">ROWS", "BETWEEN", ">SAID", ">CAME TRUE"}, rows)
}

func figure(v float64) string {
	if math.IsNaN(v) || v == 0 {
		return "-"
	}
	return fmt.Sprintf("%.4f", v)
}

// took writes a length of time, "-" for what took none, as a baseline does.
func took(v float64, digits int) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf("%.*f", digits, v)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
