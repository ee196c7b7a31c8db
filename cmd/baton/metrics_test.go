package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"golang.org/x/sys/unix"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/server/client"
)

// scrape reads /metrics as a map from a sample with its labels to its value.
func scrape(t *testing.T, api string) (samples map[string]float64, text []byte) {
	t.Helper()
	resp, err := http.Get(api + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err = io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v: %.300s", resp.Status, err, text)
	}
	samples = map[string]float64{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		name, value, ok := cutLast(lines.Text(), " ")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		if samples[name], err = strconv.ParseFloat(value, 64); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
	}
	return samples, text
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// until waits for a condition on the metrics.
func until(t *testing.T, api, what string, holds func(map[string]float64) bool) map[string]float64 {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for tick := time.Tick(20 * time.Millisecond); ; {
		s, text := scrape(t, api)
		if holds(s) {
			return s
		}
		select {
		case <-tick:
		case <-deadline:
			t.Fatalf("never: %s\n%s", what, text)
		}
	}
}

// TestMetrics does things to a server and finds them counted.
func TestMetrics(t *testing.T) {
	data := filepath.Join(t.TempDir(), "D")
	t.Setenv("BATON_ENRICH_SOURCES", `{"tiers":{"kind":"snapshot","file":"none.ndjson","key":"account","fields":["tier"]}}`) // whose metrics are looked at too
	cmd, out := baton(t, "serve", "--data", data, "--listen", "127.0.0.1:0", "--predict-model", "none")
	t.Cleanup(func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() })
	api := waitAPI(t, data, cmd.Process.Pid)
	c, ctx := client.New(api, client.Options{}), t.Context()

	two := ledger.Batch{Stream: "journey-J", Expect: ledger.NoStream, Events: []ledger.Event{killBatch("J-a").Events[0], killBatch("J-b").Events[0]}}
	for range 2 { // the second time they are duplicates
		if r := c.AppendAll(ctx, []ledger.Batch{two})[0]; r.Err != nil {
			t.Fatalf("%v\n%s", r.Err, out)
		}
	}
	stale := two
	stale.Events = []ledger.Event{killBatch("J-c").Events[0]}
	if r := c.AppendAll(ctx, []ledger.Batch{stale})[0]; ledger.CodeOf(r.Err) != ledger.CodeStaleRevision {
		t.Fatal(r.Err)
	}
	ingest(t, data)
	for _, path := range []string{"/v1/journeys/nobody-1", "/v1/journeys/nobody-2", "/nowhere", "/healthz", "/readyz"} {
		resp, err := http.Get(api + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}

	samples := until(t, api, "followers and checkpoint are up to date", func(s map[string]float64) bool {
		return s[`baton_follower_position{follower="relay"}`] == 3 && s[`baton_follower_position{follower="projections"}`] == 3 && s["baton_checkpoint_size_events"] == 3
	})
	for name, want := range map[string]float64{
		"baton_ledger_head_position": 3, "baton_ledger_writable": 1, "baton_relay_connected": 1, "baton_checkpoint_uncovered_events": 0,
		`baton_enrichment_outcomes_total{outcome="late",source="tiers"}`:                          0,
		`baton_enrichment_duration_seconds_count{source="tiers"}`:                                 0,
		`baton_append_events_total{result="recorded",source="http"}`:                              2,
		`baton_append_events_total{result="duplicate",source="http"}`:                             2,
		`baton_append_events_total{result="refused",source="http"}`:                               1,
		`baton_append_events_total{result="recorded",source="nats"}`:                              1,
		`baton_append_batches_total{code="ok",source="http"}`:                                     2,
		`baton_append_batches_total{code="stale_revision",source="http"}`:                         1,
		`baton_append_batch_events_sum{source="http"}`:                                            5,
		`baton_append_duration_seconds_count{source="http"}`:                                      3,
		`baton_follower_lag_events{follower="relay"}`:                                             0,
		`baton_http_requests_total{code="200",method="POST",route="/v1/batches"}`:                 3,
		`baton_http_requests_total{code="404",method="GET",route="/v1/journeys/{id}"}`:            2,
		`baton_http_requests_total{code="404",method="GET",route="other"}`:                        1,
		`baton_http_request_duration_seconds_count{method="POST",route="/v1/batches"}`:            3,
		`baton_http_requests_total{code="200",method="GET",route="/readyz"}`:                      1,
		"baton_http_requests_in_flight":                                                           1, // this one
		`baton_http_rejected_total{reason="too_many"}`:                                            0,
		`baton_http_request_duration_seconds_bucket{method="POST",route="/v1/batches",le="+Inf"}`: 3,
	} {
		if got, ok := samples[name]; !ok || got != want {
			t.Errorf("%s is %v (there: %v), want %v", name, got, ok, want)
		}
	}
	for _, name := range []string{"baton_pebble_disk_bytes", "baton_pebble_wal_bytes", "baton_disk_free_bytes", "go_goroutines", "process_resident_memory_bytes",
		"baton_checkpoint_timestamp_seconds"} {
		if samples[name] <= 0 {
			t.Errorf("%s is %v", name, samples[name])
		}
	}
	agreed(t, c)
	samples, text := scrape(t, api)
	if samples[`baton_contract_checks_total{contract="d/r",result="broken"}`] != 1 || samples["baton_contract_check_duration_seconds_count"] != 1 {
		t.Error("the check of an offer is not counted")
	}
	lint(t, text)
	documented(t, text)
	for _, secret := range []string{"nobody", "journey-J", data} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("the metrics name %q", secret)
		}
	}
}

