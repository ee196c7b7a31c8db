package pebblestore

import (
	"crypto/sha256"
	"encoding/binary"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
)

// A layout is a throwaway writer on bare Pebble: the measurements of docs/adr/0001. Keys and values are as in keys.go except where the
// layout says otherwise; nothing is decided and nothing hashed, so that what differs is what Pebble does with the keys.
type layout struct {
	name   string
	lookup func(key []byte, s *sampled) []byte // key of the id look-up before each event
	put    func(b *pebble.Batch, s *sampled)
	group  func(b *pebble.Batch, events []sampled) // keys of a whole group
}

// sampled is an event ready to be written.
type sampled struct {
	position, first, revision uint64
	stream                    string
	tag                       idTag
	record                    []byte
}

const benchGroup, benchJourneys = 256, 4000

// benchEvents prepares groups of events spread over benchJourneys journeys, all of them alive all the time.
func benchEvents(b *testing.B, groups int) []sampled {
	samples := newSampler(1, 512, benchJourneys)
	out := make([]sampled, groups*benchGroup)
	for i := range out {
		stream, e := samples.next()
		record, err := ledger.EncodeRecord(stream, &e)
		if err != nil {
			b.Fatal(err)
		}
		out[i] = sampled{position: uint64(i + 1), first: uint64(i%benchJourneys + 1), revision: uint64(i/benchJourneys + 1),
			stream: stream, tag: tagOf(e.Source, e.ID), record: record}
	}
	return out
}

func (s *sampled) value() []byte {
	p := place{revision: s.revision, recorded: int64(s.position)}
	return append(p.append(make([]byte, 0, placeSize+len(s.record))), s.record...)
}

func (s *sampled) at() []byte { return binary.BigEndian.AppendUint64(nil, s.position) }

func set(b *pebble.Batch, key, value []byte) {
	if err := b.Set(key, value, nil); err != nil {
		panic(err)
	}
}

func putRecord(b *pebble.Batch, s *sampled) {
	set(b, positionKey(nil, keyRecord, s.position), s.value())
}

func putLeaf(b *pebble.Batch, s *sampled) {
	leaf := sha256.Sum256(s.tag[:])
	set(b, positionKey(nil, keyLeaf, s.position), leaf[:])
}

func putHead(b *pebble.Batch, s *sampled) {
	h := head{first: s.first, last: s.position, revision: s.revision}
	set(b, headKey(nil, s.stream), h.append(nil))
}

func putScoped(b *pebble.Batch, s *sampled) { set(b, idKey(nil, s.first, s.tag), s.at()) }

func putGlobal(b *pebble.Batch, s *sampled) { set(b, globalKey(nil, s), s.at()) }

func globalKey(buf []byte, s *sampled) []byte { return append(append(buf, keyID), s.tag[:]...) }

func putIndex(b *pebble.Batch, s *sampled) { set(b, streamKey(nil, s.first, s.revision), s.at()) }

func putAll(puts ...func(*pebble.Batch, *sampled)) func(*pebble.Batch, *sampled) {
	return func(b *pebble.Batch, s *sampled) {
		for _, put := range puts {
			put(b, s)
		}
	}
}

// putByRevision stores the record under its stream and revision, and the position beside it.
func putByRevision(b *pebble.Batch, s *sampled) {
	set(b, streamKey(nil, s.first, s.revision), s.value())
	set(b, positionKey(nil, keyRecord, s.position), streamKey(nil, s.first, s.revision)[1:])
}

// putChunk stores the records of a group as one value, and their leaves as another.
func putChunk(b *pebble.Batch, events []sampled) {
	var records, leaves []byte
	for i := range events {
		v := events[i].value()
		records = append(binary.AppendUvarint(records, uint64(len(v))), v...)
		leaf := sha256.Sum256(events[i].tag[:])
		leaves = append(leaves, leaf[:]...)
	}
	set(b, positionKey(nil, keyRecord, events[0].position), records)
	set(b, positionKey(nil, keyLeaf, events[0].position), leaves)
}

var layouts = []layout{
	{name: "record-alone", put: putRecord},
	{name: "position/no-lookup", put: putAll(putRecord, putLeaf, putIndex, putScoped, putHead)},
	{name: "position/scoped-lookup", put: putAll(putRecord, putLeaf, putIndex, putScoped, putHead),
		lookup: func(key []byte, s *sampled) []byte { return idKey(key, s.first, s.tag) }},
	{name: "position/global-lookup", put: putAll(putRecord, putLeaf, putIndex, putGlobal, putHead), lookup: globalKey},
	{name: "revision/no-lookup", put: putAll(putByRevision, putLeaf, putScoped, putHead)},
	{name: "chunk/no-lookup", put: putAll(putIndex, putScoped, putHead), group: putChunk},
}

