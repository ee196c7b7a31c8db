package enrich_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/enrich"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/ledger/relay"
)

// desk is a real ledger and an enricher that follows it.
type desk struct {
	*testing.T
	store  *pebblestore.Store
	append ledger.Append
	n      int
}

func open(t *testing.T) *desk {
	s, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: []byte(strings.Repeat("k", 32)), FS: vfs.NewMem(), MemtableMB: 1, CacheMB: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &desk{T: t, store: s, append: ledger.Intake(s.AppendAll, ledger.Validate)}
}

// follow runs an enricher until the test ends, or until the answer is called.
func (d *desk) follow(o enrich.Options) (e *enrich.Enricher, stop func()) {
	o.Store, o.Append = d.store, d.append
	e = enrich.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx, nil) }()
	var once atomic.Bool
	stop = func() {
		if once.CompareAndSwap(false, true) {
			cancel()
			<-ended
			e.Close()
		}
	}
	d.Cleanup(stop)
	return e, stop
}

func (d *desk) say(typ, id, data string) {
	d.Helper()
	family, verb, _ := strings.Cut(typ, ".")
	if d.n++; id == "" {
		id = fmt.Sprint("e", d.n)
	}
	e := ledger.Event{ID: id, Source: "test", Type: ledger.Type(family, verb), Subject: "J", Data: []byte(data)}
	if r := d.append(d.Context(), []ledger.Batch{{Stream: ledger.StreamFor(&e), Expect: ledger.Any, Events: []ledger.Event{e}}})[0]; r.Err != nil {
		d.Fatal(r.Err)
	}
}

func (d *desk) offer(id, channel string) {
	d.Helper()
	d.say("handoff.offered", id, `{"from":{"stage":"bot"},"to":{"stage":"desk"},"channel":"`+channel+`","envelope":{"mandatory":{"account":"A-1"},"optional":{"secret":"x"}}}`)
}

// until reads the progress of a handoff after each event, until it is as wanted.
func (d *desk) until(e *enrich.Enricher, handoff string, want func(enrich.Progress) bool) enrich.Progress {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.Context(), 20*time.Second)
	defer cancel()
	var last enrich.Progress
	for p, err := range e.Watch(ctx, "J", handoff, time.Minute) {
		if err != nil {
			d.Fatalf("%v; it stands at %+v", err, last)
		}
		if last = p; want(p) {
			return p
		}
	}
	d.Fatalf("never: it stands at %+v", last)
	return last
}

func done(p enrich.Progress) bool { return p.Done }

func state(p enrich.Progress, source string) enrich.State {
	for _, s := range p.Sources {
		if s.Source == source {
			return s
		}
	}
	return enrich.State{}
}

// events are those of the overlay of a type, with their data.
func (d *desk) events(verb string) (out []map[string]any) {
	d.Helper()
	for r, err := range d.store.ReadStream(d.Context(), "overlay-J", ledger.ReadOptions{}) {
		if err != nil {
			d.Fatal(err)
		}
		if r.Type == ledger.Type("enrichment", verb) {
			data := map[string]any{"id": r.ID, "cause": r.CausationID}
			if err := json.Unmarshal(r.Data, &data); err != nil {
				d.Fatal(err)
			}
			out = append(out, data)
		}
	}
	return out
}

func (d *desk) context() ledger.Context {
	d.Helper()
	c := ledger.Context{}
	for r, err := range d.store.Read(d.Context(), ledger.ReadOptions{}) {
		if err != nil {
			d.Fatal(err)
		}
		c.Apply(&r)
	}
	return c
}

// crm answers as a function of what it is sent.
func (d *desk) crm(answer func(w http.ResponseWriter, r *http.Request, q enrich.Request)) enrich.Source {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q enrich.Request
		if b, err := io.ReadAll(r.Body); err != nil || json.Unmarshal(b, &q) != nil || r.Method != http.MethodPost {
			d.Errorf("%s %s %v", r.Method, b, err)
		}
		answer(w, r, q)
	}))
	d.Cleanup(s.Close)
	return enrich.Source{Name: "crm", Kind: enrich.HTTP, URL: s.URL, Token: "t", Fields: []string{"tier", "account"}, Needs: []string{"account", "phone"}, Timeout: 5 * time.Second}
}

