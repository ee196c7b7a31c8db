package features_test

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/table"
)

// TestContextAndEnvelopes: what is known, asked, offered, delivered and looked at.
func TestContextAndEnvelopes(t *testing.T) {
	b := open(t)
	b.add("J", "", "interaction", "recorded", `{"activity":"greet","stage":"bot","attributes":{"tier":"gold","age":41,"key":{"enc":"x"}}}`, 0)
	offer := b.add("J", "h", "handoff", "offered", `{"from":"bot","to":"desk","channel":"chat","envelope":{"mandatory":{"age":42,"order":"0000","mail":"a@b"},
		"optional":{"plan":"x y","tier":"gold"},"forward_looking":{"risk":9},"fields":{"plan":{"method":"default"},"mail":{"method":"user","fill_ms":349},"tier":{"method":"user","fill_ms":350}}}}`, 1)
	b.add("J", "", "handoff", "delivered", `{"handoff":"h","fields":["age","order","mail","tier","tier",7]}`, 1)
	b.add("J", "", "handoff", "viewed", `{"handoff":"h","fields":["age"]}`, 2)
	ask := b.add("J", "", "question", "asked", `{"handoff":"h","field":"age","stage":"desk"}`, 2)
	b.add("J", "", "question", "asked", `{"handoff":"h","field":"size","stage":"desk"}`, 2)
	b.add("J", "", "question", "answered", `{"handoff":"h","field":"size","attributes":{"size":3}}`, 2)
	with := *spec
	with.Asked = map[string]int{"bot > desk": 8}
	f, err := with.AsOf(t.Context(), b.store, "J", 0)
	if err != nil {
		t.Fatal(err)
	}
	row := f.Row(nil)
	s := f.Snapshot(row)
	for name, want := range map[string]any{"field tier": "gold", "field age": 42.0, "fields offered": 5.0, "fields offered last": 5.0, "fields delivered": 4.0,
		"fields viewed last": 1.0, "share delivered": 0.8, "share of junk": 0.5, "completeness": 0.25, "questions asked": 2.0, "questions about what was known": 1.0,
		"open questions": 1.0} {
		if s.Values[name] != want {
			t.Errorf("%s is %v, want %v", name, s.Values[name], want)
		}
	}
	for i, c := range with.Columns() {
		words, places := with.Words(i, row[i]), f.Evidence(i)
		switch c.Name {
		case "field age":
			if words != "age is 42" || len(places) != 1 || places[0].Position != offer {
				t.Error(words, places)
			}
		case "share of junk":
			if words != "50 % of the delivered fields look like junk" || len(places) != 2 {
				t.Error(words, places)
			}
		case "questions about what was known":
			if len(places) != 1 || places[0].Position != ask {
				t.Error(words, places)
			}
		}
	}
	b.add("J", "", "interaction", "recorded", `{"activity":"look","attributes":{"tier":null,"age":"forty"}}`, 3)
	if s, _ := b.snapshot("J", 0); s.Values["field tier"] != "" || s.Values["field age"] != nil {
		t.Errorf("a value that was taken back, and one of another type, are still there: %+v", s.Values)
	}
}

