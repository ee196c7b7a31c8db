package replay_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
)

func TestFilter(t *testing.T) {
	r := ledger.Recorded{Stream: "journey-J", Position: 7, Revision: 2, Event: ledger.Event{ID: "1", Source: "test", Type: ledger.Type("handoff", "offered"),
		Subject: "J", Data: []byte(`{"from":{"stage":"bot"},"to":{"stage":"sales"},"channel":"chat","amount":120,"list":["a"],"text":"x"}`)}}
	var err error
	if r.Facets, err = ledger.DeriveFacets(r.Data); err != nil {
		t.Fatal(err)
	}
	for expression, want := range map[string]bool{
		`event.family == "handoff" && event.verb == "offered"`: true,
		`event.point == "bot>sales@chat"`:                      true,
		`data.amount > 100 && data.amount < 120.5`:             true,
		`data.list[0] == "a" && "text" in data`:                true,
		`event.journey == "K"`:                                 false,
		`data.nothing == 1`:                                    false, // not there
		`data.text > 1`:                                        false, // of another type
		`data.list[3] == "a"`:                                  false,
		`event.position == 7 && event.time == event.recorded`:  true,
		`data.nothing == 1 || event.revision == 2`:             true,
	} {
		f, err := replay.CompileFilter(expression)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.Match(t.Context(), &r); got != want || err != nil {
			t.Errorf("%s is %v, %v", expression, got, err)
		}
	}
	r.ContentType, r.Data = "text/plain", []byte("plain")
	f, err := replay.CompileFilter(`event.id == "1" && !("amount" in data)`)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.Match(t.Context(), &r); !got || err != nil {
		t.Errorf("data that is no JSON: %v, %v", got, err)
	}
}

func TestFilterRefuses(t *testing.T) {
	deep := "true"
	for range 6 {
		deep = fmt.Sprintf("[1,2,3,4,5,6,7,8,9].all(x, %s)", deep)
	}
	f, err := replay.CompileFilter(deep)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Match(t.Context(), &ledger.Recorded{Position: 3}); !errors.Is(err, ledger.CodeInvalid) || !strings.Contains(err.Error(), "too costly for the event at position 3") {
		t.Errorf("a costly filter: %v", err)
	}
	for expression, want := range map[string]string{"": "empty", "event.id": "not true or false", `event.id = "x"`: "column 10", "event.late": "undefined field",
		"owner == \"\"": "undeclared reference", strings.Repeat("1", 5000) + "==1": "filter"} {
		if _, err := replay.CompileFilter(expression); !errors.Is(err, ledger.CodeInvalid) || !strings.Contains(err.Error(), want) || ledger.HintOf(err) == "" {
			t.Errorf("%.20s: %v", expression, err)
		}
	}
}

// TestPatternsAreBounded: what a pattern costs beyond its letters, CEL does not count.
func TestPatternsAreBounded(t *testing.T) {
	r := ledger.Recorded{Position: 3, Event: ledger.Event{ID: "order-17", Source: "[a-z]+"}}
	for expression, want := range map[string]string{
		`event.id.matches("` + strings.Repeat("a{1000}", 100) + `")`: "exceeds limit",
		`matches(event.id, "(a{30}){30}")`:                           "exceeds limit",
		`event.id.matches(event.source) || true`:                     "no literal",
		`matches(event.id, "a{1000}" + event.source) || true`:        "no literal",
		`[1].all(x, event.id.matches(string(x)))`:                    "no literal",
		`event.id.matches("(")`:                                      "filter",
	} {
		if _, err := replay.CompileFilter(expression); !errors.Is(err, ledger.CodeInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v", expression, err)
		}
		if _, err := replay.Compile(strings.ReplaceAll(strings.ReplaceAll(expression, "event.id", "owner"), "event.source", "owner")); !errors.Is(err, ledger.CodeInvalid) {
			t.Errorf("a condition %.60s: %v", expression, err)
		}
	}
	for expression, want := range map[string]bool{`event.id.matches("^order-[0-9]{2,8}$")`: true, `matches(event.id, "^o$")`: false} {
		f, err := replay.CompileFilter(expression)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.Match(t.Context(), &r); got != want || err != nil {
			t.Errorf("%s is %v, %v", expression, got, err)
		}
	}
}
