package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

func openStore(t *testing.T) (*pebblestore.Store, ledger.Append) {
	t.Helper()
	s, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, ledger.Intake(s.AppendAll, ledger.Validate)
}

// call is a handoff of journey J from the bot to sales.
func call(id string) ledger.HandoffCall {
	return ledger.HandoffCall{ID: id, Journey: "J", From: ledger.Party{Stage: "bot", Kind: "ai_agent"}, To: ledger.Party{Stage: "sales", Party: "Ada"},
		Channel: "chat", Reason: "wants a price", Envelope: json.RawMessage(`{"mandatory":{"need":"price > 5",  "seats":12345678901234567890}}`),
		Data: map[string]json.RawMessage{"z": json.RawMessage(`[1, 2]`), "a": json.RawMessage(`null`)}}
}

func types(t *testing.T, s ledger.Reader, journey string) (out []string) {
	t.Helper()
	for r, err := range s.ReadStream(t.Context(), ledger.JourneyStream(journey), ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		family, verb := ledger.SplitType(r.Type)
		out = append(out, family+"."+verb)
	}
	return out
}

func TestHandOffIsOneBatch(t *testing.T) {
	s, to := openStore(t)
	ctx := t.Context()
	first, err := ledger.HandOff(ctx, s, to, call("h1"))
	if err != nil {
		t.Fatal(err)
	}
	if first.State != ledger.Accepted || first.Point != "bot>sales@chat" || first.Owner != (ledger.Party{Stage: "sales", Party: "Ada"}) ||
		len(first.Receipts) != 2 || first.Receipts[0].Position != 2 || len(first.Anomalies) != 0 {
		t.Errorf("answered %+v", first)
	}
	if got := types(t, s, "J"); !slices.Equal(got, []string{"journey.started", "handoff.offered", "handoff.accepted"}) {
		t.Errorf("recorded %v", got)
	}
	again, err := ledger.HandOff(ctx, s, to, call("h1"))
	if err != nil || !again.Receipts[0].Duplicate || again.Receipts[1].LeafHash != first.Receipts[1].LeafHash {
		t.Errorf("the retry answers %+v, %v", again, err)
	}
	other := call("h1")
	other.To.Party = "Bob"
	var conflict *ledger.IDConflict
	if _, err := ledger.HandOff(ctx, s, to, other); !errors.As(err, &conflict) || conflict.ID != "h1" {
		t.Errorf("other content under the same id: %v", err)
	}
	back := call("h2")
	back.From, back.To, back.OfferOnly = call("").To, call("").From, true
	if out, err := ledger.HandOff(ctx, s, to, back); err != nil || out.State != ledger.Offered || out.Owner.Stage != "sales" || len(out.Receipts) != 1 {
		t.Errorf("an offer alone answers %+v, %v", out, err)
	}
	back.OfferOnly = false
	if _, err := ledger.HandOff(ctx, s, to, back); !errors.Is(err, ledger.CodePartialBatch) {
		t.Errorf("the same with acceptance: %v", err)
	}
	stranger := call("h3")
	stranger.From.Stage = "nobody"
	if out, err := ledger.HandOff(ctx, s, to, stranger); err != nil || !slices.Contains(out.Anomalies, ledger.AnomalyNoCustody) {
		t.Errorf("an offer by who holds nothing: %+v, %v", out, err)
	}
	if h, err := s.Head(ctx); err != nil || h.Position != 6 {
		t.Errorf("the ledger ends at %d (%v), want 6", h.Position, err)
	}
}

// TestHandOffKeepsWhatWasSent requires the envelope and extras byte for byte in the event, and in the journey's context.
func TestHandOffKeepsWhatWasSent(t *testing.T) {
	s, to := openStore(t)
	if _, err := ledger.HandOff(t.Context(), s, to, call("h")); err != nil {
		t.Fatal(err)
	}
	want := `{"from":{"stage":"bot","kind":"ai_agent"},"to":{"stage":"sales","party":"Ada"},"channel":"chat","reason":"wants a price",` +
		`"envelope":{"mandatory":{"need":"price > 5",  "seats":12345678901234567890}},"a":null,"z":[1, 2]}`
	for r, err := range s.Read(t.Context(), ledger.ReadOptions{From: 2, To: 2}) {
		if err != nil || string(r.Data) != want {
			t.Errorf("recorded %s, %v, want %s", r.Data, err, want)
		}
		c := ledger.Context{}
		if c.Apply(&r); string(c["seats"].Value) != "12345678901234567890" {
			t.Errorf("context %+v", c)
		}
	}
}

