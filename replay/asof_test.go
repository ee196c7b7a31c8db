package replay_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
)

// selected is the specification of a moment, over all events of a journey in position order.
func selected(events []ledger.Recorded, m replay.Moment) []ledger.Recorded {
	cut := m.Position
	if m.Revision > 0 {
		i := slices.IndexFunc(events, func(e ledger.Recorded) bool { return e.Stream == "journey-j1" && e.Revision == m.Revision })
		cut = events[i].Position
	}
	known := m.KnownAt
	if !m.Recorded.IsZero() {
		known = m.Recorded
	}
	var out []ledger.Recorded
	for _, e := range events {
		if (cut == 0 || e.Position <= cut) && (known.IsZero() || !e.RecordedTime.After(known)) && (m.At.IsZero() || !e.Occurred().After(m.At)) {
			out = append(out, e)
		}
	}
	return out
}

// anyMoment draws a moment that is not past the end.
func anyMoment(t *rapid.T, b *book, events []ledger.Recorded) replay.Moment {
	minutes := rapid.Custom(func(t *rapid.T) time.Time {
		return epoch.Add(time.Duration(rapid.IntRange(0, 45).Draw(t, "minute")) * time.Minute)
	})
	last := uint64(0)
	for _, e := range events {
		if e.Stream == "journey-j1" {
			last = e.Revision
		}
	}
	switch rapid.IntRange(0, 5).Draw(t, "moment") {
	case 0:
		return replay.Moment{Position: rapid.Uint64Range(1, uint64(b.n)).Draw(t, "position")}
	case 1:
		if last > 0 {
			return replay.Moment{Revision: rapid.Uint64Range(1, last).Draw(t, "revision")}
		}
	case 2:
		return replay.Moment{At: minutes.Draw(t, "at")}
	case 3:
		return replay.Moment{At: minutes.Draw(t, "at"), KnownAt: minutes.Draw(t, "known")}
	case 4:
		return replay.Moment{Recorded: minutes.Draw(t, "recorded")}
	}
	return replay.Moment{KnownAt: minutes.Draw(t, "known")}
}

func TestAsOfIsTheFoldOfWhatCountsAndStaysSo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBook(t)
		defer b.Close()
		b.write(line{journey: "j1", typ: "journey.started", data: `{"stage":"A"}`})
		b.write(anyLines.Draw(t, "before")...)
		events := b.recorded("j1")
		m := anyMoment(t, b, events)
		v, err := replay.AsOf(ctx, b, "j1", m)
		must(t, v, err)
		want := selected(events, m)
		expected := replay.Fold("j1", want)
		if replay.Digest(v) != replay.Digest(expected) || v.Events != len(want) {
			t.Fatalf("as of %s: %s\nthe fold of what counts: %s", m, asJSON(t, v), asJSON(t, expected))
		}
		if m.KnownAt.IsZero() && m.Recorded.IsZero() && !m.At.IsZero() || b.now.Before(m.KnownAt) || b.now.Before(m.Recorded) {
			return // what is known now, or will be known by a time to come, grows
		}
		was := asJSON(t, v)
		more := anyLines.Draw(t, "after")
		for i := range more {
			more[i].id = "later" + more[i].id
		}
		b.now = b.now.Add(time.Minute)
		b.write(more...)
		v, err = replay.AsOf(ctx, b, "j1", m)
		if is := asJSON(t, must(t, v, err)); is != was {
			t.Fatalf("as of %s changed by later events from %s to %s", m, was, is)
		}
	})
}

