package interop

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/xml"
	"io"
	"os"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// BenchmarkBPI13 puts the import beside its limits: the file through encoding/xml with nothing done, the file read and counted, and the bare
// append of the same events in the same windows.
func BenchmarkBPI13(b *testing.B) {
	path := sharedFile(b, "bpi13_incidents.xes.gz")
	b.Run("encoding-xml", func(b *testing.B) {
		for b.Loop() {
			tokens(b, path)
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			benchImport(b, Options{Path: path, Preset: "bpi13"})
		}
	})
	b.Run("append", func(b *testing.B) {
		var windows [][]ledger.Batch
		keep := func(_ context.Context, batches []ledger.Batch) []ledger.Result {
			windows = append(windows, batches)
			return make([]ledger.Result, len(batches))
		}
		benchImport(b, Options{Path: path, Preset: "bpi13", Append: keep, Ledger: newStore(b)})
		for b.Loop() {
			store := diskStore(b)
			start := time.Now()
			for _, w := range windows {
				for _, r := range intake(store)(b.Context(), w) {
					if r.Err != nil {
						b.Fatal(r.Err)
					}
				}
			}
			b.ReportMetric(time.Since(start).Seconds(), "append-s")
		}
	})
	b.Run("longer", func(b *testing.B) { // every journey is there without its last events
		for b.Loop() {
			store := diskStore(b)
			shorten := func(ctx context.Context, batches []ledger.Batch) []ledger.Result {
				for i := range batches {
					batches[i].Events = batches[i].Events[:max(1, len(batches[i].Events)/2)]
				}
				return intake(store)(ctx, batches)
			}
			benchImport(b, Options{Path: path, Preset: "bpi13", Append: shorten, Ledger: store})
			s := benchImport(b, Options{Path: path, Preset: "bpi13", Append: intake(store), Ledger: store})
			b.ReportMetric(s.Seconds, "longer-s")
		}
	})
	b.Run("import", func(b *testing.B) {
		for b.Loop() {
			store := diskStore(b)
			o := Options{Path: path, Preset: "bpi13", Append: intake(store), Ledger: store}
			first := benchImport(b, o)
			again := benchImport(b, o)
			b.ReportMetric(first.Seconds, "first-s")
			b.ReportMetric(again.Seconds, "again-s")
		}
	})
}

func benchImport(b *testing.B, o Options) Summary {
	b.Helper()
	s, err := Import(b.Context(), o)
	if err != nil || s.Rows != 65533 {
		b.Fatalf("%+v, %v", s, err)
	}
	return s
}

func diskStore(b *testing.B) *pebblestore.Store {
	b.Helper()
	s, err := pebblestore.Open(b.Context(), b.TempDir(), pebblestore.Options{TagKey: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

func tokens(b *testing.B, path string) {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }() // it was read
	z, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	for d := xml.NewDecoder(z); ; {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			b.Fatal(err)
		}
	}
}
