package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
)

// simulated is the answer of simulate. Journeys to handoffs are what was made; written and skipped what the ledger had of it.
type simulated struct {
	Seed     uint64  `json:"seed"`
	Journeys int64   `json:"journeys"`
	Events   int64   `json:"events"`
	Handoffs int64   `json:"handoffs"`
	Written  int64   `json:"written"`
	Skipped  int64   `json:"skipped"`
	Seconds  float64 `json:"seconds"`
	Out      string  `json:"out,omitempty"`
	Truth    string  `json:"truth,omitempty"`
}

// simulateFlags are the flags as they were given.
type simulateFlags struct {
	seed                     uint64
	journeys, days           int
	flows                    []string
	start, drift, out, truth string
}

func (a *app) simulateCommand() *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use: "simulate", Short: "Make realistic journeys with a known truth, into the ledger or a file; safe to run twice",
		Example: "  baton simulate --seed 7 --journeys 2000 --truth truth.ndjson\n" +
			"  baton simulate --journeys 100 --flows returns,password-reset --out - | head",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.simulate(cmd.Context(), &f) },
	}
	flags := cmd.Flags()
	flags.Uint64Var(&f.seed, "seed", 1, "same seed and options, same bytes")
	flags.IntVar(&f.journeys, "journeys", 1000, "how many; a longer run has the journeys of a shorter one")
	flags.StringSliceVar(&f.flows, "flows", nil, "some of "+strings.Join(simulate.FlowNames(), ", ")+" (default all)")
	flags.StringVar(&f.start, "start", "2026-01-05", "first day on which journeys begin")
	flags.IntVar(&f.days, "days", 90, "on which journeys begin")
	flags.StringVar(&f.drift, "drift", "", "day or moment when the world changes (default after two thirds of the days)")
	flags.StringVar(&f.out, "out", "", "write CloudEvents NDJSON to this file, - for standard output, instead of the ledger")
	flags.StringVar(&f.truth, "truth", "", "write the truth to this file, NDJSON: see docs/simulate.md")
	return cmd
}

func (a *app) simulate(ctx context.Context, f *simulateFlags) (err error) {
	o := simulate.Options{Seed: f.seed, Journeys: f.journeys, Flows: f.flows, Days: f.days}
	for _, day := range []struct {
		flag, text string
		at         *time.Time
	}{{"start", f.start, &o.Start}, {"drift", f.drift, &o.Drift}} {
		if *day.at, err = parseDay(day.flag, day.text); err != nil {
			return err
		}
	}
	if f.journeys == 0 || f.days == 0 { // the package takes 0 for its default
		return ledger.Errorf(ledger.CodeInvalid, "simulate", "ask for one at least", "--journeys and --days cannot be 0")
	}
	if _, err = simulate.New(o); err != nil { // before a file is made
		return err
	}
	if f.truth == "-" || f.truth != "" && f.truth == f.out {
		return badFlag("truth", "name a file of its own", "the truth cannot go to %q", f.truth)
	}
	answer := simulated{Seed: f.seed, Out: f.out, Truth: f.truth}
	if f.truth != "" {
		file, err := os.Create(f.truth)
		if err != nil {
			return badFlag("truth", "name a file that can be written", "%w", err)
		}
		defer func() { err = firstError(err, file.Close()) }()
		o.Truth = file
	}
	s, err := simulate.New(o)
	if err != nil {
		return err
	}
	begin := time.Now()
	if f.out != "" {
		err = a.simulateFile(ctx, s, f, &answer)
	} else {
		err = a.simulateLedger(ctx, s, f, &answer)
	}
	c := s.Counts()
	answer.Journeys, answer.Events, answer.Handoffs = c.Journeys, c.Events, c.Handoffs
	answer.Seconds = time.Since(begin).Seconds()
	if f.out == "-" { // standard output holds the events
		return err
	}
	if e := a.show(answer, func(w io.Writer) error { return simulatedText(w, answer, err != nil) }); err == nil {
		err = e
	}
	return err
}

// parseDay takes a day or a moment; "" is the zero time.
func parseDay(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, badFlag(flag, "write it as 2026-01-05 or 2026-01-05T12:00:00Z", "%.60q is no day", text)
}

// simulateLedger appends through the one intake, here or through the process that holds the ledger.
func (a *app) simulateLedger(ctx context.Context, s *simulate.Simulation, f *simulateFlags, answer *simulated) error {
	to := &lazy{open: func() (*session, error) { return a.open(ctx, "simulate", writing) }}
	bar := a.progress("Simulating", "events")
	o := interop.Options{Source: fmt.Sprintf("simulate --seed %d", f.seed), Append: to.append, Ledger: to, Progress: func(p interop.Progress) {
		bar.show(p.Journeys, int64(f.journeys), p.Rows)
	}}
	sum, err := interop.Append(ctx, o, s.Events())
	bar.clear()
	answer.Written, answer.Skipped = sum.Written, sum.Skipped
	return to.end(ctx, err)
}

// simulateFile writes CloudEvents, one a line, as `baton import` takes them.
func (a *app) simulateFile(ctx context.Context, s *simulate.Simulation, f *simulateFlags, answer *simulated) (err error) {
	out := a.out
	if f.out != "-" {
		file, err := os.Create(f.out)
		if err != nil {
			return badFlag("out", "name a file that can be written, or - for standard output", "%w", err)
		}
		defer func() { err = firstError(err, file.Close()) }()
		out = file
	}
	w, bar := bufio.NewWriterSize(out, 256<<10), a.progress("Simulating", "events")
	defer bar.clear()
	var line []byte
	for e, err := range s.Events() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		line = append(ledger.AppendCloudEventLine(line[:0], &ledger.Recorded{Event: e}), '\n')
		if _, err := w.Write(line); err != nil {
			return environment("simulate", "see that the output can be written", err)
		}
		if answer.Written++; answer.Written%4096 == 0 {
			bar.show(s.Counts().Journeys, int64(f.journeys), answer.Written)
		}
	}
	if err := w.Flush(); err != nil {
		return environment("simulate", "see that the output can be written", err)
	}
	return nil
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func simulatedText(w io.Writer, s simulated, stopped bool) error {
	rows := [][]string{
		{"journeys", count(s.Journeys)},
		{"events", count(s.Events)},
		{"handoffs", count(s.Handoffs)},
		{"events written", count(s.Written)},
		{"already there", count(s.Skipped)},
		{"time", fmt.Sprintf("%.1f s, %s events/s", s.Seconds, count(int64(float64(s.Events)/max(s.Seconds, 1e-3))))},
	}
	for _, f := range []struct{ name, file string }{{"events in", s.Out}, {"truth in", s.Truth}} {
		if f.file != "" {
			rows = append(rows, []string{f.name, f.file})
		}
	}
	title := "SIMULATED"
	if stopped {
		title = "STOPPED"
	}
	return table(w, []string{title, fmt.Sprintf("seed %d", s.Seed)}, rows)
}