// TestHTTP: a source is asked for what is not known, is sent what it needs and nothing else, and its values are in the context.
func TestHTTP(t *testing.T) {
	d := open(t)
	var got enrich.Request
	src := d.crm(func(w http.ResponseWriter, r *http.Request, q enrich.Request) {
		got = q
		if r.Header.Get("Authorization") != "Bearer t" {
			t.Errorf("authorization %q", r.Header.Get("Authorization"))
		}
		io.WriteString(w, `{"values":{"tier":"gold"},"fields":{"tier":{"confidence":0.8,"asserted_at":"2026-01-02T00:00:00Z","classification":"internal"}},"version":"crm 7"}`)
	})
	e, _ := d.follow(enrich.Options{Sources: []enrich.Source{src}})
	d.offer("h", "mail")
	p := d.until(e, "h", done)
	if s := state(p, "crm"); s.State != enrich.Answered || !slices.Equal(s.Fields, []string{"tier"}) || s.TookMS == nil || p.Class != ledger.Async || p.BudgetMS != 0 || p.Point != "bot>desk@mail" {
		t.Errorf("%+v", p)
	}
	if !slices.Equal(got.Fields, []string{"tier"}) || len(got.Known) != 1 || string(got.Known["account"]) != `"A-1"` || got.Handoff != "h" || got.Journey != "J" {
		t.Errorf("the source was sent %+v", got)
	}
	c := d.context()
	if f := c["tier"]; string(f.Value) != `"gold"` || f.Source != enrich.EventSource {
		t.Errorf("the context has %+v", c)
	}
	events := d.events("completed")
	if len(events) != 1 || events[0]["id"] != "enrich/crm/h/completed" || events[0]["cause"] != "h" || events[0]["version"] != "crm 7" || len(events[0]["answer_sha256"].(string)) != 64 {
		t.Errorf("%v", events)
	}
	if r := d.events("requested"); len(r) != 1 || r[0]["id"] != "enrich/crm/h/requested" {
		t.Errorf("%v", r)
	}
}

// TestBadAnswers: what cannot be taken is a failure that says why, and leaves no value.
func TestBadAnswers(t *testing.T) {
	for body, want := range map[string]string{"": "is empty", "no": "not the JSON", `{}`: "values is missing", `{"values":{"role":1}}`: "values.role was not asked for",
		`{"values":{"tier":1}}{}`: "goes on", `{"values":{"tier":1},"fields":{"tier":{"confidence":2}}}`: "confidence is 2", `{"values":{"tier":1},"fields":{"tier":{"method":"guess"}}}`: "guess",
		`{"values":{"tier":"` + strings.Repeat("x", enrich.MaxReply) + `"}}`: "bytes, at most", "503": "answered 503", "302": "answered 302"} {
		t.Run(want, func(t *testing.T) {
			d := open(t)
			src := d.crm(func(w http.ResponseWriter, r *http.Request, _ enrich.Request) {
				switch body {
				case "503":
					w.WriteHeader(503)
				case "302":
					http.Redirect(w, r, "http://elsewhere.example.org", http.StatusFound)
				default:
					io.WriteString(w, body)
				}
			})
			e, _ := d.follow(enrich.Options{Sources: []enrich.Source{src}})
			d.offer("h", "mail")
			s := state(d.until(e, "h", done), "crm")
			if s.State != enrich.Failed || !strings.Contains(s.Reason, want) || strings.Contains(s.Reason, "127.0.0.1") {
				t.Errorf("%+v, want %q", s, want)
			}
			if _, there := d.context()["tier"]; there {
				t.Error("a value was taken")
			}
		})
	}
}

