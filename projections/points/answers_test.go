package points_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections/points"
)

// handOver has n handoffs happen at the point, from human to kind; each is accepted, and in the first asked of them account is asked for again.
func (b *book) handOver(n, asked int, kind string) {
	b.Helper()
	ends := `"from":{"stage":"sales","kind":"human"},"to":{"stage":"support","kind":"` + kind + `"},"channel":"ticket"`
	for range n {
		b.n++
		j := fmt.Sprint("J", b.n)
		h := "h-" + j
		b.say(j, "", "interaction", "recorded", `{"activity":"call","stage":"sales","attributes":{"account":"A-1","tone":"calm"}}`)
		b.say(j, h, "handoff", "offered", `{`+ends+`,"envelope":{"mandatory":{"tone":"calm"},"optional":{"plan":"n/a"},"fields":{"plan":{"method":"default"}}}}`)
		b.say(j, "", "handoff", "delivered", `{"handoff":"`+h+`","fields":["tone","plan"]}`)
		b.say(j, "", "handoff", "accepted", `{"handoff":"`+h+`","stage":"support"}`)
		if asked > 0 {
			asked--
			for _, field := range []string{"account", "tone", "plan", "budget"} {
				b.say(j, "", "question", "asked", `{"handoff":"`+h+`","field":"`+field+`"}`)
			}
		}
	}
}

// TestReasks classifies a question of each kind, without a word of the handoff in the question too.
func TestReasks(t *testing.T) {
	b := open(t)
	b.handOver(2, 1, "human")
	b.say("J0", "", "question", "asked", `{"field":"account"}`) // of no handoff
	b.say("J1", "h1", "handoff", "offered", `{"from":"sales","to":"support","channel":"ticket","envelope":{"mandatory":{"a":1}}}`)
	b.say("J1", "", "question", "asked", `{"field":"a","handoff":"h1"}`) // before it was accepted
	b.say("J1", "", "handoff", "accepted", `{"handoff":"h1"}`)
	b.say("J1", "", "question", "asked", `{"field":"a"}`) // nothing says what was delivered: what was offered counts
	b.say("J1", "", "question", "answered", `{"field":"b","attributes":{"b":1}}`)
	b.say("J1", "", "question", "asked", `{"field":"b"}`) // answered after the acceptance
	b.say("J2", "h2", "handoff", "offered", `{"from":"sales","to":"support","channel":"ticket","envelope":{"optional":{"plan":"n/a"},"fields":{"plan":{"method":"default"}}}}`)
	b.say("J2", "", "handoff", "delivered", `{"handoff":"h2","fields":[]}`)
	b.say("J2", "", "handoff", "accepted", `{"handoff":"h2"}`)
	b.say("J2", "", "question", "asked", `{"field":"plan"}`) // a default says nothing
	f, err := b.desk.Gather(t.Context(), b.point(desk), points.Options{})
	b.check(err)
	want := map[string]int{points.Lost: 1, points.Ignored: 2, points.Defaulted: 1, points.New: 3}
	for class, n := range want {
		if f.Reasks[class] != n {
			t.Errorf("%d are %s, want %d of %v", f.Reasks[class], class, n, f.Reasks)
		}
	}
	if f.Lost != 1 || f.Accepted != 4 || len(f.Demand) != 1 || f.Demand[0].Field != "account" {
		t.Errorf("the facts are %+v", f)
	}
}

// TestFormerNames finds what was said under the names that a field had in earlier versions of the contract, however many there were.
func TestFormerNames(t *testing.T) {
	b := open(t)
	b.handOver(1, 0, "human") // says account
	b.say("J1", "", "question", "asked", `{"handoff":"h-J1","field":"customer_number"}`)
	b.change(desk, "mapped", points.Change{Mapping: points.Mapping{Owner: "ops", Contract: "desk"}})
	lost := func() int {
		t.Helper()
		b.check(b.desk.Models.CatchUp(t.Context()))
		f, err := b.desk.Gather(t.Context(), b.point(desk), points.Options{})
		b.check(err)
		return f.Lost
	}
	if n := lost(); n != 0 {
		t.Errorf("%d are lost where no version says that the name is a new one", n)
	}
	b.document("contract: desk\nversion: 1\nfields: [{name: account, class: mandatory}]")
	for i, from := range []string{"account", "account_number"} {
		to := []string{"account_number", "customer_number"}[i]
		b.document(fmt.Sprintf("contract: desk\nversion: %d\nfields: [{name: %s, class: mandatory}]\nupcast: {from: %d, steps: [{rename: {from: %s, to: %s}}]}", i+2, to, i+1, from, to))
	}
	if n := lost(); n != 1 {
		t.Errorf("%d are lost, one was said under its first name", n)
	}
}

