package replay_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
)

func TestBothRebuildsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBook(t)
		defer b.Close()
		b.write(line{journey: "j1", typ: "journey.started", data: `{"stage":"A"}`})
		b.write(anyLines.Draw(t, "lines")...)
		events := b.recorded("j1")
		m := anyMoment(t, b, events)
		p, err := replay.Prove(ctx, b, "j1", m)
		must(t, p, err)
		if !p.Equal || len(p.Changes) > 0 || p.Events != len(selected(events, m)) || p.Events != p.LedgerEvents || p.Digest != replay.Digest(replay.Fold("j1", selected(events, m))) {
			t.Fatalf("as of %s: %s", m, asJSON(t, p))
		}
	})
}

// badIndex is a ledger whose stream index is damaged: what it gives for a stream is passed through spoil.
type badIndex struct {
	*book
	spoil func(e ledger.Recorded) (ledger.Recorded, bool)
}

func (r badIndex) ReadStream(ctx context.Context, stream string, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	return func(yield func(ledger.Recorded, error) bool) {
		for e, err := range r.book.ReadStream(ctx, stream, o) {
			if e, keep := r.spoil(e); keep && !yield(e, err) {
				return
			}
		}
	}
}

func TestADamagedIndexShows(t *testing.T) {
	b := storied(t)
	for name, spoil := range map[string]func(e ledger.Recorded) (ledger.Recorded, bool){
		"lost first":      func(e ledger.Recorded) (ledger.Recorded, bool) { return e, e.Position != 1 },
		"lost middle":     func(e ledger.Recorded) (ledger.Recorded, bool) { return e, e.Position != 8 },
		"lost last":       func(e ledger.Recorded) (ledger.Recorded, bool) { return e, e.Position != 13 },
		"lost in overlay": func(e ledger.Recorded) (ledger.Recorded, bool) { return e, e.Position != 6 },
		"lost all":        func(e ledger.Recorded) (ledger.Recorded, bool) { return e, false },
		"other data": func(e ledger.Recorded) (ledger.Recorded, bool) {
			if e.Position == 8 {
				e.Data = []byte(`{"attributes":{"priority":"low"}}`)
			}
			return e, true
		},
	} {
		p, err := replay.Prove(ctx, badIndex{b, spoil}, "j1", replay.Moment{})
		if must(t, p, err); p.Equal || p.Digest == p.LedgerDigest {
			t.Errorf("%s: %s", name, asJSON(t, p))
		}
	}
	if _, err := replay.Prove(ctx, b, "j9", replay.Moment{}); !errors.Is(err, ledger.CodeNotFound) {
		t.Errorf("unknown journey: %v", err)
	}
	if _, err := replay.Prove(ctx, b, "j1", replay.Moment{Revision: 99}); !errors.Is(err, ledger.CodeNotFound) {
		t.Errorf("unknown revision: %v", err)
	}
	if p, err := replay.Prove(ctx, b, "j2", replay.Moment{Position: 1}); must(t, p, err).Events != 0 || !p.Equal {
		t.Errorf("before it began: %s", asJSON(t, p))
	}
}

// TestDigest fixes what the digest is of: a change here changes what people have written down.
func TestDigest(t *testing.T) {
	b := storied(t)
	v, err := replay.AsOf(ctx, b, "j1", replay.Moment{})
	must(t, v, err)
	first := replay.Digest(v)
	v.Moment, v.NotYet = replay.Moment{Position: 13}, 4
	if replay.Digest(v) != first {
		t.Error("the digest depends on how the state was asked for")
	}
	priority := v.Context["priority"]
	v.Context["priority"] = ledger.Field{Value: []byte(` "high" `), Class: priority.Class, Revision: priority.Revision, Position: priority.Position, Said: priority.Said, Source: priority.Source}
	if replay.Digest(v) != first {
		t.Error("the digest depends on white space")
	}
	priority.Value = []byte(`"High"`)
	v.Context["priority"] = priority
	if replay.Digest(v) == first {
		t.Error("the digest does not depend on a context value")
	}
}