// agreed publishes a contract, and hands over without keeping it.
func agreed(t *testing.T, c *client.Client) {
	t.Helper()
	d, err := contract.Parse([]byte(`{"contract":"d/r","version":1,"owner":"d","mode":"warn","points":["d>r@chat"],"fields":[{"name":"n","class":"mandatory","schema":{"type":"string"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []contract.Act{{Verb: "drafted", Said: contract.Said{Name: d.Name, Version: 1, Contract: d}}, {Verb: "published", Said: contract.Said{Name: d.Name, Version: 1}}} {
		if _, err := contract.Do(t.Context(), c, c.AppendAll, a); err != nil {
			t.Fatal(err)
		}
	}
	h, err := c.HandOff(t.Context(), ledger.HandoffCall{ID: "q", Journey: "Q", From: ledger.Party{Stage: "d"}, To: ledger.Party{Stage: "r"}, Channel: "chat"})
	if err != nil || len(h.Notices) != 1 {
		t.Fatalf("%+v %v", h, err)
	}
}

// ingest sends one event over NATS, as any client would.
func ingest(t *testing.T, data string) {
	t.Helper()
	c, err := relay.ReadCredential(credentialFile(data))
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(c.URL, nats.UserInfo(c.User, c.Password))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	m := &nats.Msg{Subject: relay.IngestSubject, Header: nats.Header{"content-type": {ledger.ContentTypeCloudEvent}},
		Data: []byte(`{"specversion":"1.0","id":"n","source":"test","type":"dev.baton.interaction.recorded.v1","subject":"N","data":{"activity":"call"}}`)}
	reply, err := nc.RequestMsg(m, 10*time.Second)
	if err != nil || !bytes.Contains(reply.Data, []byte(`"receipts"`)) {
		t.Fatalf("ingest answers %v, %v", reply, err)
	}
}

// lint holds our own metrics against the conventions.
func lint(t *testing.T, text []byte) {
	t.Helper()
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "baton_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	if !bytes.Contains(text, []byte("# HELP baton_append_duration_seconds ")) {
		t.Error("nothing of ours was linted")
	}
}

// documented holds docs/operations.md against what there is: its table, and the rules it gives, name metrics of ours.
func documented(t *testing.T, text []byte) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, name := range regexp.MustCompile(`baton_[a-z0-9_]+`).FindAllString(string(page), -1) {
		named[strings.TrimSuffix(name, "_bucket")] = true
	}
	for _, line := range regexp.MustCompile(`(?m)^# TYPE (baton_[a-z0-9_]+) `).FindAllSubmatch(text, -1) {
		if !named[string(line[1])] {
			t.Errorf("docs/operations.md does not name %s", line[1])
		}
		delete(named, string(line[1]))
	}
	delete(named, "baton_trace_spans_total") // traces are off here
	for name := range named {
		t.Errorf("docs/operations.md names %s, which is not there", name)
	}
}

// TestReady: a server says of each part how it is; one that takes no appends any more is not ready, and says why.
func TestReady(t *testing.T) {
	data := filepath.Join(t.TempDir(), "D")
	for _, c := range []struct {
		share uint64 // of what is free that must be: twice as much refuses appends, and not yet what the notary writes
		ready bool
		want  string
	}{{0, true, `"name":"disk","verdict":"ok"`}, {2, false, `"name":"disk","verdict":"fail","found":"append: the disk of `}} {
		var disk unix.Statfs_t
		if err := unix.Statfs(filepath.Dir(data), &disk); err != nil {
			t.Fatal(err)
		}
		t.Setenv("BATON_PEBBLE_MIN_FREE_MB", fmt.Sprint(c.share*disk.Bavail*uint64(disk.Bsize)>>20))
		cmd, _ := baton(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
		api := waitAPI(t, data, cmd.Process.Pid)
		resp, err := http.Get(api + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		status, media := http.StatusOK, "application/json"
		if !c.ready {
			status, media = http.StatusServiceUnavailable, "application/problem+json"
		}
		if err != nil || resp.StatusCode != status || resp.Header.Get("Content-Type") != media || !bytes.Contains(body, []byte(c.want)) {
			t.Errorf("%s %s, %v\n%s", resp.Status, resp.Header.Get("Content-Type"), err, body)
		}
		var p client.Problem
		if err := json.Unmarshal(body, &p); err != nil || !c.ready && (p.Code != ledger.CodeUnavailable || p.Hint == "") {
			t.Errorf("problem %+v, %v", p, err)
		}
		answer, err := client.New(api, client.Options{}).Ready(t.Context())
		if err != nil || answer.Ready != c.ready || len(answer.Checks) < 5 {
			t.Errorf("the client reads %+v, %v", answer, err)
		}
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkAppendStage is what the stage of the metrics adds to a call of one event.
func BenchmarkAppendStage(b *testing.B) {
	batches, results := []ledger.Batch{killBatch("J-a")}, []ledger.Result{{Receipts: make([]ledger.Receipt, 1)}}
	intake := ledger.Intake(func(context.Context, []ledger.Batch) []ledger.Result { return results }, newAppendMetrics(prometheus.NewRegistry()).stage("http"))
	for b.Loop() {
		intake(context.Background(), batches)
	}
}

// BenchmarkAppendMetrics is what counting costs 64 writers of one event each.
func BenchmarkAppendMetrics(b *testing.B) {
	for _, counted := range []bool{false, true} {
		b.Run(fmt.Sprintf("counted=%v", counted), func(b *testing.B) {
			store, err := pebblestore.Open(b.Context(), filepath.Join(b.TempDir(), "ledger"), pebblestore.Options{TagKey: make([]byte, 32)})
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			intake := ledger.Intake(store.AppendAll, ledger.Validate)
			if counted {
				intake = ledger.Intake(store.AppendAll, newAppendMetrics(prometheus.NewRegistry()).stage("http"), ledger.Validate)
			}
			data := []byte(`{"activity":"` + strings.Repeat("x", 490) + `"}`)
			var n atomic.Int64
			b.SetParallelism(64)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := n.Add(1)
					e := ledger.Event{ID: strconv.FormatInt(i, 10), Source: "bench", Type: ledger.Type("interaction", "recorded"), Subject: "J" + strconv.FormatInt(i/50, 10), Data: data}
					if r := intake(context.Background(), []ledger.Batch{{Stream: ledger.JourneyStream(e.Subject), Expect: ledger.Any, Events: []ledger.Event{e}}})[0]; r.Err != nil {
						b.Error(r.Err)
						return
					}
				}
			})
		})
	}
}
