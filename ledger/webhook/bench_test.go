package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/ledger/webhook"
)

// BenchmarkDeliver delivers offers that wait in a ledger on disk to a receiver on loopback; the peer sends the same bodies over the same client settings
// and keeps no state.
func BenchmarkDeliver(b *testing.B) {
	for _, concurrency := range []int{1, 4, 16} {
		b.Run("webhook/"+strconv.Itoa(concurrency), func(b *testing.B) { benchDeliver(b, concurrency) })
		b.Run("bare/"+strconv.Itoa(concurrency), func(b *testing.B) { benchPost(b, concurrency) })
	}
}

// benchReceiver answers 204 and says when it has taken n.
func benchReceiver(b *testing.B, n int) (url string, done <-chan struct{}) {
	var taken atomic.Int64
	all := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
		if taken.Add(1) == int64(n) {
			close(all)
		}
	}))
	b.Cleanup(s.Close)
	return s.URL, all
}

func benchLedger(b *testing.B) *pebblestore.Store {
	store, err := pebblestore.Open(b.Context(), b.TempDir()+"/ledger", pebblestore.Options{TagKey: make([]byte, 32), Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	appendAll := ledger.Intake(store.AppendAll, ledger.Validate)
	for from := 0; from < b.N; from += 500 {
		var batches []ledger.Batch
		for i := from; i < min(from+500, b.N); i++ {
			e := ledger.Event{ID: strconv.Itoa(i), Source: "bench", Subject: "J" + strconv.Itoa(i), Type: ledger.Type("handoff", "offered"), ContentType: "application/json",
				Data: append([]byte(`{"from":{"stage":"bot"},"to":{"stage":"tier2"},"channel":"chat","note":"`), append(make512(), `"}`...)...)}
			batches = append(batches, ledger.Batch{Stream: ledger.JourneyStream(e.Subject), Expect: ledger.Any, Events: []ledger.Event{e}})
		}
		for _, r := range appendAll(b.Context(), batches) {
			if r.Err != nil {
				b.Fatal(r.Err)
			}
		}
	}
	return store
}

func make512() []byte {
	text := make([]byte, 430)
	for i := range text {
		text[i] = 'a' + byte(i%26)
	}
	return text
}

func benchDeliver(b *testing.B, concurrency int) {
	store := benchLedger(b)
	url, done := benchReceiver(b, b.N)
	h, err := webhook.Open(b.Context(), b.TempDir(), store, webhook.Options{LedgerID: "bench", Logger: quiet,
		Endpoints: []webhook.Endpoint{{Name: "crm", URL: url, Secrets: []string{secret}, From: 1, Concurrency: concurrency}}})
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	<-done
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
	cancel()
	<-ended
	if err := h.Close(); err != nil {
		b.Fatal(err)
	}
}

// benchPost is what the network and net/http alone cost.
func benchPost(b *testing.B, concurrency int) {
	store := benchLedger(b)
	url, done := benchReceiver(b, b.N)
	var bodies [][]byte
	for r, err := range store.Read(b.Context(), ledger.ReadOptions{}) {
		if err != nil {
			b.Fatal(err)
		}
		bodies = append(bodies, ledger.AppendCloudEvent(nil, &r))
	}
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: concurrency, MaxIdleConnsPerHost: concurrency}}
	defer client.CloseIdleConnections()
	b.ResetTimer()
	var next atomic.Int64
	for range concurrency {
		go func() {
			for i := next.Add(1) - 1; i < int64(len(bodies)); i = next.Add(1) - 1 {
				if err := post(client, url, bodies[i]); err != nil {
					b.Error(err)
				}
			}
		}()
	}
	<-done
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
}

func post(client *http.Client, url string, body []byte) error {
	resp, err := client.Post(url, ledger.ContentTypeCloudEvent, bytes.NewReader(body))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}
