package policy

import (
	"bytes"
	"context"
	"iter"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/table"
)

var options = Options{Name: "next", Target: Target{"converted", "resolved"}, Seed: 1, Holdout: 0.25, Refits: 4}

// simulated is one log for the tests that need decisions with outcomes.
var simulated = sync.OnceValues(func() (*Log, error) {
	s, err := simulate.New(simulate.Options{Seed: 7, Journeys: 900, Flows: []string{"sales-to-support", "ai-agent-to-human"}})
	if err != nil {
		return nil, err
	}
	return Survey(context.Background(), func() iter.Seq2[ledger.Recorded, error] { return Place(s.Events()) }, options.Holdout, nil)
})

var trained = sync.OnceValues(func() (*Result, error) {
	log, err := simulated()
	if err != nil {
		return nil, err
	}
	return Train(context.Background(), log, options)
})

func model1(t testing.TB) (*Log, *Result) {
	log, err := simulated()
	if err != nil {
		t.Fatal(err)
	}
	r, err := trained()
	if err != nil {
		t.Fatal(err)
	}
	return log, r
}

// TestTrain: what the card says, that the later decisions are not learned from, and that the same log gives the same file.
func TestTrain(t *testing.T) {
	log, r := model1(t)
	c := r.Model.Card.Choice
	if len(c.Actions) != 5 || c.Actions[0].Action != None || len(c.Candidates) != len(forms()) || c.BestSingle == "" {
		t.Errorf("%+v", c)
	}
	taken := 0
	for _, a := range c.Actions {
		if taken += a.Taken; !a.Supported || a.Shown > a.Suggested || a.Followed > a.Shown {
			t.Errorf("%+v", a)
		}
	}
	if taken != r.TrainRows || r.Comparison.Decisions+r.TrainRows > r.Decisions || r.Comparison.From.Before(r.Cut) {
		t.Errorf("%d of %d taken, cut %s", taken, r.TrainRows, r.Cut)
	}
	if len(r.Comparison.Tables) != 2 || len(r.Comparison.Tables[0].Policies) != 4 || r.Comparison.Tables[0].Verdict == "" {
		t.Errorf("%+v", r.Comparison)
	}
	other := &Log{Spec: log.Spec, Decisions: slices.Clone(log.Decisions), Last: log.Last}
	for i := range other.Decisions { // what comes later ends otherwise
		if d := &other.Decisions[i]; !d.At.Before(r.Cut) && d.Outcome != "" {
			d.Outcome = "resolved"
		}
	}
	again, err := Train(t.Context(), other, options)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.File, r.File) {
		t.Error("the same earlier decisions give another file")
	}
	if v := again.Comparison.Tables[0].Policies[3].DR.Value; math.Abs(v-1) > 1e-9 {
		t.Errorf("all later decisions ended well, and the logged policy is worth %g", v)
	}
}

// TestTheFileChoosesTheSame: a model that is read again, refits and all, gives the same scores; a file that is cut is refused.
func TestTheFileChoosesTheSame(t *testing.T) {
	log, r := model1(t)
	m, err := model.Parse(r.File)
	if err != nil {
		t.Fatal(err)
	}
	if m.Hash() != r.Model.Hash() || len(m.Refits) != 4 {
		t.Fatalf("%d refits", len(m.Refits))
	}
	a, err := New(m)
	if err != nil {
		t.Fatal(err)
	}
	one, two := r.Actor.Chooser(), a.Chooser()
	for _, d := range log.Decisions[:100] {
		x, y := one.Choose(d.Row, d.Candidates), two.Choose(d.Row, d.Candidates)
		if x.Action != y.Action || x.Abstained != y.Abstained || !slices.Equal(x.Scores, y.Scores) {
			t.Fatalf("%+v, %+v", x, y)
		}
	}
	damaged := bytes.Clone(r.File)
	damaged[len(damaged)-40] ^= 1
	if _, err := model.Parse(damaged); ledger.CodeOf(err) != ledger.CodeCorrupt {
		t.Error(err)
	}
	plain := *m
	plain.Card.Choice = nil
	if _, err := New(&plain); ledger.CodeOf(err) != ledger.CodeUnsupported || ledger.HintOf(err) == "" {
		t.Error(err)
	}
}

// TestChoose holds a choice against its scores: the best supported one, and abstaining where it is not surely ahead.
func TestChoose(t *testing.T) {
	log, r := model1(t)
	c, abstained := r.Actor.Chooser(), 0
	for i, d := range log.Decisions {
		got := c.Choose(d.Row, []string{None, r.Actor.Actions()[i%5]})
		if i%2 == 0 {
			got = c.Choose(d.Row, d.Candidates)
		}
		best := Score{Action: None}
		for _, s := range got.Scores {
			if s.Action == None {
				best.Probability = s.Probability
			}
		}
		for _, s := range got.Scores {
			if s.Probability <= 0 || s.Probability >= 1 || s.Action != None && s.SE <= 0 {
				t.Fatalf("%+v", s)
			}
			if s.Probability > best.Probability {
				best = s
			}
		}
		if got.Abstained {
			abstained++
		}
		if got.Best != best.Action || got.Abstained != (best.Action != None && best.Advantage <= best.SE) || got.Abstained != (got.Action != got.Best) {
			t.Fatalf("%+v, best %+v", got, best)
		}
	}
	if abstained == 0 {
		t.Error("so few decisions, and it never abstains")
	}
	d := log.Decisions[0]
	if got := c.Choose(d.Row, []string{"call_back", "unheard of"}); len(got.Scores) != 1 || got.Scores[0].Action != "call_back" {
		t.Errorf("%+v", got)
	}
	rare := *r.Model
	choice := *rare.Card.Choice
	choice.Actions = slices.Clone(choice.Actions)
	for i := range choice.Actions {
		choice.Actions[i].Supported = choice.Actions[i].Action == None
	}
	rare.Card.Choice = &choice
	a, err := New(&rare)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Chooser().Choose(d.Row, d.Candidates); got.Action != None || got.Abstained || got.Scores[1].Supported {
		t.Errorf("%+v", got)
	}
}

