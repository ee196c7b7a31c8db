package replay_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
)

func suppose(t fataler, b *book, specs ...string) replay.Hypothesis {
	t.Helper()
	edits, err := replay.ParseEdits(specs)
	must(t, edits, err)
	h, err := replay.WhatIf(ctx, b, "j1", replay.Moment{}, edits)
	return must(t, h, err)
}

func TestWhatIf(t *testing.T) {
	b := storied(t)
	for _, c := range []struct{ specs, want string }{
		{"drop:3", "anomalies[accepted_without_offer@7] added"},
		{"drop:3", "context.need removed"},
		{"drop:o2", "handoffs[h1].viewed_at removed"},
		{"drop:9", "handoffs[h2].state moved"},
		{"drop:9", "custody[2] removed"},
		{"drop:10", "open changed"},
		{"delay:3:1h", "anomalies[offered_after_completed@4] added"},
		{"delay:9:5m", "handoffs[h2].accepted_at changed"},
		{"delay:3:after:4", "anomalies[offered_after_accepted@4] added"},
		{"delay:10:30d", "times.closed_at changed"},
		{`change:4:{"stage":"Other","party":null}`, "anomalies[accepted_by_other@7] added"},
		{`change:2:{"attributes":{"priority":null,"vip":true}}`, "context.vip added"},
		{"change:4:type=dev.baton.handoff.declined.v1", "handoffs[h1].state moved"},
		{"change:6:time=2024-03-01T09:09:00Z", "context.note"},
		{"drop:9 drop:8 drop:10", "handoffs[h2] removed"},
	} {
		h := suppose(t, b, strings.Fields(c.specs)...)
		var got []string
		for _, change := range h.Difference.Changes {
			got = append(got, change.Path+" "+string(change.Kind))
		}
		if c.want == "context.note" { // when it was said is no part of the value
			if len(got) != 0 || h.State.Context["note"].Said.Minute() != 9 {
				t.Errorf("%s: %v", c.specs, got)
			}
		} else if !slices.Contains(got, c.want) {
			t.Errorf("%s: no %s in\n%s", c.specs, c.want, strings.Join(got, "\n"))
		}
	}
	h := suppose(t, b, `change:2:{"attributes":{"amount":12.500}}`, "drop:6")
	if v := h.State.Context["amount"].Value; string(v) != "12.500" {
		t.Errorf("digits: %s", v)
	}
	if h.State.Journey.Position != 13 || h.State.Events != 11 {
		t.Errorf("a supposed state is as of %d after %d events", h.State.Journey.Position, h.State.Events)
	}
}

func TestWhatIfRefuses(t *testing.T) {
	b := storied(t)
	b.append(ctx, []ledger.Batch{{Stream: "journey-j1", Expect: ledger.Any, Events: []ledger.Event{
		{ID: "pdf", Source: "test", Subject: "j1", Type: "org.example.scan", ContentType: "application/pdf", Data: []byte("%PDF")}}}})
	for _, c := range []struct {
		spec string
		code ledger.Code
		want string
	}{
		{"", ledger.CodeInvalid, `"" is not drop, delay or change`},
		{"drop:", ledger.CodeInvalid, `"" is not a revision`},
		{"drop:0", ledger.CodeInvalid, `"0" is not a revision`},
		{"drop:5:x", ledger.CodeInvalid, "nothing may follow"},
		{"delay:5", ledger.CodeInvalid, "not a duration"},
		{"delay:5:-1h", ledger.CodeInvalid, "not positive"},
		{"delay:5:200000d", ledger.CodeInvalid, "not a duration"},
		{"delay:5:after:x", ledger.CodeInvalid, "not a revision to come after"},
		{"delay:5:after:2", ledger.CodeInvalid, "revision 2 does not come after"},
		{"delay:5:after:99", ledger.CodeNotFound, "revision 99 of the journey does not count"},
		{"change:5:nothing", ledger.CodeInvalid, "neither a JSON object nor attribute=value"},
		{"change:5:subject=x", ledger.CodeInvalid, `"subject" is not an attribute that can be changed`},
		{"change:5:time=soon", ledger.CodeInvalid, "attribute time"},
		{"change:5:{", ledger.CodeInvalid, "patch: data is not valid JSON"},
		{`change:5:{"activity":null}`, ledger.CodeInvalid, "would be refused: append event 1 of 1"},
		{"change:5:type=dev.baton.handoff.dropped.v1", ledger.CodeInvalid, `no verb "dropped"`},
		{"change:5:id=", ledger.CodeInvalid, "id is missing"},
		{`change:11:{"a":1}`, ledger.CodeInvalid, "not JSON and cannot be patched"},
		{"drop:99", ledger.CodeNotFound, "revision 99 of the journey does not count"},
		{"drop:o3", ledger.CodeNotFound, "revision 3 of the overlay does not count"},
		{"drop:\x1b[2J", ledger.CodeInvalid, `\x1b[2J`},
	} {
		edit, err := replay.ParseEdit(c.spec)
		if err == nil {
			_, err = replay.WhatIf(ctx, b, "j1", replay.Moment{}, []replay.Edit{edit})
		}
		if !errors.Is(err, c.code) || !strings.Contains(err.Error(), c.want) || ledger.HintOf(err) == "" || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%q: %v (hint %q), want %q", c.spec, err, ledger.HintOf(err), c.want)
		}
	}
	twice, err := replay.ParseEdits([]string{"drop:5", "delay:5:1h"})
	must(t, twice, err)
	if _, err := replay.WhatIf(ctx, b, "j1", replay.Moment{}, twice); !errors.Is(err, ledger.CodeInvalid) || !strings.Contains(err.Error(), "an earlier edit has dropped") {
		t.Errorf("dropped, then delayed: %v", err)
	}
	if _, err := replay.WhatIf(ctx, b, "j1", replay.Moment{}, nil); !errors.Is(err, ledger.CodeInvalid) {
		t.Errorf("no edits: %v", err)
	}
	if _, err := replay.WhatIf(ctx, b, "j1", replay.Moment{Revision: 2}, twice[:1]); !errors.Is(err, ledger.CodeNotFound) {
		t.Errorf("an event after the moment: %v", err)
	}
}

