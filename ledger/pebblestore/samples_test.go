package pebblestore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

var testKey = []byte("a tag key of these tests, 32 by.")

var epoch = time.Date(2024, 3, 1, 9, 0, 0, 0, time.UTC)

// sampler makes events with data of a given size, spread over journeys; the same seed makes the same events.
type sampler struct {
	rng      *rand.Rand
	data     []byte
	journeys int
	n        int
}

func newSampler(seed uint64, size, journeys int) *sampler {
	s := &sampler{rng: rand.New(rand.NewPCG(seed, 1)), data: make([]byte, size), journeys: journeys}
	const letters = `{"abcdefghijklmnopqrstuvwxyz 0123456789":,}`
	for i := range s.data {
		s.data[i] = letters[s.rng.IntN(len(letters))]
	}
	return s
}

// next makes one event. Its id is random, as a UUID of version 4 is.
func (s *sampler) next() (stream string, e ledger.Event) {
	s.n++
	subject := fmt.Sprintf("%08x-case-%d", s.n%s.journeys*2654435761, s.n%s.journeys)
	data := make([]byte, len(s.data))
	copy(data, s.data)
	if len(data) >= 16 {
		copy(data, fmt.Sprintf("%016x", s.rng.Uint64()))
	}
	return ledger.JourneyStream(subject), ledger.Event{
		ID:     fmt.Sprintf("%016x-%016x", s.rng.Uint64(), s.rng.Uint64()),
		Source: "https://desk.example/queue/7", Type: ledger.Type("interaction", "recorded"), Subject: subject,
		Time: epoch.Add(time.Duration(s.n) * time.Second), ContentType: "text/plain", Actor: "producer-1", Data: data,
		Facets: ledger.Facets{Activity: "Check request", Stage: "Back office", Party: "agent-17", Channel: "e-mail"},
	}
}

// batches makes one-event batches.
func (s *sampler) batches(n int) []ledger.Batch {
	out := make([]ledger.Batch, n)
	for i := range out {
		stream, e := s.next()
		out[i] = ledger.Batch{Stream: stream, Expect: ledger.Any, Events: []ledger.Event{e}}
	}
	return out
}

func testOptions() Options { return Options{TagKey: testKey, MinFreeMB: -1} }

func mustOpen(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	if os.Getenv("PEBBLE_LOG") != "" {
		o.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	s, err := Open(context.Background(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// mustAppend appends batches in groups and gives the receipts, one for each event.
func mustAppend(t testing.TB, s *Store, batches []ledger.Batch) (receipts []ledger.Receipt) {
	t.Helper()
	for i, r := range s.AppendAll(context.Background(), batches) {
		if r.Err != nil {
			t.Fatalf("batch %d: %v", i, r.Err)
		}
		receipts = append(receipts, r.Receipts...)
	}
	return receipts
}

// knowledge is what somebody outside the ledger holds of it: the digest of all leaf hashes up to some position.
type knowledge struct {
	size uint64
	root ledger.Hash
}

// know reads the leaves up to size; 0 is all of them.
func know(ctx context.Context, s *Store, size uint64) (knowledge, error) {
	if size == 0 {
		size = s.durable.Load().Position
	}
	h, n := sha256.New(), uint64(0)
	for leaf, err := range s.Leaves(ctx, 0, size) {
		if err != nil {
			return knowledge{}, err
		}
		h.Write(leaf[:])
		n++
	}
	k := knowledge{size: n}
	h.Sum(k.root[:0])
	return k, nil
}

// guard refuses a ledger that is behind what is known, or says otherwise.
func (k knowledge) guard(ctx context.Context, s *Store) error {
	now, err := know(ctx, s, k.size)
	if err == nil && now != k {
		err = ledger.Errorf(ledger.CodeCorrupt, "open ledger", "restore the newest copy", "%d events are known of, the ledger has %d, or others", k.size, now.size)
	}
	return err
}

// scan reads everything with all its records and requires each leaf to be the one its record and place make. It gives a digest of all that
// a reader sees.
func scan(ctx context.Context, s *Store) (ledger.Hash, error) {
	h := sha256.New()
	heads := map[string]ledger.StreamHead{}
	var scratch []byte
	position := uint64(0)
	nextLeaf, stop := iter.Pull2(s.Leaves(ctx, 0, s.durable.Load().Position))
	defer stop()
	for r, err := range s.Read(ctx, ledger.ReadOptions{}) {
		if err != nil {
			return ledger.Hash{}, err
		}
		position++
		at := heads[r.Stream]
		if at.Revision == 0 {
			at = ledger.StreamHead{Stream: r.Stream, First: r.Position, Head: ledger.SeedHead(ledger.StreamTag(testKey, r.Stream))}
		}
		leaf := ledger.LeafOf(&r, ledger.StreamTag(testKey, r.Stream))
		var want, head ledger.Hash
		want, head, scratch = leaf.Hashes(scratch)
		got, err, _ := nextLeaf()
		if err != nil || got != want || r.Position != position || r.Revision != at.Revision+1 || r.PrevHead != at.Head {
			return ledger.Hash{}, ledger.Errorf(ledger.CodeCorrupt, "scan", "", "position %d does not follow, or its leaf is another: %v", position, err)
		}
		at.Revision, at.Last, at.RecordedTime, at.Head = r.Revision, r.Position, r.RecordedTime, head
		heads[r.Stream] = at
		h.Write(binary.BigEndian.AppendUint64(got[:], uint64(r.RecordedTime.UnixNano())))
		h.Write(r.Record)
	}
	for head, err := range s.Streams(ctx, "", "") {
		if err != nil {
			return ledger.Hash{}, err
		}
		if head != heads[head.Stream] {
			return ledger.Hash{}, ledger.Errorf(ledger.CodeCorrupt, "scan", "", "head of %s is %+v, its events make %+v", head.Stream, head, heads[head.Stream])
		}
		delete(heads, head.Stream)
	}
	if len(heads) > 0 {
		return ledger.Hash{}, ledger.Errorf(ledger.CodeCorrupt, "scan", "", "%d streams have no head", len(heads))
	}
	return ledger.Hash(h.Sum(nil)), nil
}
