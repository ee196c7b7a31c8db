package brief_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/replay/brief"
)

func names(b brief.Brief) (out []string) {
	for _, f := range b.Fields {
		out = append(out, f.Name)
	}
	return out
}

func field(t *testing.T, b brief.Brief, name string) brief.Field {
	t.Helper()
	i := slices.IndexFunc(b.Fields, func(f brief.Field) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("no field %q in %v", name, names(b))
	}
	return b.Fields[i]
}

func assemble(t *testing.T, b *book, o brief.Options) brief.Brief {
	t.Helper()
	out, err := brief.Assemble(t.Context(), b, "J", o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestWithoutContract: everything known, newest first, with what is known of each value.
func TestWithoutContract(t *testing.T) {
	b := open(t)
	b.story()
	got := assemble(t, b, brief.Options{})
	if want := []string{"tier", "amount", "mood", "order", "reason", "risk", "browser", "email"}; !slices.Equal(names(got), want) {
		t.Errorf("fields %v, want %v", names(got), want)
	}
	if got.Handoff != "h" || got.Point != "portal>desk@chat" || got.Class != ledger.RealTime || got.Contract != nil || got.Tier != brief.PredictiveTier || len(got.Missing) != 0 {
		t.Errorf("%+v", got)
	}
	if f := field(t, got, "order"); string(f.Value) != `"O-8"` || f.Class != "mandatory" || f.Source != "test" || f.Position != 3 {
		t.Errorf("order %+v", f)
	}
	reason := field(t, got, "reason")
	if reason.Source != "form" || reason.Method != "user" || *reason.Confidence != 0.9 || reason.Classification != "internal" || reason.Age != int64(70*time.Minute/time.Second) {
		t.Errorf("reason %+v", reason)
	}
	if f := field(t, got, "tier"); !f.AfterAccept || !f.Enriched || f.Source != "crm" {
		t.Errorf("tier %+v", f)
	}
	if i := got.Insight; i == nil || i.Made || i.Text != "Wants the next size, and fast." || len(got.SidePanel) != 1 {
		t.Errorf("%+v %+v", i, got.SidePanel)
	}
	if len(got.Sources) != 1 || got.Sources[0].State != "late" || !got.Sources[0].AfterAccept || *got.Sources[0].TookMS != 5000 || !slices.Equal(got.Sources[0].Fields, []string{"tier"}) {
		t.Errorf("%+v", got.Sources)
	}
	if len(got.Suggestions) != 1 || got.Custody.Owner.Party != "ann" {
		t.Errorf("%+v %+v", got.Suggestions, got.Custody)
	}
}

// TestByContract: the contract's fields in its order; the rest is counted, missing and stale are marked.
func TestByContract(t *testing.T) {
	b := open(t)
	b.story()
	catalogue, versions := returns(t)
	o := brief.Options{Contracts: catalogue}
	got := assemble(t, b, o) // without an upcast: by the version that the offer follows
	if want := []string{"order", "reason", "mood", "amount", "tier", "email", "risk"}; !slices.Equal(names(got), want) || got.LeftOut.Undeclared != 1 {
		t.Errorf("fields %v, left out %+v", names(got), got.LeftOut)
	}
	if got.Contract.Version != 1 || got.Contract.Digest != versions[1].Digest() || got.Followed != nil || !reflect.DeepEqual(got.Missing, []brief.Missing{{Name: "phone", Title: "Call-back number"}}) {
		t.Errorf("%+v %+v", got.Contract, got.Missing)
	}
	if !field(t, got, "reason").Stale || field(t, got, "order").Stale || field(t, got, "mood").Classification != "confidential" {
		t.Errorf("%+v", got.Fields)
	}

	o.Variant = func(*contract.Contract, *ledger.Event) string { return "vip" }
	vip := assemble(t, b, o)
	if field(t, vip, "tier").Class != "mandatory" || slices.Contains(names(vip), "mood") || vip.LeftOut.Variant != 1 || len(vip.Missing) != 0 || vip.Contract.Variant != "vip" {
		t.Errorf("vip: %v %+v %+v", names(vip), vip.LeftOut, vip.Missing)
	}
	o.Variant = nil

	o.Upcast = func(e contract.Envelope, from *contract.Contract) (contract.Envelope, []brief.Applied, error) {
		out := contract.Envelope{KeyInsight: e.KeyInsight, Fields: e.Fields, SidePanel: e.SidePanel}
		for _, class := range contract.Classes() {
			for name, v := range e.In(class) {
				if name == "amount" {
					name = "value"
				}
				out.Put(class, name, v)
			}
		}
		return out, []brief.Applied{{Contract: from.Name, From: from.Version, To: 2, Hash: "h"}}, nil
	}
	up := assemble(t, b, o)
	if up.Contract.Version != 2 || up.Followed == nil || up.Followed.Version != 1 || string(field(t, up, "value").Value) != "49.50" || len(up.Applied) != 1 {
		t.Errorf("upcast: %v %+v %+v", names(up), up.Contract, up.Applied)
	}
	o.Upcast = func(e contract.Envelope, _ *contract.Contract) (contract.Envelope, []brief.Applied, error) {
		return e, nil, errors.New("no step for it")
	}
	if failed := assemble(t, b, o); failed.Contract.Version != 1 || len(failed.Problems) != 1 || !strings.Contains(failed.Problems[0], "no step for it") {
		t.Errorf("failed upcast: %+v %v", failed.Contract, failed.Problems)
	}
}

// TestStylesAndAudience: what policy and audience keep out is counted and nowhere in the answer.
func TestStylesAndAudience(t *testing.T) {
	b := open(t)
	b.story()
	catalogue, _ := returns(t)
	o := brief.Options{Contracts: catalogue}
	for style, want := range map[string]string{brief.Stateless: "order reason", brief.Stateful: "order reason mood amount tier email", brief.Predictive: "order reason mood amount tier email risk"} {
		o.Style = func(string) string { return style }
		got := assemble(t, b, o)
		if strings.Join(names(got), " ") != want || got.Style != style || (len(got.Suggestions) > 0) != (style == brief.Predictive) || (got.Insight == nil) != (style == brief.Stateless) {
			t.Errorf("%s: %v %+v", style, names(got), got.Insight)
		}
		if n := 7 - len(got.Fields); got.LeftOut.Style != n {
			t.Errorf("%s: %+v, want %d by style", style, got.LeftOut, n)
		}
	}
	o.Style, o.Customer = nil, true
	got := assemble(t, b, o)
	text, _ := json.Marshal(got)
	for _, secret := range []string{"angry", "too small", "gold", "0.7", "next size", "chat.example", `"call"`, "O-8", `"ann"`, `"crm"`} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the customer sees %q in %s", secret, text)
		}
	}
	if !slices.Equal(names(got), []string{"amount", "email"}) || got.LeftOut.Customer != 5 || got.Insight == nil || !got.Insight.Made {
		t.Errorf("%v %+v", names(got), got)
	}
}

