package replay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
)

// conditions are expressions and the same in Go, over the state after an event and that event.
var conditions = map[string]func(v replay.View, e ledger.Recorded) bool{
	`owner == "B"`:              func(v replay.View, _ ledger.Recorded) bool { return v.Journey.Owner().Stage == "B" },
	`!open`:                     func(v replay.View, _ ledger.Recorded) bool { return !v.Journey.IsOpen() },
	`size(anomalies) >= 2`:      func(v replay.View, _ ledger.Recorded) bool { return len(v.Journey.Anomalies) >= 2 },
	`events == 3 && true`:       func(v replay.View, _ ledger.Recorded) bool { return v.Events == 3 },
	`context.p == 2.5`:          func(v replay.View, _ ledger.Recorded) bool { return string(v.Context["p"].Value) == "2.50" },
	`has(context.q)`:            func(v replay.View, _ ledger.Recorded) bool { _, ok := v.Context["q"]; return ok },
	`event.verb == "accepted"`:  func(_ replay.View, e ledger.Recorded) bool { return e.Type == "dev.baton.handoff.accepted.v1" },
	`"zombie" in anomalies`:     func(v replay.View, _ ledger.Recorded) bool { return anomalous(v, "zombie") },
	`handoffs[1].state != ""`:   func(v replay.View, _ ledger.Recorded) bool { return len(v.Journey.Handoffs) > 1 },
	`type(context.r) == string`: func(v replay.View, _ ledger.Recorded) bool { return string(v.Context["r"].Value) == `"x"` },
	`event.time < timestamp("2024-03-01T09:10:00Z")`: func(_ replay.View, e ledger.Recorded) bool {
		return e.Occurred().Minute() < 10
	},
	`handoffs.exists(h, h.open && h.receiver == "A") && status == "C"`: func(v replay.View, _ ledger.Recorded) bool {
		return v.Journey.Status == "C" && slices.ContainsFunc(v.Journey.Handoffs, func(h ledger.Handoff) bool { return h.State.Open() && h.Receiver.Stage == "A" })
	},
}

func anomalous(v replay.View, name string) bool {
	return slices.ContainsFunc(v.Journey.Anomalies, func(a ledger.Anomaly) bool { return a.Name == name })
}

func TestBisectIsTheFirstOfAllPrefixes(t *testing.T) {
	texts := make([]string, 0, len(conditions))
	compiled := map[string]*replay.Condition{}
	for text := range conditions {
		c, err := replay.Compile(text)
		compiled[text], texts = must(t, c, err), append(texts, text)
	}
	slices.Sort(texts)
	found := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		b := newBook(t)
		defer b.Close()
		b.write(line{journey: "j1", typ: "journey.started", data: `{"stage":"A"}`})
		b.write(anyLines.Draw(t, "lines")...)
		events := b.recorded("j1")
		for _, text := range texts {
			var want replay.Bisection
			for i := range events {
				holds := conditions[text](replay.Fold("j1", events[:i+1]), events[i])
				if holds && want.First == nil {
					want.First, want.HeldToEnd = &replay.Entry{Position: events[i].Position}, true
				}
				if holds {
					want.Held++
				}
				want.HoldsNow, want.HeldToEnd = holds, want.HeldToEnd && holds
			}
			got, err := compiled[text].Bisect(ctx, "j1", replay.Events(ctx, b, "j1", replay.Moment{}))
			must(t, got, err)
			if got.Found != (want.First != nil) || got.Found && got.First.Position != want.First.Position || got.Held != want.Held ||
				got.HoldsNow != want.HoldsNow || got.HeldToEnd != want.HeldToEnd || got.Events != len(events) {
				t.Fatalf("%s: got %s, want %s", text, asJSON(t, got), asJSON(t, want))
			}
			if got.Found {
				found[text]++
			}
		}
	})
	for _, text := range texts {
		if found[text] == 0 {
			t.Errorf("%s never held: it tests nothing", text)
		}
	}
}

