package notary_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
)

func TestVerifyGood(t *testing.T) {
	w := newWorld(t)
	cp := w.sealed(3000, 70)
	w.write(5, 2) // after the checkpoint: normal, and said
	r := w.verify(w.store)
	if !r.OK || r.Events != 3005 || r.Streams != 70 || r.Uncovered != 5 || r.Checkpoint.Note != cp.Note {
		t.Errorf("report %+v", r)
	}
	for name, v := range map[string]notary.Verdict{"integrity": r.Verdicts.Integrity, "completeness": r.Verdicts.Completeness,
		"origin": r.Verdicts.Origin, "time": r.Verdicts.Time} {
		if v.Verdict != notary.VerdictOK || v.Detail == "" {
			t.Errorf("%s: %+v", name, v)
		}
	}
	b, err := json.Marshal(r)
	must(t, err)
	if !strings.Contains(string(b), `"problems":[]`) {
		t.Errorf("JSON has no empty problems list: %.300s", b)
	}
	w.notaryCloses()
	if r := w.verify(w.store); !r.OK || r.Uncovered != 0 || r.Root != r.Checkpoint.Root {
		t.Errorf("after the last checkpoint: %+v", r)
	}
}

func (w *world) notaryCloses() { must(w.t, w.notary().Close(w.t.Context())) }

func TestVerifyEmptyAndUncovered(t *testing.T) {
	w := newWorld(t)
	if r := w.verify(w.store); !r.OK || r.Verdicts.Time.Verdict != notary.VerdictNotCovered || r.Verdicts.Origin.Verdict != notary.VerdictNotCovered {
		t.Errorf("empty ledger without a checkpoint: %+v", r)
	}
	w.write(3, 1)
	r := w.verify(w.store)
	if r.OK || r.Verdicts.Integrity.Verdict != notary.VerdictNotCovered || r.Verdicts.Origin.Verdict != notary.VerdictFailed || r.Events != 3 {
		t.Errorf("ledger without a checkpoint: %+v", r)
	}
}

// TestVerifyNamesKeyAndAbsentCopies: a key that somebody made instead has the same origin and other digits, and a copy that cannot be
// reached proves nothing.
func TestVerifyNamesKeyAndAbsentCopies(t *testing.T) {
	w := newWorld(t)
	w.sealed(3, 1)
	copied := filepath.Join(t.TempDir(), "copy")
	key := fmt.Sprintf("%08x", w.keys.Verifier.KeyHash())
	if v := w.verify(w.store, copied).Verdicts.Origin; v.Verdict != notary.VerdictOK || !strings.Contains(v.Detail, key) || !strings.Contains(v.Detail, copied) {
		t.Errorf("origin %+v, want key %s and copy %s named", v, key, copied)
	}
}