// TestHandOffsAtOnce has many callers begin one journey, half of them with the same call.
func TestHandOffsAtOnce(t *testing.T) {
	s, to := openStore(t)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if _, err := ledger.HandOff(context.Background(), s, to, call(fmt.Sprintf("h%d", i/2))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := types(t, s, "J")
	if len(got) != 41 || got[0] != "journey.started" || slices.Contains(got[1:], "journey.started") {
		t.Errorf("recorded %d events: %v", len(got), got)
	}
}

// TestHandOffMadeMeanwhile: the same call was made, in a journey that another began, after this one saw that there is none.
func TestHandOffMadeMeanwhile(t *testing.T) {
	s, to := openStore(t)
	first := true
	late := func(ctx context.Context, batches []ledger.Batch) []ledger.Result {
		if first {
			first = false
			for _, id := range []string{"h0", "h1"} {
				if _, err := ledger.HandOff(ctx, s, to, call(id)); err != nil {
					t.Fatal(err)
				}
			}
		}
		return to(ctx, batches)
	}
	h, err := ledger.HandOff(t.Context(), s, late, call("h1"))
	if err != nil || len(h.Receipts) != 2 || !h.Receipts[0].Duplicate {
		t.Errorf("%+v %v", h, err)
	}
}

func TestMoveHandoff(t *testing.T) {
	s, to := openStore(t)
	ctx := t.Context()
	offer := call("h")
	offer.OfferOnly = true
	if _, err := ledger.HandOff(ctx, s, to, offer); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		move      ledger.HandoffMove
		state     ledger.HandoffState
		owner     string
		anomalies string
	}{
		{ledger.HandoffMove{Verb: ledger.Completed}, ledger.Offered, "bot", "completed_before_accepted"},
		{ledger.HandoffMove{Verb: ledger.Accepted, By: ledger.Party{Stage: "sales", Party: "Bob"}}, ledger.Accepted, "sales", ""},
		{ledger.HandoffMove{Verb: ledger.Accepted, By: ledger.Party{Stage: "sales", Party: "Bob"}}, ledger.Accepted, "sales", ""}, // a retry
		{ledger.HandoffMove{Verb: ledger.Returned, Reason: "not mine"}, ledger.Returned, "bot", ""},
	} {
		step.move.Handoff, step.move.Journey = "h", "J"
		out, err := ledger.MoveHandoff(ctx, s, to, step.move)
		if err != nil || out.State != step.state || out.Owner.Stage != step.owner || strings.Join(out.Anomalies, ",") != step.anomalies {
			t.Errorf("%s answers %+v, %v", step.move.Verb, out, err)
		}
	}
	if got := types(t, s, "J"); len(got) != 5 {
		t.Errorf("recorded %v", got)
	}
}

func TestWrongHandoffCalls(t *testing.T) {
	s, to := openStore(t)
	if _, err := ledger.HandOff(t.Context(), s, to, call("h")); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*ledger.HandoffCall){
		"journey":       func(c *ledger.HandoffCall) { c.Journey = "" },
		"from.stage":    func(c *ledger.HandoffCall) { c.From = ledger.Party{Party: "x"} },
		"to.stage":      func(c *ledger.HandoffCall) { c.To.Stage = "" },
		"channel":       func(c *ledger.HandoffCall) { c.Channel = "" },
		"id has":        func(c *ledger.HandoffCall) { c.ID = strings.Repeat("x", 250) },
		"envelope":      func(c *ledger.HandoffCall) { c.Envelope = json.RawMessage(`{"a":1},"from":{"stage":"me"}`) },
		"data.from":     func(c *ledger.HandoffCall) { c.Data["from"] = json.RawMessage(`{}`) },
		"x is not":      func(c *ledger.HandoffCall) { c.Data["x"] = json.RawMessage(`oops`) },
		"datasubject":   func(c *ledger.HandoffCall) { c.DataSubject = strings.Repeat("x", 300) },
		"correlationid": func(c *ledger.HandoffCall) { c.CorrelationID = "a\x00" },
	} {
		c := call("new")
		change(&c)
		if _, err := ledger.HandOff(t.Context(), s, to, c); err == nil || !strings.Contains(err.Error(), name) || ledger.HintOf(err) == "" {
			t.Errorf("%s: %v, hint %q", name, err, ledger.HintOf(err))
		}
	}
	for name, m := range map[string]ledger.HandoffMove{
		"verb":                      {Handoff: "h", Journey: "J", Verb: "viewed"},
		"journey is":                {Handoff: "h", Verb: ledger.Accepted},
		`has no handoff "x"`:        {Handoff: "x", Journey: "J", Verb: ledger.Accepted},
		`journey "K" has no`:        {Handoff: "h", Journey: "K", Verb: ledger.Accepted},
		"data.reason has a field":   {Handoff: "h", Journey: "J", Verb: ledger.Accepted, Data: map[string]json.RawMessage{"reason": nil}},
		`already in "journey-J" at`: {Handoff: "h", Journey: "J", Verb: ledger.Accepted, Reason: "other content than the call's own acceptance"},
	} {
		if _, err := ledger.MoveHandoff(t.Context(), s, to, m); err == nil || !strings.Contains(err.Error(), name) || ledger.HintOf(err) == "" {
			t.Errorf("%s: %v, hint %q", name, err, ledger.HintOf(err))
		}
	}
	if h, err := s.Head(t.Context()); err != nil || h.Position != 3 {
		t.Errorf("the ledger ends at %d (%v), want 3: a refused call left something", h.Position, err)
	}
}