func (b *book) checklist(o points.Options) *points.Checklist {
	b.Helper()
	b.check(b.desk.Models.CatchUp(b.Context()))
	if o.Least == 0 {
		o.Least = 10
	}
	c, err := b.desk.Checklist(b.Context(), desk, o)
	b.check(err)
	return c
}

// answers are a checklist's in its order, with where each is from.
func answers(c *points.Checklist) string {
	var out []string
	for _, q := range c.Questions {
		out = append(out, strings.TrimSuffix(q.Answer+"/"+q.From, "/"))
	}
	return strings.Join(out, " ")
}

// TestChecklist goes from a point nobody knows to one that may be deepened, and into each contradiction.
func TestChecklist(t *testing.T) {
	b := open(t)
	if _, err := b.desk.Checklist(t.Context(), desk, points.Options{}); ledger.CodeOf(err) != ledger.CodeNotFound {
		t.Errorf("a point that is not there has a checklist: %v", err)
	}
	b.change(desk, "mapped", points.Change{Mapping: points.Mapping{Owner: "ops", Style: points.Stateless, Contract: "desk"}})
	c := b.checklist(points.Options{})
	if got := answers(c); got != "unknown unknown unknown no/data no/data unknown" || c.Verdict.Depth != points.Minimal || c.Verdict.Increase != points.IncreaseNo || len(c.Verdict.Unknown) != 4 {
		t.Errorf("without traffic: %s, %+v", got, c.Verdict)
	}
	b.change(desk, "answered", points.Change{Question: points.AskHumans, Answer: points.No, By: "Ada"})
	if c = b.checklist(points.Options{}); !strings.HasPrefix(answers(c), "no/person") {
		t.Errorf("a person's answer does not stand where data has none: %s", answers(c))
	}
	b.handOver(10, 2, "human")
	b.contract("desk", 1, "drafted")
	if c = b.checklist(points.Options{}); c.Verdict.Increase != points.IncreaseNo {
		t.Errorf("a draft unblocks: %+v", c.Verdict)
	}
	b.contract("desk", 1, "published")
	c = b.checklist(points.Options{})
	if got := answers(c); got != "yes/data no/data yes/data no/data yes/data unknown" || c.Verdict.Depth != points.Contextual || c.Verdict.Increase != points.IncreaseWait ||
		!slices.Equal(c.Verdict.AddFields, []string{"account"}) {
		t.Errorf("with traffic: %s, %+v", got, c.Verdict)
	}
	contradicted(t, c, "humans: data says yes", "Ada said no")
	contradicted(t, c, "the style is stateless, and receivers ask again")
	if few := b.checklist(points.Options{Least: 11}); !strings.HasPrefix(answers(few), "no/person no/data unknown") || !strings.Contains(few.Questions[2].Says, "too few to tell, 11 are needed") {
		t.Errorf("ten handoffs answer where eleven are needed: %s, %s", answers(few), few.Questions[2].Says)
	}
	b.change(desk, "trained", points.Change{Team: "support", Share: share(0.5)})
	if c = b.checklist(points.Options{}); c.Verdict.Increase != points.IncreaseWait {
		t.Errorf("half a team is trained: %+v", c.Verdict)
	}
	b.change(desk, "trained", points.Change{Team: "support", Share: share(0.8)})
	b.change(desk, "answered", points.Change{Question: points.AskHumans, Answer: points.Yes})
	b.change(desk, "mapped", points.Change{Mapping: points.Mapping{Style: points.Stateful}})
	c = b.checklist(points.Options{})
	if c.Verdict.Increase != points.IncreaseOK || len(c.Verdict.Contradictions) > 0 {
		t.Errorf("all is well, and: %+v", c.Verdict)
	}
	// Thresholds are options: 10 in the one day are more than 9, 2 of 10 are not more than 20 %.
	c = b.checklist(points.Options{PerDay: 9, LostRate: 0.2, Channels: map[string]ledger.ChannelClass{"ticket": ledger.RealTime}})
	if got := answers(c); got != "yes/data yes/data no/data yes/data yes/data yes/data" || c.Verdict.Enrichment != "precomputed" {
		t.Errorf("with other thresholds: %s, %+v", got, c.Verdict)
	}
	contradicted(t, c, "humans hand over to humans", "10 times a day")
	b.change(desk, "mapped", points.Change{Mapping: points.Mapping{Style: points.Predictive, Tier: points.Predictive}})
	c = b.checklist(points.Options{PerDay: 9})
	contradicted(t, c, "the style is predictive at 10 a day")
	contradicted(t, c, "the target tier is predictive, and the answers come to contextual")
	b.desk.Tiers = func(_ context.Context, point string, _ points.Window) (*points.TierShares, error) {
		return &points.TierShares{N: 10, Minimal: 0.2, Contextual: 0.8}, nil
	}
	contradicted(t, b.checklist(points.Options{}), "0 % of 10 handoffs showed a prediction")
	b.change(desk, "classified", points.Change{Criticality: points.Low, Complexity: points.High})
	if c = b.checklist(points.Options{}); c.Verdict.Depth != points.Predictive {
		t.Errorf("low volume and high complexity come to %s", c.Verdict.Depth)
	}
}

