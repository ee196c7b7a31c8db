package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats.go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/npmtool"
)

// asyncBench is a ledger with a real relay and ingest, and the document that its server gives.
type asyncBench struct {
	*testing.T
	ctx      context.Context
	nc       *nats.Conn
	store    *pebblestore.Store
	append   ledger.Append
	text     []byte
	doc      map[string]any
	compiler *jsonschema.Compiler
}

func newAsyncBench(t *testing.T) *asyncBench {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	b := &asyncBench{T: t, ctx: ctx}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	store, err := pebblestore.Open(ctx, "ledger", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem()})
	check(err)
	b.store = store
	models, err := projections.Open(ctx, "models", store, projections.Options{FS: vfs.NewMem()})
	check(err)
	dir := t.TempDir()
	embedded, err := relay.StartEmbedded(relay.EmbeddedOptions{Dir: filepath.Join(dir, "nats"), CredentialFile: filepath.Join(dir, "nats.json")})
	check(err)
	b.nc, err = embedded.Connect("test")
	check(err)
	b.append = ledger.Intake(store.AppendAll, ledger.Validate)
	r, err := relay.New(b.nc, relay.Options{LedgerID: "test"})
	check(err)
	in, err := relay.NewIngest(b.nc, b.append, nil)
	check(err)
	ended := make(chan error, 2)
	go func() { ended <- r.Run(ctx, store, &ledger.Progress{}) }()
	go func() { ended <- in.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		<-ended
		b.nc.Close()
		embedded.Close()
		models.Close()
		store.Close()
	})
	s := httptest.NewServer(server.New(server.Options{Store: store, Append: b.append, Models: models, NATS: "nats://" + embedded.Addr()}).Handler())
	t.Cleanup(s.Close)
	resp, err := http.Get(s.URL + "/asyncapi.json")
	check(err)
	defer resp.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(resp.Body)
	check(err)
	b.text = text.Bytes()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b.text))
	check(err)
	b.doc = doc.(map[string]any)
	b.compiler = jsonschema.NewCompiler()
	check(b.compiler.AddResource("async.json", doc))
	return b
}

// valid reports whether a value fits a schema of a message: part is headers or payload.
func (b *asyncBench) valid(message, part string, value any) error {
	b.Helper()
	s, err := b.compiler.Compile("async.json#/components/messages/" + message + "/" + part)
	if err != nil {
		b.Fatal(err)
	}
	return s.Validate(value)
}

// messageOf finds the one message of the document whose headers fit.
func (b *asyncBench) messageOf(h map[string]any) string {
	b.Helper()
	var fits []string
	for name := range b.doc["channels"].(map[string]any)["events"].(map[string]any)["messages"].(map[string]any) {
		if b.valid(name, "headers", h) == nil {
			fits = append(fits, name)
		}
	}
	if len(fits) != 1 {
		name := strings.TrimSuffix(strings.TrimPrefix(h["ce-type"].(string), ledger.TypePrefix), ledger.TypeSuffix)
		b.Fatalf("%v fits the messages %v: %v", h, fits, b.valid(name, "headers", h))
	}
	return fits[0]
}

func headers(h nats.Header) map[string]any {
	out := map[string]any{}
	for k, v := range h {
		out[k] = v[0]
	}
	return out
}

func payload(b []byte) any {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return err.Error()
	}
	return v
}

// samples has an event of every type in the catalogue with as little data as it can do with, and some that are odd.
func samples() []ledger.Event {
	var out []ledger.Event
	add := func(e ledger.Event) {
		e.ID, e.Source = fmt.Sprintf("e %d", len(out)), "/tëst"
		out = append(out, e)
	}
	for _, family := range ledger.Families() {
		for _, verb := range ledger.Verbs(family) {
			data := map[string]any{"more": 1}
			for _, path := range ledger.Required(family, verb) {
				name, member, nested := strings.Cut(path, ".")
				if data[name] = "x y"; nested {
					data[name] = map[string]any{member: "x y"}
				}
			}
			text, _ := json.Marshal(data)
			add(ledger.Event{Type: ledger.Type(family, verb), Subject: "J", Data: text})
		}
	}
	offered := ledger.Type("handoff", "offered")
	add(ledger.Event{Type: offered, Subject: "J", Data: []byte(`{"from":"a.b","to":"> *","channel":"\u20ac","reason":7,"envelope":null}`),
		Time: time.Date(2026, 3, 4, 5, 6, 7, 89, time.FixedZone("", 3600)), ContentType: `application/json; charset="utf-8"`, Schema: "urn:x",
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Ext: []ledger.Attr{{Name: "shop", Value: "50 % \"off\""}}})
	add(ledger.Event{Type: ledger.Type("journey", "started"), Subject: "J"})
	add(ledger.Event{Type: ledger.Type("journey", "closed"), Subject: "J", ContentType: "text/plain", Data: []byte("bye")})
	add(ledger.Event{Type: ledger.Type("question", "asked"), Subject: "J", Data: []byte(`[null,{"stage":{}}]`)})
	add(ledger.Event{Type: "com.example/" + strings.Repeat("long", 60), Subject: "K", ContentType: "image/png", Data: []byte{0, 255}})
	return out
}

