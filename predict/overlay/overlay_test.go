package overlay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/predict/learn"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/overlay"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/train"
	"github.com/baton-ledger/baton/predict/trust"
)

// desk is a real ledger in memory with a model that was trained on what is in it.
type desk struct {
	*testing.T
	store  *pebblestore.Store
	append ledger.Append
	dir    string // of models
	model  registry.Registered
	held   []train.Said
	n      int
}

var start = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// open makes a past in which offers by phone bounce and others do not.
func open(t *testing.T) *desk { return openWith(t, func(int) string { return "" }) }

// openWith adds members to the data of the offers.
func openWith(t *testing.T, more func(i int) string) *desk {
	store, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: bytes.Repeat([]byte{7}, 32), FS: vfs.NewMem(), MinFreeMB: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	d := &desk{T: t, store: store, append: ledger.Intake(store.AppendAll, ledger.Validate), dir: t.TempDir()}
	for i := range 200 {
		id, at := fmt.Sprint("P", i), start.Add(time.Duration(i)*6*time.Hour)
		channel := "chat"
		if i%3 == 0 {
			channel = "phone"
		}
		d.past(id, "h"+id, "handoff.offered", `{"from":"bot","to":"desk","channel":"`+channel+`"`+more(i)+`}`, at)
		d.past(id, "a"+id, "handoff.accepted", `{"handoff":"h`+id+`","stage":"desk"}`, at.Add(time.Minute))
		if channel == "phone" && i%5 > 0 {
			d.past(id, "g"+id, "handoff.offered", `{"from":"desk","to":"bot","channel":"mail"}`, at.Add(time.Hour))
		}
	}
	return d
}

func (d *desk) past(journey, id, typ, data string, at time.Time) ledger.Receipt {
	d.Helper()
	family, verb, _ := strings.Cut(typ, ".")
	e := ledger.Event{ID: id, Source: "test", Type: ledger.Type(family, verb), Subject: journey, Time: at, Data: []byte(data)}
	r := d.append(d.Context(), []ledger.Batch{{Stream: ledger.StreamFor(&e), Expect: ledger.Any, Events: []ledger.Event{e}}})[0]
	if r.Err != nil {
		d.Fatal(r.Err)
	}
	return r.Receipts[0]
}

// offer is a live one.
func (d *desk) offer(journey, channel string) ledger.Receipt {
	d.Helper()
	d.n++
	return d.past(journey, fmt.Sprint("live", d.n), "handoff.offered", `{"from":"bot","to":"desk","channel":"`+channel+`"}`, time.Time{})
}

// train registers a model of the seed.
func (d *desk) train(seed uint64) *registry.Loaded {
	d.Helper()
	r, err := train.Run(d.Context(), d.store, train.Options{Name: "again", Target: "handover-within:24h", Moments: []string{"offered"}, Seed: seed, Holdout: 0.25,
		Learners: []learn.Learner{&learn.Booster{Label: "additive booster", Depth: 1, Rounds: []int{50}, Rate: 0.1, MinRows: 10, Ridge: 3, Rows: 0.6, Columns: 0.5}}})
	if err != nil {
		d.Fatal(err)
	}
	d.model, d.held = registry.Describe("again", r), r.Held
	if _, err := registry.Save(d.dir, d.model, r.File); err != nil {
		d.Fatal(err)
	}
	if d.model, _, err = registry.Register(d.Context(), d.store, d.append, d.model); err != nil {
		d.Fatal(err)
	}
	m, err := registry.Load(d.dir, d.model)
	if err != nil {
		d.Fatal(err)
	}
	return m
}

func (d *desk) options() overlay.Options {
	return overlay.Options{Store: d.store, Append: d.append, Models: d.dir, Model: "again", Budget: time.Minute}
}

// run starts a follower that ends with the test.
func (d *desk) run(o overlay.Options) (*overlay.Overlay, func()) {
	ctx, cancel := context.WithCancel(d.Context())
	f, done := overlay.New(o), make(chan error, 1)
	go func() { done <- f.Run(ctx, nil) }()
	stop := func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			d.Errorf("the follower ended with %v", err)
		}
		done <- context.Canceled
	}
	d.Cleanup(stop)
	return f, stop
}

