package trust_test

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/predict/policy"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/train"
	"github.com/baton-ledger/baton/predict/trust"
)

// simulated fills the ledger with journeys whose suggestions are logged.
func (b *book) simulated(journeys int) {
	b.Helper()
	s, err := simulate.New(simulate.Options{Seed: 7, Journeys: journeys, Flows: []string{"sales-to-support", "ai-agent-to-human"}})
	if err != nil {
		b.Fatal(err)
	}
	for e, err := range s.Events() {
		if err != nil {
			b.Fatal(err)
		}
		if r := b.append(b.Context(), []ledger.Batch{{Stream: ledger.StreamFor(&e), Expect: ledger.Any, Events: []ledger.Event{e}}})[0]; r.Err != nil {
			b.Fatal(r.Err)
		}
	}
}

// enroll registers and opens a model.
func (b *book) enroll(m registry.Registered, file []byte) *registry.Loaded {
	b.Helper()
	dir := b.TempDir()
	if file != nil {
		if _, err := registry.Save(dir, m, file); err != nil {
			b.Fatal(err)
		}
	}
	reg, _, err := registry.Register(b.Context(), b.store, b.append, m)
	if err != nil {
		b.Fatal(err)
	}
	loaded, err := trust.Open(dir, reg)
	if err != nil {
		b.Fatal(err)
	}
	return loaded
}