// TestAsyncAPIIsTrue publishes an event of every type through a real NATS server, and finds each message as the document says.
func TestAsyncAPIIsTrue(t *testing.T) {
	b := newAsyncBench(t)
	events := samples()
	for _, e := range events {
		if r := b.append(b.ctx, []ledger.Batch{{Stream: ledger.StreamFor(&e), Expect: ledger.Any, Events: []ledger.Event{e}}})[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	js, err := b.nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	for range relay.Tail(b.ctx, b.nc, relay.TailOptions{From: 1}) { // the stream is there now
		break
	}
	sub, err := js.SubscribeSync(relay.AllSubjects, nats.OrderedConsumer())
	if err != nil {
		t.Fatal(err)
	}
	address, seen := addressPattern(b.doc, "events"), map[string]int{}
	for i := range events {
		m, err := sub.NextMsgWithContext(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		h := headers(m.Header)
		name := b.messageOf(h)
		if seen[name]++; !address.MatchString(m.Subject) {
			t.Errorf("the subject %q is not of the form %v", m.Subject, address)
		}
		if filter, _ := b.doc["components"].(map[string]any)["messages"].(map[string]any)[name].(map[string]any)["x-subject-filter"].(string); filter != "" && !subjectFits(filter, m.Subject) {
			t.Errorf("the subject %q of %s does not fit %q", m.Subject, name, filter)
		}
		if len(m.Data) > 0 && ledger.IsJSON(events[i].ContentType) {
			if err := b.valid(name, "payload", payload(m.Data)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, gone := range []string{"ce-id", "ce-position", "ce-type"} {
			less := maps.Clone(h)
			delete(less, gone)
			if b.valid(name, "headers", less) == nil {
				t.Errorf("%s without %s would do", name, gone)
			}
		}
	}
	for _, family := range ledger.Families() {
		for _, verb := range ledger.Verbs(family) {
			if seen[family+"."+verb] == 0 {
				t.Errorf("nothing was published as %s.%s", family, verb)
			}
		}
	}
	for name, data := range map[string]string{"interaction.recorded": `{"activity":""}`, "handoff.offered": `{"from":{},"to":"x","channel":"y"}`, "handoff.accepted": `"h"`,
		"journey.started": `{"stage":"` + strings.Repeat("x", 1025) + `"}`} {
		if b.valid(name, "payload", payload([]byte(data))) == nil {
			t.Errorf("as %s %s would do", name, data)
		}
	}
}

// TestAsyncAPIRepaired loses a message, has it published again, and finds that one as the document says too.
func TestAsyncAPIRepaired(t *testing.T) {
	b := newAsyncBench(t)
	for i := range 3 {
		e := event(fmt.Sprint(i), "J", `{"activity":"a"}`)
		if r := b.append(b.ctx, batch(ledger.Any, e))[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	sequences := []uint64{}
	for m, err := range relay.Tail(b.ctx, b.nc, relay.TailOptions{From: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		if sequences = append(sequences, m.Sequence); len(sequences) == 3 {
			break
		}
	}
	js, err := b.nc.JetStream()
	if err == nil {
		err = js.DeleteMsg(relay.StreamName, sequences[1])
	}
	if err == nil {
		_, err = relay.Repair(b.ctx, b.nc, b.store, "test")
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := js.GetLastMsg(relay.StreamName, relay.AllSubjects)
	if err != nil {
		t.Fatal(err)
	}
	h := headers(m.Header)
	if name := b.messageOf(h); name != "interaction.recorded" || h[relay.HeaderRepair] != "true" || h["ce-position"] != "2" {
		t.Errorf("the repaired message is %s: %v", name, h)
	}
	h[relay.HeaderRepair] = "yes"
	if b.valid("interaction.recorded", "headers", h) == nil {
		t.Errorf("%s: yes would do", relay.HeaderRepair)
	}
}

// addressPattern makes a pattern of a channel's address and parameters.
func addressPattern(doc map[string]any, channel string) *regexp.Regexp {
	c := doc["channels"].(map[string]any)[channel].(map[string]any)
	pattern := regexp.QuoteMeta(c["address"].(string))
	for name, p := range c["parameters"].(map[string]any) {
		values := `[^.\s*>]+`
		if enum, ok := p.(map[string]any)["enum"].([]any); ok {
			var some []string
			for _, v := range enum {
				some = append(some, regexp.QuoteMeta(v.(string)))
			}
			values = "(" + strings.Join(some, "|") + ")"
		}
		pattern = strings.Replace(pattern, regexp.QuoteMeta("{"+name+"}"), values, 1)
	}
	return regexp.MustCompile("^" + pattern + "$")
}

func subjectFits(filter, subject string) bool {
	f, s := strings.Split(filter, "."), strings.Split(subject, ".")
	return slices.EqualFunc(f, s, func(a, b string) bool { return a == "*" || a == b })
}

// TestAsyncAPIRequests sends requests of each form that the document knows, and finds the replies as it says.
func TestAsyncAPIRequests(t *testing.T) {
	b := newAsyncBench(t)
	address := b.doc["channels"].(map[string]any)["ingest"].(map[string]any)["address"].(string)
	structured := `{"specversion":"1.0","id":"s","source":"test","type":"dev.baton.interaction.recorded.v1","subject":"J","shop":7,"time":null,"data":{"activity":"call"}}`
	binary := nats.Header{"ce-specversion": {"1.0"}, "ce-id": {"b"}, "ce-source": {"test"}, "ce-type": {"dev.baton.interaction.recorded.v1"}, "ce-subject": {"J%20K"}}
	for _, tt := range []struct {
		message string
		header  nats.Header
		data    string
		fits    bool // the document, and so the ingest
	}{
		{"binary", binary, `{"activity":"call"}`, true},
		{"structured", nats.Header{"content-type": {ledger.ContentTypeCloudEvent + "; charset=utf-8"}}, structured, true},
		{"structured", nats.Header{"content-type": {ledger.ContentTypeCloudEvent}, "Baton-Expect": {"no_stream"}, "Baton-Stream": {"journey-Z"}}, structured, true},
		{"batch", nats.Header{"content-type": {ledger.ContentTypeCloudEventBatch}}, "[" + structured + "]", true},
		{"batch", nats.Header{"content-type": {ledger.ContentTypeCloudEventBatch}}, "[]", false},
		{"binary", nats.Header{"ce-specversion": {"1.0"}, "ce-id": {"x"}}, `{"activity":"call"}`, false},
		{"structured", nats.Header{"content-type": {ledger.ContentTypeCloudEvent}, "Baton-Expect": {"soon"}}, structured, false},
		{"structured", nats.Header{"content-type": {ledger.ContentTypeCloudEvent}}, strings.Replace(structured, `"id":"s",`, "", 1), false},
		{"structured", nats.Header{"content-type": {ledger.ContentTypeCloudEvent}}, strings.Replace(structured, `7`, `{}`, 1), false},
	} {
		err := b.valid(tt.message, "headers", headers(tt.header))
		if err == nil {
			err = b.valid(tt.message, "payload", payload([]byte(tt.data)))
		}
		if (err == nil) != tt.fits {
			t.Errorf("%s %s with %v is held against the document: %v", tt.message, tt.data, tt.header, err)
		}
		m, err := b.nc.RequestMsgWithContext(b.ctx, &nats.Msg{Subject: address, Header: tt.header, Data: []byte(tt.data)})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.valid("reply", "payload", payload(m.Data)); err != nil {
			t.Errorf("the reply %s: %v", m.Data, err)
		}
		if bytes.Contains(m.Data, []byte(`"error"`)) == tt.fits {
			t.Errorf("%s %s with %v is answered %s", tt.message, tt.data, tt.header, m.Data)
		}
	}
}

// TestAsyncAPIParser has the AsyncAPI foundation's parser read the document.
func TestAsyncAPIParser(t *testing.T) {
	b := newAsyncBench(t)
	file := filepath.Join(t.TempDir(), "asyncapi.json")
	if err := os.WriteFile(file, b.text, 0o600); err != nil {
		t.Fatal(err)
	}
	out := npmtool.Node(t, "asyncapi.mjs", file)
	var found struct {
		Version             string
		Servers, Operations []string
		Channels            []*string
		Messages            int
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	types := 0
	for _, family := range ledger.Families() {
		types += len(ledger.Verbs(family))
	}
	if found.Version != "3.0.0" || len(found.Servers) != 1 || !strings.HasPrefix(found.Servers[0], "nats://127.0.0.1:") || len(found.Channels) != 3 ||
		!slices.Equal(found.Operations, []string{"receive appendEvents with reply", "send publishEvents"}) || found.Messages != types+1+3+1 {
		t.Errorf("the parser found %s", out)
	}
}
