package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/projections/depth"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/client"
)

// serve starts the API over a new ledger.
func serve(t *testing.T) (*httptest.Server, *client.Client, *projections.Models, notary.Keys) {
	t.Helper()
	return serveWith(t, func(*server.Options) {})
}

// serveWith changes the options before.
func serveWith(t *testing.T, change func(*server.Options)) (*httptest.Server, *client.Client, *projections.Models, notary.Keys) {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir()
	keys, err := notary.LoadKeys(dir, "", "")
	if err != nil {
		t.Fatal(err)
	}
	store, err := pebblestore.Open(ctx, "ledger", pebblestore.Options{TagKey: keys.TagKey, FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	n, err := notary.Open(ctx, notary.Options{Store: store, Keys: keys, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	models, err := projections.Open(ctx, "models", store, projections.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	agreed, err := contract.Load(ctx, store, 0)
	if err != nil {
		t.Fatal(err)
	}
	checks := contract.Stage(contract.StageOptions{Registry: agreed, Find: store.Find})
	o := server.Options{Store: store, Append: ledger.Intake(store.AppendAll, checks, ledger.Validate), Models: models, Depth: depth.NewLive(store, depth.Options{}, nil),
		Latest: n.Latest, Checkpoint: n.Checkpoint,
		Tile: func(ctx context.Context, tile notary.Tile) ([]byte, error) {
			return notary.ReadTile(ctx, store, keys.TagKey, tile)
		},
		Prove: func(ctx context.Context, p uint64) (notary.Proof, error) {
			cp, err := n.Checkpoint(ctx)
			if err != nil {
				return notary.Proof{}, err
			}
			return notary.Prove(ctx, store, keys.TagKey, cp, p)
		}}
	change(&o)
	s := httptest.NewServer(server.New(o).Handler())
	t.Cleanup(func() {
		s.Close()
		if err := errors.Join(models.Close(), n.Close(context.Background()), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return s, client.New(s.URL, client.Options{}), models, keys
}

func event(id, journey, data string) ledger.Event {
	return ledger.Event{ID: id, Source: "test", Type: ledger.Type("interaction", "recorded"), Subject: journey, Data: []byte(data)}
}

func batch(expect ledger.Expect, events ...ledger.Event) []ledger.Batch {
	return []ledger.Batch{{Stream: ledger.JourneyStream(events[0].Subject), Expect: expect, Events: events}}
}

// TestClientIsALedger appends and reads through the API and gets what the ledger itself gives, errors included.
func TestClientIsALedger(t *testing.T) {
	_, c, _, _ := serve(t)
	ctx := t.Context()
	odd := event("1", "J/1 ö", `{"activity":"call",  "attributes":{"n":12345678901234567890}}`)
	first := c.AppendAll(ctx, batch(ledger.NoStream, odd))[0]
	if first.Err != nil || first.Receipts[0].Position != 1 {
		t.Fatalf("%+v", first)
	}
	if again := c.AppendAll(ctx, batch(ledger.NoStream, odd))[0]; again.Err != nil || !again.Receipts[0].Duplicate || again.Receipts[0].LeafHash != first.Receipts[0].LeafHash {
		t.Errorf("the retry answers %+v", again)
	}
	n := 0
	for r, err := range c.ReadStream(ctx, "journey-J/1 ö", ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; string(r.Data) != string(odd.Data) || r.Stream != "journey-J/1 ö" || r.Revision != 1 || r.RecordedTime.IsZero() {
			t.Errorf("read %+v", r)
		}
	}
	if n != 1 {
		t.Errorf("read %d events, want 1", n)
	}

	stale := c.AppendAll(ctx, batch(7, event("2", "J/1 ö", `{"activity":"call"}`)))[0].Err
	var cause *ledger.StaleRevision
	if !errors.Is(stale, ledger.CodeStaleRevision) || !errors.As(stale, &cause) || cause.Current != 1 || cause.Expected != 7 || ledger.HintOf(stale) == "" {
		t.Errorf("a stale revision answers %v, hint %q", stale, ledger.HintOf(stale))
	}
	conflict := c.AppendAll(ctx, batch(ledger.Any, event("1", "J/1 ö", `{"activity":"mail"}`)))[0].Err
	var digests *ledger.IDConflict
	if !errors.As(conflict, &digests) || digests.Position != 1 || digests.Stored == digests.Offered {
		t.Errorf("a conflict answers %v", conflict)
	}
	if err := c.AppendAll(ctx, batch(ledger.Any, event("", "J", `{"activity":"a"}`)))[0].Err; !errors.Is(err, ledger.CodeInvalid) {
		t.Errorf("an event without id answers %v", err)
	}
	if h, err := c.StreamHead(ctx, "journey-nobody"); err != nil || h.Revision != 0 {
		t.Errorf("a stream that is not there: %+v, %v", h, err)
	}
	if h, err := c.Wait(ctx, 0); err != nil || h.Position != 1 {
		t.Errorf("wait answers %+v, %v", h, err)
	}
	if _, err := replay.AsOf(ctx, c, "J", replay.Moment{}); !errors.Is(err, ledger.CodeNotFound) {
		t.Errorf("a journey that is not there answers %v", err)
	}
}

// TestContentModes sends one event in each of the three modes of CloudEvents over HTTP.
func TestContentModes(t *testing.T) {
	s, c, _, _ := serve(t)
	structured := `{"specversion":"1.0","id":"s","source":"test","type":"dev.baton.interaction.recorded.v1","subject":"J","data":{"activity":"call"}}`
	for _, tc := range []struct {
		name, contentType, body, path string
		header                        map[string]string
		status                        int
		want                          string // in the answer
	}{
		{"structured", ledger.ContentTypeCloudEvent, structured, "/v1/events", nil, 200, `"revision":1`},
		{"the same again", ledger.ContentTypeCloudEvent, structured, "/v1/events?expect=0", nil, 200, `"duplicate":true`},
		{"batch", ledger.ContentTypeCloudEventBatch, "[" + structured + "," + strings.Replace(structured, `"J"`, `"K"`, 1) + "]", "/v1/events", nil, 200, `"stream":"journey-K"`},
		{"binary", "application/json", `{"activity":"call"}`, "/v1/events", map[string]string{"ce-id": "b", "ce-specversion": "1.0", "ce-source": "test",
			"ce-type": "dev.baton.interaction.recorded.v1", "ce-subject": "J%20space"}, 200, `"stream":"journey-J space"`},
		{"no event", "application/json", `{}`, "/v1/events", nil, 400, `"code":"invalid"`},
		{"truncated", ledger.ContentTypeCloudEvent, structured[:40], "/v1/events", nil, 400, `"hint"`},
		{"no id", ledger.ContentTypeCloudEvent, strings.Replace(structured, `"id":"s",`, "", 1), "/v1/events", nil, 400, `id`},
		{"stale", ledger.ContentTypeCloudEvent, strings.Replace(structured, `"s"`, `"s2"`, 1), "/v1/events?expect=9", nil, 409, `"current":1`},
		{"ill-typed expect", ledger.ContentTypeCloudEvent, structured, "/v1/events?expect=soon", nil, 422, `expect`},
		{"too large", ledger.ContentTypeCloudEvent, strings.Repeat(" ", 17<<20), "/v1/events", nil, 413, `"code":"too_large"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+tc.path, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", tc.contentType)
			for k, v := range tc.header {
				req.Header.Set(k, v)
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
			if resp.StatusCode != tc.status || !strings.Contains(string(b), tc.want) {
				t.Errorf("%s answers %d %s, want %d with %s", tc.path, resp.StatusCode, b, tc.status, tc.want)
			}
			if kind := resp.Header.Get("Content-Type"); tc.status != 200 && kind != "application/problem+json" {
				t.Errorf("the error is %s", kind)
			}
		})
	}
	if h, err := c.Head(t.Context()); err != nil || h.Position != 3 {
		t.Errorf("the ledger ends at %d (%v), want 3: refused events left something, or accepted ones did not", h.Position, err)
	}
}

// TestListsHaveNoGaps reads the journeys page by page while more are added.
func TestListsHaveNoGaps(t *testing.T) {
	_, c, models, _ := serve(t)
	ctx := t.Context()
	add := func(from, to int) {
		for i := from; i < to; i++ {
			if r := c.AppendAll(ctx, batch(ledger.Any, event(fmt.Sprint(i), fmt.Sprintf("J%04d", i), `{"activity":"a","stage":"s"}`)))[0]; r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		if err := models.CatchUp(ctx); err != nil {
			t.Fatal(err)
		}
	}
	add(0, 1500)
	seen := map[string]bool{}
	for l, err := range c.Journeys(ctx, projections.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if seen[l.Journey.ID] {
			t.Fatalf("%s comes twice", l.Journey.ID)
		}
		seen[l.Journey.ID] = true
		if len(seen) == 10 {
			add(1500, 1600)
		}
	}
	if len(seen) < 1500 {
		t.Errorf("%d journeys, want 1500 or more", len(seen))
	}
	limited := 0
	for _, err := range c.Journeys(ctx, projections.Query{Limit: 1200}) {
		if err != nil {
			t.Fatal(err)
		}
		limited++
	}
	if limited != 1200 {
		t.Errorf("%d journeys with a limit of 1200", limited)
	}
}

func TestProofAndStatus(t *testing.T) {
	_, c, _, keys := serve(t)
	ctx := t.Context()
	for i := range 20 {
		if r := c.AppendAll(ctx, batch(ledger.Any, event(fmt.Sprint(i), "J", `{"activity":"a"}`)))[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	p, err := c.Prove(ctx, 13)
	if err != nil {
		t.Fatal(err)
	}
	leaf, cp, err := p.Verify(keys.Verifier)
	if err != nil || leaf.Position != 13 || cp.Size != 20 {
		t.Errorf("the proof gives position %d under size %d: %v", leaf.Position, cp.Size, err)
	}
	if _, err := c.Prove(ctx, 21); err == nil {
		t.Error("an event that is not there was proved")
	}
	status, err := c.Status(ctx)
	if err != nil || status.Head.Position != 20 || status.Checkpoint == nil || status.Checkpoint.Size != 20 {
		t.Errorf("status %+v, %v", status, err)
	}
	if _, err := c.Verify(ctx); !errors.Is(err, ledger.CodeUnsupported) {
		t.Errorf("verify on a server that does not offer it answers %v", err)
	}
}

// TestOpenAPI requires a document that names every path of the API.
func TestOpenAPI(t *testing.T) {
	s, _, _, _ := serve(t)
	resp, err := http.Get(s.URL + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var doc struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/events", "/v1/batches", "/v1/records", "/v1/streams/{stream}", "/v1/journeys/{id}", "/v1/reports/custody", "/v1/proofs/{position}", "/v1/verify"} {
		if doc.Paths[path] == nil {
			t.Errorf("%s is not in the document", path)
		}
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("version %s", doc.OpenAPI)
	}
}

func TestListenRefusesTheWorld(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "example.com:80", "[::]:0", "nonsense"} {
		if l, err := server.Listen(server.ListenOptions{Address: address}); !errors.Is(err, ledger.CodeInvalid) || ledger.HintOf(err) == "" {
			t.Errorf("%s: %v %v", address, l, err)
		}
	}
	l, err := server.Listen(server.ListenOptions{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := server.Listen(server.ListenOptions{Address: l.Addr().String()}); !errors.Is(err, ledger.CodeUnavailable) {
		t.Errorf("a taken port answers %v", err)
	}
}
