package notary

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// VerifyOptions say what to verify. Keys needs Verifier and TagKey.
type VerifyOptions struct {
	Store interface {
		Source
		ledger.Auditor
	}
	Keys     Keys
	Dir      string                   // data directory: the checkpoint is Dir/checkpoint
	Copies   []string                 // further checkpoints, see Options
	Progress func(done, total uint64) // called now and then from one goroutine; nil: not
}

// Verify reads everything again and holds it against everything that was signed: each record by position; positions, revisions and
// recorded times; chained heads; leaf hashes and interior nodes recomputed from the records against those stored; the root at the size of every
// checkpoint found, outside and inside; the map of streams at the sizes they state; the engine's stream heads; the engine's files and
// indexes. It writes nothing. An error means that it could not be done, a report with problems that it could and the ledger is not right.
func Verify(ctx context.Context, o VerifyOptions) (Report, error) {
	if o.Keys.Verifier == nil || len(o.Keys.TagKey) == 0 {
		return Report{}, ledger.Errorf(ledger.CodeInvalid, "verify", "give the public key (notary.pub) and the tag key", "public key or tag key is missing")
	}
	head, err := o.Store.Head(ctx)
	if err != nil {
		return Report{}, err
	}
	r := Report{Problems: []Problem{}}
	found := r.anchors(ctx, &o, head.Position)

	c, err := newCheck(ctx, &o, &r, found, head.Position)
	if err != nil {
		return Report{}, err
	}
	if err := c.pass(ctx); err != nil {
		return Report{}, err
	}
	for _, p := range c.findings {
		r.add(p)
	}
	if !c.stopped {
		if err := c.heads(ctx); err != nil {
			return Report{}, err
		}
	}
	if r.Losses, err = losses(ctx, o.Store, o.Keys.Verifier); err != nil {
		return Report{}, err
	}
	r.Events, r.Streams, r.Root = c.done, uint64(len(c.streams)), c.tree.root()
	r.conclude(c.recorded.Format(time.RFC3339Nano), c.mapped, fmt.Sprintf("%s+%08x", o.Keys.Verifier.Name(), o.Keys.Verifier.KeyHash()))
	return r, nil
}

// anchors reads every checkpoint there is, sorted by size, and reports those that cannot be held.
func (r *Report) anchors(ctx context.Context, o *VerifyOptions, head uint64) []outside {
	var found []outside
	missing := ""
	for i, file := range outsideFiles(o.Dir, o.Copies) {
		cp, err := readFile(file, o.Keys.Verifier)
		switch {
		case err == nil:
			found = append(found, outside{file, cp})
		case !errors.Is(err, fs.ErrNotExist):
			r.add(Problem{Verdict: origin, What: err.Error(), File: file})
		case i == 0:
			missing = file
		default:
			r.absent = append(r.absent, file)
		}
	}
	for _, f := range found {
		if r.Checkpoint == nil || f.cp.newer(r.Checkpoint) {
			r.Checkpoint = &f.cp
		}
	}
	stored, err := Stored(ctx, o.Store, o.Keys.Verifier)
	switch {
	case err == nil:
		found = append(found, outside{"the ledger's own checkpoint", stored})
	case !errors.Is(err, ledger.CodeNotFound):
		r.add(Problem{Verdict: origin, What: err.Error(), File: "the ledger's own checkpoint"})
	}
	if missing != "" && len(found) > 0 {
		r.add(Problem{Verdict: origin, What: "the checkpoint outside the database is missing, though one was written", File: missing,
			Expected: fmt.Sprintf("a checkpoint of size %d or more", found[len(found)-1].cp.Size), Found: "no file"})
	}
	if head > 0 && len(found) == 0 && len(r.Problems) == 0 {
		r.add(Problem{Verdict: origin, What: "the ledger has events and no signed checkpoint, outside or inside: nobody vouches for them",
			File: missing, Expected: "a checkpoint", Found: "none"})
	}
	for _, f := range found {
		if f.cp.Size > head {
			r.add(Problem{Verdict: completeness, What: positions(head+1, f.cp.Size) + " missing, and covered by a signed checkpoint",
				Position: head + 1, File: f.file, Expected: fmt.Sprintf("%d events", f.cp.Size), Found: fmt.Sprintf("%d", head),
				Evidence: &Evidence{Checkpoint: f.cp.Note, Index: head}})
		}
	}
	if r.Checkpoint != nil {
		r.Uncovered = head - min(head, r.Checkpoint.Size)
	}
	slices.SortStableFunc(found, func(a, b outside) int { return cmp.Compare(a.cp.Size, b.cp.Size) })
	return found
}

// audit gathers what the engine says of its files and indexes. One that can, which is not nil, takes the records that the pass reads.
func (c *check) audit(ctx context.Context, engine ledger.RecordAuditor) (problems []Problem, err error) {
	findings := c.o.Store.Audit(ctx)
	if engine != nil {
		findings = engine.AuditRecords(ctx, c.auditedRecords, c.head)
		defer func() {
			for range c.audited { // or else the reader would wait for us
			}
		}()
	}
	for f, err := range findings {
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if errors.Is(err, ledger.CodeUnavailable) { // a store that does not answer says nothing about the ledger
				return nil, err
			}
			return append(problems, Problem{Verdict: integrity, What: "audit stopped: " + err.Error(), File: f.Name}), nil
		}
		if f.Problem != "" {
			problems = append(problems, Problem{Verdict: integrity, What: f.Problem, File: f.Name, Position: f.Position})
		}
	}
	return problems, nil
}

// auditedRecords yields what the pass reads. A read that fails ends it, as it ends the pass.
func (c *check) auditedRecords(yield func(ledger.Recorded, error) bool) {
	for k := range c.audited {
		<-k.ready // until then the workers write to it
		for i := range k.events {
			if !yield(k.events[i], nil) {
				return
			}
		}
		if k.err != nil {
			yield(ledger.Recorded{}, k.err)
			return
		}
		c.dismiss(k)
	}
}

// heads compares the engine's stream heads with those recomputed.
func (c *check) heads(ctx context.Context) error {
	met := 0
	for h, err := range c.o.Store.Streams(ctx, "", "") {
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c.r.add(Problem{Verdict: integrity, What: "stream heads cannot be read: " + err.Error()})
			return nil
		}
		s := c.streams[h.Stream]
		if s != nil {
			met++
		}
		if h.Last > c.head && (s != nil || h.First > c.head) {
			continue // it grew while we read
		}
		p := Problem{Verdict: completeness, Stream: h.Stream, Position: h.Last, Revision: h.Revision}
		switch {
		case s == nil:
			p.What = "the engine knows a stream that no record belongs to"
		case h.Revision != s.state.Revision || h.First != s.first || h.Last != s.last:
			p.What = "the engine's head of the stream is not where its records end"
			p.Expected, p.Found = fmt.Sprintf("revision %d, positions %d to %d", s.state.Revision, s.first, s.last),
				fmt.Sprintf("revision %d, positions %d to %d", h.Revision, h.First, h.Last)
		case h.Head != s.state.Head && !s.broken:
			p.What, p.Expected, p.Found = "the engine's chained head of the stream is not that of its records", s.state.Head.String(), h.Head.String()
		default:
			continue
		}
		c.r.add(p)
	}
	if met != len(c.streams) {
		c.r.add(Problem{Verdict: completeness, What: "the engine's list of streams lacks some that have records",
			Expected: fmt.Sprintf("%d streams", len(c.streams)), Found: fmt.Sprintf("%d", met)})
	}
	return nil
}