// TestParseAnswer names what is wrong.
func TestParseAnswer(t *testing.T) {
	a, err := enrich.ParseAnswer([]byte(`{"values":{"a":12345678901234567890,"b":null},"more":1}`), []string{"a", "b"})
	if err != nil || len(a.Values) != 1 || string(a.Values["a"]) != "12345678901234567890" {
		t.Errorf("%+v %v", a, err)
	}
	if _, err := enrich.ParseAnswer([]byte(`{"values":{"c":1}}`), []string{"a"}); !errors.Is(err, ledger.CodeInvalid) || ledger.HintOf(err) == "" {
		t.Error(err)
	}
}

// TestLate: when the budget is over the handoff is delivered without what is out, and what comes later is late, and not known to who had accepted.
func TestLate(t *testing.T) {
	d := open(t)
	answer, delivered := make(chan struct{}), make(chan string, 4)
	src := d.crm(func(w http.ResponseWriter, _ *http.Request, q enrich.Request) {
		if q.BudgetMS < 1 || q.BudgetMS > 50 {
			t.Errorf("budget %d ms", q.BudgetMS)
		}
		<-answer
		io.WriteString(w, `{"values":{"tier":"gold"}}`)
	})
	e, _ := d.follow(enrich.Options{Sources: []enrich.Source{src}, Budgets: enrich.Budgets{ledger.NearRealTime: 50 * time.Millisecond},
		Deliver: func(_ context.Context, journey, handoff string) error {
			delivered <- journey + "/" + handoff
			return nil
		}})
	d.offer("h", "sms")
	if got := <-delivered; got != "J/h" {
		t.Errorf("delivered %s", got)
	}
	if p := d.until(e, "h", func(p enrich.Progress) bool { return state(p, "crm").State == enrich.Asked }); p.Done {
		t.Errorf("%+v", p)
	}
	d.say("handoff.accepted", "", `{"handoff":"h","stage":"desk"}`)
	close(answer)
	s := state(d.until(e, "h", done), "crm")
	if s.State != enrich.Late || !s.AfterAccept || len(d.events("late")) != 1 || len(d.events("completed")) != 0 {
		t.Errorf("%+v", s)
	}
	if len(delivered) != 0 {
		t.Error("delivered twice")
	}
}

