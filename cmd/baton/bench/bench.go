// Package bench measures Baton beside what bounds it.
//
// Every figure is a ratio: ours and its peers take turns within one run, in another order each round, and a round's ratio is of that
// round's two figures, so that a machine that is busy or slow for a while slows both. A peer is either a limit (the disk, bare
// Pebble, a parser that does nothing with what it reads) or another system that does the same work (JetStream). Reported are median, least and
// greatest of all rounds.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// Side is one of those measured: ours, or a peer.
type Side struct {
	Name string
	// Run does the work once and gives the figure, in the case's unit.
	Run func(ctx context.Context) (float64, error)
	// Target bounds the median ratio ours/peer: from below, or from above where less is better. 0 is no target.
	Target float64
}

// Case is one figure of ours and its peers.
type Case struct {
	Name string
	What string // what is done, in one line
	Unit string
	Less bool    // less is better: a time
	Goal float64 // bounds the median of ours itself, in the unit; 0 is none
	// Sides prepares the sides, ours first; end takes away what they used.
	Sides func(ctx context.Context, e *Env) (sides []Side, end func() error, err error)
}

// Options of a run.
type Options struct {
	Dir    string // where the ledgers are made; it must be on the disk that is to be measured
	Events int    // size of the large ledger
	Rounds int
	Only   []string // cases, by name; all where empty
	Log    string   // an XES file for the import case; it is left out where empty
	Say    io.Writer
	Binary string // this program, for what is measured as a process of its own

	Cluster bool // the cases of clusters, instead of those of one machine

	Version    string // of this program, and
	FileSystem string // the type of the one that Dir is on, for the report
}

// Spread is the middle and the ends of some figures.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// Beside is a peer's figures and ours over them, round by round.
type Beside struct {
	Name   string  `json:"name"`
	Value  Spread  `json:"value"`
	Ratio  Spread  `json:"ratio"`
	Target float64 `json:"target,omitempty"`
	Met    *bool   `json:"met,omitempty"`
}

// Result is what a case gave.
type Result struct {
	Name   string   `json:"name"`
	What   string   `json:"what"`
	Unit   string   `json:"unit"`
	Less   bool     `json:"less_is_better"`
	Ours   Spread   `json:"ours"`
	Goal   float64  `json:"goal,omitempty"`
	Met    *bool    `json:"met,omitempty"`
	Beside []Beside `json:"beside"`
}

// Report is a whole run.
type Report struct {
	Machine Machine   `json:"machine"`
	Version string    `json:"version,omitempty"`
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"`
	Events  int       `json:"events"`
	Rounds  int       `json:"rounds"`
	Results []Result  `json:"results"`
}

// Cases lists every case of one machine.
func Cases() []Case {
	return slices.Concat(appendCases(), followCases(), readCases(), contextCases(), outCases(), contractCases())
}

// ClusterCases lists every case of `baton bench cluster`: several servers, all in this process.
func ClusterCases() []Case {
	return slices.Concat(wireCases(), natsClusterCases())
}

func (o *Options) cases() []Case {
	if o.Cluster {
		return ClusterCases()
	}
	return Cases()
}

// Run measures the cases asked for, one after the other. Names that Options.CheckNames refuses are passed over.
func Run(ctx context.Context, o Options) (Report, error) {
	cases, e := o.chosen(), &Env{Options: o}
	defer e.close()
	r := Report{Machine: thisMachine(o.FileSystem), Version: o.Version, Began: time.Now().UTC().Truncate(time.Second), Events: o.Events, Rounds: o.Rounds}
	for i, c := range cases {
		fmt.Fprintf(o.Say, "[%d/%d] %s: %s\n", i+1, len(cases), c.Name, c.What)
		result, err := c.run(ctx, e)
		if err != nil {
			return r, fmt.Errorf("%s: %w", c.Name, err)
		}
		r.Results = append(r.Results, result)
	}
	r.Seconds = time.Since(r.Began).Seconds()
	return r, nil
}

// CheckNames refuses names in Only that no case has.
func (o *Options) CheckNames() error {
	var all []string
	for _, c := range o.cases() {
		all = append(all, c.Name)
	}
	for _, name := range o.Only {
		if !slices.Contains(all, name) {
			return fmt.Errorf("there is no case %q, but %s", name, strings.Join(all, ", "))
		}
	}
	return nil
}

// chosen are the cases asked for; the import needs a file.
func (o *Options) chosen() (out []Case) {
	for _, c := range o.cases() {
		if (len(o.Only) == 0 || slices.Contains(o.Only, c.Name)) && (c.Name != importCase || o.Log != "") {
			out = append(out, c)
		}
	}
	return out
}

func (c *Case) run(ctx context.Context, e *Env) (r Result, err error) {
	sides, end, err := c.Sides(ctx, e)
	if err != nil {
		return r, err
	}
	if end != nil {
		defer func() { err = errors.Join(err, end()) }()
	}
	values := make([][]float64, len(sides))
	for round := range e.Rounds {
		for k := range sides {
			at := (k + round) % len(sides)
			v, err := sides[at].Run(ctx)
			if err != nil {
				return r, fmt.Errorf("%s: %w", sides[at].Name, err)
			}
			values[at] = append(values[at], v)
		}
		fmt.Fprintf(e.Say, "      round %d: %s\n", round+1, c.round(sides, values, round))
	}
	return c.result(sides, values), nil
}

func (c *Case) round(sides []Side, values [][]float64, round int) string {
	var parts []string
	for i, s := range sides {
		parts = append(parts, s.Name+" "+number(values[i][round]))
	}
	return strings.Join(parts, ", ") + " " + c.Unit
}

func (c *Case) result(sides []Side, values [][]float64) Result {
	r := Result{Name: c.Name, What: c.What, Unit: c.Unit, Less: c.Less, Ours: spread(values[0]), Goal: c.Goal, Beside: []Beside{}}
	r.Met = c.met(c.Goal, r.Ours.Median)
	for i, s := range sides[1:] {
		ratios := make([]float64, len(values[0]))
		for k := range ratios {
			ratios[k] = values[0][k] / values[i+1][k]
		}
		b := Beside{Name: s.Name, Value: spread(values[i+1]), Ratio: spread(ratios), Target: s.Target}
		b.Met = c.met(s.Target, b.Ratio.Median)
		r.Beside = append(r.Beside, b)
	}
	return r
}

// met reports whether a figure keeps its target; nil where there is none.
func (c *Case) met(target, v float64) *bool {
	if target == 0 {
		return nil
	}
	ok := v >= target
	if c.Less {
		ok = v <= target
	}
	return &ok
}

func spread(values []float64) Spread {
	s := slices.Sorted(slices.Values(values))
	return Spread{Median: (s[(len(s)-1)/2] + s[len(s)/2]) / 2, Min: s[0], Max: s[len(s)-1]}
}

// rate gives work a second.
func rate(n int, since time.Time) float64 { return float64(n) / time.Since(since).Seconds() }

// quantile of durations, in milliseconds; it sorts them.
func quantile(took []time.Duration, q float64) float64 {
	slices.Sort(took)
	return took[min(int(q*float64(len(took))), len(took)-1)].Seconds() * 1000
}

// scratch makes a new directory below the run's own.
func (e *Env) scratch() (string, error) { return os.MkdirTemp(e.Dir, "case-") }