// TestVerifyTampering changes one thing at a time in what is read, and requires that it is named.
func TestVerifyTampering(t *testing.T) {
	w := newWorld(t)
	cp := w.sealed(3000, 70)
	const at = 1234
	flip := func(b []byte) []byte { c := append([]byte(nil), b...); c[len(c)-3] ^= 1; return c }
	changed := w.events()[at-1]
	changed.Record = flip(changed.Record)
	leaf := ledger.LeafOf(&changed, ledger.StreamTag(w.keys.TagKey, changed.Stream))
	flippedLeaf, _, _ := leaf.Hashes(nil)
	for _, c := range []struct {
		name     string
		store    tampered
		verdict  string
		position uint64
		what     string
		proven   bool // the evidence convinces a third party
	}{
		{"a byte of a record", tampered{record: func(r *ledger.Recorded) {
			if r.Position == at {
				r.Record = flip(r.Record)
			}
		}}, "integrity", at, "not what its stored leaf hash says", true},
		{"recorded time of an event", tampered{record: func(r *ledger.Recorded) {
			if r.Position == at {
				r.RecordedTime = r.RecordedTime.Add(-1)
			}
		}}, "integrity", at, "leaf hash", true},
		{"recorded time goes back", tampered{record: func(r *ledger.Recorded) {
			if r.Position == at {
				r.RecordedTime = r.RecordedTime.AddDate(-1, 0, 0)
			}
		}}, "time", at, "goes back", false},
		{"revision", tampered{record: func(r *ledger.Recorded) {
			if r.Position == at {
				r.Revision++
			}
		}}, "completeness", at, "not contiguous", false},
		{"an event moved to another stream", tampered{record: func(r *ledger.Recorded) {
			if r.Position == at {
				r.Stream = "journey-x"
			}
		}}, "completeness", at, "not contiguous", false},
		{"previous head", tampered{record: func(r *ledger.Recorded) {
			if r.Position == at {
				r.PrevHead[0]++
			}
		}}, "integrity", at, "not chained", false},
		{"two events exchanged", tampered{record: func(r *ledger.Recorded) {
			switch r.Position {
			case at:
				r.Position++
			case at + 1:
				r.Position--
			}
		}}, "integrity", at, "comes after", true},
		{"the stored leaf hash", tampered{leaf: func(i uint64, h *ledger.Hash) {
			if i == at-1 {
				h[5]++
			}
		}}, "integrity", at, "the record, which is as signed", false},
		{"an interior node", tampered{node: func(i ledger.TreeIndex, h *ledger.Hash) {
			if i == (ledger.TreeIndex{Level: 3, Index: 7}) {
				h[5]++
			}
		}}, "integrity", 7*8 + 1, "positions 57 to 64", false},
		{"record and leaf hash together", tampered{
			record: func(r *ledger.Recorded) {
				if r.Position == at {
					r.Record = flip(r.Record)
				}
			},
			leaf: func(i uint64, h *ledger.Hash) {
				if i == at-1 {
					*h = flippedLeaf
				}
			}}, "integrity", at - 1, "positions 1233 to 1234", false},
		{"a node of the map", tampered{value: func(name string, v []byte) []byte {
			if name == "map/\x00" {
				return flip(v)
			}
			return v
		}}, "integrity", 0, "map of streams", false},
		{"the end cut", tampered{head: 2990}, "completeness", 2991, "missing", false},
		{"a stream's head", tampered{heads: func(h *ledger.StreamHead) bool {
			if h.Stream == "journey-7" {
				h.Revision--
			}
			return true
		}}, "completeness", 2948, "engine's head of the stream", false},
		{"a stream left out of the list", tampered{heads: func(h *ledger.StreamHead) bool { return h.Stream != "journey-7" }},
			"completeness", 0, "lacks some", false},
		{"a checkpoint inside of another key", tampered{value: func(name string, v []byte) []byte {
			if name == "checkpoint" {
				return []byte(otherCheckpoint(t))
			}
			return v
		}}, "origin", 0, "is signed by", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := *w
			w.t = t
			c.store.Store = w.store
			r := w.verify(&c.store)
			if r.OK {
				t.Fatal("not found")
			}
			for _, p := range r.Problems {
				if p.Verdict == c.verdict && p.Position == c.position && strings.Contains(p.What, c.what) {
					if c.proven {
						must(t, p.Evidence.Verify(w.keys.Verifier))
						p.Evidence.LeafHash[0]++
						wantCode(t, p.Evidence.Verify(w.keys.Verifier), ledger.CodeCorrupt)
					}
					return
				}
			}
			b, _ := json.MarshalIndent(r.Problems, "", " ")
			t.Errorf("no problem of %s at position %d with %q among\n%s", c.verdict, c.position, c.what, b)
		})
	}
	if r := w.verify(w.store); !r.OK || r.Checkpoint.Note != cp.Note {
		t.Errorf("the store itself was changed: %+v", r.Problems)
	}
}

// TestOneChangedRecordIsOneProblem: the roots beyond it must not be blamed as well.
func TestOneChangedRecordIsOneProblem(t *testing.T) {
	w := newWorld(t)
	w.sealed(500, 9)
	r := w.verify(&tampered{Store: w.store, record: func(r *ledger.Recorded) {
		if r.Position == 77 {
			r.Record = append([]byte(nil), r.Record[:len(r.Record)-1]...)
		}
	}})
	if len(r.Problems) != 1 || r.Problems[0].Position != 77 || r.Root != r.Checkpoint.Root {
		b, _ := json.MarshalIndent(r.Problems, "", " ")
		t.Errorf("problems %s", b)
	}
}

func otherCheckpoint(t *testing.T) string {
	other := newWorld(t)
	return other.sealed(1, 1).Note
}

// TestVerifyCopies: copies that are behind or ahead are each held to, and the newest one is reported.
func TestVerifyCopies(t *testing.T) {
	w := newWorld(t)
	older := w.sealed(4, 2)
	dir := t.TempDir()
	copies := []string{dir + "/one", dir + "/two"}
	must(t, os.WriteFile(copies[0], []byte(older.Note), 0o644))
	newest := w.sealed(5, 2)
	must(t, os.WriteFile(copies[1], []byte(newest.Note), 0o644))
	if r := w.verify(w.store, copies...); !r.OK || r.Checkpoint.Note != newest.Note {
		t.Errorf("with an older copy: %+v", r)
	}
	must(t, os.WriteFile(w.checkpointFile(), []byte(older.Note), 0o644))
	if r := w.verify(w.store, copies...); !r.OK || r.Checkpoint.Note != newest.Note || r.Uncovered != 0 {
		t.Errorf("with a newer copy: %+v", r)
	}
	r := w.verify(&tampered{Store: w.store, head: 6}, copies...)
	if r.OK || r.Problems[0].Position != 7 || r.Problems[0].File != copies[1] {
		t.Errorf("cut behind a copy: %+v", r.Problems)
	}
}
