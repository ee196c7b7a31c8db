package trust_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/trust"
)

// book is a real ledger in memory.
type book struct {
	*testing.T
	store  *pebblestore.Store
	append ledger.Append
}

func open(t *testing.T) *book {
	store, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: bytes.Repeat([]byte{7}, 32), FS: vfs.NewMem(), MinFreeMB: -1, CacheMB: 8, MemtableMB: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return &book{t, store, ledger.Intake(store.AppendAll, ledger.Validate)}
}

func (b *book) register(hash string) registry.Registered {
	b.Helper()
	m, _, err := registry.Register(b.Context(), b.store, b.append, registry.Registered{Name: "again", Hash: hash, Target: "handover-within:24h", Moments: []string{"offered"}})
	if err != nil {
		b.Fatal(err)
	}
	return m
}

func (b *book) ladder() *trust.Ladder {
	b.Helper()
	l, err := trust.Read(b.Context(), b.store, "again")
	if err != nil {
		b.Fatal(err)
	}
	return l
}

func (b *book) step(m registry.Registered, point string, to trust.Level) ledger.Receipt {
	b.Helper()
	l := b.ladder()
	from, _ := l.Level(m.Hash, point, 0)
	r, err := trust.Write(b.Context(), b.append, l, trust.Step{Model: trust.ModelOf(m), Point: point, From: from, To: to, Why: "a test", Actor: "test"})
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func asked(list []trust.Asked) (text string) {
	for _, a := range list {
		text += fmt.Sprintf("%d %s;", a.Model.Version, a.Level)
	}
	return text
}

// TestLadder goes through the life of two versions: the second one shadows while the first speaks, and takes over where it is promoted.
func TestLadder(t *testing.T) {
	b := open(t)
	one := b.register("1111111111111111aa")
	var at []uint64
	see := func(point, want string) {
		t.Helper()
		if got := asked(b.ladder().At(point, 0)); got != want {
			t.Errorf("at %s: %q, not %q", point, got, want)
		}
	}
	see("p", "1 shadow;")
	at = append(at, b.step(one, "p", trust.Advisory).Position)
	see("p", "1 advisory;")
	see("q", "1 shadow;")
	two := b.register("2222222222222222bb")
	see("p", "2 shadow;1 advisory;")
	see("q", "2 shadow;")
	b.step(two, trust.Everywhere, trust.Advisory)
	see("p", "2 advisory;")
	see("q", "2 advisory;")
	b.step(two, "q", trust.Default)
	see("q", "2 default;")
	b.step(two, trust.Everywhere, trust.Shadow) // lowers also the point that was higher
	see("q", "2 shadow;")
	see("p", "2 shadow;1 advisory;")
	b.step(two, trust.Everywhere, trust.Off)
	see("p", "1 advisory;")
	see("q", "")
	if got := asked(b.ladder().At("p", at[0])); got != "1 shadow;" {
		t.Errorf("as of the promotion itself: %q", got)
	}
	if got := asked(b.ladder().At("p", one.Position)); got != "" {
		t.Errorf("before there was a model: %q", got)
	}
	if n := len(b.ladder().Speakers(0)); n != 2 {
		t.Errorf("%d speakers", n)
	}
	types := ""
	for e, err := range b.store.ReadStream(t.Context(), "model-again", ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		_, verb := ledger.SplitType(e.Type)
		types += verb + " "
	}
	if want := "registered promoted registered promoted promoted demoted retired "; types != want {
		t.Errorf("%s, not %s", types, want)
	}
}

// TestStepOnce: of two who decide by the same ladder one writes; the same step again is the same event.
func TestStepOnce(t *testing.T) {
	b := open(t)
	m := b.register("1111111111111111aa")
	l := b.ladder()
	s := trust.Step{Model: trust.ModelOf(m), Point: "p", From: trust.Shadow, To: trust.Advisory, Why: "x", Actor: "test"}
	first, err := trust.Write(t.Context(), b.append, l, s)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := trust.Write(t.Context(), b.append, l, s); err != nil || again.Position != first.Position {
		t.Errorf("%+v %v", again, err)
	}
	s.Point = "q"
	if _, err := trust.Write(t.Context(), b.append, l, s); ledger.CodeOf(err) != ledger.CodeStaleRevision {
		t.Errorf("a step by an old ladder: %v", err)
	}
	if n := len(b.ladder().Steps); n != 1 {
		t.Errorf("%d steps", n)
	}
}

// TestForeignSteps: what another source writes into the stream moves nothing.
func TestForeignSteps(t *testing.T) {
	b := open(t)
	m := b.register("1111111111111111aa")
	data, err := json.Marshal(trust.Step{Model: trust.ModelOf(m), Point: trust.Everywhere, To: trust.Default})
	if err != nil {
		t.Fatal(err)
	}
	e := ledger.Event{ID: "x", Source: "crm", Type: ledger.Type("model", "promoted"), ContentType: "application/json", Data: data}
	if r := b.store.AppendAll(t.Context(), []ledger.Batch{{Stream: "model-again", Expect: ledger.Any, Events: []ledger.Event{e}}})[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	if level, _ := b.ladder().Level(m.Hash, "p", 0); level != trust.Shadow {
		t.Error(level)
	}
}

// TestHeldOut: the share is kept, and the draw is the same each time.
func TestHeldOut(t *testing.T) {
	held := 0
	for i := range 20_000 {
		if id := fmt.Sprint("h", i); trust.HeldOut("abc", id, 0.1) {
			held++
			if !trust.HeldOut("abc", id, 0.1) || trust.HeldOut("abc", id, 0) {
				t.Fatal(id)
			}
		}
	}
	if held < 1870 || held > 2130 { // three standard deviations
		t.Errorf("%d of 20,000 held out at a share of 0.1", held)
	}
}