// TestMadeInsight is of the facts in the contract's order, within the limit, and marked.
func TestMadeInsight(t *testing.T) {
	b := open(t)
	b.say("handoff.offered", "h", `{"from":{"stage":"portal"},"to":{"stage":"desk"},"channel":"mail","envelope":{"mandatory":{"order":"O-1","reason":"too\nsmall"},
		"optional":{"story":"`+strings.Repeat("x", 300)+`","list":[1],"vip":true},"forward_looking":{"risk":1}}}`)
	got := assemble(t, b, brief.Options{})
	if i := got.Insight; i == nil || !i.Made || i.Text != "order O-1; reason too small; vip yes" || !slices.Equal(i.Fields, []string{"order", "reason", "vip"}) {
		t.Errorf("%+v", i)
	}
	b.say("handoff.offered", "h2", `{"from":{"stage":"desk"},"to":{"stage":"x"},"channel":"mail","envelope":{"key_insight":"`+strings.Repeat("ö", 281)+`"}}`)
	if i := assemble(t, b, brief.Options{}).Insight; !i.Cut || len([]rune(i.Text)) != brief.InsightLength || !strings.HasSuffix(i.Text, "ö…") {
		t.Errorf("%+v", i)
	}
	id := open(t)
	id.say("handoff.offered", "h", `{"from":{"stage":"a"},"to":{"stage":"b"},"channel":"sms","envelope":{"mandatory":{"order_id":"1"}}}`)
	if got := assemble(t, id, brief.Options{}); got.Tier != brief.Minimal || got.Insight != nil {
		t.Errorf("identifiers alone: %s %+v", got.Tier, got.Insight)
	}
}

