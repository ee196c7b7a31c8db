package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/server/client"
)

// rig is an open ledger with one event that nobody follows yet.
func rig(t *testing.T) *Options {
	t.Helper()
	store, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	models, err := projections.Open(t.Context(), "models", store, projections.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(models.Close(), store.Close()); err != nil {
			t.Error(err)
		}
	})
	if r := store.AppendAll(t.Context(), []ledger.Batch{{Stream: "journey-J", Expect: ledger.Any, Events: []ledger.Event{{ID: "1", Source: "s", Type: "t"}}}})[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	return &Options{Store: store, Append: store.AppendAll, Models: models, Latest: func() notary.Checkpoint { return notary.Checkpoint{} },
		Followers: []Follower{{Name: models.Name(), Progress: models.Progress()}, {Name: "relay", Progress: new(ledger.Progress)}}}
}

func verdicts(r client.Readiness) string {
	var all []string
	for _, c := range r.Checks {
		all = append(all, c.Name+" "+c.Verdict)
	}
	return strings.Join(all, ", ")
}

// TestStuckFollowers: what stands still for a minute with work before it is stuck; only the read models, which answers come from, make a
// server not ready.
func TestStuckFollowers(t *testing.T) {
	o := rig(t)
	h, now := newHealth(o, nil), time.Unix(0, 0)
	h.now = func() time.Time { return now }
	for _, step := range []struct {
		pass   time.Duration
		before func()
		ready  bool
		want   string
	}{
		{0, nil, true, "ledger ok, follower projections ok, follower relay ok, checkpoint ok"},
		{stuckAfter - time.Second, nil, true, "ledger ok, follower projections ok, follower relay ok, checkpoint ok"},
		{time.Second, nil, false, "ledger ok, follower projections fail, follower relay warn, checkpoint warn"},
		{0, func() {
			if err := o.Models.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, true, "ledger ok, follower projections ok, follower relay warn, checkpoint warn"},
		{0, func() {
			o.Checks = []Check{{Name: "disk", Ask: func(context.Context) error { return errors.New("full") }}}
		}, false, "ledger ok, disk fail, follower projections ok, follower relay warn, checkpoint warn"},
	} {
		now = now.Add(step.pass)
		if step.before != nil {
			step.before()
		}
		if r := h.ready(t.Context()); r.Ready != step.ready || verdicts(r) != step.want {
			t.Errorf("after %s: ready %v, %s; want %v, %s", step.pass, r.Ready, verdicts(r), step.ready, step.want)
		}
	}
}

// TestReadyTellsStrangersNothing: where there are keys, who has none learns that the server is ready and no more.
func TestReadyTellsStrangersNothing(t *testing.T) {
	o := rig(t)
	ring, err := OpenKeyring(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	o.Access.Keys = ring
	s := httptest.NewServer(New(*o).Handler())
	defer s.Close()
	ask := func(key string) int {
		r, err := client.New(s.URL, client.Options{Key: key}).Ready(t.Context())
		if err != nil || !r.Ready {
			t.Fatalf("%+v, %v", r, err)
		}
		return len(r.Checks)
	}
	if n := ask(""); n != 4 {
		t.Errorf("without keys there are %d checks, want 4", n)
	}
	key, _, err := ring.Add("probe", Reader, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if stranger, known := ask(""), ask(key); stranger != 0 || known != 4 {
		t.Errorf("a stranger sees %d checks, a reader %d; want 0 and 4", stranger, known)
	}
}

// TestObservers: every observer is told of each request and its end once, also where a guard refuses it or a handler panics; streams of events are
// counted while they last.
func TestObservers(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := newHTTPMetrics(reg)
	mux := http.NewServeMux()
	inside := map[string]float64{}
	mux.HandleFunc("GET /stream/{id}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
		inside = gathered(t, reg)
	})
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("POST /silent", func(http.ResponseWriter, *http.Request) {})
	var mu sync.Mutex
	var told []string
	spy := func(r *http.Request, route string) (context.Context, func(int)) {
		return r.Context(), func(status int) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, route+" "+http.StatusText(status))
		}
	}
	refusing := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("much") {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		mux.ServeHTTP(w, r)
	})
	s := httptest.NewServer(observed(mux, refusing, m.observe, spy))
	defer s.Close()
	for _, ask := range [][2]string{{"GET", "/stream/7"}, {"GET", "/panic"}, {"POST", "/silent"}, {"GET", "/stream/8?much"}, {"BREW", "/panic"}, {"GET", "/no"}} {
		req, err := http.NewRequest(ask[0], s.URL+ask[1], nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
		}
	}
	s.Close() // every handler has ended
	want := " Not Found, /panic Internal Server Error, /panic Internal Server Error, GET /stream/{id} OK, GET /stream/{id} Too Many Requests, POST /silent OK"
	slices.Sort(told) // a client has its answer before the handler ends
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("told of\n  %s\nwant\n  %s", got, want)
	}
	after := gathered(t, reg)
	for name, want := range map[string]float64{
		"baton_http_sse_clients": 0, "baton_http_requests_in_flight": 0, "baton_http_rejected_total too_many": 1,
		"baton_http_requests_total 200 GET /stream/{id}": 1, "baton_http_requests_total 500 GET /panic": 1, "baton_http_requests_total 500 other /panic": 1,
		"baton_http_requests_total 404 GET other": 1, "baton_http_request_duration_seconds POST /silent": 1, "baton_http_request_duration_seconds GET /stream/{id}": 1,
	} {
		if got := after[name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if inside["baton_http_sse_clients"] != 1 || inside["baton_http_requests_in_flight"] != 1 {
		t.Errorf("while a stream lasts: %v", inside)
	}
}

// gathered gives metrics by name and label values; of histograms the count.
func gathered(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				name += " " + l.GetValue()
			}
			out[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return out
}

// TestFailuresAreLogged: a request that failed for a reason of ours leaves a line.
func TestFailuresAreLogged(t *testing.T) {
	o, log := rig(t), new(bytes.Buffer)
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	w := httptest.NewRecorder()
	New(*o).Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/v1/checkpoint", nil))
	var p client.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusNotImplemented {
		t.Fatalf("%d %s, %v", w.Code, w.Body, err)
	}
	if want := `msg="a request failed" route="GET /v1/checkpoint" method=GET status=501`; !strings.Contains(log.String(), want) {
		t.Errorf("the log is %s", log)
	}
}
