package points_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections/points"
)

const desk = "sales>support@ticket"

func share(v float64) *float64 { return &v }

func TestNames(t *testing.T) {
	for in, want := range map[string]string{desk: desk, "a b>c@d": "a%20b>c@d", "a%20b>c@d": "a%20b>c@d", " a > b @ c ": "a>b@c"} {
		if got, err := points.Canonical(in); got != want || err != nil {
			t.Errorf("%q is %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "a", "a>b", "a@b", ">b@c", "a>@c", "a>b@", "a@b>c"} {
		if got, err := points.Canonical(in); ledger.CodeOf(err) != ledger.CodeInvalid {
			t.Errorf("%q is the point %q, %v", in, got, err)
		}
	}
}

// TestLife takes a point through its six steps and round again, each time refused first for what is missing.
func TestLife(t *testing.T) {
	b := open(t)
	o := points.Options{Monitored: 2}
	lacks := func(want string) {
		t.Helper()
		b.check(b.desk.Models.CatchUp(t.Context()))
		_, err := b.desk.Change(t.Context(), points.Change{Point: desk, Verb: "advanced"}, o)
		if ledger.CodeOf(err) != ledger.CodeInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("a step that lacks %q gives %v", want, err)
		}
	}
	steps := []string{points.Identified}
	advance := func() {
		t.Helper()
		b.now = b.now.Add(time.Minute)
		b.check(b.desk.Models.CatchUp(t.Context()))
		out, err := b.desk.Change(t.Context(), points.Change{Point: desk, Verb: "advanced"}, o)
		b.check(err)
		steps = append(steps, out.Step)
	}
	offer := func(id string) {
		t.Helper()
		b.now = b.now.Add(time.Minute)
		b.append(ledger.Event{ID: id, Source: "test", Type: ledger.Type("handoff", "offered"), Subject: "J-" + id, Time: b.now, ContentType: "application/json",
			Schema: "contracts/desk/v1", Data: []byte(`{"from":{"stage":"sales"},"to":{"stage":"support"},"channel":"ticket"}`)})
	}
	if _, err := b.desk.Change(t.Context(), points.Change{Point: desk, Verb: "advanced"}, o); ledger.CodeOf(err) != ledger.CodeNotFound {
		t.Errorf("a point that is not mapped takes a step: %v", err)
	}
	b.change(desk, "mapped", points.Change{Mapping: points.Mapping{Owner: "ops"}})
	lacks("a criticality")
	b.change(desk, "classified", points.Change{Criticality: points.High, Why: "renewals"})
	advance()
	lacks("the name of a contract")
	b.change(desk, "mapped", points.Change{Mapping: points.Mapping{Contract: "desk"}})
	lacks("a drafted or published version of contract desk")
	b.contract("desk", 1, "drafted")
	advance()
	lacks("an offer that follows the contract")
	offer("h1")
	advance()
	lacks("1 handoffs under the contract, 2 are needed")
	offer("h2")
	advance()
	lacks("a new version of the contract or a review")
	b.contract("desk", 2, "drafted")
	advance()
	lacks("0 handoffs under the contract since")
	offer("h3")
	offer("h4")
	advance()
	lacks("a new version of the contract or a review")
	b.change(desk, "answered", points.Change{Question: points.AskTraining, Answer: points.Yes})
	advance()
	want := []string{points.Identified, points.Classified, points.Designed, points.Implemented, points.Monitored, points.Iterated, points.Monitored, points.Iterated}
	p := b.point(desk)
	var got []string
	for _, s := range p.Steps {
		got = append(got, s.Step)
		if s.At.IsZero() || s.Forced {
			t.Errorf("step %+v", s)
		}
	}
	if !slices.Equal(got, want) || !slices.Equal(steps, want) {
		t.Errorf("the steps were %v, recorded %v", steps, got)
	}
}

// TestQuietPoint counts what was handed over long before the last days towards a step: a point that is quiet now was implemented then.
func TestQuietPoint(t *testing.T) {
	b := open(t)
	b.append(ledger.Event{ID: "h", Source: "test", Type: ledger.Type("handoff", "offered"), Subject: "J", Time: b.now.AddDate(-2, 0, 0), ContentType: "application/json",
		Schema: "contracts/desk/v1", Data: []byte(`{"from":"sales","to":"support","channel":"ticket"}`)})
	b.say("K", "k", "handoff", "offered", `{"from":"a","to":"b","channel":"c"}`)
	b.change(desk, "mapped", points.Change{Mapping: points.Mapping{Owner: "ops"}})
	b.change(desk, "classified", points.Change{Criticality: points.Low})
	b.change(desk, "advanced", points.Change{})
	b.contract("desk", 1, "drafted")
	b.contract("desk", 1, "published")
	b.change(desk, "advanced", points.Change{})
	if out := b.change(desk, "advanced", points.Change{}); out.Step != points.Implemented {
		t.Errorf("the step is %+v", out)
	}
	if f, err := b.desk.Gather(t.Context(), b.point(desk), points.Options{}); err != nil || f.Handoffs != 0 {
		t.Errorf("the last days have %d handoffs, %v", f.Handoffs, err)
	}
}

// TestForce goes on in spite of what is missing, with a reason, and keeps both.
func TestForce(t *testing.T) {
	b := open(t)
	b.change(desk, "mapped", points.Change{Mapping: points.Mapping{Owner: "ops"}})
	_, err := b.desk.Change(t.Context(), points.Change{Point: desk, Verb: "advanced", To: points.Implemented, Force: true}, points.Options{})
	if ledger.CodeOf(err) != ledger.CodeInvalid || !strings.Contains(err.Error(), "why is missing") {
		t.Errorf("forced without a reason: %v", err)
	}
	b.change(desk, "advanced", points.Change{To: points.Implemented, Force: true, Why: "it has run for years"})
	s := b.point(desk).Steps[1]
	if s.Step != points.Implemented || !s.Forced || s.Why != "it has run for years" || len(s.Missing) != 2 {
		t.Errorf("the step is %+v", s)
	}
	if out := b.change(desk, "advanced", points.Change{To: points.Implemented}); !out.Unchanged {
		t.Errorf("the step it is on is written again: %+v", out)
	}
}

// TestSaidTwice writes what is so already only once, for every verb.
func TestSaidTwice(t *testing.T) {
	b := open(t)
	for _, c := range []points.Change{
		{Verb: "mapped", Mapping: points.Mapping{Owner: "ops", Data: []string{"a", "b"}, Style: points.Stateful, SLA: "4h"}},
		{Verb: "mapped", Mapping: points.Mapping{Tier: points.Contextual}},
		{Verb: "classified", Criticality: points.Low},
		{Verb: "classified", Criticality: points.High, Why: "w", Complexity: points.High},
		{Verb: "pain_recorded", Pain: "p", Text: "t", Evidence: "reasks field=a", Fields: []string{"a"}},
		{Verb: "pain_decided", Pain: "p", Decision: points.Yes, Why: "w"},
		{Verb: "trained", Team: "x", Share: share(0.5), Held: "2026-03-01"},
		{Verb: "answered", Question: points.AskHumans, Answer: points.No, By: "Ada"},
	} {
		if out := b.change(desk, c.Verb, c); out.Unchanged || out.Receipt == nil {
			t.Errorf("%s is not written: %+v", c.Verb, out)
		}
		revision := b.point(desk).Revision
		if out := b.change(desk, c.Verb, c); !out.Unchanged || b.point(desk).Revision != revision {
			t.Errorf("%s is written twice: %+v", c.Verb, out)
		}
	}
	p := b.point(desk)
	if p.Owner != "ops" || p.Tier != points.Contextual || p.Class.Complexity != points.High || len(p.Pains) != 1 || p.Pains[0].Decision != points.Yes || p.Training[0].Share != 0.5 || len(p.History) != 8 {
		t.Errorf("the point is %+v", p)
	}
	// What is recorded anew keeps its decision; a point that is retired is gone, and is there again when it is mapped.
	b.change(desk, "pain_recorded", points.Change{Pain: "p", Text: "t2"})
	b.change(desk, "retired", points.Change{Why: "merged"})
	if p = b.point(desk); p.Pains[0].Decision != points.Yes || p.IsMapped() {
		t.Errorf("the retired point is %+v", p)
	}
	b.change(desk, "mapped", points.Change{})
	if p = b.point(desk); !p.IsMapped() || p.Owner != "ops" {
		t.Errorf("the point that was mapped again is %+v", p)
	}
}

// TestAsOf reads a point as it stood at a position, and passes over what others write into its stream.
func TestAsOf(t *testing.T) {
	b := open(t)
	b.say("J", "", "interaction", "recorded", `{"activity":"call"}`)
	first := b.change(desk, "mapped", points.Change{Mapping: points.Mapping{Owner: "ops"}})
	b.change(desk, "mapped", points.Change{Mapping: points.Mapping{Owner: "support"}})
	for i, e := range []ledger.Event{
		{Source: "crm", Type: ledger.Type("point", "mapped"), Data: []byte(`{"point":"` + desk + `","mapping":{"owner":"x"}}`)},
		{Source: points.Source, Type: ledger.Type("point", "mapped"), Data: []byte(`{"point":"other","mapping":{"owner":"x"}}`)},
		{Source: points.Source, Type: ledger.Type("point", "classified"), Data: []byte(`[]`)},
	} {
		e.ID = fmt.Sprint("x", i)
		b.check(b.desk.Append(t.Context(), []ledger.Batch{{Stream: points.Stream(desk), Expect: ledger.Any, Events: []ledger.Event{e}}})[0].Err)
	}
	p, err := points.Read(t.Context(), b.store, desk, first.Receipt.Position)
	b.check(err)
	if now := b.point(desk); p.Owner != "ops" || now.Owner != "support" || now.Class != nil || now.Revision != 5 {
		t.Errorf("then the owner was %s, now it is %+v", p.Owner, now)
	}
	n := 0
	for p, err := range points.All(t.Context(), b.store, first.Receipt.Position-1) {
		t.Errorf("before it was mapped there is %v, %v", p, err)
	}
	for range points.All(t.Context(), b.store, 0) {
		n++
	}
	if n != 1 {
		t.Errorf("there are %d points", n)
	}
}

// TestAtOnce has many say something of a point at the same time: all of it is there.
func TestAtOnce(t *testing.T) {
	b := open(t)
	b.change(desk, "mapped", points.Change{Mapping: points.Mapping{Owner: "ops"}})
	var group sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		group.Go(func() {
			_, errs[i] = b.desk.Change(context.Background(), points.Change{Point: desk, Verb: "trained", Team: fmt.Sprint("team-", i), Share: share(1)}, points.Options{})
		})
	}
	group.Wait()
	b.check(errors.Join(errs...))
	for i := range errs { // one of these takes the step; the others find it taken
		group.Go(func() {
			_, errs[i] = b.desk.Change(context.Background(), points.Change{Point: desk, Verb: "advanced", To: points.Designed, Force: true, Why: fmt.Sprint("reason ", i)}, points.Options{})
		})
	}
	group.Wait()
	b.check(errors.Join(errs...))
	if p := b.point(desk); len(p.Steps) != 2 {
		t.Errorf("the step was taken more than once: %+v", p.Steps)
	}
	if p := b.point(desk); len(p.Training) != len(errs) {
		t.Errorf("%d teams were trained, recorded are %+v", len(errs), p.Training)
	}
}

