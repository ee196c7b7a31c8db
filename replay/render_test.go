package replay_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
)

// golden compares with a file of testdata; UPDATE=1 writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(path, got, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s differs (%v), got:\n%s", path, err, got)
	}
}

type texter interface {
	WriteText(io.Writer, replay.TextOptions) error
}

// answers are one of each, over the story.
func answers(t *testing.T, b *book, journey string) map[string]texter {
	t.Helper()
	v, err := replay.AsOf(ctx, b, journey, replay.Moment{})
	must(t, v, err)
	d, err := replay.Diff(ctx, b, journey, replay.Moment{Revision: 1}, replay.Moment{})
	must(t, d, err)
	c, err := replay.Bisect(ctx, b, journey, replay.Moment{}, `handoffs.exists(h, h.open)`)
	must(t, c, err)
	edits, err := replay.ParseEdits([]string{"drop:2"})
	must(t, edits, err)
	h, err := replay.WhatIf(ctx, b, journey, replay.Moment{}, edits)
	must(t, h, err)
	p, err := replay.Prove(ctx, b, journey, replay.Moment{})
	return map[string]texter{"asof": v, "diff": d, "bisect": c, "whatif": h, "prove": must(t, p, err), "timeline": timeline{b, journey}}
}

type timeline struct {
	b       *book
	journey string
}

func (l timeline) WriteText(w io.Writer, o replay.TextOptions) error {
	return replay.WriteTimeline(w, replay.Timeline(ctx, l.b, l.journey, replay.Moment{}), o)
}

func TestStorybook(t *testing.T) {
	b := storied(t)
	for name, a := range answers(t, b, "j1") {
		var text bytes.Buffer
		if err := a.WriteText(&text, replay.TextOptions{Width: 120}); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".txt", text.Bytes())
		if name != "timeline" {
			golden(t, name+".json", []byte(asJSON(t, a)+"\n"))
			continue
		}
		var entries []replay.Entry
		for e, err := range replay.Timeline(ctx, b, "j1", replay.Moment{}) {
			entries = append(entries, must(t, e, err))
		}
		golden(t, name+".json", []byte(asJSON(t, entries)+"\n"))
	}
}

// hostile is a journey whose names want to move the cursor, reverse the text or fill the screen.
func hostile(t *testing.T) *book {
	b := open(t)
	b.write(
		line{"jx\u202e", "journey.started", "", 0, `{"stage":"Kundendienst für Privatkunden 東京支店 サポート","party":"👩‍💻 é̂"}`},
		line{"jx\u202e", "interaction.recorded", "", 0, `{"activity":"call\u202etxt\u2028","stage":"Кириллица","status":"` + strings.Repeat("long ", 60) + `","attributes":{"k\u001b[2J":"v\u001b]0;title\u0007","z\u200bw":"\u2028"}}`},
		line{"jx\u202e", "handoff.offered", "h\u2067", 0, `{"from":{"stage":"A"},"to":{"stage":"東京"},"channel":"c","envelope":{"key_insight":"` + "\u2066" + `x"}}`},
	)
	return b
}

func TestTextIsHarmlessAndFits(t *testing.T) {
	b := hostile(t)
	for _, columns := range []int{40, 80, 100, 200} {
		for name, a := range answers(t, b, "jx\u202e") {
			var text bytes.Buffer
			if err := a.WriteText(&text, replay.TextOptions{Width: columns}); err != nil {
				t.Fatal(err)
			}
			for _, r := range text.String() {
				if r != '\n' && r != '\u200d' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
					t.Fatalf("%s lets %U through:\n%q", name, r, text.String())
				}
			}
		}
	}
}

// TestTablesAlign reads the heading's columns back and wants a gap before each column in every row, counted in terminal columns.
func TestTablesAlign(t *testing.T) {
	b := hostile(t)
	for _, columns := range []int{100, 140} {
		var text bytes.Buffer
		if err := (timeline{b, "jx\u202e"}).WriteText(&text, replay.TextOptions{Width: columns}); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
		for _, head := range []string{"occurred", "event", "what", "by", "held by", "notes"} {
			at := strings.Index(lines[0], " "+head) + 1
			for _, l := range lines[1:] {
				if cell := column(l, at-2, 2); cell != "  " && cell != "" {
					t.Errorf("width %d: column %s does not begin at %d in %q (%q)", columns, head, at, l, cell)
				}
			}
		}
		for _, l := range lines {
			if n := columnsOf(l); n > columns {
				t.Errorf("line of %d columns, %d allowed: %s", n, columns, l)
			}
		}
	}
}