func contradicted(t *testing.T, c *points.Checklist, parts ...string) {
	t.Helper()
	if !slices.ContainsFunc(c.Verdict.Contradictions, func(s string) bool {
		return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(s, p) })
	}) {
		t.Errorf("%q is not among the contradictions %q", parts, c.Verdict.Contradictions)
	}
}

// TestRecommend is the table of styles: the two corners that the practices name, and the middle.
func TestRecommend(t *testing.T) {
	for _, c := range []struct{ volume, complexity, value, want string }{
		{points.High, points.Low, points.Low, points.Stateless}, {points.High, points.Low, "", points.Stateless}, {points.High, points.Low, points.High, points.Stateful},
		{points.High, points.High, points.Low, points.Stateful}, {points.High, points.High, points.High, points.Stateful}, {points.Low, points.Low, points.Low, points.Stateless},
		{points.Low, points.Low, points.High, points.Stateful}, {points.Low, points.High, points.Low, points.Predictive}, {points.Low, points.High, points.High, points.Predictive},
		{points.Low, "", points.High, ""}, {points.Unknown, points.High, points.High, ""},
	} {
		if r := points.Recommend(c.volume, &points.Classification{Complexity: c.complexity, Value: c.value}); r.Style != c.want || r.Why == "" {
			t.Errorf("%+v comes to %+v", c, r)
		}
	}
}

// TestEvidence runs queries of all three forms, in windows and with few journeys.
func TestEvidence(t *testing.T) {
	b := open(t)
	b.handOver(6, 2, "bot")
	b.say("J9", "h9", "handoff", "offered", `{"from":"sales","to":"support","channel":"ticket"}`)
	b.say("J9", "", "handoff", "declined", `{"handoff":"h9","reason":"wrong team"}`)
	b.say("J9", "", "handoff", "offered", `{"from":"support","to":"sales","channel":"ticket","reason":"wrong team"}`) // of another point
	b.change(desk, "mapped", points.Change{Mapping: points.Mapping{Owner: "ops"}})
	b.change(desk, "pain_recorded", points.Change{Pain: "account", Text: "asked again", Evidence: "reasks field=account class=lost"})
	b.change(desk, "pain_recorded", points.Change{Pain: "bare", Text: "nobody knows"})
	b.check(b.desk.Models.CatchUp(t.Context()))
	o := points.Options{Compile: func(text string) (points.Match, error) {
		return func(_ context.Context, r *ledger.Recorded) (bool, error) {
			return strings.Contains(string(r.Data), text), nil
		}, nil
	}}
	for query, want := range map[string][2]int{ // found, affected
		"reasks":                               {6, 2}, // lost, ignored and defaulted; new is no re-ask
		"reasks class=new":                     {2, 2},
		"reasks field=tone":                    {2, 2},
		"declined":                             {1, 1},
		`handoff.declined reason="wrong team"`: {1, 1},
		"declined reason='right team'":         {0, 0},
		"question.asked field=budget":          {2, 2},
		`"plan":"n/a"`:                         {6, 6},
	} {
		e, err := b.desk.Evidence(t.Context(), desk, "", query, o)
		b.check(err)
		if e.Found != want[0] || e.Affected != want[1] || e.Handoffs != 7 || !e.Complete || len(e.Examples) != min(5, want[1]) {
			t.Errorf("%s finds %d in %d of %d, with %d examples; want %v", query, e.Found, e.Affected, e.Handoffs, len(e.Examples), want)
		}
	}
	e, err := b.desk.Evidence(t.Context(), desk, "account", "", o)
	b.check(err)
	if e.Found != 2 || e.Pain != "account" || e.Query != "reasks field=account class=lost" || e.Examples[0].Says != "account, lost" || e.Examples[0].Position == 0 {
		t.Errorf("the pain point shows %+v", e)
	}
	o.Journeys = 3 // the newest: J9 and two that nothing was asked in
	if e, err = b.desk.Evidence(t.Context(), desk, "account", "", o); err != nil || e.Handoffs != 3 || e.Complete || e.Found != 0 {
		t.Errorf("of three journeys: %+v, %v", e, err)
	}
	for _, pain := range []string{"bare", "none"} {
		if _, err := b.desk.Evidence(t.Context(), desk, pain, "", o); ledger.HintOf(err) == "" {
			t.Errorf("pain point %s: %v", pain, err)
		}
	}
}

