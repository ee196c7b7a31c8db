package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/ledger/enrich"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/replay/brief"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/client"
)

// TestSimpleMode: one POST and one GET are enough, without a contract, a point or a source.
func TestSimpleMode(t *testing.T) {
	_, c, _, _ := serve(t)
	ctx := t.Context()
	if _, err := c.HandOff(ctx, ledger.HandoffCall{Journey: "J", From: ledger.Party{Stage: "bot"}, To: ledger.Party{Stage: "sales"}, Channel: "chat",
		Envelope: json.RawMessage(`{"mandatory":{"need":"a price"},"optional":{"seats":40}}`)}); err != nil {
		t.Fatal(err)
	}
	b, err := c.Context(ctx, "J", client.ContextOptions{})
	if err != nil || len(b.Fields) != 2 || b.Fields[0].Name != "need" || b.Insight == nil || b.Insight.Text != "need a price; seats 40" || b.Custody.Owner.Stage != "sales" {
		t.Errorf("%+v %v", b, err)
	}
}

// TestContextThroughTheAPI is what brief.Assemble makes of the same ledger, to the byte.
func TestContextThroughTheAPI(t *testing.T) {
	var store ledger.Source
	want := contract.Contract{Name: "sales", Version: 1, Fields: []contract.Field{{Name: "budget", Class: contract.Mandatory}, {Name: "need", Class: contract.Mandatory}}}
	o := brief.Options{Contracts: func(_, point string) *contract.Contract {
		if point == "bot>sales@mail" {
			return &want
		}
		return nil
	}}
	s, c, models, _ := serveWith(t, func(so *server.Options) {
		store = so.Store
		so.Brief = func(context.Context, string, replay.Moment) (brief.Options, error) { return o, nil }
	})
	ctx := t.Context()
	_, err := c.HandOff(ctx, ledger.HandoffCall{ID: "h", Journey: "J", From: ledger.Party{Stage: "bot"}, To: ledger.Party{Stage: "sales"}, Channel: "mail", OfferOnly: true,
		Envelope: json.RawMessage(`{"mandatory":{"need":"a price"},"optional":{"seats":40},"fields":{"need":{"classification":"personal"}}}`)})
	if err != nil {
		t.Fatal(err)
	}
	local, err := brief.Assemble(ctx, store, "J", o)
	if err != nil {
		t.Fatal(err)
	}
	var expected strings.Builder
	encoder := json.NewEncoder(&expected)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(local); err != nil {
		t.Fatal(err)
	}
	status, _, body := fetch(t, "GET", s.URL+"/v1/journeys/J/context", "")
	if strings.TrimSpace(body) != strings.TrimSpace(expected.String()) || status != 200 {
		t.Errorf("the API answers %d %s\nwant %s", status, body, expected.String())
	}
	if len(local.Missing) != 1 || local.Missing[0].Name != "budget" || local.LeftOut.Undeclared != 1 {
		t.Errorf("%+v", local)
	}
	if preview, err := c.Context(ctx, "J", client.ContextOptions{Customer: true}); err != nil || len(preview.Fields) != 1 || preview.Fields[0].Name != "need" {
		t.Errorf("%+v %v", preview, err)
	}

	corrected, err := c.Correct(ctx, brief.Correction{Journey: "J", Field: "need", Value: json.RawMessage(`"a price for 60"`), By: "c-1"})
	if err != nil || corrected.Receipt.Stream != "journey-J" {
		t.Fatalf("%+v %v", corrected, err)
	}
	if again, err := c.Correct(ctx, brief.Correction{Journey: "J", Field: "need", Value: json.RawMessage(`"a price for 60"`), By: "c-1"}); err != nil || !again.Receipt.Duplicate {
		t.Errorf("%+v %v", again, err)
	}
	b, err := c.Context(ctx, "J", client.ContextOptions{Deliver: "h", Viewer: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(b.Fields, func(f brief.Field) bool { return f.Name == "need" })
	if f := b.Fields[i]; string(f.Value) != `"a price for 60"` || f.Source != "customer" || f.Method != "user" {
		t.Errorf("%+v", f)
	}
	for range 2 { // the same given to the same receiver is recorded once
		if _, err := c.Context(ctx, "J", client.ContextOptions{Deliver: "h", Viewer: "ann"}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.See(ctx, brief.View{Journey: "J", Handoff: "h", By: ledger.Party{Stage: "sales", Party: "ann"}, Fields: []string{"need"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := models.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	snap, err := c.Snapshots(ctx, "", "h", replay.Moment{})
	if err != nil || snap.Delivered == nil || snap.Delivered.Events != 1 || snap.Viewed.Events != 1 || *snap.Delivered.Declared != b.Digest || !slices.Equal(snap.Missing, []string{"budget"}) ||
		!slices.Equal(snap.Cut, []string{"seats"}) {
		t.Errorf("%+v %v", snap, err)
	}
	if _, err := c.Context(ctx, "J", client.ContextOptions{Deliver: "h", Moment: replay.Moment{Position: 1}}); !errors.Is(err, ledger.CodeInvalid) {
		t.Errorf("a delivery in the past: %v", err)
	}
}

// TestWhoMayDeliver: a delivery writes, so a reader's key does not do it, and neither does a page of another site.
func TestWhoMayDeliver(t *testing.T) {
	base, _, keys := guardedBy(t, func(*server.Options) {})
	seen, _, _ := request(t, "POST", base+"/v1/handoffs/h/viewed", keys[server.Reader], `{"journey":"J"}`)
	if seen != http.StatusForbidden {
		t.Errorf("a reader records a view: %d", seen)
	}
	if status, p, _ := request(t, "POST", base+"/v1/handoffs", keys[server.Writer], `{"journey":"J","id":"h","from":{"stage":"bot"},"to":{"stage":"sales"},"channel":"chat"}`); status != 200 {
		t.Fatalf("%d %+v", status, p)
	}
	url := base + "/v1/journeys/J/context?deliver=h"
	if status, p, _ := request(t, "GET", url, keys[server.Reader], ""); status != http.StatusForbidden || p.Code != ledger.CodeForbidden || !strings.Contains(p.Detail, "role writer") {
		t.Errorf("a reader: %d %+v", status, p)
	}
	if status, _, _ := request(t, "GET", base+"/v1/journeys/J/context", keys[server.Reader], ""); status != 200 {
		t.Errorf("a reader without deliver: %d", status)
	}
	for path, body := range map[string]string{"/v1/handoffs/h/viewed": `{"journey":"J","fields":["need"]}`, "/v1/journeys/J/corrections": `{"field":"need","value":1}`} {
		if status, p, _ := request(t, "POST", base+path, keys[server.Writer], body); status != 200 {
			t.Errorf("%s: %d %+v", path, status, p)
		}
	}
	for site, want := range map[string]int{"cross-site": 403, "same-site": 403, "same-origin": 200, "none": 200} {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		req.Header.Set("Authorization", "Bearer "+keys[server.Writer])
		req.Header.Set("Sec-Fetch-Site", site)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("from %s: %d %s, want %d", site, resp.StatusCode, body, want)
		}
	}
	actors := map[string]string{}
	for e, err := range client.New(base, client.Options{Key: keys[server.Reader]}).ReadStream(t.Context(), "overlay-J", ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		_, verb := ledger.SplitType(e.Type)
		actors[verb] = e.Actor
	}
	if len(actors) != 2 || actors["delivered"] != "the-writer" || actors["viewed"] != "the-writer" {
		t.Errorf("actors %v", actors)
	}
}

// fetch sends a request as it stands.
func fetch(t *testing.T, method, url, body string) (status int, header http.Header, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

// TestProgress: a context that is asked for while a source is out is 202, its Location tells what happens, and the value is in the context afterwards.
func TestProgress(t *testing.T) {
	answer, called := make(chan struct{}), make(chan struct{}, 4)
	crm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		called <- struct{}{}
		<-answer
		io.WriteString(w, `{"values":{"tier":"gold"}}`)
	}))
	defer crm.Close()
	var e *enrich.Enricher
	s, c, _, _ := serveWith(t, func(o *server.Options) {
		e = enrich.New(enrich.Options{Store: o.Store, Append: o.Append, Sources: []enrich.Source{{Name: "crm", Kind: enrich.HTTP, URL: crm.URL, Fields: []string{"tier"}}}})
		o.Enrich = e
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx, nil) }()
	defer func() { cancel(); <-ended; e.Close() }()
	if _, err := c.HandOff(ctx, ledger.HandoffCall{ID: "h 1", Journey: "J", From: ledger.Party{Stage: "bot"}, To: ledger.Party{Stage: "sales"}, Channel: "mail"}); err != nil {
		t.Fatal(err)
	}
	<-called
	status, header, body := fetch(t, "GET", s.URL+"/v1/journeys/J/context?wait=0", "")
	if status != 202 || header.Get("Location") != "/v1/handoffs/h%201/progress?journey=J" || !strings.Contains(body, `"state":"requested"`) {
		t.Fatalf("%d %v %s", status, header, body)
	}
	if status, header, _ := fetch(t, "GET", s.URL+"/v1/journeys/J/context", ""); status != 200 || header.Get("Location") != "" {
		t.Errorf("an asynchronous channel has no budget to wait for: %d", status)
	}
	req, _ := http.NewRequestWithContext(ctx, "GET", s.URL+header.Get("Location"), nil)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%v %v", resp, err)
	}
	defer resp.Body.Close()
	var events []string
	lines, released := bufio.NewScanner(resp.Body), false
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok && lines.Scan() {
			var d struct {
				State       string
				AfterAccept bool `json:"after_accept"`
				Done        bool
			}
			if err := json.Unmarshal([]byte(strings.TrimPrefix(lines.Text(), "data: ")), &d); err != nil {
				t.Fatal(err)
			}
			events = append(events, name+" "+d.State)
			if d.State == enrich.Asked && !released {
				close(answer)
				released = true
			}
			if d.State == enrich.Answered && !d.AfterAccept {
				t.Error("a value that came after the handoff was accepted is not marked")
			}
		}
	}
	if !slices.Equal(events, []string{"source asked", "source answered", "done "}) {
		t.Errorf("the stream has %q", events)
	}
	status, _, body = fetch(t, "GET", s.URL+"/v1/journeys/J/context?wait=5s", "")
	if status != 200 || !strings.Contains(body, `"gold"`) || !strings.Contains(body, `"after_accept":true`) {
		t.Errorf("%d %s", status, body)
	}
}

// TestWaitingForTheBudget: on a near-real-time channel the context waits as long as the budget for what is out, and is there at once when it comes.
func TestWaitingForTheBudget(t *testing.T) {
	answer := make(chan struct{})
	crm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-answer
		io.WriteString(w, `{"values":{"tier":"gold"}}`)
	}))
	defer crm.Close()
	var e *enrich.Enricher
	s, c, _, _ := serveWith(t, func(o *server.Options) {
		e = enrich.New(enrich.Options{Store: o.Store, Append: o.Append, Budgets: enrich.Budgets{ledger.NearRealTime: 20 * time.Second},
			Sources: []enrich.Source{{Name: "crm", Kind: enrich.HTTP, URL: crm.URL, Fields: []string{"tier"}}}})
		o.Enrich = e
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx, nil) }()
	defer func() { cancel(); <-ended; e.Close() }()
	if _, err := c.HandOff(ctx, ledger.HandoffCall{ID: "h", Journey: "J", From: ledger.Party{Stage: "bot"}, To: ledger.Party{Stage: "sales"}, Channel: "sms"}); err != nil {
		t.Fatal(err)
	}
	asked := make(chan string, 1)
	go func() {
		_, _, body := fetch(t, "GET", s.URL+"/v1/journeys/J/context", "")
		asked <- body
	}()
	close(answer)
	if body := <-asked; !strings.Contains(body, `"gold"`) {
		t.Errorf("%s", body)
	}
}