// TestSurveyTakesTheUsualFields: not ids, not texts, not predictions, not what is rare, not what came later.
func TestSurveyTakesTheUsualFields(t *testing.T) {
	s := features.NewSurvey()
	for i := range 100_000 {
		data := fmt.Sprintf(`{"activity":"greet","attributes":{"segment":"s%d","age":%d,"id":"customer-%d","note":"%s","secret":{"v":1}}}`, i%3, i%70, i, strings.Repeat("x", 65))
		if i%50 == 0 {
			data = `{"activity":"greet","attributes":{"rare":1,"segment":"once"}}`
		}
		s.Add(event(fmt.Sprint("J", i), "interaction", "recorded", data), begin)
	}
	for i := range 10_000 {
		s.Add(event(fmt.Sprint("J", i), "handoff", "offered", `{"from":"a","to":"b","channel":"c","envelope":{"mandatory":{"ok":true},"forward_looking":{"risk":5}}}`), begin)
		s.Add(event(fmt.Sprint("J", i), "interaction", "recorded", `{"activity":"late","attributes":{"later":1}}`), begin.AddDate(0, 0, 9))
	}
	got := s.Spec(begin.AddDate(0, 0, 2), nil)
	want := &features.Spec{Activities: []string{"greet"}, Asked: map[string]int{"a > b": 1},
		Fields: []features.Field{{Name: "age", Kind: table.Number}, {Name: "ok", Kind: table.Category}, {Name: "segment", Kind: table.Category}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := s.Spec(begin.AddDate(0, 0, 2), []string{}); len(got.Fields) != 0 {
		t.Errorf("%+v", got)
	}
	if got := s.Spec(begin.AddDate(0, 0, 2), []string{"id"}); len(got.Fields) != 1 || got.Fields[0].Kind != table.Category {
		t.Errorf("%+v", got)
	}
}

func event(journey, family, verb, data string) *ledger.Recorded {
	e := ledger.Event{ID: "e", Source: "test", Type: ledger.Type(family, verb), Subject: journey, ContentType: "application/json", Data: []byte(data)}
	e.Facets, _ = ledger.DeriveFacets(e.Data)
	return &ledger.Recorded{Event: e, Stream: ledger.StreamFor(&e), RecordedTime: begin, Position: 1, Revision: 1}
}

// FuzzBuilder: data of any form, in events of any type, at times that jump, gives a row and no panic.
func FuzzBuilder(f *testing.F) {
	for _, data := range []string{"", "nothing", `7`, `[]`, `{"envelope":7}`, `{"attributes":[1]}`, `{"attributes":{"age":1e999,"tier":"\ud800"}}`, `{"fields":{"a":1}}`,
		`{"envelope":{"mandatory":{"age":"n/a"},"fields":{"age":{"fill_ms":"soon"}}},"field":"age","handoff":"e1"}`, `{"fields":[null,[],"age"],"handoff":"e1"}`} {
		f.Add(data, int64(-5), uint8(3))
	}
	kinds := [][2]string{{"journey", "started"}, {"interaction", "recorded"}, {"handoff", "offered"}, {"handoff", "delivered"}, {"handoff", "viewed"}, {"handoff", "accepted"},
		{"question", "asked"}, {"question", "answered"}, {"suggestion", "offered"}, {"handoff", "declined"}, {"journey", "closed"}}
	f.Fuzz(func(t *testing.T, data string, jump int64, order uint8) {
		b, again := spec.New(), spec.New()
		for i := range 2 * len(kinds) {
			kind := kinds[(i+int(order))%len(kinds)]
			e := event("J", kind[0], kind[1], data)
			e.ID, e.Position, e.Revision = fmt.Sprint("e", i), uint64(i+1), uint64(i+1)
			e.Time = begin.Add(time.Duration(jump * int64(i%3-1)))
			b.Add(e)
			again.Add(e)
		}
		row := b.Row(nil)
		for i, c := range spec.Columns() {
			if math.IsInf(row[i].Number, 0) || c.Name != "field age" && c.Kind == table.Number && math.IsNaN(row[i].Number) || strings.HasPrefix(c.Name, "hours") && row[i].Number < 0 {
				t.Errorf("%s is %v", c.Name, row[i].Number)
			}
			if spec.Words(i, row[i]) == "" {
				t.Error(c.Name)
			}
			b.Evidence(i)
		}
		if b.Snapshot(row).Digest != again.Snapshot(again.Row(nil)).Digest {
			t.Error("the same events give another row")
		}
	})
}

func BenchmarkRow(b *testing.B) {
	f := spec.New()
	f.Add(event("J", "interaction", "recorded", `{"activity":"greet","attributes":{"tier":"gold","age":4}}`))
	row := f.Row(nil)
	b.ReportAllocs()
	for b.Loop() {
		row = f.Row(row[:0])
	}
}
