package notary

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/baton-ledger/baton/ledger"
)

// Report is what a verification of a whole ledger found. OK is false exactly when Problems is not empty.
type Report struct {
	OK         bool        `json:"ok"`
	Events     uint64      `json:"events"`               // read
	Streams    uint64      `json:"streams"`              // met
	Root       ledger.Hash `json:"root"`                 // of the tree over the leaf hashes of all events; each hash that its record does not give is a problem
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"` // the newest one found outside the database
	Uncovered  uint64      `json:"uncovered"`            // events after that checkpoint
	Verdicts   Verdicts    `json:"verdicts"`
	Problems   []Problem   `json:"problems"`          // by position, those without one last
	Omitted    int         `json:"omitted,omitempty"` // problems beyond those listed

	Losses []RecordedLoss `json:"losses,omitempty"` // events that restores from a backup have given up, as the ledger itself records them

	absent []string // configured copies of the checkpoint that are not there
}

// Verdicts answer four questions that must not be mixed up.
type Verdicts struct {
	Integrity    Verdict `json:"integrity"`    // is every byte of every record what was recorded?
	Completeness Verdict `json:"completeness"` // is anything missing, in the ledger or at the end of a stream?
	Origin       Verdict `json:"origin"`       // did the holder of the key vouch for this?
	Time         Verdict `json:"time"`         // when was it recorded, and who says so?
}

// Verdict is "ok", "failed" or "not covered", and why.
type Verdict struct {
	Verdict string `json:"verdict"`
	Detail  string `json:"detail"`
}

// The verdicts.
const (
	VerdictOK         = "ok"
	VerdictFailed     = "failed"
	VerdictNotCovered = "not covered"
)

// Problem is one thing that is not as it should be.
type Problem struct {
	Verdict  string    `json:"verdict"` // integrity, completeness, origin or time
	What     string    `json:"what"`
	Position uint64    `json:"position,omitempty"` // of the event, where one is known
	Stream   string    `json:"stream,omitempty"`
	Revision uint64    `json:"revision,omitempty"`
	Expected string    `json:"expected,omitempty"`
	Found    string    `json:"found,omitempty"`
	File     string    `json:"file,omitempty"`
	Evidence *Evidence `json:"evidence,omitempty"`
}

// String is one line for people.
func (p Problem) String() string {
	s := p.What
	if p.Position > 0 {
		s = fmt.Sprintf("position %d: %s", p.Position, s)
	}
	if p.File != "" {
		s = p.File + ": " + s
	}
	if p.Expected != "" || p.Found != "" {
		s += fmt.Sprintf(" (expected %s, found %s)", p.Expected, p.Found)
	}
	return s
}

// Evidence lets a third party see, with the public key alone, that a ledger holds something else at a position than what was signed: the
// signed note commits to a leaf hash there, and the leaf made of what is found has another one. Where even the tree's nodes were changed,
// Hashes is empty and the note is all there is.
type Evidence struct {
	Checkpoint string        `json:"checkpoint"`       // signed note
	Index      uint64        `json:"index"`            // position - 1
	LeafHash   ledger.Hash   `json:"leaf_hash"`        // signed for, by Hashes
	Hashes     []ledger.Hash `json:"hashes,omitempty"` // inclusion proof of LeafHash
	Found      []byte        `json:"found,omitempty"`  // the leaf of the record that is there now; none where there is no record
}

// Verify checks that the evidence shows a contradiction: an error says that it does not.
func (e *Evidence) Verify(v note.Verifier) error {
	cp, err := ParseCheckpoint([]byte(e.Checkpoint), v)
	if err != nil {
		return err
	}
	if err := CheckInclusion(e.Hashes, cp.Size, cp.Root, e.Index, e.LeafHash); err != nil {
		return err
	}
	if LeafHash(e.Found) == e.LeafHash {
		return ledger.Errorf(ledger.CodeInvalid, "check evidence", "", "the leaf that was found is the one that was signed: there is no contradiction")
	}
	return nil
}

// Problem verdict names.
const (
	integrity    = "integrity"
	completeness = "completeness"
	origin       = "origin"
	clock        = "time"
)

// maxProblems is how many are listed; the rest is counted.
const maxProblems = 100

// Add adds what somebody else has found to a report that is made.
func (r *Report) Add(p Problem) {
	r.OK = false
	r.add(p)
}

func (r *Report) add(p Problem) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, p)
	} else {
		r.Omitted++
	}
	switch p.Verdict {
	case integrity:
		r.Verdicts.Integrity.fail(p)
	case completeness:
		r.Verdicts.Completeness.fail(p)
	case origin:
		r.Verdicts.Origin.fail(p)
	case clock:
		r.Verdicts.Time.fail(p)
	}
}

// fail keeps the first reason.
func (v *Verdict) fail(p Problem) {
	if v.Verdict != VerdictFailed {
		p.Expected, p.Found = "", "" // they stand in the list of problems
		*v = Verdict{VerdictFailed, p.String()}
	}
}

// conclude fills the verdicts that nothing spoke against. streams is the size the committed map was found right at, 0 for none. key names
// the key that checkpoints were held against: its digits tell it from another one of the same origin.
func (r *Report) conclude(last string, streams uint64, key string) {
	r.OK = len(r.Problems) == 0
	slices.SortStableFunc(r.Problems, func(a, b Problem) int { return cmp.Compare(a.Position-1, b.Position-1) }) // without a position: last
	v := &r.Verdicts
	if r.Checkpoint == nil {
		none := Verdict{VerdictNotCovered, "no signed checkpoint was found: the records agree with each other, nobody vouches for them"}
		v.Integrity.unless(none)
		v.Completeness.unless(none)
		v.Origin.unless(none)
	} else {
		cp := r.Checkpoint
		tail := ""
		if r.Uncovered > 0 {
			tail = fmt.Sprintf("; the last %d are not covered by it yet", r.Uncovered)
		}
		if r.Events < cp.Size {
			v.Integrity.unless(Verdict{VerdictNotCovered, fmt.Sprintf("the %d records that are there agree with each other, the signed root at size %d cannot be reached", r.Events, cp.Size)})
		}
		v.Integrity.unless(Verdict{VerdictOK, fmt.Sprintf("all records give the signed root at size %d%s", cp.Size, tail)})
		lost := ""
		for i := range r.Losses {
			lost += "; " + r.Losses[i].String()
		}
		v.Completeness.unless(Verdict{VerdictOK, fmt.Sprintf("positions 1 to %d without a gap; the heads of all streams give the signed map at size %d%s%s",
			r.Events, streams, tail, lost)})
		absent := ""
		if len(r.absent) > 0 {
			absent = "; there is no copy of it at " + strings.Join(r.absent, ", ")
		}
		v.Origin.unless(Verdict{VerdictOK, fmt.Sprintf("checkpoint of size %d is signed by %s%s", cp.Size, key, absent)})
	}
	if r.Events == 0 {
		v.Time.unless(Verdict{VerdictNotCovered, "there are no events"})
	}
	v.Time.unless(Verdict{VerdictOK, "recorded times never decrease, up to " + last + "; they are this ledger's own clock"})
}

func (v *Verdict) unless(other Verdict) {
	if v.Verdict == "" {
		*v = other
	}
}
