package brief_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// book is a real ledger on an in-memory disk, whose clock moves a minute with every append.
type book struct {
	*pebblestore.Store
	t   testing.TB
	now time.Time
	n   int
}

func open(t testing.TB) *book {
	t.Helper()
	b := &book{t: t, now: epoch}
	s, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: []byte(strings.Repeat("k", 32)), FS: vfs.NewMem(), MemtableMB: 1, CacheMB: 1,
		Now: func() time.Time { return b.now }})
	if err != nil {
		t.Fatal(err)
	}
	b.Store = s
	t.Cleanup(func() { s.Close() })
	return b
}

func (b *book) append(events ...ledger.Event) {
	b.t.Helper()
	for chunk := range slices.Chunk(events, 500) {
		var batches []ledger.Batch
		for i := range chunk {
			batches = append(batches, ledger.Batch{Stream: ledger.StreamFor(&chunk[i]), Expect: ledger.Any, Events: chunk[i : i+1]})
		}
		for _, r := range ledger.Intake(b.AppendAll, ledger.Validate)(b.t.Context(), batches) {
			if r.Err != nil {
				b.t.Fatal(r.Err)
			}
		}
	}
}

// say appends one event of the journey J, a minute after the one before.
func (b *book) say(typ, id, data string, change ...func(*ledger.Event)) {
	b.t.Helper()
	b.n++
	b.now = b.now.Add(time.Minute)
	family, verb, _ := strings.Cut(typ, ".")
	e := ledger.Event{ID: id, Source: "test", Type: ledger.Type(family, verb), Subject: "J", Time: b.now, Data: []byte(data)}
	if e.ID == "" {
		e.ID = fmt.Sprint("e", b.n)
	}
	for _, c := range change {
		c(&e)
	}
	b.append(e)
}

func schema(s string) func(*ledger.Event) { return func(e *ledger.Event) { e.Schema = s } }

// simulate writes journeys, and gives the truth about them.
func (b *book) simulate(journeys int) (truth []byte) {
	b.t.Helper()
	var out bytes.Buffer
	s, err := simulate.New(simulate.Options{Seed: 7, Journeys: journeys, Truth: &out})
	if err != nil {
		b.t.Fatal(err)
	}
	var events []ledger.Event
	for e, err := range s.Events() {
		if err != nil {
			b.t.Fatal(err)
		}
		events = append(events, e)
	}
	b.append(events...)
	return out.Bytes()
}

// story is one handoff whose contract is returns v2, offered by its first version.
func (b *book) story() {
	b.say("journey.started", "", `{"stage":"portal"}`)
	b.say("interaction.recorded", "", `{"activity":"form","stage":"portal","attributes":{"order":"O-7","browser":"x","mood":"calm","email":"a@b"},
		"envelope":{"fields":{"email":{"classification":"personal"}}}}`)
	b.say("handoff.offered", "h", `{"from":{"stage":"portal"},"to":{"stage":"desk"},"channel":"chat","envelope":{"mandatory":{"order":"O-8","reason":"too small"},
		"optional":{"mood":"angry","amount":49.50},"forward_looking":{"risk":0.7},"key_insight":"Wants the next size, and fast.",
		"fields":{"reason":{"source":"form","asserted_at":"2026-01-05T08:00:00Z","method":"user","confidence":0.9,"classification":"internal"}},
		"side_panel":[{"title":"Transcript","ref":"https://chat.example.org/1"}]}}`, schema("contracts/returns/v1"))
	b.say("enrichment.requested", "", `{"handoff":"h","source":"crm"}`)
	b.say("suggestion.offered", "s1", `{"handoff":"h","action":"call","expires_at":"2026-01-06T09:00:00Z"}`)
	b.say("handoff.delivered", "", `{"handoff":"h","fields":["order","reason","amount","risk"]}`)
	b.say("handoff.viewed", "", `{"handoff":"h","stage":"desk","party":"ann","fields":["order","amount"],"side_panel":["https://chat.example.org/1"]}`)
	b.say("handoff.accepted", "", `{"handoff":"h","stage":"desk","party":"ann"}`)
	b.say("enrichment.late", "", `{"handoff":"h","source":"crm","took_ms":5000,"attributes":{"tier":"gold"},"envelope":{"fields":{"tier":{"source":"crm","method":"system","classification":"internal"}}}}`)
	b.say("handoff.completed", "", `{"handoff":"h","used":["order","reason"],"outcome":"done"}`)
}

func parse(t *testing.T, document string) *contract.Contract {
	t.Helper()
	c, err := contract.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const returnsV1 = `
contract: returns
version: 1
fields:
  - {name: order, class: mandatory, title: Order}
  - {name: reason, class: mandatory, fresh_for: 30m}
  - {name: mood, class: optional, classification: confidential}
  - {name: amount, class: optional, classification: public}
  - {name: tier, class: optional}
  - {name: email, class: optional}
  - {name: phone, class: mandatory, title: Call-back number}
  - {name: risk, class: forward_looking}
variants:
  - {name: vip, when: "true", mandatory: [tier], omit: [phone, mood]}
`

// returns is a catalogue of one contract, in two versions: the second calls amount value.
func returns(t *testing.T) (contract.Catalogue, map[int]*contract.Contract) {
	v1 := parse(t, returnsV1)
	v2 := parse(t, strings.Replace(strings.Replace(returnsV1, "version: 1", "version: 2", 1), "name: amount", "name: value", 1))
	versions := map[int]*contract.Contract{1: v1, 2: v2}
	return func(schema, point string) *contract.Contract {
		if schema == "" && point == "portal>desk@chat" {
			return v2
		}
		if name, version, ok := contract.ReadSchema(schema); ok && name == "returns" {
			return versions[version]
		}
		return nil
	}, versions
}