func TestBisectTellsAboutComingAndGoing(t *testing.T) {
	b := storied(t)
	got, err := replay.Bisect(ctx, b, "j1", replay.Moment{}, `handoffs.exists(h, h.open)`)
	must(t, got, err)
	if got.First.Position != 4 || got.Before.Position != 2 || got.Lost.Position != 7 || got.Times != 2 || got.Held != 4 || got.HeldToEnd || got.HoldsNow {
		t.Errorf("%s", asJSON(t, got))
	}
	if got, err = replay.Bisect(ctx, b, "j1", replay.Moment{Revision: 3}, `handoffs.exists(h, h.open)`); !must(t, got, err).HeldToEnd {
		t.Errorf("as of revision 3: %s", asJSON(t, got))
	}
	got, err = replay.Bisect(ctx, b, "j1", replay.Moment{}, `context.nobody_said == 1`)
	if must(t, got, err); got.Found || got.Undefined != 12 || !strings.Contains(got.Reason, "nobody_said") {
		t.Errorf("undefined: %s", asJSON(t, got))
	}
}

func TestConditionsThatCannotBe(t *testing.T) {
	b := storied(t)
	huge := "[1,2,3,4,5,6,7,8,9,10]"
	for _, c := range []struct{ text, want string }{
		{`ownr == "x"`, "line 1, column 1: undeclared reference to 'ownr' (did you mean 'owner'?)\n  ownr == \"x\"\n  ^"},
		{`open && event.stag == "x"`, "column 14: undefined field 'stag'"},
		{`"日本" == owner && statu == ""`, "column 18: undeclared reference"},
		{`1 +`, "column 4: Syntax error"},
		{`size(handoffs)`, "gives a int, not true or false"},
		{`context.need`, "gives a string, not true or false"},
		{`owner > 3`, "column 7: found no matching overload"},
		{`context.priority > 3`, "after position 2: condition compares or combines values of different types"},
		{`1 / (revision - revision) == 1`, "division by zero"},
		{"\x1b[31m", `\x1b`},
		{"\xff", "not valid UTF-8"},
		{" ", "condition is empty"},
		{strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200), "recursion limit"},
		{strings.Repeat("true || ", 1000) + "true", "size"},
		{fmt.Sprintf(`%[1]s.all(a, %[1]s.all(b, %[1]s.all(c, %[1]s.all(d, %[1]s.all(e, %[1]s.all(f, %[1]s.all(g, a+b+c+d+e+f+g > 0)))))))`, huge), "too costly"},
	} {
		_, err := replay.Bisect(ctx, b, "j1", replay.Moment{}, c.text)
		if !errors.Is(err, ledger.CodeInvalid) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\x1b") ||
			!utf8.ValidString(err.Error()) {
			t.Errorf("%.80q: %v, want %q", c.text, err, c.want)
			continue
		}
		for _, name := range []string{"owner", "context", "event", "handoffs"} {
			if !strings.Contains(ledger.HintOf(err), name) {
				t.Errorf("%.80q: the hint does not list %s: %s", c.text, name, ledger.HintOf(err))
			}
		}
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	if _, err := replay.Bisect(stopped, b, "j1", replay.Moment{}, "true"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// FuzzCondition: no expression panics, runs on, or gives anything but a good answer or a clear refusal.
func FuzzCondition(f *testing.F) {
	for text := range conditions {
		f.Add(text)
	}
	f.Add(`context.map(k, context[k]).size() > 0`)
	f.Add(`"a".matches("(a+)+$") || owner.matches(owner)`)
	f.Add(`[1,2].map(x, [x,x]).size() > events ? last > started : duration("1h") < duration("2h")`)
	b := newBook(f)
	b.write(story()...)
	f.Cleanup(func() { b.Close() })
	f.Fuzz(func(t *testing.T, text string) {
		got, err := replay.Bisect(ctx, b, "j1", replay.Moment{}, text)
		if err != nil && (!errors.Is(err, ledger.CodeInvalid) || ledger.HintOf(err) == "") {
			t.Fatalf("%q: %v", text, err)
		}
		if err == nil && (got.Events != 12 || got.Found != (got.Held > 0) || got.HeldToEnd && !got.HoldsNow) {
			t.Fatalf("%q: %s", text, asJSON(t, got))
		}
	})
}