// TestRealTime: on a chat a snapshot is used, the other source is passed over with a reason, and somebody who asks has it asked all the same.
func TestRealTime(t *testing.T) {
	d := open(t)
	file := filepath.Join(t.TempDir(), "tiers.ndjson")
	write := func(lines ...string) {
		t.Helper()
		if err := os.WriteFile(file+".new", []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"key":"A-1","valid_from":"2020-01-01T00:00:00Z","values":{"segment":"old"}}`, `{"key":"A-1","valid_from":"2021-01-01T00:00:00Z","values":{"segment":"vip"},"version":"3"}`,
		`{"key":"A-1","valid_from":"2020-01-01T00:00:00Z","valid_to":"2020-06-01T00:00:00Z","values":{"segment":"gone"}}`, `{"key":"A-1","valid_from":"2999-01-01T00:00:00Z","values":{"segment":"to come"}}`)
	var asked atomic.Int32
	src := d.crm(func(w http.ResponseWriter, _ *http.Request, _ enrich.Request) {
		asked.Add(1)
		io.WriteString(w, `{"values":{"tier":"gold"}}`)
	})
	tiers := enrich.Source{Name: "tiers", Kind: enrich.Snapshot, File: file, Key: "account", Fields: []string{"segment"}}
	elsewhere := enrich.Source{Name: "elsewhere", Kind: enrich.Snapshot, File: file, Key: "account", Fields: []string{"segment"}, Points: []string{"a>b@c"}}
	nokey := enrich.Source{Name: "nokey", Kind: enrich.Snapshot, File: file, Key: "phone", Fields: []string{"x"}}
	outcomes := make(chan string, 16)
	e, _ := d.follow(enrich.Options{Sources: []enrich.Source{src, tiers, elsewhere, nokey}, Observe: func(source, outcome string, _ time.Duration) { outcomes <- source + " " + outcome }})
	d.offer("h", "chat")
	p := d.until(e, "h", done)
	if s := state(p, "tiers"); s.State != enrich.Answered || len(p.Sources) != 3 {
		t.Errorf("%+v", p)
	}
	if s := state(p, "crm"); s.State != enrich.Skipped || !strings.Contains(s.Reason, "real-time") || asked.Load() != 0 {
		t.Errorf("%+v, asked %d times", s, asked.Load())
	}
	if s := state(p, "nokey"); s.State != enrich.Skipped || !strings.Contains(s.Reason, "phone is not known") {
		t.Errorf("%+v", s)
	}
	if f := d.context()["segment"]; string(f.Value) != `"vip"` {
		t.Errorf("segment %s", f.Value)
	}
	if c := d.events("completed")[0]; !strings.Contains(fmt.Sprint(c["envelope"]), "2021-01-01") {
		t.Errorf("%v", c)
	}

	if err := e.Again(t.Context(), "J", "h"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for after := uint64(0); len(d.events("completed"))+len(d.events("late")) < 2; { // in time or late: the budget may be over by now
		head, err := d.store.Wait(ctx, after)
		if err != nil {
			t.Fatal(err)
		}
		after = head.Position
	}
	if err := e.Again(t.Context(), "J", "nobody"); !errors.Is(err, ledger.CodeNotFound) {
		t.Error(err)
	}

	write(`{"key":"A-1","values":{"segment":"new"}}`) // replaced while it is used
	d.say("interaction.recorded", "", `{"activity":"x","attributes":{"segment":null}}`)
	d.offer("h2", "chat")
	d.until(e, "h2", done)
	if f := d.context()["segment"]; string(f.Value) != `"new"` {
		t.Errorf("after the file was replaced: %s", f.Value)
	}
	write(`{"key":`)
	d.say("interaction.recorded", "", `{"activity":"x","attributes":{"segment":null}}`)
	d.offer("h3", "chat")
	if s := state(d.until(e, "h3", done), "tiers"); s.State != enrich.Answered {
		t.Errorf("a broken file takes the place of a good one: %+v", s)
	}
	if err := enrich.Check(file); !errors.Is(err, ledger.CodeInvalid) || !strings.Contains(err.Error(), "line 1") {
		t.Error(err)
	}
	seen := map[string]bool{}
	for len(outcomes) > 0 {
		seen[<-outcomes] = true
	}
	for _, want := range []string{"tiers answered", "crm skipped", "nokey skipped"} {
		if !seen[want] {
			t.Errorf("%q was not observed: %v", want, seen)
		}
	}
}

// TestNATS asks over a real server.
func TestNATS(t *testing.T) {
	d := open(t)
	dir := t.TempDir()
	embedded, err := relay.StartEmbedded(relay.EmbeddedOptions{Dir: dir, CredentialFile: dir + "/nats.json"})
	if err != nil {
		t.Fatal(err)
	}
	defer embedded.Close()
	conn, err := embedded.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Subscribe("profile", func(m *nats.Msg) { m.Respond([]byte(`{"values":{"size":40}}`)) }); err != nil {
		t.Fatal(err)
	}
	ask := func(ctx context.Context, subject string, request []byte) ([]byte, error) {
		m, err := conn.RequestWithContext(ctx, subject, request)
		if err != nil {
			return nil, err
		}
		return m.Data, nil
	}
	e, _ := d.follow(enrich.Options{Ask: ask, Sources: []enrich.Source{{Name: "profile", Kind: enrich.NATS, Subject: "profile", Fields: []string{"size"}},
		{Name: "nobody", Kind: enrich.NATS, Subject: "nobody", Fields: []string{"x"}}}})
	d.offer("h", "mail")
	p := d.until(e, "h", done)
	if state(p, "profile").State != enrich.Answered || state(p, "nobody").State != enrich.Failed || string(d.context()["size"].Value) != "40" {
		t.Errorf("%+v", p)
	}
}

// TestRestart: what had no outcome is asked again, what had one is not, and offers that are too old are left alone.
func TestRestart(t *testing.T) {
	d := open(t)
	var asked atomic.Int32
	answer, called := make(chan struct{}), make(chan struct{}, 8)
	src := d.crm(func(w http.ResponseWriter, r *http.Request, _ enrich.Request) {
		asked.Add(1)
		called <- struct{}{}
		select {
		case <-answer:
			io.WriteString(w, `{"values":{"tier":"gold"}}`)
		case <-r.Context().Done():
		}
	})
	old := ledger.Event{ID: "old", Source: "test", Type: ledger.Type("handoff", "offered"), Subject: "J", Time: time.Now().Add(-2 * time.Hour),
		Data: []byte(`{"from":{"stage":"bot"},"to":{"stage":"desk"},"channel":"mail"}`)}
	if r := d.append(t.Context(), []ledger.Batch{{Stream: "journey-J", Expect: ledger.Any, Events: []ledger.Event{old}}})[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	o := enrich.Options{Sources: []enrich.Source{src}}
	_, stop := d.follow(o)
	d.offer("h", "mail")
	<-called
	stop()
	if n := len(d.events("requested")) + len(d.events("failed")); n != 1 {
		t.Errorf("%d events after a stop in between, want the request alone", n)
	}
	close(answer)
	e, stop := d.follow(o)
	d.until(e, "h", done)
	stop()
	e, stop = d.follow(o)
	d.offer("h2", "mail")
	d.until(e, "h2", done)
	stop()
	if n := asked.Load(); n != 2 || len(d.events("completed")) != 1 {
		t.Errorf("asked %d times, %d completed", n, len(d.events("completed")))
	}
	if p, err := e.Read(t.Context(), "J", "old", time.Now().Add(time.Hour)); err != nil || state(p, "crm").State != enrich.Unanswered || !p.Done {
		t.Errorf("%+v %v", p, err)
	}
}

// TestTwoAtOnce: two enrichers over one ledger leave one outcome a source.
func TestTwoAtOnce(t *testing.T) {
	d := open(t)
	var n atomic.Int32
	src := d.crm(func(w http.ResponseWriter, _ *http.Request, _ enrich.Request) {
		if n.Add(1)%2 == 0 {
			w.WriteHeader(500)
			return
		}
		io.WriteString(w, `{"values":{"tier":"gold"}}`)
	})
	o := enrich.Options{Sources: []enrich.Source{src}}
	a, stopA := d.follow(o)
	_, stopB := d.follow(o)
	for i := range 40 {
		d.say("interaction.recorded", "", `{"activity":"x","attributes":{"tier":null}}`)
		d.offer(fmt.Sprint("h", i), "mail")
	}
	for i := range 40 {
		d.until(a, fmt.Sprint("h", i), done)
	}
	stopA()
	stopB()
	seen := map[string]int{}
	for _, verb := range []string{"completed", "failed", "late"} {
		for _, ev := range d.events(verb) {
			seen[ev["handoff"].(string)]++
		}
	}
	for handoff, outcomes := range seen {
		if outcomes != 1 {
			t.Errorf("%s has %d outcomes", handoff, outcomes)
		}
	}
	if len(seen) != 40 || n.Load() < 40 {
		t.Errorf("%d handoffs have an outcome, %d requests", len(seen), n.Load())
	}
}

// TestEventID keeps within the limit of ids.
func TestEventID(t *testing.T) {
	long := strings.Repeat("h", ledger.MaxID)
	a, b := enrich.EventID("crm", long, enrich.Late), enrich.EventID("crm", long[1:]+"x", enrich.Late)
	if len(a) > ledger.MaxID || a == b || !strings.HasPrefix(a, "enrich/crm/") || !strings.HasSuffix(a, "/late") {
		t.Errorf("%q %q", a, b)
	}
	if enrich.EventID("crm", "h", enrich.Skipped) == enrich.EventID("crm", "h", enrich.Failed) {
		t.Error("a failure after a skip would be taken for the skip")
	}
}