// TestFile maps what a file says, writes nothing the second time, and says where a file is wrong.
func TestFile(t *testing.T) {
	b := open(t)
	const text = `
points:
  - point: sales>support@ticket
    owner: ops
    data: [a, b]
    style: stateful
    criticality: high
    why: "renewals: they hang on it"
    complexity: high
    pain_points:
      - {id: p, text: asked again, evidence: reasks field=a, fields: [a], decision: "yes", why: it is known}
    training:
      - {team: support, share: 0}
  - {point: a b>c@d, owner: x}
`
	for again := range 2 {
		list, err := points.ParseFile([]byte(text))
		b.check(err)
		written := 0
		for _, c := range list {
			if out := b.change(c.Point, c.Verb, c); !out.Unchanged {
				written++
			}
		}
		if len(list) != 6 || written != 6*(1-again) {
			t.Errorf("run %d: %d of %d changes were written", again+1, written, len(list))
		}
	}
	if p := b.point("a%20b>c@d"); p.Owner != "x" || p.Sender != "a b" {
		t.Errorf("the second point is %+v", p)
	}
	for want, text := range map[string]string{
		"names no point":                       ``,
		"field colour not found":               `points: [{point: a>b@c, colour: red}]`,
		"number 1: \"ab\" is no point":         `points: [{point: ab}]`,
		"number 2: a>b@c stands there as":      `points: [{point: a>b@c, owner: x}, {point: a>b@c}]`,
		"number 1: criticality is missing":     `points: [{point: a>b@c, owner: x, value: low}]`,
		"number 1: pain point p: why is there": `points: [{point: a>b@c, owner: x, pain_points: [{id: p, text: t, why: w}]}]`,
		"number 1: text is missing":            `points: [{point: a>b@c, owner: x, pain_points: [{id: p}]}]`,
		"cannot be read":                       `points: [`,
		"number 1: share: 2":                   `points: [{point: a>b@c, owner: x, training: [{team: t, share: 2}]}]`,
	} {
		if _, err := points.ParseFile([]byte(text)); ledger.CodeOf(err) != ledger.CodeInvalid || !strings.Contains(err.Error(), want) || ledger.HintOf(err) == "" {
			t.Errorf("%s gives %v (%s), want %q", text, err, ledger.HintOf(err), want)
		}
	}
}

// TestMarkdown keeps what people wrote in its cell.
func TestMarkdown(t *testing.T) {
	b := open(t)
	b.handOver(1, 0, "human")
	b.change(desk, "mapped", points.Change{Mapping: points.Mapping{Owner: "a|b", Description: "<b>"}})
	b.change(desk, "pain_recorded", points.Change{Pain: "p", Text: "x\ny"})
	page, err := b.desk.Dossier(t.Context(), desk)
	b.check(err)
	var out strings.Builder
	b.check(points.Markdown(&out, []*points.Dossier{page}))
	for _, want := range []string{"## sales → support (ticket)\n", "| owner | a\\|b |\n", "\n&lt;b>\n", "| p | x y |  |  | undecided |\n", "1 (100.0 % of all), 1 accepted"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, out.String())
		}
	}
}