func TestRefusals(t *testing.T) {
	b := open(t)
	b.change(desk, "mapped", points.Change{Mapping: points.Mapping{Owner: "ops"}})
	b.change(desk, "pain_recorded", points.Change{Pain: "p", Text: "t"})
	for want, c := range map[string]points.Change{
		"verb \"painted\"":            {Verb: "painted"},
		"owner is missing":            {Verb: "mapped", Point: "a>b@c"},
		"style: \"deep\"":             {Verb: "mapped", Mapping: points.Mapping{Style: "deep"}},
		"sla: \"soon\"":               {Verb: "mapped", Mapping: points.Mapping{SLA: "soon"}},
		"criticality is missing":      {Verb: "classified"},
		"criticality is high":         {Verb: "classified", Criticality: points.High},
		"owner says nothing":          {Verb: "classified", Criticality: points.Low, Mapping: points.Mapping{Owner: "x"}},
		"text is missing":             {Verb: "pain_recorded", Pain: "q"},
		"is no id":                    {Verb: "pain_recorded", Pain: "q q", Text: "t"},
		"reasks has no \"fild\"":      {Verb: "pain_recorded", Pain: "q", Text: "t", Evidence: "reasks fild=a"},
		"class \"gone\"":              {Verb: "pain_recorded", Pain: "q", Text: "t", Evidence: "reasks class=gone"},
		"is not name=value":           {Verb: "pain_recorded", Pain: "q", Text: "t", Evidence: "returned late"},
		"quote before":                {Verb: "pain_recorded", Pain: "q", Text: "t", Evidence: `returned reason="late`},
		"no \"colour\" in its header": {Verb: "pain_recorded", Pain: "q", Text: "t", Evidence: "returned colour=red"},
		"begins like no query":        {Verb: "pain_recorded", Pain: "q", Text: "t", Evidence: "event.verb == 'x'"}, // without the language
		"has no pain point \"q\"":     {Verb: "pain_decided", Pain: "q", Decision: points.Yes},
		"decision: \"maybe\"":         {Verb: "pain_decided", Pain: "p", Decision: "maybe"},
		"share: 1.5":                  {Verb: "trained", Team: "x", Share: share(1.5)},
		"held: \"today\"":             {Verb: "trained", Team: "x", Share: share(1), Held: "today"},
		"question: \"weather\"":       {Verb: "answered", Question: "weather", Answer: points.Yes},
		"no step \"done\"":            {Verb: "advanced", To: "done"},
		"why is missing":              {Verb: "retired"},
	} {
		if c.Point == "" {
			c.Point = desk
		}
		_, err := b.desk.Change(t.Context(), c, points.Options{})
		if code := ledger.CodeOf(err); err == nil || !strings.Contains(err.Error(), want) || code != ledger.CodeInvalid && code != ledger.CodeNotFound || ledger.HintOf(err) == "" {
			t.Errorf("%+v gives %v (%s), want %q", c, err, ledger.HintOf(err), want)
		}
	}
	if p := b.point(desk); p.Revision != 2 {
		t.Errorf("a change that was refused is there: %+v", p.History)
	}
}
