package train_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/predict/learn"
	"github.com/baton-ledger/baton/predict/measure"
	"github.com/baton-ledger/baton/predict/train"
)

// book is a real ledger in memory.
type book struct {
	testing.TB
	store *pebblestore.Store
	n     int
}

func open(t testing.TB) *book {
	store, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: bytes.Repeat([]byte{7}, 32), FS: vfs.NewMem(), MinFreeMB: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return &book{TB: t, store: store}
}

func (b *book) append(events ...ledger.Event) {
	b.Helper()
	var batches []ledger.Batch
	for i := range events {
		batches = append(batches, ledger.Batch{Stream: ledger.StreamFor(&events[i]), Expect: ledger.Any, Events: events[i : i+1]})
	}
	for _, r := range ledger.Intake(b.store.AppendAll, ledger.Validate)(b.Context(), batches) {
		if r.Err != nil {
			b.Fatal(r.Err)
		}
	}
}

func (b *book) simulate(journeys int, truth *bytes.Buffer) {
	o := simulate.Options{Seed: 7, Journeys: journeys}
	if truth != nil {
		o.Truth = truth
	}
	s, err := simulate.New(o)
	if err != nil {
		b.Fatal(err)
	}
	var group []ledger.Event
	for e, err := range s.Events() {
		if err != nil {
			b.Fatal(err)
		}
		if group = append(group, e); len(group) == 1000 {
			b.append(group...)
			group = nil
		}
	}
	b.append(group...)
}

var start = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func (b *book) event(journey, id, family, verb, data string, at time.Time) {
	b.n++
	if id == "" {
		id = fmt.Sprint("e", b.n)
	}
	b.append(ledger.Event{ID: id, Source: "test", Type: ledger.Type(family, verb), Subject: journey, Time: at, Data: []byte(data)})
}

// quick is one learner, so that a test takes a second.
func quick() []learn.Learner {
	return []learn.Learner{&learn.Booster{Label: "additive booster", Depth: 1, Rounds: []int{50, 100}, Rate: 0.1, MinRows: 10, Ridge: 3, Rows: 0.6, Columns: 0.5}}
}

func options(target string) train.Options {
	return train.Options{Name: "n", Target: target, Moments: []string{"offered", "accepted"}, Seed: 1, Holdout: 0.25, Learners: quick()}
}

// TestSameLedgerSameModel: the same events and the same seed give the same file; what is appended to the overlay and to the model's own
// stream changes nothing, and another seed another file.
func TestSameLedgerSameModel(t *testing.T) {
	var hashes []string
	for _, also := range []bool{false, true} {
		b := open(t)
		b.simulate(400, nil)
		if also {
			b.append(ledger.Event{ID: "r", Source: "test", Type: ledger.Type("suggestion", "shown"), Subject: "sim-7-255ff-000001"})
			if _, err := b.store.Append(t.Context(), ledger.Batch{Stream: "model-n", Expect: ledger.Any, Events: []ledger.Event{{ID: "m", Source: "test", Type: ledger.Type("model", "registered")}}}); err != nil {
				t.Fatal(err)
			}
		}
		for _, seed := range []uint64{1, 2} {
			o := options("handover-within:24h")
			o.Seed = seed
			r, err := train.Run(t.Context(), b.store, o)
			if err != nil {
				t.Fatal(err)
			}
			hashes = append(hashes, r.Model.Hash())
		}
	}
	if hashes[0] != hashes[2] || hashes[1] != hashes[3] || hashes[0] == hashes[1] {
		t.Error(hashes)
	}
}

// TestLabelsOnlyWhenKnown: of moments a day apart, each followed by another within the horizon or not, the last ones are not known yet.
func TestLabelsOnlyWhenKnown(t *testing.T) {
	b := open(t)
	const days = 200
	for i := range days {
		id, at := fmt.Sprint("J", i), start.AddDate(0, 0, i)
		b.event(id, "h"+id, "handoff", "offered", `{"from":"bot","to":"desk","channel":"chat"}`, at)
		if i%2 == 0 { // by a channel that tells
			b.event(id, "g"+id, "handoff", "offered", `{"from":"desk","to":"shop","channel":"mail"}`, at.Add(48*time.Hour))
		}
	}
	o := options("handover-within:72h")
	o.Moments = []string{"offered"}
	r, err := train.Run(t.Context(), b.store, o)
	if err != nil {
		t.Fatal(err)
	}
	// 300 offers up to day 200 (the second offer of day 198); known are those 72 h before it: days 0 to 197 of the first, 0 to 195 (two days later) of the second.
	if r.Examples != 198+98 || r.Unknown != 4 {
		t.Errorf("%d examples, %d unknown", r.Examples, r.Unknown)
	}
	if !r.Cut.Before(r.To) || r.From != start || len(r.Held) < 70 {
		t.Errorf("%+v", r)
	}
	// Three moments come in two days, so that about five lie in the 72 h before the held out ones, whose label was not known then.
	if late := r.Examples - len(r.Held) - r.TrainRows; late < 3 || late > 5 {
		t.Errorf("%d examples were left out because their label was not known yet", late)
	}
	for _, h := range r.Held {
		if h.P < 0 || h.P > 1 {
			t.Errorf("%+v", h)
		}
	}
}

