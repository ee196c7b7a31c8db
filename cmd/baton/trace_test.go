package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/server/client"
)

// receiver is an OTLP/HTTP collector that keeps what it is sent.
type receiver struct {
	mu    sync.Mutex
	spans []*tracepb.Span
	came  chan struct{} // something came since it was last asked
}

func startReceiver(t *testing.T) (*receiver, string) {
	r := &receiver{came: make(chan struct{}, 1)}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	return r, s.URL
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var batch collectorpb.ExportTraceServiceRequest
	if err != nil || req.URL.Path != "/v1/traces" || proto.Unmarshal(body, &batch) != nil {
		http.Error(w, "not a batch of spans at /v1/traces", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rs := range batch.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			r.spans = append(r.spans, ss.Spans...)
		}
	}
	select {
	case r.came <- struct{}{}:
	default:
	}
}

// trace gives a trace's spans as "name < parent", where a parent that the receiver has is a name and any other its id, sorted.
func (r *receiver) trace(id string) (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := map[string]string{}
	for _, s := range r.spans {
		names[hex.EncodeToString(s.SpanId)] = s.Name
	}
	for _, s := range r.spans {
		if hex.EncodeToString(s.TraceId) != id {
			continue
		}
		parent := hex.EncodeToString(s.ParentSpanId)
		if name, ok := names[parent]; ok {
			parent = name
		}
		list = append(list, s.Name+" < "+parent)
	}
	slices.Sort(list)
	return list
}