func (b *book) head() uint64 {
	b.Helper()
	h, err := b.store.Head(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return h.Position
}

// gate judges a version as the command does.
func (b *book) gate(m *registry.Loaded, goal trust.Level) (*trust.Gate, []trust.Moment) {
	b.Helper()
	to := b.head()
	list, err := trust.Judge(b.Context(), b.store, m, trust.OutOfSample(m.Registered, to))
	if err != nil {
		b.Fatal(err)
	}
	g, err := trust.Evaluate(b.Context(), b.store, b.ladder(), m, list, trust.Everywhere, goal, to, settings())
	if err != nil {
		b.Fatal(err)
	}
	return g, list
}

func criterion(t *testing.T, g *trust.Gate, name string) trust.Criterion {
	t.Helper()
	i := slices.IndexFunc(g.Criteria, func(c trust.Criterion) bool { return strings.Contains(c.Name, name) })
	if i < 0 {
		t.Fatalf("no criterion %q in %+v", name, g.Criteria)
	}
	return g.Criteria[i]
}

// actions trains a model of actions on the ledger.
func (b *book) actions(seed uint64) *registry.Loaded {
	b.Helper()
	read := func() iter.Seq2[ledger.Recorded, error] { return b.store.Read(b.Context(), ledger.ReadOptions{}) }
	log, err := policy.Survey(b.Context(), read, 0.4, nil)
	if err != nil {
		b.Fatal(err)
	}
	r, err := policy.Train(b.Context(), log, policy.Options{Name: "again", Target: policy.Target{"resolved", "converted"}, Seed: seed, Holdout: 0.4, Refits: 3})
	if err != nil {
		b.Fatal(err)
	}
	c := r.Model.Card
	return b.enroll(registry.Registered{Name: "again", Kind: registry.Actions, Hash: r.Model.Hash(), File: registry.FileName("again", r.Model.Hash()), Target: c.Target,
		Features: c.Reads.Features, Moments: c.Reads.Moments, Data: registry.Data{Cut: r.Cut}}, r.File)
}

// TestActionsAreJudged: by decisions after the cut, with the value that the table of policies says; two versions are compared on the same decisions.
func TestActionsAreJudged(t *testing.T) {
	b := open(t)
	b.simulated(900)
	m := b.actions(1)
	g, list := b.gate(m, trust.Advisory)
	target, _ := policy.ParseTarget(m.Target)
	log, err := policy.Read(t.Context(), b.store.Read(t.Context(), ledger.ReadOptions{}), m.Actor.Spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	settled := log.Settled(m.Data.Cut, time.Time{})
	good := 0.0
	for i := range settled {
		good += settled[i].Good(target) / float64(len(settled))
	}
	if g.Figures.Outcomes != len(settled) || math.Abs(g.Figures.Rate-good) > 1e-9 || len(settled) < 100 {
		t.Errorf("%+v of %d decisions, %g good", g.Figures, len(settled), good)
	}
	for _, one := range list {
		if one.At.Before(m.Data.Cut) || one.Point == "" || one.P <= 0 || one.P >= 1 {
			t.Fatalf("%+v", one)
		}
	}
	c, err := policy.Compare(t.Context(), m.Actor, settled, target, trust.Seed(m.Hash))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range [][2]string{{policy.Logged, "what was logged"}, {policy.AlwaysNone, "against none"}} {
		got := criterion(t, g, p[1])
		f, refused := c.Tables[0].Ahead(p[0])
		if refused == "" && (got.Met != (f.High >= 0) || !strings.HasPrefix(got.Measured, fmt.Sprintf("%+.4f", f.Value))) || refused != "" && got.Met {
			t.Errorf("%+v, expected %+v %s", got, f, refused)
		}
	}
	if one := criterion(t, g, "best single"); !one.Met || one.Measured != c.Tables[0].Verdict {
		t.Errorf("%+v", one)
	}
	g, _ = b.gate(m, trust.Default)
	if g.Met || criterion(t, g, "held out").Met || g.Uplift == nil {
		t.Errorf("to default without a suggestion of its own: %+v", g.Criteria)
	}
	elsewhere, err := trust.Evaluate(t.Context(), b.store, b.ladder(), m, list, "nowhere", trust.Advisory, b.head(), settings())
	if err != nil || elsewhere.Met || criterion(t, elsewhere, "value of its choices").Met {
		t.Errorf("without decisions: %+v %v", elsewhere, err)
	}
	if _, err := trust.Drift(m, list, monitor.Drift); ledger.CodeOf(err) != ledger.CodeUnsupported || !strings.Contains(err.Error(), "not measured for models of actions") {
		t.Errorf("drift: %v", err)
	}
	if w := monitor.Watch(m, list, trust.Everywhere, 0, b.head()); w.Outcomes == 0 || w.Drifted {
		t.Errorf("%+v", w)
	}
	two := b.actions(2)
	w, err := trust.Compare(t.Context(), b.store, m, two, trust.Range{To: b.head()}, 0.5, 5)
	if err != nil {
		t.Fatal(err)
	}
	v := w.Actions
	if v == nil || v.Decisions != w.Moments || v.Clean == 0 || v.Difference == nil == (v.Refused == "") {
		t.Fatalf("%+v", v)
	}
	if d := v.Difference; d != nil && !(d.Low <= d.Value && d.Value <= d.High) {
		t.Errorf("%+v", d)
	}
	times := 0
	for _, change := range v.Changes {
		if times += change.Times; change.A == change.B {
			t.Errorf("%+v", change)
		}
	}
	same, err := trust.Compare(t.Context(), b.store, m, m, trust.Range{To: b.head()}, 0.5, 5)
	if err != nil || times != v.Other || same.Actions.Other != 0 || same.Actions.Difference != nil && same.Actions.Difference.SE != 0 {
		t.Errorf("%d of %d; with itself %+v %v", times, v.Other, same.Actions, err)
	}
}

// TestNextActivityIsJudged: by the log loss against the rate of classes and by its top class; it has no uplift, so no default.
func TestNextActivityIsJudged(t *testing.T) {
	b := open(t)
	b.simulated(500)
	r, err := train.Run(t.Context(), b.store, train.Options{Name: "again", Target: train.NextActivity, Seed: 1, Moments: []string{"offered", "accepted"}, Holdout: 0.25, WithFollowed: true})
	if err != nil {
		t.Fatal(err)
	}
	m := b.enroll(registry.Describe("again", r), r.File)
	g, list := b.gate(m, trust.Advisory)
	// Training held out the same moments, followed suggestions included: both count the same.
	if f := g.Figures; f.Outcomes != r.Figures.Rows || math.Abs(f.Rate-r.Figures.Accuracy) > 1e-9 || math.Abs(f.LogLoss-r.Figures.LogLoss) > 1e-9 {
		t.Errorf("%+v, training found %+v", f, r.Figures)
	}
	if g.Figures.BaseLoss <= 0 || criterion(t, g, "log loss").Met != (g.Figures.WorseUp < 0) {
		t.Errorf("%+v", g.Criteria)
	}
	d, _ := b.gate(m, trust.Default)
	if c := criterion(t, d, "uplift"); d.Met || c.Met || d.Uplift != nil || !strings.Contains(c.Needed, "next-activity") {
		t.Errorf("%+v", d.Criteria)
	}
	drift, err := trust.Drift(m, list, monitor.Drift)
	if err != nil || len(drift.Columns) == 0 {
		t.Errorf("%+v %v", drift, err)
	}
	w, err := trust.Compare(t.Context(), b.store, m, m, trust.Range{To: b.head()}, 0.5, 3)
	if err != nil || w.OtherSaid != 0 || w.LogLoss == nil || w.LogLoss.Diff != 0 {
		t.Errorf("%+v %v", w, err)
	}
}

// TestAnotherProgramIsJudged by what its suggestions recorded; what nobody can know is refused by name.
func TestAnotherProgramIsJudged(t *testing.T) {
	b := open(t)
	b.simulated(200)
	declare := func(target string) *registry.Loaded {
		reg, err := registry.Declare("again", target, "it is good", []string{"offered", "accepted"}, registry.External{Subject: "score.again"})
		if err != nil {
			t.Fatal(err)
		}
		return b.enroll(reg, nil)
	}
	m := declare("outcome:resolved")
	labels, err := train.Labels(t.Context(), b.store, m.Target, m.Moments, b.head())
	if err != nil {
		t.Fatal(err)
	}
	at := map[uint64]int32{}
	for i, l := range labels {
		if at[l.Position] = l.Of; i%2 == 1 {
			continue // it was not asked here
		}
		p := 0.2 + 0.6*float64(l.Of)
		for e, err := range b.store.Read(t.Context(), ledger.ReadOptions{From: l.Position, To: l.Position, HeaderOnly: true}) {
			if err != nil {
				t.Fatal(err)
			}
			data := fmt.Sprintf(`{"position":%d,"policy":"shadow","probability":%g,"model":{"hash":"%s"}}`, l.Position, p, m.Hash)
			s := ledger.Event{ID: fmt.Sprint("ext", l.Position), Source: trust.SuggestionSource, Type: ledger.Type("suggestion", "offered"), ContentType: "application/json", Data: []byte(data)}
			if r := b.store.AppendAll(t.Context(), []ledger.Batch{{Stream: ledger.OverlayStream(ledger.JourneyOf(e.Stream)), Expect: ledger.Any, Events: []ledger.Event{s}}})[0]; r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	}
	g, list := b.gate(m, trust.Advisory)
	if len(list) != (len(labels)+1)/2 || !criterion(t, g, "log loss").Met {
		t.Errorf("%d moments of %d; %+v", len(list), len(labels), g.Criteria)
	}
	for _, one := range list {
		if one.Known && one.P != 0.2+0.6*float64(at[one.Position]) {
			t.Fatalf("%+v", one)
		}
	}
	if _, err := trust.Drift(m, list, monitor.Drift); ledger.CodeOf(err) != ledger.CodeUnsupported {
		t.Errorf("drift: %v", err)
	}
	if _, err := trust.Compare(t.Context(), b.store, m, m, trust.Range{}, 0.5, 3); ledger.CodeOf(err) != ledger.CodeUnsupported {
		t.Errorf("what-if: %v", err)
	}
	if _, err := trust.Judge(t.Context(), b.store, declare("mood"), trust.Range{}); ledger.CodeOf(err) != ledger.CodeUnsupported || !strings.Contains(err.Error(), "mood") {
		t.Errorf("a target of its own: %v", err)
	}
}
