package contract_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

const refund = `
contract: support/refund
version: %d
owner: support
consumers: [billing]
points: ["support>billing@ticket"]
mode: %s
fields:
  - {name: order, class: mandatory, schema: {type: string, pattern: "^order-"}, classification: internal, purpose: [refund], subject: customer, fresh_for: 7d}
  - {name: amount, class: mandatory, schema: {type: number, minimum: 0}, classification: internal, purpose: [refund], subject: customer, fresh_for: 7d}
  - {name: note, class: optional, schema: {type: string}, classification: internal, purpose: [refund], subject: customer, fresh_for: 7d}
`

// desk is a ledger whose intake checks contracts.
type desk struct {
	*testing.T
	store  *pebblestore.Store
	agreed *contract.Registry
	in     ledger.Append
}

func newDesk(t *testing.T, documents ...string) *desk {
	t.Helper()
	store, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{FS: vfs.NewMem(), TagKey: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	d := &desk{T: t, store: store}
	if d.agreed, err = contract.Load(t.Context(), store, 0); err != nil {
		t.Fatal(err)
	}
	d.in = ledger.Intake(store.AppendAll, contract.Stage(contract.StageOptions{Registry: d.agreed, Find: store.Find}), ledger.Validate)
	for _, text := range documents {
		d.publish(text)
	}
	return d
}

func (d *desk) do(verb string, said contract.Said) contract.Acted {
	d.Helper()
	out, err := contract.Do(d.Context(), d.store, d.in, contract.Act{Verb: verb, Said: said, By: "tester"})
	if err != nil {
		d.Fatalf("%s: %v (%s)", verb, err, ledger.HintOf(err))
	}
	return out
}

func (d *desk) publish(text string) {
	d.Helper()
	c, err := contract.Parse([]byte(text))
	if err != nil {
		d.Fatal(err)
	}
	d.do("drafted", contract.Said{Name: c.Name, Version: c.Version, Contract: c})
	d.do("published", contract.Said{Name: c.Name, Version: c.Version})
}

// offer hands a journey from support to billing with an envelope, in one call.
func (d *desk) offer(id, envelope string) (ledger.HandedOff, error) {
	return ledger.HandOff(d.Context(), d.store, d.in, ledger.HandoffCall{ID: id, Journey: "J-" + id, From: ledger.Party{Stage: "support"}, To: ledger.Party{Stage: "billing"},
		Channel: "ticket", Envelope: []byte(envelope)})
}

func (d *desk) events(stream string) (types []string) {
	for r, err := range d.store.ReadStream(d.Context(), stream, ledger.ReadOptions{}) {
		if err != nil {
			d.Fatal(err)
		}
		family, verb := ledger.SplitType(r.Type)
		types = append(types, family+"."+verb)
	}
	return types
}

const (
	good = `{"mandatory":{"order":"order-1","amount":49}}`
	bad  = `{"mandatory":{"order":"order-1","amount":"49"},"custom":7}`
)

func doc(version int, mode contract.Mode) string { return fmt.Sprintf(refund, version, mode) }

func TestModes(t *testing.T) {
	for _, c := range []struct {
		mode           contract.Mode
		told, recorded bool
		state          ledger.HandoffState
		code           ledger.Code
	}{
		{contract.Observe, false, true, ledger.Accepted, ""},
		{contract.Warn, true, true, ledger.Accepted, ""},
		{contract.Quarantine, true, false, ledger.Quarantined, ""},
		{contract.Reject, false, false, "", ledger.CodeViolation},
	} {
		d := newDesk(t, doc(1, c.mode))
		if h, err := d.offer("a", good); err != nil || h.State != ledger.Accepted || len(h.Notices) != 0 {
			t.Errorf("%s: a good offer: %+v %v", c.mode, h, err)
		}
		h, err := d.offer("b", bad)
		if ledger.CodeOf(err) != c.code || h.State != c.state || (len(h.Notices) > 0) != c.told {
			t.Fatalf("%s: %+v %v", c.mode, h, err)
		}
		if got := len(d.events("journey-J-b")) > 0; got != c.recorded {
			t.Errorf("%s: recorded %v", c.mode, got)
		}
		violated := slices.Contains(d.events("overlay-J-b"), "contract.violated")
		if violated != c.recorded {
			t.Errorf("%s: contract.violated %v", c.mode, violated)
		}
		var broken *ledger.Broken
		if c.mode == contract.Reject && (!errors.As(err, &broken) || broken.Notices[0].Violations[0].Path != "/envelope/mandatory/amount" ||
			broken.Notices[0].Violations[0].Type != ledger.DatatypeMismatch || strings.Contains(err.Error(), `"49"`)) {
			t.Errorf("%v", err)
		}
		again, err2 := d.offer("b", bad) // the same call again
		if (err2 == nil) != (err == nil) || len(again.Receipts) != len(h.Receipts) {
			t.Fatalf("%s again: %+v %v", c.mode, again, err2)
		}
		for i := range again.Receipts {
			if !again.Receipts[i].Duplicate || again.Receipts[i].Position != h.Receipts[i].Position {
				t.Errorf("%s again: %+v after %+v", c.mode, again.Receipts[i], h.Receipts[i])
			}
		}
	}
}

// TestRetryAfterStricter: what is recorded stays acknowledged, however strict its contract became.
func TestRetryAfterStricter(t *testing.T) {
	d := newDesk(t, doc(1, contract.Observe))
	first, err := d.offer("a", bad)
	if err != nil {
		t.Fatal(err)
	}
	d.publish(doc(2, contract.Reject))
	again, err := d.offer("a", bad)
	if err != nil || !again.Receipts[0].Duplicate || again.Receipts[0].Position != first.Receipts[0].Position {
		t.Errorf("%+v %v", again, err)
	}
	if _, err := d.offer("b", bad); !errors.Is(err, ledger.CodeViolation) {
		t.Errorf("a new one: %v", err)
	}
}

func TestQuarantineAndRelease(t *testing.T) {
	d := newDesk(t, doc(1, contract.Quarantine))
	if _, err := d.offer("b", bad); err != nil {
		t.Fatal(err)
	}
	waiting, err := contract.FindItem(t.Context(), d.store, "b")
	if err != nil {
		t.Fatal(err)
	}
	in := waiting.In
	if got := d.events(in); !slices.Equal(got, []string{"contract.quarantined", "journey.started", "handoff.offered", "handoff.accepted"}) {
		t.Fatal(got)
	}
	_, err = contract.ReleaseItem(t.Context(), d.store, d.in, contract.Release{ID: "b", Why: "again"})
	if !errors.Is(err, ledger.CodeViolation) || len(d.events(in)) != 4 {
		t.Fatalf("what still breaks its contract went on: %v, %v", err, d.events(in))
	}
	repair := []contract.Step{{Drop: "amount"}, {Set: &contract.Set{Field: "amount", Class: contract.Mandatory, Value: []byte(`49`)}}}
	if _, err := contract.ReleaseItem(t.Context(), d.store, d.in, contract.Release{ID: "b", Repair: repair}); !errors.Is(err, ledger.CodeInvalid) {
		t.Fatalf("a repair without a reason: %v", err)
	}
	item, err := contract.ReleaseItem(t.Context(), d.store, d.in, contract.Release{ID: "b", Repair: repair, Why: "a number was sent as a text", By: "Ann"})
	if err != nil || item.State != "released" || len(item.Released.Positions) != 3 {
		t.Fatalf("%+v %v", item, err)
	}
	j := d.events("journey-J-b")
	if !slices.Equal(j, []string{"journey.started", "handoff.offered", "handoff.accepted"}) || d.events(in)[4] != "contract.released" {
		t.Errorf("%v, %v", j, d.events(in))
	}
	for r := range d.store.ReadStream(t.Context(), "journey-J-b", ledger.ReadOptions{From: 2, To: 2}) {
		e, _ := contract.ReadEnvelope(&r.Event)
		if string(e.Mandatory["amount"]) != "49" || !strings.Contains(string(r.Data), `"custom":7`) || r.ID != "b" {
			t.Errorf("%s", r.Data)
		}
	}
	again, err := contract.ReleaseItem(t.Context(), d.store, d.in, contract.Release{ID: item.ID, Why: "twice"})
	if err != nil || again.Released.Why != "a number was sent as a text" || again.By != "Ann" || len(d.events(in)) != 5 {
		t.Errorf("released twice: %+v %v", again, err)
	}
	kept, err := contract.Payload(t.Context(), d.store, item)
	if err != nil || !strings.Contains(string(kept[1].Data), `"amount":"49"`) {
		t.Errorf("the original: %v %v", kept, err)
	}
}

// TestReleaseAfterANewVersion: the fix may be the contract's.
func TestReleaseAfterANewVersion(t *testing.T) {
	d := newDesk(t, doc(1, contract.Quarantine))
	if _, err := d.offer("b", bad); err != nil {
		t.Fatal(err)
	}
	d.publish(strings.Replace(doc(2, contract.Quarantine), "type: number, minimum: 0", "type: [number, string]", 1))
	item, err := contract.ReleaseItem(t.Context(), d.store, d.in, contract.Release{ID: "b"})
	if err != nil || item.State != "released" || item.Released.Repair != nil {
		t.Fatalf("%+v %v", item, err)
	}
	if h, err := d.offer("b", bad); err != nil || !h.Receipts[0].Duplicate || h.State != ledger.Accepted {
		t.Errorf("the sender tries again: %+v %v", h, err)
	}
}

func TestDiscard(t *testing.T) {
	d := newDesk(t, doc(1, contract.Quarantine))
	if _, err := d.offer("b", bad); err != nil {
		t.Fatal(err)
	}
	if _, err := contract.Discard(t.Context(), d.store, d.in, "b", "", "Ann"); err == nil {
		t.Error("discarded without a reason")
	}
	if item, err := contract.Discard(t.Context(), d.store, d.in, "b", "sent by mistake", "Ann"); err != nil || item.State != "discarded" {
		t.Errorf("%+v %v", item, err)
	}
	if _, err := contract.ReleaseItem(t.Context(), d.store, d.in, contract.Release{ID: "b"}); !errors.Is(err, ledger.CodeInvalid) {
		t.Errorf("released after it was discarded: %v", err)
	}
}

// TestVersionsSideBySide: offers follow the version they name, those that name none the newest; what is over is unplanned.
func TestVersionsSideBySide(t *testing.T) {
	d := newDesk(t, doc(1, contract.Warn), strings.Replace(doc(2, contract.Warn), "name: note, class: optional", "name: note, class: mandatory", 1)+"compatibility: none\n")
	offer := func(id, schema, envelope string) []string {
		h, err := ledger.HandOff(t.Context(), d.store, d.in, ledger.HandoffCall{ID: id, Journey: id, Schema: schema, From: ledger.Party{Stage: "support"}, To: ledger.Party{Stage: "billing"},
			Channel: "ticket", Envelope: []byte(envelope)})
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, n := range h.Notices {
			for _, v := range n.Violations {
				found = append(found, fmt.Sprintf("v%d %s %s", n.Version, v.Type, v.Path))
			}
		}
		return found
	}
	for _, c := range []struct{ id, schema, want string }{
		{"1", "contracts/support/refund/v1", ""}, {"2", "contracts/support/refund/v2", "v2 Required-Missing /envelope/mandatory/note"},
		{"3", "", "v2 Required-Missing /envelope/mandatory/note"}, {"4", "contracts/support/refund/v3", "v3 Unplanned-Event "},
		{"5", "contracts/support/other/v1", "v2 Required-Missing /envelope/mandatory/note"}, {"6", "https://example.org/refund.json", "v2 Required-Missing /envelope/mandatory/note"},
	} {
		if got := strings.Join(offer(c.id, c.schema, good), ";"); got != c.want {
			t.Errorf("%s: %q, want %q", c.schema, got, c.want)
		}
	}
	d.do("deprecated", contract.Said{Name: "support/refund", Version: 1, Successor: 2})
	h, err := ledger.HandOff(t.Context(), d.store, d.in, ledger.HandoffCall{ID: "7", Journey: "7", Schema: "contracts/support/refund/v1", From: ledger.Party{Stage: "support"},
		To: ledger.Party{Stage: "billing"}, Channel: "ticket", Envelope: []byte(good)})
	if err != nil || len(h.Notices) != 1 || h.Notices[0].Deprecated.IsZero() || h.Notices[0].Successor != 2 || len(d.events("overlay-7")) != 0 {
		t.Errorf("deprecated: %+v %v %v", h.Notices, err, d.events("overlay-7"))
	}
	d.do("retired", contract.Said{Name: "support/refund", Version: 1})
	if got := strings.Join(offer("8", "contracts/support/refund/v1", good), ";"); got != "v1 Unplanned-Event " {
		t.Errorf("retired: %q", got)
	}
}

// TestNothingAgreed: without a contract nothing is checked and nothing is read.
func TestNothingAgreed(t *testing.T) {
	d := newDesk(t)
	if h, err := d.offer("a", `{"mandatory":{"anything":[1]}}`); err != nil || len(h.Notices) > 0 || h.State != ledger.Accepted {
		t.Errorf("%+v %v", h, err)
	}
	c, _ := contract.Parse([]byte(doc(1, contract.Reject)))
	d.do("drafted", contract.Said{Name: c.Name, Version: 1, Contract: c})
	if h, err := d.offer("b", bad); err != nil || len(h.Notices) > 0 {
		t.Errorf("a draft checks: %+v %v", h, err)
	}
	d.do("prototyped", contract.Said{Name: c.Name, Version: 1, Cap: 20})
	h, err := ledger.HandOff(t.Context(), d.store, d.in, ledger.HandoffCall{ID: "c", Journey: "c", Schema: contract.Schema(c.Name, 1), From: ledger.Party{Stage: "support"},
		To: ledger.Party{Stage: "billing"}, Channel: "ticket", Envelope: []byte(bad)})
	if err != nil || len(h.Notices) != 1 || h.State != ledger.Accepted {
		t.Errorf("a prototype warns and never blocks: %+v %v", h, err)
	}
}

// TestManyWriters: contracts come into force while offers come in; nothing is lost, and a published contract binds whoever comes after the answer.
func TestManyWriters(t *testing.T) {
	d := newDesk(t)
	done := make(chan int)
	for w := range 4 {
		go func() {
			n := 0
			for i := range 50 {
				if _, err := d.offer(fmt.Sprintf("w%d-%d", w, i), bad); err == nil {
					n++
				}
			}
			done <- n
		}()
	}
	d.publish(doc(1, contract.Reject))
	if _, err := d.offer("after", bad); !errors.Is(err, ledger.CodeViolation) {
		t.Errorf("after the answer: %v", err)
	}
	taken := 0
	for range 4 {
		taken += <-done
	}
	offers := 0
	for r, err := range d.store.Read(t.Context(), ledger.ReadOptions{HeaderOnly: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Type == ledger.Type("handoff", "offered") {
			offers++
		}
	}
	if offers != taken {
		t.Errorf("%d offers are recorded, %d were acknowledged", offers, taken)
	}
}

// TestAnotherNode: a registry that follows the ledger learns of what it did not write.
func TestAnotherNode(t *testing.T) {
	d := newDesk(t)
	other, err := contract.Load(t.Context(), d.store, 0)
	if err != nil {
		t.Fatal(err)
	}
	d.publish(doc(1, contract.Reject))
	head, err := d.store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := ledger.Follow(ctx, d.store, other, ledger.FollowOptions{HeaderOnly: true, Until: head.Position}); err != nil {
		t.Fatal(err)
	}
	if c := other.Catalogue("", "support>billing@ticket"); c == nil || c.Name != "support/refund" {
		t.Errorf("%+v", c)
	}
}

// TestQuarantineKeepsAll: what has an id that something in quarantine has, of another journey, of another source or broken in another way, is kept beside it.
func TestQuarantineKeepsAll(t *testing.T) {
	d := newDesk(t, doc(1, contract.Quarantine))
	call := func(source, journey, envelope string) {
		t.Helper()
		h, err := ledger.HandOff(t.Context(), d.store, d.in, ledger.HandoffCall{ID: "h", Source: source, Journey: journey, From: ledger.Party{Stage: "support"},
			To: ledger.Party{Stage: "billing"}, Channel: "ticket", Envelope: []byte(envelope)})
		if err != nil || h.State != ledger.Quarantined {
			t.Fatalf("%s %s: %+v %v", source, journey, h, err)
		}
	}
	call("/crm", "J", bad)
	call("/crm", "J", bad) // again: it is there
	call("/crm", "J", `{"mandatory":{"order":"order-1"}}`)
	call("/crm", "K", bad)
	call("/erp", "J", bad)
	n := 0
	for _, err := range contract.Inbox(t.Context(), d.store) {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n != 4 {
		t.Errorf("%d things are kept, 4 were sent", n)
	}
	if _, err := contract.Discard(t.Context(), d.store, d.in, "h", "which one?", ""); !errors.Is(err, ledger.CodeInvalid) {
		t.Errorf("one of four was discarded by an id that all have: %v", err)
	}
}

// TestViolationsOfTwoSources: events of one id from two sources are two events, and so are their violations.
func TestViolationsOfTwoSources(t *testing.T) {
	d := newDesk(t, doc(1, contract.Warn))
	for _, source := range []string{"/crm", "/erp"} {
		if _, err := ledger.HandOff(t.Context(), d.store, d.in, ledger.HandoffCall{ID: "h", Source: source, Journey: "J", From: ledger.Party{Stage: "support"},
			To: ledger.Party{Stage: "billing"}, Channel: "ticket", Envelope: []byte(bad)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.events("overlay-J"); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

// TestManyPublish: whoever says the same at the same time, under whatever name, says it once.
func TestManyPublish(t *testing.T) {
	d := newDesk(t)
	c, err := contract.Parse([]byte(doc(1, contract.Warn)))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for w := range 4 {
		go func() {
			for _, a := range []contract.Act{{Verb: "drafted", Said: contract.Said{Name: c.Name, Version: 1, Contract: c}}, {Verb: "published", Said: contract.Said{Name: c.Name, Version: 1}}} {
				a.By = fmt.Sprint("tester", w%2)
				if _, err := contract.Do(t.Context(), d.store, d.in, a); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := d.events(contract.Stream(c.Name)); !slices.Equal(got, []string{"contract.drafted", "contract.published"}) {
		t.Errorf("%v", got)
	}
}
