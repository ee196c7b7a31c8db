package overlay_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/external"
	"github.com/baton-ledger/baton/predict/overlay"
	"github.com/baton-ledger/baton/predict/registry"
)

// TestExternalAnswers: what another program answers stands in the suggestion byte for byte and is read again from there; what it answers wrongly is named, and the next
// moment is asked all the same.
func TestExternalAnswers(t *testing.T) {
	d := open(t)
	m, err := registry.Declare("again", "handover-within:24h", "another handoff", []string{"offered"}, registry.External{Subject: "s.again", Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	if m, _, err = registry.Register(t.Context(), d.store, d.append, m); err != nil {
		t.Fatal(err)
	}
	var answer atomic.Value
	answer.Store(` {"probability" : 0.25, "reasons":[{"code":"<c>","text":"because","effect":"raises","weight":1}], "mine":"ü"}`)
	var asked atomic.Value
	o := d.options()
	o.Ask = func(_ context.Context, subject string, request []byte) ([]byte, error) {
		asked.Store(string(request))
		return []byte(answer.Load().(string)), nil
	}
	f, _ := d.run(o)
	d.offer("L1", "phone")
	e := d.suggested("L1", 1)
	var s overlay.Suggestion
	if err := json.Unmarshal(e.Data, &s); err != nil || s.Probability != 0.25 || s.External.Answer != answer.Load() || s.Reasons[0].Code != "<c>" || s.Policy != "shadow" {
		t.Fatalf("%s %v", e.Data, err)
	}
	var request external.Request
	if err := json.Unmarshal([]byte(asked.Load().(string)), &request); err != nil || request.Journey != "L1" || request.Point != "bot>desk@phone" || request.Moment != "offered" ||
		request.Model.Hash != m.Hash || request.Features.Digest != s.Features.Digest || request.BudgetMS <= 0 || request.Features.Values["channel"] != "phone" {
		t.Errorf("asked %s, %v", asked.Load(), err)
	}
	r, err := overlay.Reproduce(t.Context(), d.store, d.dir, e)
	if err != nil || !r.Same || !r.Recorded || r.Probability != 0.25 {
		t.Errorf("%+v %v", r, err)
	}
	forged := e
	forged.Data = []byte(strings.Replace(string(e.Data), "0.25, ", "0.75, ", 1))
	if _, err := overlay.Reproduce(t.Context(), d.store, d.dir, forged); !errors.Is(err, ledger.CodeCorrupt) {
		t.Errorf("another answer than the digest's: %v", err)
	}

	answer.Store(`{"probability":2}`)
	d.offer("L2", "phone")
	d.until("it is named", func() bool { return strings.Contains(f.Status().Problem, "not from 0 to 1") })
	if n := len(d.suggestions("L2")); n != 0 || f.Status().Counts[overlay.Failed] != 1 {
		t.Errorf("%d suggestions, %v", n, f.Status())
	}
	answer.Store(`{"probability":0}`)
	d.offer("L3", "phone")
	d.suggested("L3", 1)
	d.until("nothing is wrong", func() bool { return f.Status().Problem == "" && f.Status().Scoring })
	if _, err := registry.Load(d.dir, m); !errors.Is(err, ledger.CodeUnsupported) {
		t.Errorf("it has a file: %v", err)
	}
}

// TestDeclare: the hash is the declaration's, and what cannot be asked is refused.
func TestDeclare(t *testing.T) {
	a, err := registry.Declare("a", "churn", "it leaves", []string{"offered"}, registry.External{Subject: "s.a", Version: "1"})
	if err != nil || len(a.Hash) != 64 {
		t.Fatal(a, err)
	}
	for _, e := range []registry.External{{Subject: "s.a", Version: "2"}, {Subject: "s.b", Version: "1"}, {Subject: "s.a", Version: "1", Activities: []string{"x"}}} {
		if b, err := registry.Declare("a", "churn", "it leaves", []string{"offered"}, e); err != nil || b.Hash == a.Hash {
			t.Errorf("%+v has the same hash, %v", e, err)
		}
	}
	for _, subject := range []string{"", "s.*", "s.>", "s..a", "s a"} {
		if _, err := registry.Declare("a", "churn", "it leaves", nil, registry.External{Subject: subject}); !errors.Is(err, ledger.CodeInvalid) {
			t.Errorf("%q: %v", subject, err)
		}
	}
}