func TestLateEventsCountByWhenTheyWereKnown(t *testing.T) {
	b := storied(t) // the note occurred at minute 3 and was recorded at minute 9
	for _, c := range []struct {
		flags        map[string]string
		events, late int
		note         bool
	}{
		{map[string]string{"at": "2024-03-01T09:03"}, 3, 9, true},
		{map[string]string{"at": "2024-03-01T09:03", "known-at": "2024-03-01T09:08"}, 2, 5, false},
		{map[string]string{"at": "2024-03-01 09:03", "known-at": "2024-03-01 09:09"}, 3, 5, true},
		{map[string]string{"recorded": "2024-03-01T09:08:00Z"}, 7, 0, false},
		{map[string]string{"known-at": "2024-03-01T10:09:00+01:00"}, 8, 0, true},
		{map[string]string{"revision": "3"}, 3, 0, false},
		{map[string]string{"revision": "4"}, 6, 0, false}, // with the two overlay events before it
		{map[string]string{"position": "5"}, 4, 0, false},
		{map[string]string{"at": "2024-02-29"}, 0, 12, false},
		{nil, 12, 0, true},
	} {
		v, err := replay.AsOf(ctx, b, "j1", moment(t, c.flags))
		must(t, v, err)
		if _, note := v.Context["note"]; v.Events != c.events || v.NotYet != c.late || note != c.note || v.Journey.ID != "j1" {
			t.Errorf("%v: %d events, %d not yet, note %v, id %q; want %d, %d, %v", c.flags, v.Events, v.NotYet, note, v.Journey.ID, c.events, c.late, c.note)
		}
	}
}

func TestMomentsThatCannotBe(t *testing.T) {
	b := storied(t)
	for _, c := range []struct {
		flags      map[string]string
		code       ledger.Code
		text, hint string
	}{
		{map[string]string{"position": "4", "revision": "2"}, ledger.CodeInvalid, "--position and --revision contradict", "give one of"},
		{map[string]string{"position": "4", "at": "2024-03-01"}, ledger.CodeInvalid, "--position and --at contradict", "--known-at alone"},
		{map[string]string{"recorded": "2024-03-01", "known-at": "2024-03-01"}, ledger.CodeInvalid, "--known-at and --recorded contradict", ""},
		{map[string]string{"recorded": "2024-03-01", "known-at": "2024-03-01", "at": "2024-03-01"}, ledger.CodeInvalid, "--at and --known-at and --recorded", ""},
		{map[string]string{"position": "0"}, ledger.CodeInvalid, `--position "0" is not a whole number from 1`, ""},
		{map[string]string{"revision": "-1"}, ledger.CodeInvalid, `--revision "-1"`, ""},
		{map[string]string{"at": "yester\x1b[2Jday"}, ledger.CodeInvalid, `--at: "yester\x1b[2Jday" is not a time`, "2010-04-08"},
		{map[string]string{"position": "99"}, ledger.CodeNotFound, "--position 99 is past the end of the ledger, which is position 13", "13"},
		{map[string]string{"revision": "99"}, ledger.CodeNotFound, `--revision 99 is past the end of journey "j1", which has 10`, "10"},
	} {
		m, err := replay.ParseMoment(func(f string) string { return c.flags[f] })
		if err == nil {
			_, err = replay.AsOf(ctx, b, "j1", m)
		}
		if !errors.Is(err, c.code) || !strings.Contains(err.Error(), c.text) || !strings.Contains(ledger.HintOf(err), c.hint) || ledger.HintOf(err) == "" {
			t.Errorf("%v: %v (%s), hint %q", c.flags, err, ledger.CodeOf(err), ledger.HintOf(err))
		}
	}
}

func TestUnknownJourneysAreNamedWithWhatWasMeant(t *testing.T) {
	b := storied(t)
	b.write(line{journey: "1-364285768", typ: "journey.started"}, line{journey: "1-999999999", typ: "journey.started"})
	for id, meant := range map[string]string{"1-36428576": "1-364285768", "1-364285769": "1-364285768", "journey-j1": "j1", "overlay-j2": "j2", "J1": "j1",
		"1-364825768": "1-364285768", "nothing like it": "", "x\x1b[31m": ""} {
		_, err := replay.AsOf(ctx, b, id, replay.Moment{})
		hint := ledger.HintOf(err)
		if !errors.Is(err, ledger.CodeNotFound) || !strings.Contains(hint, "baton journeys") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%q: %v, hint %q", id, err, hint)
		}
		if suggested := strings.Contains(hint, "did you mean"); suggested != (meant != "") || !strings.Contains(hint, meant) {
			t.Errorf("%q: hint %q, want %q", id, hint, meant)
		}
	}
	if _, err := replay.AsOf(ctx, b, "", replay.Moment{}); !errors.Is(err, ledger.CodeInvalid) {
		t.Errorf("no id: %v", err)
	}
	if _, err := replay.AsOf(ctx, open(t), "j1", replay.Moment{Position: 3}); !errors.Is(err, ledger.CodeNotFound) {
		t.Errorf("empty ledger: %v", err)
	}
}