// BenchmarkLayout writes groups of 256 events of 512 bytes, pipelined with their syncs; one op is one group.
func BenchmarkLayout(b *testing.B) {
	for _, l := range layouts {
		b.Run(l.name, func(b *testing.B) {
			events := benchEvents(b, b.N)
			db := bareDB(b, filepath.Join(b.TempDir(), "db"), testOptions())
			defer db.Close()
			b.ResetTimer()
			l.write(b, db, events)
			b.ReportMetric(float64(len(events))/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// write is the writer and the syncer of the store with everything else left out.
func (l *layout) write(b *testing.B, db *pebble.DB, events []sampled) {
	groups, done := make(chan *pebble.Batch, 4), make(chan struct{})
	go func() {
		defer close(done)
		for batch := range groups {
			if err := batch.SyncWait(); err != nil {
				panic(err)
			}
			batch.Close()
		}
	}()
	var key []byte
	for ; len(events) > 0; events = events[benchGroup:] {
		batch := db.NewBatch()
		for i := range events[:benchGroup] {
			if l.lookup != nil {
				key = l.lookup(key[:0], &events[i])
				if _, _, err := db.Get(key); err != pebble.ErrNotFound {
					b.Fatal(err)
				}
			}
			l.put(batch, &events[i])
		}
		if l.group != nil {
			l.group(batch, events[:benchGroup])
		}
		if err := db.ApplyNoSyncWait(batch, pebble.Sync); err != nil {
			b.Fatal(err)
		}
		groups <- batch
	}
	close(groups)
	<-done
}

func bareDB(b *testing.B, dir string, o Options) *pebble.DB {
	o.defaults()
	s := &Store{dir: dir, opts: o}
	if err := vfs.Default.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	db, err := openPebble(dir, s.pebbleOptions())
	if err != nil {
		b.Fatal(err)
	}
	return db
}

// BenchmarkLayoutRead reads 200,000 events from a fresh cache: the whole in order (events/s), and all 50 events of single journeys that
// are spread over the whole ledger (ns/op).
func BenchmarkLayoutRead(b *testing.B) {
	for _, l := range []layout{layouts[1], layouts[4]} {
		dir := filepath.Join(b.TempDir(), "db")
		db := bareDB(b, dir, testOptions())
		l.write(b, db, benchEvents(b, 800))
		if err := db.Flush(); err != nil {
			b.Fatal(err)
		}
		db.Close()
		b.Run(l.name+"/scan", func(b *testing.B) {
			n := 0
			for b.Loop() {
				db := bareDB(b, dir, testOptions())
				n += scanBare(b, db, l.name == "revision/no-lookup")
				db.Close()
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
		})
		b.Run(l.name+"/asof", func(b *testing.B) {
			for i := range b.N {
				b.StopTimer()
				db := bareDB(b, dir, testOptions())
				b.StartTimer()
				asOfBare(b, db, uint64(i*37%benchJourneys+1), l.name == "revision/no-lookup")
				b.StopTimer()
				db.Close()
			}
		})
	}
}

func scanBare(b *testing.B, db *pebble.DB, follow bool) (n int) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{keyRecord}, UpperBound: []byte{keyRecord + 1}})
	if err != nil {
		b.Fatal(err)
	}
	defer it.Close()
	key := []byte{keyStream}
	for ok := it.First(); ok; ok = it.Next() {
		if follow {
			key = append(key[:1], it.Value()...)
			_, closer, err := db.Get(key)
			if err != nil {
				b.Fatal(err)
			}
			closer.Close()
		}
		n++
	}
	return n
}

func asOfBare(b *testing.B, db *pebble.DB, first uint64, direct bool) {
	lower := positionKey(nil, keyStream, first)
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper(lower)})
	if err != nil {
		b.Fatal(err)
	}
	defer it.Close()
	records, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{keyRecord}, UpperBound: []byte{keyRecord + 1}})
	if err != nil {
		b.Fatal(err)
	}
	defer records.Close()
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; direct {
			continue
		}
		if !records.SeekGE(append([]byte{keyRecord}, it.Value()...)) {
			b.Fatal("a record is missing")
		}
	}
	if n < 50 {
		b.Fatalf("%d events", n)
	}
}