// until waits for a condition after each change of the ledger, or a status that a fact alone brings.
func (d *desk) until(what string, holds func() bool) {
	d.Helper()
	deadline := time.After(20 * time.Second)
	for tick := time.Tick(5 * time.Millisecond); !holds(); {
		select {
		case <-tick:
		case <-deadline:
			d.Fatalf("it never came to: %s", what)
		}
	}
}

func (d *desk) suggestions(journey string) (list []ledger.Recorded) {
	d.Helper()
	for e, err := range d.store.ReadStream(d.Context(), ledger.OverlayStream(journey), ledger.ReadOptions{}) {
		if err != nil {
			d.Fatal(err)
		}
		if e.Source == overlay.Source {
			list = append(list, e)
		}
	}
	return list
}

func (d *desk) suggested(journey string, n int) ledger.Recorded {
	d.Helper()
	d.until(fmt.Sprintf("%d suggestions for %s", n, journey), func() bool { return len(d.suggestions(journey)) >= n })
	list := d.suggestions(journey)
	if len(list) != n {
		d.Fatalf("%d suggestions", len(list))
	}
	return list[n-1]
}

func parse(t *testing.T, e ledger.Recorded) (s overlay.Suggestion) {
	if err := json.Unmarshal(e.Data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestScoreExplains: base and the weights lead to the probability, reasons name their events, and what comes later changes nothing.
func TestScoreExplains(t *testing.T) {
	d := open(t)
	m := d.train(1)
	phone := d.offer("L1", "phone")
	chat := d.offer("L2", "chat")
	s, err := overlay.Of(t.Context(), d.store, m, "L1", 0)
	if err != nil {
		t.Fatal(err)
	}
	other, err := overlay.Of(t.Context(), d.store, m, "L2", chat.Position)
	if err != nil {
		t.Fatal(err)
	}
	if s.Probability < 0.4 || other.Probability > 0.3 || s.Outside {
		t.Errorf("phone %g, chat %g", s.Probability, other.Probability)
	}
	if n := len(s.Reasons); n < 1 || n > 3 || s.Reasons[0].Code != "channel" || s.Reasons[0].Text != `the channel is "phone"` || s.Reasons[0].Effect != "raises" ||
		len(s.Reasons[0].Evidence) != 1 || s.Reasons[0].Evidence[0].Position != phone.Position {
		t.Errorf("%+v", s.Reasons)
	}
	sum := s.Base
	for _, r := range s.Reasons {
		sum += r.Weight
	}
	if m.Model.Calibration.Method != "isotonic" && math.Abs(1/(1+math.Exp(-sum))-s.Probability) > 0.15 {
		t.Errorf("base and the reasons give %g, the probability is %g", 1/(1+math.Exp(-sum)), s.Probability)
	}
	d.past("L1", "later", "handoff.declined", `{"handoff":"live1","reason":"no"}`, time.Time{})
	if later, err := overlay.Of(t.Context(), d.store, m, "L1", phone.Position); err != nil || later.Features.Digest != s.Features.Digest || later.Probability != s.Probability {
		t.Errorf("%+v %v", later, err)
	}
	if at, err := overlay.LastMoment(t.Context(), d.store, m, "L1"); err != nil || at != phone.Position {
		t.Errorf("%d %v", at, err)
	}
	if after, err := overlay.Of(t.Context(), d.store, m, "L1", 0); err != nil || !after.Outside {
		t.Errorf("%+v %v", after, err)
	}
	if _, err := overlay.Of(t.Context(), d.store, m, "nobody", 0); ledger.CodeOf(err) != ledger.CodeNotFound {
		t.Error(err)
	}
}

// TestTrainedAsScored: what training computed of an example in its pass over the ledger is what scoring computes of the journey, to the last bit.
func TestTrainedAsScored(t *testing.T) {
	d := open(t)
	m := d.train(1)
	journeys := map[uint64]string{}
	for e, err := range d.store.Read(t.Context(), ledger.ReadOptions{HeaderOnly: true}) {
		if err != nil {
			t.Fatal(err)
		}
		journeys[e.Position] = ledger.JourneyOf(e.Stream)
	}
	if len(d.held) < 20 {
		t.Fatalf("%d examples", len(d.held))
	}
	for _, h := range d.held {
		if s, err := overlay.Of(t.Context(), d.store, m, journeys[h.Position], h.Position); err != nil || s.Probability != h.P || s.Outside {
			t.Errorf("position %d: %v in training, %+v %v", h.Position, h.P, s, err)
		}
	}
}

// TestSuggestsOnce: what came before the registration is history; later offers get one suggestion each, over restarts and by two at once; and each can be
// made again.
func TestSuggestsOnce(t *testing.T) {
	d := open(t)
	d.train(1)
	first := d.offer("L1", "phone")
	_, stop := d.run(d.options())
	e := d.suggested("L1", 1)
	s := parse(t, e)
	if s.Position != first.Position || s.Handoff != "live1" || s.Point != "bot>desk@phone" || s.Policy != trust.Shadow || s.Propensity != 1 || s.Moment != "offered" ||
		s.Model.Hash != d.model.Hash || s.Model.Version != 1 || len(s.Reasons) == 0 || s.Features.Digest == "" || !s.ExpiresAt.Equal(first.RecordedTime.Add(24*time.Hour)) ||
		e.ID != overlay.EventID(d.model.Hash, first.Position) || e.CausationID != "live1" || e.Facets.ExpiresAt == "" {
		t.Errorf("%+v\n%s", e, e.Data)
	}
	stop()
	d.offer("L1", "chat")
	d.offer("L2", "phone")
	d.run(d.options())
	d.run(d.options())
	d.suggested("L1", 2)
	d.suggested("L2", 1)
	d.offer("L3", "phone")
	d.suggested("L3", 1)
	if n := len(d.suggestions("P0")); n != 0 {
		t.Errorf("%d suggestions for the past", n)
	}
	for _, journey := range []string{"L1", "L2", "L3"} {
		for _, e := range d.suggestions(journey) {
			if r, err := overlay.Reproduce(t.Context(), d.store, d.dir, e); err != nil || !r.Same || len(r.Differences) != 0 {
				t.Errorf("%+v %v", r, err)
			}
		}
	}
}

// TestReproduceFindsDifferences: a suggestion whose stored row, probability or reason is another is named by member.
func TestReproduceFindsDifferences(t *testing.T) {
	d := open(t)
	d.train(1)
	d.offer("L1", "phone")
	d.run(d.options())
	e := d.suggested("L1", 1)
	for _, c := range []struct{ old, new, member string }{
		{`"channel":"phone"`, `"channel":"chat"`, "features.values.channel"},
		{`"probability":0.`, `"probability":0.1`, "probability"},
		{`"effect":"raises"`, `"effect":"lowers"`, "reasons"},
		{`"digest":"`, `"digest":"0`, "features.digest"},
	} {
		changed := e
		changed.Data = []byte(strings.Replace(string(e.Data), c.old, c.new, 1))
		r, err := overlay.Reproduce(t.Context(), d.store, d.dir, changed)
		if err != nil || r.Same || len(r.Differences) != 1 || r.Differences[0].Member != c.member {
			t.Errorf("%s: %+v %v", c.member, r, err)
		}
	}
}

// TestAnotherModel takes over from its registration on.
func TestAnotherModel(t *testing.T) {
	d := open(t)
	f, _ := d.run(d.options())
	d.until("it says that there is no model", func() bool { return strings.Contains(f.Status().Problem, "no model") })
	d.train(1)
	d.offer("L1", "phone")
	one := parse(t, d.suggested("L1", 1))
	d.train(2)
	d.offer("L2", "phone")
	two := parse(t, d.suggested("L2", 1))
	if one.Model.Version != 1 || two.Model.Version != 2 || one.Model.Hash == two.Model.Hash || len(d.suggestions("L1")) != 1 {
		t.Errorf("%+v %+v", one.Model, two.Model)
	}
}

// TestBadModels: the reason is named, the follower goes on, and what can be put right is.
func TestBadModels(t *testing.T) {
	for _, c := range []struct {
		name, want string
		break_     func(d *desk, file string)
	}{
		{"missing", "no such file", func(_ *desk, file string) { os.Remove(file) }},
		{"damaged", "checksum", func(d *desk, file string) {
			b, err := os.ReadFile(file)
			if err != nil {
				d.Fatal(err)
			}
			b[len(b)/2] ^= 1
			os.WriteFile(file, b, 0o644)
		}},
		{"another", "another one than was registered", func(d *desk, file string) {
			m, err := model.Open(file)
			if err != nil {
				d.Fatal(err)
			}
			m.Card.Name = "other"
			if err := m.Save(file); err != nil {
				d.Fatal(err)
			}
		}},
		{"features of another version", "features of version 99", func(d *desk, file string) {
			m, err := model.Open(file)
			if err != nil {
				d.Fatal(err)
			}
			m.Card.Reads.Features = 99
			b, err := m.Bytes()
			if err != nil {
				d.Fatal(err)
			}
			d.model.Hash, d.model.Features = m.Hash(), 99
			d.model.File = registry.FileName("again", m.Hash())
			if _, err := registry.Save(d.dir, d.model, b); err != nil {
				d.Fatal(err)
			}
			if _, _, err := registry.Register(d.Context(), d.store, d.append, d.model); err != nil {
				d.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := open(t)
			d.train(1)
			c.break_(d, filepath.Join(d.dir, d.model.File))
			f, _ := d.run(d.options())
			d.offer("L1", "phone")
			d.until("it says why, and goes on", func() bool {
				s := f.Status()
				return strings.Contains(s.Problem, c.want) && s.Counts[overlay.Failed] == 1 && !s.Scoring
			})
			d.train(3)
			d.offer("L2", "phone")
			d.suggested("L2", 1)
			if s := f.Status(); s.Problem != "" || !s.Scoring {
				t.Errorf("%+v", s)
			}
		})
	}
}

// slow reads journeys later than any budget.
type slow struct{ *pebblestore.Store }

func (s slow) ReadStream(ctx context.Context, stream string, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	if !strings.HasPrefix(stream, ledger.CategoryJourney) {
		return s.Store.ReadStream(ctx, stream, o)
	}
	return func(yield func(ledger.Recorded, error) bool) {
		<-ctx.Done()
		yield(ledger.Recorded{}, ctx.Err())
	}
}

// TestBudget: what takes too long is left out and counted; the handoff is in the ledger all the same.
func TestBudget(t *testing.T) {
	d := open(t)
	d.train(1)
	o := d.options()
	o.Store, o.Budget = slow{d.store}, time.Millisecond
	f, _ := d.run(o)
	d.offer("L1", "phone")
	d.until("it is counted", func() bool { return f.Status().Counts[overlay.Late] == 1 })
	if n := len(d.suggestions("L1")); n != 0 {
		t.Errorf("%d suggestions", n)
	}
}

// TestPointsAndLate: only the points that are named get suggestions, and none gets one that is over when it comes.
func TestPointsAndLate(t *testing.T) {
	d := open(t)
	d.train(1)
	o := d.options()
	o.Points = []string{"bot>desk@chat"}
	d.offer("L1", "phone")
	d.offer("L2", "chat")
	d.run(o)
	d.suggested("L2", 1)
	if n := len(d.suggestions("L1")); n != 0 {
		t.Errorf("%d suggestions at another point", n)
	}
	o = d.options()
	o.TTL = time.Nanosecond
	f, _ := d.run(o)
	d.offer("L3", "phone")
	d.until("it is counted as late", func() bool { return f.Status().Counts[overlay.Late] > 0 })
}
