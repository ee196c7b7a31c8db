package webhook_test

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestTakeOver: a node with a state of its own goes on where another one has settled everything, neither before nor after it.
func TestTakeOver(t *testing.T) {
	for name, own := range map[string]func(r *rig){
		"nothing known here": func(r *rig) { r.fs = vfs.NewMem() },
		"known, and behind":  func(r *rig) {}, // set up before the others were offered
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				other := r.fs
				r.run(endpoint())
				synctest.Wait()
				r.halt() // the other node has seen the ledger when it was empty

				first := vfs.NewMem()
				r.fs = first
				r.run(endpoint())
				r.answers(func(_ int, w http.ResponseWriter, q request) {
					if q.id == "c" {
						w.WriteHeader(http.StatusServiceUnavailable)
					}
				})
				r.offer("J1/a", "J2/b", "J3/c", "J4/d")
				synctest.Wait()
				settled := r.hooks.Followers()[0].Settled()
				if settled != 2 {
					t.Fatalf("settled up to %d, the third waits", settled)
				}
				r.halt()

				r.answers(nil)
				before := len(r.requests())
				r.fs = other
				own(r)
				r.open(endpoint())
				if err := r.hooks.Followers()[0].TakeOver(settled); err != nil {
					t.Fatal(err)
				}
				if err := r.hooks.Close(); err != nil {
					t.Fatal(err)
				}
				r.hooks = nil
				r.run(endpoint())
				synctest.Wait()
				var got []string
				for _, q := range r.requests()[before:] {
					got = append(got, q.header.Get("Webhook-Id"))
				}
				slices.Sort(got) // of different journeys, in any order
				if !slices.Equal(got, []string{"0a1b2c3d:3", "0a1b2c3d:4"}) {
					t.Errorf("taken over: %q", got)
				}
				if s := r.hooks.Followers()[0].Settled(); s != 4 {
					t.Errorf("settled up to %d", s)
				}
			})
		})
	}
}