func TestChoosingAllocatesNothing(t *testing.T) {
	log, r := model1(t)
	c, d := r.Actor.Chooser(), log.Decisions[0]
	if n := testing.AllocsPerRun(100, func() { c.Choose(d.Row, d.Candidates) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// TestAsk: reasons add up to what the difference of the raw outputs is, as far as they are given, and come with evidence.
func TestAsk(t *testing.T) {
	log, r := model1(t)
	s, err := simulate.New(simulate.Options{Seed: 7, Journeys: 3, Flows: []string{"sales-to-support", "ai-agent-to-human"}})
	if err != nil {
		t.Fatal(err)
	}
	b, c := log.Spec.New(), r.Actor.Chooser()
	journey := ""
	for e, err := range Place(s.Events()) {
		if err != nil {
			t.Fatal(err)
		}
		if journey == "" {
			journey = e.Subject
		}
		if e.Subject != journey {
			continue
		}
		if b.Add(&e); e.Type == ledger.Type("handoff", "accepted") {
			break
		}
	}
	a := Ask(c, b, nil)
	if len(a.Ranked) != 5 || !slices.IsSortedFunc(a.Ranked, func(x, y Score) int { return int(math.Copysign(1, y.Probability-x.Probability)) }) || a.Why == "" {
		t.Errorf("%+v", a)
	}
	if a.Best == None || len(a.Reasons) == 0 || len(a.Reasons) > 3 {
		t.Fatalf("%+v", a)
	}
	for i, reason := range a.Reasons {
		if reason.Text == "" || (reason.Effect == "raises") != (reason.Weight > 0) || i > 0 && math.Abs(reason.Weight) > math.Abs(a.Reasons[i-1].Weight) {
			t.Errorf("%+v", reason)
		}
	}
	if s := a.Selected(0.2, 0.1, Draws{Explore: 0.9, HoldOut: 0.5}); s.Action != a.Chosen || s.HoldOut || math.Abs(s.Propensity-0.84) > 1e-12 {
		t.Errorf("%+v", s)
	}
}

func TestTooLittleIsRefused(t *testing.T) {
	log, _ := model1(t)
	few := &Log{Spec: log.Spec, Decisions: log.Decisions[:50]}
	if _, err := Train(t.Context(), few, options); ledger.CodeOf(err) != ledger.CodeInvalid || ledger.HintOf(err) == "" {
		t.Error(err)
	}
	never := options
	never.Target = Target{"never"}
	if _, err := Train(t.Context(), log, never); ledger.CodeOf(err) != ledger.CodeInvalid {
		t.Error(err)
	}
	bad := &Log{Spec: log.Spec, Decisions: slices.Clone(log.Decisions)}
	bad.Decisions[3].Propensity = 0
	if _, err := Train(t.Context(), bad, options); ledger.CodeOf(err) != ledger.CodeInvalid {
		t.Error(err)
	}
	_, r := model1(t)
	if _, err := Compare(t.Context(), r.Actor, log.Settled(time.Time{}, time.Time{})[:20], options.Target, 1); ledger.CodeOf(err) != ledger.CodeInvalid {
		t.Error(err)
	}
}

// TestCrosses: a cross has the column's value with its action, and is missing with another.
func TestCrosses(t *testing.T) {
	l := crossed([]table.Column{{Name: "n", Kind: table.Number}, {Name: "c", Kind: table.Category}}, []string{None, "call", "mail"}, []int{0, 1})
	row := make([]table.Value, len(l.columns()))
	l.fill(row, []table.Value{{Number: 3}, {Text: "x"}}, "call")
	if len(row) != 7 || row[2].Text != "call" || row[3].Number != 3 || row[4].Text != "x" || !math.IsNaN(row[5].Number) || row[6].Text != "" {
		t.Errorf("%v", row)
	}
	if l.source(0) != 0 || l.source(2) != -1 || l.source(6) != 1 {
		t.Error("sources")
	}
}

func BenchmarkChoose(b *testing.B) {
	log, r := model1(b)
	c, i := r.Actor.Chooser(), 0
	b.ReportAllocs()
	for b.Loop() {
		d := &log.Decisions[i%len(log.Decisions)]
		c.Choose(d.Row, d.Candidates)
		i++
	}
}