func (r *receiver) wait(t *testing.T, id string, want ...string) {
	t.Helper()
	slices.Sort(want)
	deadline := time.After(30 * time.Second)
	for {
		got := r.trace(id)
		if slices.Equal(got, want) {
			return
		}
		select {
		case <-r.came:
		case <-deadline:
			t.Fatalf("trace %s is\n  %s\nwant\n  %s", id, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
}

func (r *receiver) span(name, trace string) *tracepb.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if s.Name == name && hex.EncodeToString(s.TraceId) == trace {
			return s
		}
	}
	return nil
}

func traceID(n int) string { return fmt.Sprintf("%032x", 0xaaa0+n) }
func spanID(n int) string  { return fmt.Sprintf("%016x", 0xbbb0+n) }
func parentOf(n int, flags string) string {
	return "00-" + traceID(n) + "-" + spanID(n) + "-" + flags
}

// post sends an event whose own traceparent is event's, in a request whose header is request's.
func post(t *testing.T, api, id, event, request string) string {
	t.Helper()
	e := ledger.Event{ID: id, Source: "test", Type: ledger.Type("interaction", "recorded"), Subject: "J", TraceParent: event, Data: []byte(`{"activity":"call"}`)}
	body := ledger.AppendCloudEventLine(nil, &ledger.Recorded{Event: e})
	req, err := http.NewRequest(http.MethodPost, api+"/v1/events", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", ledger.ContentTypeCloudEvent)
	if request != "" {
		req.Header.Set("traceparent", request)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v: %s", resp.Status, err, answer)
	}
	return string(answer)
}

// TestTraces follows events from their producer to NATS and the read models, by what a real collector is sent.
func TestTraces(t *testing.T) {
	collected, endpoint := startReceiver(t)
	data := filepath.Join(t.TempDir(), "D")
	t.Setenv("BATON_TRACE_SAMPLE", "0") // of what begins here; what comes in decides for itself
	cmd, out := baton(t, "serve", "--data", data, "--listen", "127.0.0.1:0", "--trace-endpoint", endpoint)
	api := waitAPI(t, data, cmd.Process.Pid)

	post(t, api, "1", parentOf(1, "01"), parentOf(2, "01")) // a forwarder sends it: two traces
	collected.wait(t, traceID(1), "append event < "+spanID(1), "relay publish < "+spanID(1), "project < "+spanID(1))
	collected.wait(t, traceID(2), "POST /v1/events < "+spanID(2), "append < POST /v1/events")
	if e, a := collected.span("append event", traceID(1)), collected.span("append", traceID(2)); len(e.Links) != 1 || !bytes.Equal(e.Links[0].SpanId, a.SpanId) {
		t.Errorf("the event's span has the links %v, want the append %x", e.Links, a.SpanId)
	}
	if s := collected.span("POST /v1/events", traceID(2)); s.Kind != tracepb.Span_SPAN_KIND_SERVER || spanAttribute(s, "http.response.status_code") != "int_value:200" {
		t.Errorf("the request's span is %v", s)
	}
	if got := spanAttribute(collected.span("relay publish", traceID(1)), "baton.position"); got != "int_value:1" {
		t.Errorf("the relay published position %s, want 1", got)
	}

	again := post(t, api, "1", parentOf(1, "01"), parentOf(3, "01"))
	if !strings.Contains(again, `"duplicate":true`) {
		t.Errorf("sent again under another trace it answers %s", again)
	}
	post(t, api, "2", "", parentOf(4, "01")) // a producer that knows of HTTP's header alone
	collected.wait(t, traceID(4), "POST /v1/events < "+spanID(4), "append < POST /v1/events", "relay publish < append", "project < append")

	post(t, api, "3", parentOf(5, "00"), parentOf(6, "00")) // both said that it is not to be kept
	post(t, api, "4", "", "")
	publish(t, data, "5", parentOf(7, "01"))
	collected.wait(t, traceID(7), "append event < "+spanID(7), "relay publish < "+spanID(7), "project < "+spanID(7))

	post(t, api, "6", parentOf(8, "01"), "")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := collected.trace(traceID(8)); !slices.Contains(got, "append event < "+spanID(8)) {
		t.Errorf("the end left %v of the last event's trace", got)
	}
	if got := append(collected.trace(traceID(5)), collected.trace(traceID(6))...); len(got) != 0 {
		t.Errorf("not sampled, yet there is %v", got)
	}
	for _, s := range collected.spans {
		if strings.Contains(s.String(), "journey-J") {
			t.Errorf("a span names the journey: %v", s)
		}
	}
}

func spanAttribute(s *tracepb.Span, name string) string {
	if s != nil {
		for _, a := range s.Attributes {
			if a.Key == name {
				return strings.ReplaceAll(a.Value.String(), " ", "")
			}
		}
	}
	return ""
}

// publish sends an event over NATS and finds its traceparent in the message that the relay made, where instrumented consumers look.
func publish(t *testing.T, data, id, parent string) {
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
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	consumer, err := js.OrderedConsumer(ctx, relay.StreamName, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	m := &nats.Msg{Subject: relay.IngestSubject, Data: []byte(`{"activity":"call"}`), Header: nats.Header{"ce-specversion": {"1.0"}, "ce-id": {id}, "ce-source": {"test"},
		"ce-type": {ledger.Type("interaction", "recorded")}, "ce-subject": {"J"}, "ce-traceparent": {parent}}}
	if reply, err := nc.RequestMsg(m, 10*time.Second); err != nil || !bytes.Contains(reply.Data, []byte(`"receipts"`)) {
		t.Fatalf("ingest answers %v, %v", reply, err)
	}
	for {
		got, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		if got.Headers().Get("ce-id") == id {
			if h := got.Headers().Get("traceparent"); h != parent {
				t.Errorf("the message's traceparent is %q, want %q", h, parent)
			}
			return
		}
	}
}

// TestCollectorAway: a collector that takes connections and never answers costs appends nothing and the end a few seconds, and is counted.
func TestCollectorAway(t *testing.T) {
	block := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-block }))
	defer s.Close()
	defer close(block)
	data := filepath.Join(t.TempDir(), "D")
	cmd, out := baton(t, "serve", "--data", data, "--listen", "127.0.0.1:0", "--trace-endpoint", s.URL)
	api := waitAPI(t, data, cmd.Process.Pid)
	begin := time.Now()
	for i := range 50 {
		post(t, api, fmt.Sprint(i), parentOf(i, "01"), parentOf(100+i, "01"))
	}
	if took := time.Since(begin); took > traceTime {
		t.Errorf("50 appends took %s", took)
	}
	until(t, api, "the collector's silence is counted", func(m map[string]float64) bool { return m[`baton_trace_spans_total{result="failed"}`] > 0 })
	if ready, err := client.New(api, client.Options{}).Ready(t.Context()); err != nil || !ready.Ready {
		t.Errorf("%+v, %v", ready, err)
	}
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if !strings.Contains(out.String(), "traces are lost") {
		t.Errorf("the log does not say so:\n%s", out)
	}
}

// TestTraceQueue fills the queue: what does not fit is dropped at once and counted, and every span is counted once.
func TestTraceQueue(t *testing.T) {
	block := make(chan struct{})
	var open sync.Once
	collected, _ := startReceiver(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-block; collected.ServeHTTP(w, r) }))
	defer s.Close()
	defer open.Do(func() { close(block) })
	reg := prometheus.NewRegistry()
	tr, err := startTracing(t.Context(), tracingOptions{endpoint: s.URL, sample: 1, ledger: "x", log: slog.New(slog.DiscardHandler), registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	const more = 1000
	for range traceQueue + more {
		_, span := tr.tracer.Start(t.Context(), "x")
		span.End()
	}
	open.Do(func() { close(block) })
	tr.close()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, m := range families[0].Metric {
		counts[m.Label[0].GetValue()] = m.Counter.GetValue()
	}
	if counts["dropped"] < more/2 || counts["sent"]+counts["dropped"] != traceQueue+more || float64(len(collected.spans)) != counts["sent"] {
		t.Errorf("counted %v, the collector has %d", counts, len(collected.spans))
	}
}