// TestAsOf: the same prefix gives the same bytes, whatever came after it, and a moment knows nothing later.
func TestAsOf(t *testing.T) {
	b := open(t)
	catalogue, _ := returns(t)
	o := brief.Options{Contracts: catalogue}
	var then [][]byte
	b.story()
	for p := uint64(1); p <= 10; p++ {
		o.Moment = replay.Moment{Position: p}
		text, err := json.Marshal(assemble(t, b, o))
		if err != nil {
			t.Fatal(err)
		}
		then = append(then, text)
	}
	b.say("interaction.recorded", "", `{"activity":"x","stage":"desk","attributes":{"order":null,"mood":"glad"}}`)
	for p := uint64(1); p <= 10; p++ {
		o.Moment = replay.Moment{Position: p}
		if text, _ := json.Marshal(assemble(t, b, o)); string(text) != string(then[p-1]) {
			t.Errorf("position %d gives\n%s\nand gave\n%s", p, text, then[p-1])
		}
	}
	before := assemble(t, b, brief.Options{Moment: replay.Moment{Position: 3}})
	if slices.Contains(names(before), "tier") || string(field(t, before, "mood").Value) != `"angry"` || len(before.Suggestions) > 0 || len(before.Custody.Waiting) != 1 {
		t.Errorf("at the offer: %+v", before)
	}
	if now := assemble(t, b, brief.Options{}); slices.Contains(names(now), "order") || now.Digest == before.Digest {
		t.Errorf("a null removes: %v", names(now))
	}
	at := assemble(t, b, brief.Options{Moment: replay.Moment{At: epoch.Add(3 * time.Minute)}})
	if field(t, at, "order").Age != 0 || at.Digest != before.Digest {
		t.Errorf("at a time: %+v", at)
	}
	if late := assemble(t, b, brief.Options{Now: epoch.Add(48 * time.Hour)}); field(t, late, "reason").Age != 49*3600 || len(late.Suggestions) > 0 {
		t.Errorf("two days later: %+v", late)
	}
}

// TestWithoutOverlay is the audit view: facts by producers and receivers alone.
func TestWithoutOverlay(t *testing.T) {
	b := open(t)
	b.story()
	got := assemble(t, b, brief.Options{NoOverlay: true})
	if slices.Contains(names(got), "tier") || len(got.Suggestions)+len(got.Sources) > 0 || got.Overlay || got.State != ledger.Completed {
		t.Errorf("%+v", got)
	}
}

// TestWhich handoff a brief is of, and what it says where there is none.
func TestWhich(t *testing.T) {
	b := open(t)
	b.story()
	b.say("handoff.offered", "h2", `{"from":{"stage":"desk"},"to":{"stage":"store"},"channel":"mail"}`)
	b.say("handoff.offered", "h3", `{"from":{"stage":"desk"},"to":{"stage":"store"},"channel":"mail"}`)
	b.say("handoff.accepted", "", `{"handoff":"h3"}`)
	for _, c := range []struct{ handoff, point, want string }{{"", "", "h2"}, {"", "portal>desk@chat", "h"}, {"h3", "", "h3"}, {"", "desk>store@mail", "h3"}, {"", "a>b@phone", ""}} {
		if got := assemble(t, b, brief.Options{Handoff: c.handoff, Point: c.point}); got.Handoff != c.want {
			t.Errorf("%+v: %q", c, got.Handoff)
		}
	}
	if got := assemble(t, b, brief.Options{Point: "a>b@phone"}); got.Class != ledger.RealTime || got.Point != "a>b@phone" || len(got.Fields) == 0 {
		t.Errorf("a point without handoffs: %+v", got)
	}
	for _, o := range []brief.Options{{Handoff: "other"}, {Handoff: "h2", Moment: replay.Moment{Position: 5}}} {
		if _, err := brief.Assemble(t.Context(), b, "J", o); !errors.Is(err, ledger.CodeNotFound) || ledger.HintOf(err) == "" {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := brief.Assemble(t.Context(), b, "nobody", brief.Options{}); !errors.Is(err, ledger.CodeNotFound) {
		t.Errorf("nobody: %v", err)
	}
}
