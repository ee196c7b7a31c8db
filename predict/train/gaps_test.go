package train_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/train"
)

// TestGaps: half of the journeys say nothing of themselves, a field is in one alone, and what is held out has categories that training has not seen. A model comes of it,
// with a probability for each, and what is known still tells.
func TestGaps(t *testing.T) {
	b := open(t)
	tier, age := map[uint64]string{}, "41"
	for i := range 400 {
		id, at := fmt.Sprint("J", i), start.AddDate(0, 0, i/4)
		data, said, end := `{"from":"bot","to":"desk","channel":"chat"}`, "", "done"
		switch late := i >= 300; {
		case i%2 == 0:
		case late && i%4 == 1:
			said = fmt.Sprint("never seen ", i)
			data = `{"from":"new ` + id + `","to":"shop","channel":"fax ` + id + `"}`
		case i%3 == 0:
			said = "gold"
		default:
			said = "silver"
		}
		if said == "gold" || said == "" && i%5 == 0 {
			end = "churned"
		}
		if said != "" {
			b.event(id, "", "interaction", "recorded", `{"activity":"greet","attributes":{"tier":"`+said+`","age":`+age+`}}`, at)
			age = "null" // all but one journey have none
		}
		b.event(id, "h"+id, "handoff", "offered", data, at.Add(time.Minute))
		b.event(id, "", "journey", "closed", `{"outcome":"`+end+`"}`, at.Add(time.Hour))
		head, err := b.store.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tier[head.Position-1] = said
	}
	o := options("churn")
	o.Moments, o.Fields = []string{"offered"}, []string{"tier", "ghost"}
	if _, err := train.Run(t.Context(), b.store, o); ledger.CodeOf(err) != ledger.CodeInvalid || !strings.Contains(err.Error(), "ghost") {
		t.Errorf("a field that no journey has: %v", err)
	}
	o.Fields = []string{"tier", "age"}
	r, err := train.Run(t.Context(), b.store, o)
	if err != nil {
		t.Fatal(err)
	}
	sum, count := map[string]float64{}, map[string]float64{}
	for _, h := range r.Held {
		if !(h.P > 0 && h.P < 1) {
			t.Fatalf("%+v", h)
		}
		kind := tier[h.Position]
		if len(kind) > 6 {
			kind = "never seen"
		}
		sum[kind] += h.P
		count[kind]++
	}
	if len(count) != 4 {
		t.Fatalf("held out: %v", count)
	}
	gold, silver, nothing := sum["gold"]/count["gold"], sum["silver"]/count["silver"], sum[""]/count[""]
	if gold < 0.7 || silver > 0.2 || nothing < silver || nothing > gold {
		t.Errorf("gold %.3f, silver %.3f, nothing known %.3f", gold, silver, nothing)
	}
	if f := r.Figures; f.AUC < 0.6 || !(f.LogLoss < 3) {
		t.Errorf("%+v", f)
	}
}