// busy is a ledger that is written to while somebody reads: every stream read is preceded by an append to both streams.
type busy struct{ *book }

func (b busy) ReadStream(ctx context.Context, stream string, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	return func(yield func(ledger.Recorded, error) bool) {
		b.write(line{journey: "j1", typ: "interaction.recorded", data: `{"activity":"meanwhile","stage":"Front"}`},
			line{journey: "j1", typ: "handoff.viewed", data: `{"handoff":"h2"}`})
		for e, err := range b.book.ReadStream(ctx, stream, o) {
			if !yield(e, err) {
				return
			}
		}
	}
}

// Read fails: nothing but Prove may read the whole ledger.
func (b busy) Read(context.Context, ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	return func(yield func(ledger.Recorded, error) bool) {
		yield(ledger.Recorded{}, errors.New("the whole ledger was read"))
	}
}

func TestBothStreamsShowOneInstant(t *testing.T) {
	b := storied(t)
	want, err := replay.AsOf(ctx, b, "j1", replay.Moment{Position: 13})
	must(t, want, err)
	got, err := replay.AsOf(ctx, busy{b}, "j1", replay.Moment{})
	if replay.Digest(must(t, got, err)) != replay.Digest(want) {
		t.Errorf("read beside a writer: %s", asJSON(t, got.Journey))
	}
}

// failing is a reader whose stream breaks after some events.
type failing struct {
	*book
	stream string
	after  int
}

var errBroken = errors.New("disk gone")

func (f failing) ReadStream(ctx context.Context, stream string, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	return func(yield func(ledger.Recorded, error) bool) {
		n := 0
		for e, err := range f.book.ReadStream(ctx, stream, o) {
			if n++; stream == f.stream && n > f.after {
				yield(ledger.Recorded{}, errBroken)
				return
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func TestAReadThatBreaksIsNoAnswer(t *testing.T) {
	b := storied(t)
	for _, stream := range []string{"journey-j1", "overlay-j1"} {
		for after := range 2 {
			r := failing{b, stream, after}
			_, err := replay.AsOf(ctx, r, "j1", replay.Moment{})
			if !errors.Is(err, errBroken) {
				t.Errorf("%s after %d: %v", stream, after, err)
			}
			entries, last := 0, error(nil)
			for _, err := range replay.Timeline(ctx, r, "j1", replay.Moment{}) {
				entries, last = entries+1, err
			}
			if !errors.Is(last, errBroken) || entries < 1 {
				t.Errorf("timeline over %s after %d: %d entries, then %v", stream, after, entries, last)
			}
		}
	}
}

func TestEventsCanBeLeftAnywhere(t *testing.T) {
	b := storied(t)
	for n := range 12 {
		seen := 0
		for e, err := range replay.Events(ctx, b, "j1", replay.Moment{}) {
			if seen++; err != nil || seen > n {
				break
			}
			_ = e
		}
		if seen != n+1 {
			t.Errorf("left after %d of 12: saw %d", n, seen)
		}
	}
	positions := ""
	for e, err := range replay.Events(ctx, b, "j1", replay.Moment{}) {
		positions += fmt.Sprint(must(t, e, err).Position, " ")
	}
	if positions != "1 2 4 5 6 7 8 9 10 11 12 13 " {
		t.Errorf("merged positions %s", positions)
	}
}
