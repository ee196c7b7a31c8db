package replay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/replay"
)

var (
	ctx   = context.Background()
	epoch = time.Date(2024, 3, 1, 9, 0, 0, 0, time.UTC)
)

// book is a real ledger on an in-memory disk. Its clock moves a minute with every append.
type book struct {
	*pebblestore.Store
	t      fataler
	append ledger.Append
	now    time.Time
	n      int
}

type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func newBook(t fataler) *book {
	t.Helper()
	b := &book{t: t, now: epoch}
	s, err := pebblestore.Open(ctx, "ledger", pebblestore.Options{TagKey: []byte(strings.Repeat("k", 32)), FS: vfs.NewMem(), MemtableMB: 1, CacheMB: 1,
		Now: func() time.Time { return b.now }})
	if err != nil {
		t.Fatal(err)
	}
	b.Store, b.append = s, ledger.Intake(s.AppendAll, ledger.Validate)
	return b
}

// open is newBook, closed at the end of the test.
func open(t *testing.T) *book {
	b := newBook(t)
	t.Cleanup(func() { b.Close() })
	return b
}

// line is one event of a story: who, what, when (minutes after epoch; the place in the story where 0) and data.
type line struct {
	journey, typ, id string
	minute           int
	data             string
}

func (b *book) write(lines ...line) {
	b.t.Helper()
	for _, l := range lines {
		b.n++
		b.now = b.now.Add(time.Minute)
		e := ledger.Event{ID: l.id, Source: "test", Subject: l.journey, Type: "dev.baton." + l.typ + ".v1", Time: epoch.Add(time.Duration(b.n) * time.Minute), Data: []byte(l.data)}
		if l.minute != 0 {
			e.Time = epoch.Add(time.Duration(l.minute) * time.Minute)
		}
		if e.ID == "" {
			e.ID = fmt.Sprintf("e%d", b.n)
		}
		if r := b.append(ctx, []ledger.Batch{{Stream: ledger.StreamFor(&e), Expect: ledger.Any, Events: []ledger.Event{e}}})[0]; r.Err != nil {
			b.t.Fatalf("append %s: %v", e.ID, r.Err)
		}
	}
}

// story is a journey of three teams with a return, a late note, an overlay, and another journey between.
func story() []line {
	return []line{
		{"j1", "journey.started", "", 1, `{"channel":"phone"}`},
		{"j1", "interaction.recorded", "", 2, `{"activity":"call","stage":"Front","party":"ann","kind":"human","status":"new","attributes":{"priority":"low","amount":12.50}}`},
		{"j2", "interaction.recorded", "", 3, `{"activity":"mail","stage":"Front"}`},
		{"j1", "handoff.offered", "h1", 4, `{"from":{"stage":"Front","party":"ann"},"to":{"stage":"Back"},"channel":"queue","envelope":{"mandatory":{"need":"refund"},"key_insight":"angry"}}`},
		{"j1", "handoff.delivered", "", 5, `{"handoff":"h1"}`},
		{"j1", "handoff.viewed", "", 6, `{"handoff":"h1"}`},
		{"j1", "handoff.accepted", "", 7, `{"handoff":"h1","stage":"Back","party":"bob"}`},
		{"j1", "interaction.recorded", "", 8, `{"activity":"check","stage":"Back","party":"bob","status":"busy","attributes":{"priority":"high"}}`},
		{"j1", "interaction.recorded", "", 3, `{"activity":"note","stage":"Front","party":"ann","attributes":{"amount":null,"note":"was there"}}`},
		{"j1", "handoff.completed", "", 10, `{"handoff":"h1","outcome":"done"}`},
		{"j1", "handoff.offered", "h2", 60, `{"from":{"stage":"Back"},"to":{"stage":"Front"},"channel":"queue"}`},
		{"j1", "handoff.accepted", "", 70, `{"handoff":"h2","stage":"Front","party":"cy"}`},
		{"j1", "journey.closed", "", 80, `{"outcome":"refunded"}`},
	}
}

func storied(t *testing.T) *book {
	b := open(t)
	b.write(story()...)
	return b
}

// anyLines draws a journey as the world makes them: handoffs in any order, late events, overlays, context that comes and goes.
var anyLines = rapid.Custom(func(t *rapid.T) []line {
	n := rapid.IntRange(1, 25).Draw(t, "events")
	out := make([]line, 0, n)
	stage := rapid.SampledFrom([]string{"A", "B", "C"})
	handoff := rapid.SampledFrom([]string{"h1", "h2", "h3"})
	offered := map[string]bool{}
	for i := range n {
		l := line{journey: rapid.SampledFrom([]string{"j1", "j1", "j1", "j2"}).Draw(t, "journey"), id: fmt.Sprintf("i%d", i),
			minute: rapid.IntRange(1, 40).Draw(t, "minute")}
		switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
		case kind < 4:
			value := rapid.SampledFrom([]string{`1`, `2.50`, `"x"`, `null`, `{"b":1,"a":[2]}`}).Draw(t, "value")
			name := rapid.SampledFrom([]string{"p", "q", "r"}).Draw(t, "field")
			l.typ, l.data = "interaction.recorded", fmt.Sprintf(`{"activity":"act","stage":%q,"status":%q,"attributes":{%q:%s}}`, stage.Draw(t, "stage"),
				stage.Draw(t, "status"), name, value)
		case kind < 6:
			id := handoff.Draw(t, "handoff") + l.journey
			if offered[id] {
				id += l.id
			}
			offered[id] = true
			l.typ, l.id = "handoff.offered", id
			l.data = fmt.Sprintf(`{"from":{"stage":%q},"to":{"stage":%q},"channel":"c"}`, stage.Draw(t, "from"), stage.Draw(t, "to"))
		case kind < 9:
			verb := rapid.SampledFrom([]string{"delivered", "viewed", "accepted", "accepted", "declined", "completed", "returned"}).Draw(t, "verb")
			l.typ, l.data = "handoff."+verb, fmt.Sprintf(`{"handoff":%q,"stage":%q}`, handoff.Draw(t, "handoff")+l.journey, stage.Draw(t, "by"))
		default:
			l.typ, l.data = "journey.closed", `{"outcome":"over"}`
		}
		out = append(out, l)
	}
	return out
})

// recorded reads a journey's events back by position, without the code under test.
func (b *book) recorded(journey string) []ledger.Recorded {
	b.t.Helper()
	var out []ledger.Recorded
	for r, err := range b.Read(ctx, ledger.ReadOptions{}) {
		if err != nil {
			b.t.Fatal(err)
		}
		if ledger.JourneyOf(r.Stream) == journey {
			out = append(out, r)
		}
	}
	return out
}

func asJSON(t fataler, v any) string {
	t.Helper()
	out, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func must[T any](t fataler, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (hint: %s)", err, ledger.HintOf(err))
	}
	return v
}

func moment(t fataler, flags map[string]string) replay.Moment {
	t.Helper()
	m, err := replay.ParseMoment(func(f string) string { return flags[f] })
	return must(t, m, err)
}

// heads is the end of the ledger and of its streams, with the chained heads that commit to every byte.
func (b *book) heads() string {
	b.t.Helper()
	head, err := b.Head(ctx)
	out := fmt.Sprint(must(b.t, head, err))
	for s, err := range b.Streams(ctx, "", "") {
		out += fmt.Sprint(" ", must(b.t, s, err))
	}
	return out
}
