package webhook_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/ledger/webhook"
)

// The power fails at random moments, with any part of what was not synced lost, over a receiver that fails at random. In the end every event was
// taken, and within a journey the first time an event was taken comes after the first time of the one before it.
func TestPowerLoss(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			inBubble(t, func(r *rig) {
				random := rand.New(rand.NewPCG(seed, 1))
				coin := rand.New(rand.NewPCG(seed, 2))
				disk := vfs.NewCrashableMem()
				r.fs = disk
				var taken []request // answered with a success
				r.answers(func(_ int, w http.ResponseWriter, q request) {
					r.mu.Lock()
					defer r.mu.Unlock()
					if coin.IntN(3) == 0 {
						w.WriteHeader(500)
						return
					}
					taken = append(taken, q)
				})
				const events = 60
				for n := 0; n < events; {
					r.run(endpoint())
					for range 1 + random.IntN(10) {
						if n < events {
							r.offer(fmt.Sprintf("J%d/%d", random.IntN(5), n))
							n++
						}
						if random.IntN(3) == 0 {
							pass(time.Duration(random.IntN(20_000)) * time.Millisecond)
						}
					}
					after := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: random})
					r.halt()
					disk = after
					r.fs = disk
				}
				r.run(endpoint())
				pass(3 * time.Hour)
				checkTaken(t, taken, events)
				if s := r.status(); s.Pending != 0 || s.Dead != 0 || s.Lag != 0 {
					t.Errorf("in the end: %+v", s)
				}
			})
		})
	}
}

func checkTaken(t *testing.T, taken []request, events int) {
	t.Helper()
	seen, last := map[string]bool{}, map[string]uint64{}
	for _, q := range taken {
		if seen[q.id] {
			continue
		}
		seen[q.id] = true
		if q.position < last[q.journey] {
			t.Errorf("journey %s: position %d was taken after %d", q.journey, q.position, last[q.journey])
		}
		last[q.journey] = q.position
	}
	if len(seen) != events {
		t.Errorf("%d of %d events were taken", len(seen), events)
	}
}

// Over a ledger that is shorter than what was delivered, as after a restore, the endpoint goes on from its end.
func TestAShorterLedger(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.run(endpoint(func(e *webhook.Endpoint) { e.From = 1 }))
		r.offer("A/a", "A/b", "A/c")
		synctest.Wait()
		r.answers(status(500))
		r.offer("A/d")
		synctest.Wait()
		r.halt()
		if err := r.store.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		r.store, err = pebblestore.Open(r.t.Context(), "ledger", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem(), Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		r.append = ledger.Intake(r.store.AppendAll, ledger.Validate)
		r.offer("A/a", "A/b")
		r.answers(nil)
		r.run(endpoint())
		r.offer("A/new")
		pass(time.Minute)
		if got := r.ids(); got != "a b c d new" {
			t.Errorf("received %q", got)
		}
		if s := r.status(); s.Pending != 0 || s.Cursor != 3 {
			t.Errorf("%+v", s)
		}
	})
}

// What was delivered is kept up to a bound, and the counts stay true.
func TestOldDeliveriesAreDropped(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.run(endpoint(func(e *webhook.Endpoint) { e.Concurrency = 64 }))
		const events = 11_500
		for from := 0; from < events; from += 500 {
			r.offers(from, from+500)
		}
		pass(time.Minute)
		s, kept, first := r.status(), 0, ""
		for d, err := range r.hooks.Deliveries(r.t.Context(), "crm", webhook.Query{State: webhook.Delivered}) {
			if err != nil {
				t.Fatal(err)
			}
			if kept++; first == "" {
				first = d.ID
			}
		}
		if s.Delivered != events || kept < 10_000 || kept > 11_000 || first != strconv.Itoa(events-kept+1) {
			t.Errorf("delivered %d, kept %d from %s", s.Delivered, kept, first)
		}
	})
}

// offers appends offers in one batch a journey, fast.
func (r *rig) offers(from, to int) {
	r.t.Helper()
	var batches []ledger.Batch
	for i := from; i < to; i++ {
		e := ledger.Event{ID: strconv.Itoa(i), Source: "test", Subject: "J" + strconv.Itoa(i), Type: ledger.Type("handoff", "offered"),
			ContentType: "application/json", Data: []byte(`{"from":{"stage":"bot"},"to":{"stage":"tier2"},"channel":"chat"}`)}
		batches = append(batches, ledger.Batch{Stream: ledger.JourneyStream(e.Subject), Expect: ledger.Any, Events: []ledger.Event{e}})
	}
	for _, res := range r.append(r.t.Context(), batches) {
		if res.Err != nil {
			r.t.Fatal(res.Err)
		}
	}
}

// While the disk is full nothing is sent, for what came of it could not be noted; it goes on by itself.
func TestAFullDisk(t *testing.T) {
	inBubble(t, func(r *rig) {
		var full atomic.Bool
		r.writable = func() error {
			if full.Load() {
				return ledger.CodeDiskFull
			}
			return nil
		}
		r.answers(status(500))
		r.run(endpoint(func(e *webhook.Endpoint) { e.From = 1 }))
		r.offer("A/a")
		synctest.Wait()
		full.Store(true)
		r.offer("B/b")
		pass(time.Hour)
		if got := r.ids(); got != "a" {
			t.Errorf("received %q", got)
		}
		for _, err := range []error{r.hooks.Enable(r.t.Context(), "crm"), second(r.hooks.Replay(r.t.Context(), "crm", webhook.Replay{Dead: true}))} {
			if !errors.Is(err, ledger.CodeDiskFull) {
				t.Error(err)
			}
		}
		r.answers(nil)
		full.Store(false)
		pass(10 * time.Second)
		if s := r.status(); s.Delivered != 2 || s.State != "ok" {
			t.Errorf("%+v", s)
		}
	})
}

func second[T any](_ T, err error) error { return err }