// anyEdit draws an edit of an event that is there.
func anyEdit(t *rapid.T, events []ledger.Recorded) replay.Edit {
	e := rapid.SampledFrom(events).Draw(t, "event")
	edit := replay.Edit{Revision: e.Revision, Overlay: strings.HasPrefix(e.Stream, "overlay-")}
	switch rapid.IntRange(0, 3).Draw(t, "op") {
	case 0:
		edit.Op = replay.Drop
	case 1:
		edit.Op, edit.By = replay.Delay, rapid.SampledFrom([]time.Duration{time.Minute, 5 * time.Minute, 100 * time.Minute}).Draw(t, "by")
	case 2:
		edit.Op, edit.Attr, edit.Value = replay.Alter, "time", "2024-03-01T09:20:00Z"
	default:
		edit.Op, edit.Patch = replay.Alter, []byte(rapid.SampledFrom([]string{`{"stage":"C"}`, `{"attributes":{"p":9}}`, `{"attributes":null}`, `{}`}).Draw(t, "patch"))
	}
	return edit
}

func TestWhatIfLeavesTheRecordAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBook(t)
		defer b.Close()
		b.write(line{journey: "j1", typ: "journey.started", data: `{"stage":"A"}`})
		b.write(anyLines.Draw(t, "lines")...)
		before, head := b.recorded("j1"), b.heads()
		copies := slices.Clone(before)
		for i := range copies {
			copies[i].Data, copies[i].Record = bytes.Clone(copies[i].Data), bytes.Clone(copies[i].Record)
		}
		edit := anyEdit(t, before)
		parsed, err := replay.ParseEdit(edit.String())
		if must(t, parsed, err).String() != edit.String() {
			t.Fatalf("%s is read as %s", edit, parsed)
		}
		h, err := replay.Suppose("j1", replay.Moment{}, before, []replay.Edit{edit})
		must(t, h, err)
		stored, err := replay.WhatIf(ctx, b, "j1", replay.Moment{}, []replay.Edit{edit})
		if asJSON(t, must(t, stored, err)) != asJSON(t, h) {
			t.Fatalf("%s: the fold and the ledger's answer differ", edit)
		}
		if asJSON(t, before) != asJSON(t, copies) {
			t.Fatalf("%s changed the events it was given", edit)
		}
		if asJSON(t, b.recorded("j1")) != asJSON(t, copies) || b.heads() != head {
			t.Fatalf("%s changed the ledger", edit)
		}
		real := replay.Fold("j1", before)
		if h.Difference.From.Digest != replay.Digest(real) {
			t.Fatalf("%s: the state compared with is not the real one", edit)
		}
		got, want := patched(t, flat(t, real), h.Difference.Changes), flat(t, h.State)
		if asJSON(t, got) != asJSON(t, want) {
			t.Fatalf("%s: the changes lead to %v, not to %v", edit, got, want)
		}
		if edit.Op == replay.Drop {
			i := slices.IndexFunc(before, func(e ledger.Recorded) bool {
				return e.Revision == edit.Revision && strings.HasPrefix(e.Stream, "overlay-") == edit.Overlay
			})
			without := replay.Fold("j1", slices.Delete(slices.Clone(before), i, i+1))
			if asJSON(t, flat(t, without)) != asJSON(t, want) {
				t.Fatalf("%s is not the fold without the event", edit)
			}
		}
	})
}

// FuzzParseEdit: what is read says itself again, and applying it never panics.
func FuzzParseEdit(f *testing.F) {
	for _, spec := range []string{"drop:5", "drop:o1", "delay:5:48h", "delay:5:2d12h", "delay:5:after:9", `change:5:{"stage":"X"}`, "change:5:time=2024-03-01", "change:1:type=",
		`change:2:{"attributes":{"a":{"b":null}}}`, "delay:1:1ns", "drop:18446744073709551615"} {
		f.Add(spec)
	}
	b := newBook(f)
	b.write(story()...)
	f.Cleanup(func() { b.Close() })
	f.Fuzz(func(t *testing.T, spec string) {
		edit, err := replay.ParseEdit(spec)
		if err != nil {
			if !errors.Is(err, ledger.CodeInvalid) || ledger.HintOf(err) == "" {
				t.Fatalf("%q: %v", spec, err)
			}
			return
		}
		again, err := replay.ParseEdit(edit.String())
		if err != nil || again.String() != edit.String() {
			t.Fatalf("%q is %s, which is read as %s (%v)", spec, edit, again, err)
		}
		h, err := replay.WhatIf(ctx, b, "j1", replay.Moment{}, []replay.Edit{edit})
		if code := ledger.CodeOf(err); err != nil && code != ledger.CodeInvalid && code != ledger.CodeNotFound && code != ledger.CodeTooLarge {
			t.Fatalf("%q: %v", spec, err)
		}
		if err == nil {
			asJSON(t, h)
			if err := h.WriteText(&bytes.Buffer{}, replay.TextOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
