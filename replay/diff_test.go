package replay_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/replay"
)

// flat is a state as path → value: the difference from nothing, with handoffs and spans taken apart.
func flat(t fataler, v replay.View) map[string]string {
	out := map[string]string{}
	for _, c := range replay.Compare(replay.Fold(v.Journey.ID, nil), v).Changes {
		if c.Kind != replay.Added {
			t.Fatalf("from nothing: %s %s", c.Path, c.Kind)
		}
		set(t, out, c.Path, c.After)
	}
	return out
}

func set(t fataler, state map[string]string, path string, value json.RawMessage) {
	if !strings.HasPrefix(path, "handoffs[") && !strings.HasPrefix(path, "custody[") || !strings.HasSuffix(path, "]") {
		state[path] = string(value)
		return
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(value, &members); err != nil {
		t.Fatal(err)
	}
	for name, v := range members {
		if name != "id" && name != "position" && name != "revision" {
			state[path+"."+name] = string(v)
		}
	}
}

// patched is a state after changes; each must fit the state it is applied to.
func patched(t fataler, state map[string]string, changes []replay.Change) map[string]string {
	out := maps.Clone(state)
	for _, c := range changes {
		old, there := out[c.Path]
		if there != (c.Before != nil) && !strings.HasSuffix(c.Path, "]") || there && old != string(c.Before) {
			t.Fatalf("%s %s: before is %s, the state has %q", c.Path, c.Kind, c.Before, old)
		}
		for path := range out {
			if path == c.Path || c.Kind == replay.Removed && strings.HasPrefix(path, c.Path+".") && strings.HasSuffix(c.Path, "]") {
				delete(out, path)
			}
		}
		if c.After != nil {
			set(t, out, c.Path, c.After)
		}
	}
	return out
}

func TestADifferenceLeadsFromOneStateToTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBook(t)
		defer b.Close()
		b.write(line{journey: "j1", typ: "journey.started", data: `{"stage":"A"}`})
		b.write(anyLines.Draw(t, "lines")...)
		events := b.recorded("j1")
		m, n := anyMoment(t, b, events), anyMoment(t, b, events)
		d, err := replay.Diff(ctx, b, "j1", m, n)
		must(t, d, err)
		from, to := replay.Fold("j1", selected(events, m)), replay.Fold("j1", selected(events, n))
		got, want := patched(t, flat(t, from), d.Changes), flat(t, to)
		if !maps.Equal(got, want) {
			t.Fatalf("from %s to %s: the changes lead to %v, not to %v", m, n, got, want)
		}
		for _, c := range d.Changes {
			if bytes.Equal(c.Before, c.After) || c.Position == 0 {
				t.Fatalf("%s: from %s to itself, or nobody said it (%d)", c.Path, c.Before, c.Position)
			}
		}
		again, err := replay.Diff(ctx, b, "j1", m, n)
		if asJSON(t, must(t, again, err)) != asJSON(t, d) {
			t.Fatalf("the same question has two answers")
		}
	})
}

func TestADifferenceSaysWhereEachValueWasSaid(t *testing.T) {
	b := storied(t)
	d, err := replay.Diff(ctx, b, "j1", replay.Moment{Position: 4}, replay.Moment{})
	must(t, d, err)
	var got []string
	for _, c := range d.Changes {
		said := func(p *replay.Place) string {
			if p == nil {
				return "-"
			}
			return fmt.Sprint(p.Position)
		}
		if !strings.Contains(c.Path, "_at") {
			got = append(got, fmt.Sprintf("%s %s %s@%s %s@%s", c.Path, c.Kind, c.Before, said(c.BeforeSaid), c.After, said(c.AfterSaid)))
		}
	}
	for _, want := range []string{
		`owner changed {"kind":"human","party":"ann","stage":"Front"}@2 {"party":"cy","stage":"Front"}@12`,
		`status changed "new"@2 "busy"@8`,
		`open changed true@1 false@13`,
		`handoffs[h1].state moved "offered"@4 "completed"@10`,
		`handoffs[h1].outcome added @- "done"@10`,
		`context.amount removed 12.50@2 @9`,
		`context.priority changed "low"@2 "high"@8`,
		`context.note added @- "was there"@9`,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("missing %s in\n%s", want, strings.Join(got, "\n"))
		}
	}
	if i, j := slices.IndexFunc(got, hasPrefix("owner")), slices.IndexFunc(got, hasPrefix("context.")); i != 0 || j < slices.IndexFunc(got, hasPrefix("handoffs[h2]")) {
		t.Errorf("order: %s", strings.Join(got, "\n"))
	}
}

func hasPrefix(p string) func(string) bool {
	return func(s string) bool { return strings.HasPrefix(s, p) }
}

func TestAValueSaidAgainIsNoChange(t *testing.T) {
	b := open(t)
	b.write(line{"j1", "interaction.recorded", "", 0, `{"activity":"a","stage":"A","attributes":{"o":{"x":1,"y":[2]},"n":1.0,"s":"é"}}`},
		line{"j1", "interaction.recorded", "", 0, `{"activity":"a","stage":"A","attributes":{"o":{"y": [2], "x":1},"n":1,"s":"\u00e9"}}`})
	d, err := replay.Diff(ctx, b, "j1", replay.Moment{Position: 1}, replay.Moment{})
	must(t, d, err)
	var paths []string
	for _, c := range d.Changes {
		paths = append(paths, c.Path)
	}
	if got := strings.Join(paths, " "); got != "context.n times.last_at" { // 1.0 and 1 are other digits, and digits are kept
		t.Errorf("changes: %s", got)
	}
}
