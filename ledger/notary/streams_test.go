package notary_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
)

// evidence is what one is given who is to believe that a stream is whole: its leaves, each with its proof, and the proof of its end.
type evidence struct {
	events []notary.Proof
	end    notary.StreamProof
}

// check is what that person does, with the public key and the stream's tag.
func (e *evidence) check(w *world, tag ledger.Hash) error {
	end, cp, err := e.end.Verify(w.keys.Verifier)
	if err != nil {
		return err
	}
	if end.Tag != tag {
		return ledger.Errorf(ledger.CodeCorrupt, "", "", "another stream")
	}
	var leaves []ledger.Leaf
	for _, p := range e.events {
		leaf, under, err := p.Verify(w.keys.Verifier)
		if err != nil {
			return err
		}
		if under.Note != cp.Note {
			return ledger.Errorf(ledger.CodeCorrupt, "", "", "another checkpoint")
		}
		leaves = append(leaves, leaf)
	}
	return notary.CheckStream(leaves, end)
}

// TestNothingCanBeLeftOut removes each event of a stream in turn: first, middle, last.
func TestNothingCanBeLeftOut(t *testing.T) {
	w := newWorld(t)
	cp := w.sealed(200, 20)
	tag := ledger.StreamTag(w.keys.TagKey, "journey-7")
	var e evidence
	for r, err := range w.store.ReadStream(t.Context(), "journey-7", ledger.ReadOptions{}) {
		must(t, err)
		p, err := notary.Prove(t.Context(), w.store, w.keys.TagKey, cp, r.Position)
		must(t, err)
		e.events = append(e.events, p)
	}
	var err error
	e.end, err = notary.ProveStream(t.Context(), w.store, w.keys, "journey-7")
	must(t, err)
	text, err := json.Marshal(e.end)
	must(t, err)
	e.end = notary.StreamProof{}
	must(t, json.Unmarshal(text, &e.end))
	must(t, e.check(w, tag))
	if len(e.events) != 10 {
		t.Fatalf("the stream has %d events, written were 10", len(e.events))
	}
	for i := range e.events {
		less := evidence{slices.Delete(slices.Clone(e.events), i, i+1), e.end}
		wantCode(t, less.check(w, tag), ledger.CodeCorrupt)
	}
	swapped := evidence{slices.Clone(e.events), e.end}
	swapped.events[3], swapped.events[4] = swapped.events[4], swapped.events[3]
	wantCode(t, swapped.check(w, tag), ledger.CodeCorrupt)
	wantCode(t, (&evidence{nil, e.end}).check(w, tag), ledger.CodeCorrupt)

	// The end of the stream as it was earlier does not go with the newest checkpoint.
	shorter := *e.end.Map.State
	shorter.Revision--
	e.end.Map.State = &shorter
	wantCode(t, e.check(w, tag), ledger.CodeCorrupt)
}

func TestAbsentStream(t *testing.T) {
	w := newWorld(t)
	for _, n := range []int{0, 1, 40} {
		w.write(n, 40)
		w.notaryCloses()
		p, err := notary.ProveStream(t.Context(), w.store, w.keys, "journey-none")
		must(t, err)
		s, cp, err := p.Verify(w.keys.Verifier)
		must(t, err)
		if s.Revision != 0 || s.Tag != ledger.StreamTag(w.keys.TagKey, "journey-none") || cp.Streams.Size != cp.Size {
			t.Errorf("with %d events: %+v under %+v", n, s, cp.Streams)
		}
		must(t, notary.CheckStream(nil, s))
	}
	p, err := notary.ProveStream(t.Context(), w.store, w.keys, "journey-3")
	must(t, err)
	p.Map.State = nil // as if it were absent
	_, _, err = p.Verify(w.keys.Verifier)
	wantCode(t, err, ledger.CodeCorrupt)
}
