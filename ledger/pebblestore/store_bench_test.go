package pebblestore

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/baton-ledger/baton/ledger"
)

// BenchmarkAppendBatch256 has four callers append 256 one-event batches each time, all through AppendAll; one op is 256 events. Compare with
// BenchmarkLayout/position/no-lookup, which writes the same keys and bytes.
func BenchmarkAppendBatch256(b *testing.B) {
	s := mustOpen(b, filepath.Join(b.TempDir(), "ledger"), testOptions())
	defer s.Close()
	samples := newSampler(1, 512, benchJourneys)
	work := make([][]ledger.Batch, b.N)
	for i := range work {
		work[i] = samples.batches(benchGroup)
	}
	b.ResetTimer()
	parallel(4, b.N, func(i int) { mustAppend(b, s, work[i]) })
	b.StopTimer()
	b.ReportMetric(float64(b.N)*benchGroup/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkAppend64Writers has 64 writers, one event each time and a sync before the answer; one op is one event.
func BenchmarkAppend64Writers(b *testing.B) {
	s := mustOpen(b, filepath.Join(b.TempDir(), "ledger"), testOptions())
	defer s.Close()
	work := newSampler(1, 512, benchJourneys).batches(b.N)
	took := make([]time.Duration, b.N)
	b.ResetTimer()
	parallel(64, b.N, func(i int) {
		begin := time.Now()
		mustAppend(b, s, work[i:i+1])
		took[i] = time.Since(begin)
	})
	reportTimes(b, took)
}

// BenchmarkAppendSingle has one writer that waits for each answer.
func BenchmarkAppendSingle(b *testing.B) {
	s := mustOpen(b, filepath.Join(b.TempDir(), "ledger"), testOptions())
	defer s.Close()
	work := newSampler(1, 512, benchJourneys).batches(b.N)
	took := make([]time.Duration, b.N)
	b.ResetTimer()
	for i := range b.N {
		begin := time.Now()
		mustAppend(b, s, work[i:i+1])
		took[i] = time.Since(begin)
	}
	reportTimes(b, took)
}

// BenchmarkBareSync is the limit of BenchmarkAppendSingle: write and fdatasync of 512 bytes at the end of a growing file.
func BenchmarkBareSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "file"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	data, took := make([]byte, 512), make([]time.Duration, b.N)
	b.ResetTimer()
	for i := range b.N {
		begin := time.Now()
		if _, err := f.Write(data); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
		took[i] = time.Since(begin)
	}
	reportTimes(b, took)
}

func reportTimes(b *testing.B, took []time.Duration) {
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// parallel runs do for 0 to n-1 by that many workers.
func parallel(workers, n int, do func(i int)) {
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				do(i)
			}
		})
	}
	wg.Wait()
}

// benchLedger is a closed ledger of 800 groups, its journeys of 51 events each spread over the whole.
func benchLedger(b *testing.B) (dir string, streams []string) {
	dir = filepath.Join(b.TempDir(), "ledger")
	s := mustOpen(b, dir, testOptions())
	samples := newSampler(1, 512, benchJourneys)
	for range 800 {
		batches := samples.batches(benchGroup)
		mustAppend(b, s, batches)
		for i := range batches {
			if len(streams) < benchJourneys {
				streams = append(streams, batches[i].Stream)
			}
		}
	}
	mustClose(b, s)
	return dir, streams
}

// BenchmarkScan reads the whole ledger in order; one op is all of it.
func BenchmarkScan(b *testing.B) { benchScan(b, false) }

// BenchmarkScanHeaders is BenchmarkScan without data and record.
func BenchmarkScanHeaders(b *testing.B) { benchScan(b, true) }

func benchScan(b *testing.B, headerOnly bool) {
	dir, _ := benchLedger(b)
	s := mustOpen(b, dir, testOptions())
	defer s.Close()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for _, err := range s.Read(context.Background(), ledger.ReadOptions{HeaderOnly: headerOnly}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkAsOf50 reads the first 50 events of one journey that is spread over the whole ledger: each time from a ledger that was just
// opened, with the cache of that many MiB, and from one whose cache is warm.
func BenchmarkAsOf50(b *testing.B) {
	dir, streams := benchLedger(b)
	for _, c := range []struct {
		name string
		mb   int
	}{{"cold-8MB", 8}, {"cold", 256}} {
		b.Run(c.name, func(b *testing.B) {
			took := make([]time.Duration, b.N)
			o := testOptions()
			o.CacheMB = c.mb
			for i := range took {
				s, err := OpenReadOnly(context.Background(), dir, o)
				if err != nil {
					b.Fatal(err)
				}
				took[i] = asOf50(b, s, streams[i*37%len(streams)])
				mustClose(b, s)
			}
			reportTimes(b, took)
		})
	}
	b.Run("fresh-journey-8MB", func(b *testing.B) {
		took := make([]time.Duration, b.N)
		o := testOptions()
		o.CacheMB = 8
		s, err := OpenReadOnly(context.Background(), dir, o)
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		for i := range took {
			took[i] = asOf50(b, s, streams[i*37%len(streams)])
		}
		reportTimes(b, took)
	})
	b.Run("warm", func(b *testing.B) {
		took := make([]time.Duration, b.N)
		s := mustOpen(b, dir, testOptions())
		defer s.Close()
		for i := range took {
			took[i] = asOf50(b, s, streams[7])
		}
		reportTimes(b, took)
	})
}

func asOf50(b *testing.B, s *Store, stream string) time.Duration {
	begin, n := time.Now(), 0
	for _, err := range s.ReadStream(context.Background(), stream, ledger.ReadOptions{To: 50}) {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	if n != 50 {
		b.Fatalf("%d events", n)
	}
	return time.Since(begin)
}