// TestChurnLearnsWhatTellsIt from the closing alone, where no feedback says it.
func TestChurnLearnsWhatTellsIt(t *testing.T) {
	b := open(t)
	for i := range 300 {
		id, at := fmt.Sprint("J", i), start.AddDate(0, 0, i/4)
		channel, end := "chat", "done"
		if i%3 == 0 {
			channel = "phone"
			if i%5 != 0 {
				end = "churned"
			}
		}
		b.event(id, "h"+id, "handoff", "offered", `{"from":"bot","to":"desk","channel":"`+channel+`"}`, at)
		b.event(id, "", "journey", "closed", `{"outcome":"`+end+`"}`, at.Add(time.Hour))
	}
	o := options("churn")
	o.Moments = []string{"offered"}
	r, err := train.Run(t.Context(), b.store, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Figures.AUC < 0.9 || r.Figures.LogLoss > 0.75*r.Figures.BaseLoss {
		t.Errorf("%+v", r.Figures)
	}
}

func TestRefusals(t *testing.T) {
	b := open(t)
	for i := range 120 {
		id := fmt.Sprint("J", i)
		b.event(id, "h"+id, "handoff", "offered", `{"from":"bot","to":"desk","channel":"chat"}`, start.AddDate(0, 0, i))
		b.event(id, "", "journey", "closed", `{"outcome":"done"}`, start.AddDate(0, 0, i).Add(time.Hour))
	}
	for target, want := range map[string]string{"churn": "one outcome", "outcome:done": "one outcome", "handover-within:10000h": "at least",
		"handover-within:x": "no length of time", "weather": "no target", "outcome:": "no target"} {
		if _, err := train.Run(t.Context(), b.store, options(target)); ledger.CodeOf(err) != ledger.CodeInvalid || !bytes.Contains([]byte(err.Error()), []byte(want)) || ledger.HintOf(err) == "" {
			t.Errorf("%s: %v", target, err)
		}
	}
}

// BenchmarkSimulator trains with all learners on 2,000 simulated journeys, and holds churn against the best that could be said by somebody who knows all but
// the noise at the journey's end.
func BenchmarkSimulator(b *testing.B) {
	book, truth := open(b), &bytes.Buffer{}
	book.simulate(2000, truth)
	visible := visible(b, truth)
	for _, target := range []string{"churn", "handover-within:24h", "outcome:resolved"} {
		b.Run(target, func(b *testing.B) {
			for b.Loop() {
				o := options(target)
				o.Learners = nil
				r, err := train.Run(b.Context(), book.store, o)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(r.Figures.AUC, "AUC")
				b.ReportMetric(r.Figures.AUCSE, "AUC-se")
				if target == "churn" {
					b.ReportMetric(bayes(b, book.store, r, visible), "AUC-visible")
				}
				if os.Getenv("SHOW") != "" {
					text, _ := json.MarshalIndent(r.Model.Card, "", " ")
					fmt.Fprintf(os.Stderr, "%s\n%+v\n", text, r.Figures)
				}
			}
		})
	}
}

func visible(b *testing.B, truth *bytes.Buffer) map[string]float64 {
	out := map[string]float64{}
	for line := range bytes.Lines(truth.Bytes()) {
		var l struct {
			Journey string
			Churn   struct {
				Visible float64 `json:"visible_p"`
			}
		}
		if err := json.Unmarshal(line, &l); err == nil && l.Journey != "" {
			out[l.Journey] = l.Churn.Visible
		}
	}
	return out
}

func bayes(b *testing.B, store ledger.Reader, r *train.Result, visible map[string]float64) float64 {
	journey := map[uint64]string{}
	for e, err := range store.Read(context.Background(), ledger.ReadOptions{HeaderOnly: true}) {
		if err != nil {
			b.Fatal(err)
		}
		journey[e.Position] = ledger.JourneyOf(e.Stream)
	}
	var list []measure.Prediction
	for _, h := range r.Held {
		p := visible[journey[h.Position]]
		list = append(list, measure.Prediction{P: []float64{1 - p, p}, Y: h.Label})
	}
	return measure.Of(list).AUC
}