// columnsOf counts terminal columns of the texts of these tests, in another way than the code: by script.
func columnsOf(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Mn, r) || r == '\u200d':
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r == 'ー' || r > 0x1f000:
			n += 2
		default:
			n++
		}
	}
	return n
}

func column(s string, from, n int) string {
	at := 0
	var out strings.Builder
	for _, r := range s {
		if at >= from && at < from+n {
			out.WriteRune(r)
		}
		at += columnsOf(string(r))
	}
	return out.String()
}

func TestColourOnlyWhenAsked(t *testing.T) {
	b := storied(t)
	for name, a := range answers(t, b, "j1") {
		var with, without bytes.Buffer
		if err := errors.Join(a.WriteText(&with, replay.TextOptions{Color: true}), a.WriteText(&without, replay.TextOptions{})); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(with.String(), "\x1b[") || strings.Contains(without.String(), "\x1b") {
			t.Errorf("%s: colour %v with, %v without", name, strings.Contains(with.String(), "\x1b["), strings.Contains(without.String(), "\x1b"))
		}
		plain := with.String()
		for _, code := range []string{"0", "1", "2", "31", "32", "33", "36"} {
			plain = strings.ReplaceAll(plain, "\x1b["+code+"m", "")
		}
		if plain != without.String() {
			t.Errorf("%s: colour changes the layout", name)
		}
	}
}

func TestManySpansBecomeOneRowForEachHolder(t *testing.T) {
	b := open(t)
	b.write(line{journey: "p", typ: "journey.started", data: `{"stage":"A"}`})
	for i := range 20 {
		from, to := "A", "B"
		if i%2 == 1 {
			from, to = to, from
		}
		id := fmt.Sprintf("h%d", i)
		b.write(line{"p", "handoff.offered", id, 0, `{"from":{"stage":"` + from + `"},"to":{"stage":"` + to + `"},"channel":"c"}`},
			line{"p", "handoff.accepted", "", 0, `{"handoff":"` + id + `","stage":"` + to + `"}`})
	}
	v, err := replay.AsOf(ctx, b, "p", replay.Moment{})
	must(t, v, err)
	var text bytes.Buffer
	if err := v.WriteText(&text, replay.TextOptions{Zone: time.FixedZone("", 3600)}); err != nil {
		t.Fatal(err)
	}
	_, custody, _ := strings.Cut(text.String(), "Custody\n")
	custody, _, _ = strings.Cut(custody, "\n\n")
	if lines := strings.Split(custody, "\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], "  A ") || !strings.Contains(lines[1], "11") || !strings.Contains(lines[1], "▶") || !strings.Contains(lines[2], "+01") {
		t.Errorf("%s", custody)
	}
}

func TestNothingYet(t *testing.T) {
	b := storied(t)
	v, err := replay.AsOf(ctx, b, "j2", replay.Moment{Position: 1})
	must(t, v, err)
	var text bytes.Buffer
	if err := errors.Join(v.WriteText(&text, replay.TextOptions{}), replay.WriteTimeline(&text, replay.Timeline(ctx, b, "j2", replay.Moment{Position: 1}), replay.TextOptions{})); err != nil {
		t.Fatal(err)
	}
	if strings.Count(text.String(), "nothing was known of it then") != 2 {
		t.Errorf("%s", text.String())
	}
	if got := asJSON(t, v); !strings.Contains(got, `"handoffs": []`) || !strings.Contains(got, `"context": {}`) {
		t.Errorf("lists are null: %s", got)
	}
	d, err := replay.Diff(ctx, b, "j2", replay.Moment{Position: 1}, replay.Moment{})
	if must(t, d, err); len(d.Changes) == 0 || d.From.Events != 0 {
		t.Errorf("from nothing: %s", asJSON(t, d))
	}
	if err := replay.WriteTimeline(io.Discard, replay.Timeline(ctx, b, "j9", replay.Moment{}), replay.TextOptions{}); !errors.Is(err, ledger.CodeNotFound) {
		t.Errorf("unknown journey: %v", err)
	}
}
