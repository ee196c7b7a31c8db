package bench

import (
	"compress/gzip"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/client"
)

const (
	importCase = "import"
	offered    = 2000 // events a second, of the fan-out case
	httpBatch  = 100
	httpConns  = 8
	httpRounds = 400 // batches a run
)

func outCases() []Case {
	return []Case{
		{Name: "fan-out", What: "from append to a NATS subscriber, 2,000 events a second offered, p99", Unit: "ms", Less: true, Goal: 20, Sides: fanOut},
		{Name: "http", What: "append over HTTP, batches of 100, 8 connections", Unit: "events/s", Sides: overHTTP},
		{Name: importCase, What: "import of an XES file, end to end", Unit: "s", Less: true, Sides: importing},
	}
}

func fanOut(ctx context.Context, e *Env) ([]Side, func() error, error) {
	return []Side{
		{Name: "baton", Run: func(ctx context.Context) (v float64, err error) {
			o, err := e.empty(ctx)
			if err != nil {
				return 0, err
			}
			v, err = e.relayed(ctx, o)
			return v, errors.Join(err, o.close(), os.RemoveAll(o.dir))
		}},
		e.ours("the same offer appended, heard by nobody, p99", func(ctx context.Context, appendAll ledger.Append) (float64, error) {
			l := newLatency()
			err := l.append(ctx, appendAll, func(id string) { l.note(id) })
			return l.p99(), err
		}),
		{Name: "write+fdatasync of the same offer, p99", Run: func(ctx context.Context) (float64, error) {
			took, err := e.fileTimes(offered, 1)
			return quantile(took, 0.99), err
		}},
	}, nil, nil
}

// relayed measures the offer: single events by 64 writers, each due at its own time, so that a late one is late from then.
func (e *Env) relayed(ctx context.Context, o *opened) (float64, error) {
	j, err := e.startJetStream(false)
	if err != nil {
		return 0, err
	}
	defer j.close()
	r, err := relay.New(j.conn, relay.Options{LedgerID: "bench"})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, o.store, new(ledger.Progress)) }()
	v, err := offer(ctx, o.intake(), j.conn)
	cancel()
	if end := <-ended; !errors.Is(end, context.Canceled) {
		err = errors.Join(err, end)
	}
	return v, err
}

// offer appends two and a half seconds of traffic; the first half second starts relay and stream and does not count.
func offer(ctx context.Context, appendAll ledger.Append, conn *nats.Conn) (float64, error) {
	l := newLatency()
	done := make(chan struct{})
	sub, err := conn.Subscribe(relay.AllSubjects, func(m *nats.Msg) {
		if l.note(m.Header.Get("ce-id")) {
			close(done)
		}
	})
	if err != nil {
		return 0, err
	}
	defer sub.Unsubscribe()
	if err := conn.Flush(); err != nil {
		return 0, err
	}
	if err := l.append(ctx, appendAll, func(string) {}); err != nil {
		return 0, err
	}
	select {
	case <-done:
	case <-time.After(time.Minute):
		return 0, errors.New("not every event reached the subscriber within a minute")
	}
	return l.p99(), nil
}

// latency is an offer and how late each of its events was.
type latency struct {
	work [][]ledger.Batch
	due  map[string]time.Time
	mu   sync.Mutex
	took []time.Duration
}

const latencyEvents, latencyWarm = 2*offered + offered/2, offered / 2

func newLatency() *latency {
	l := &latency{work: prepared(latencyEvents, 1), due: make(map[string]time.Time, latencyEvents)}
	start := time.Now().Add(50 * time.Millisecond)
	for i := range l.work {
		l.due[l.work[i][0].Events[0].ID] = start.Add(time.Duration(i) * time.Second / offered)
	}
	return l
}

// note takes the time of an event, and reports whether it was the last.
func (l *latency) note(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, time.Since(l.due[id]))
	return len(l.took) == latencyEvents
}

func (l *latency) p99() float64 { return quantile(l.took[latencyWarm:], 0.99) }

// append offers each event at its time.
func (l *latency) append(ctx context.Context, appendAll ledger.Append, done func(id string)) error {
	return parallel(writers, latencyEvents, func(i int) error {
		id := l.work[i][0].Events[0].ID
		time.Sleep(time.Until(l.due[id]))
		err := accepted(appendAll(ctx, l.work[i]))
		done(id)
		return err
	})
}

func overHTTP(ctx context.Context, e *Env) ([]Side, func() error, error) {
	direct := e.ours("the same batches appended directly", func(ctx context.Context, appendAll ledger.Append) (float64, error) {
		return batchesOf(httpBatch, func(work []ledger.Batch) error { return accepted(appendAll(ctx, work)) })
	})
	direct.Target = 0.5
	return []Side{
		{Name: "baton", Run: func(ctx context.Context) (v float64, err error) {
			o, err := e.empty(ctx)
			if err != nil {
				return 0, err
			}
			v, err = served(ctx, o)
			return v, errors.Join(err, o.close(), os.RemoveAll(o.dir))
		}},
		direct,
	}, nil, nil
}

func batchesOf(each int, do func([]ledger.Batch) error) (float64, error) {
	work := prepared(httpRounds, each)
	for i := range work {
		work[i] = oneJourney(work[i])
	}
	begin := time.Now()
	err := parallel(httpConns, httpRounds, func(i int) error { return do(work[i]) })
	return rate(httpRounds*each, begin), err
}

// oneJourney makes one batch of many: all events go to the first one's stream.
func oneJourney(batches []ledger.Batch) []ledger.Batch {
	all := batches[0]
	for _, b := range batches[1:] {
		b.Events[0].Subject = all.Events[0].Subject
		all.Events = append(all.Events, b.Events...)
	}
	return []ledger.Batch{all}
}

// served appends through the API of a real server on loopback.
func served(ctx context.Context, o *opened) (float64, error) {
	models, err := projections.Open(ctx, filepath.Join(o.dir, "models"), o.store, projections.Options{})
	if err != nil {
		return 0, err
	}
	l, err := server.Listen(server.ListenOptions{Address: "127.0.0.1:0"})
	if err != nil {
		return 0, errors.Join(err, models.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- server.New(server.Options{Store: o.store, Append: o.intake(), Models: models, Latest: o.notary.Latest}).Serve(ctx, l)
	}()
	c := client.New("http://"+l.Addr().String(), client.Options{})
	v, err := batchesOf(httpBatch, func(work []ledger.Batch) error { return accepted(c.AppendAll(ctx, work)) })
	cancel()
	return v, errors.Join(err, <-ended, models.Close())
}

// importing holds an import against what cannot be done without: the file read by the standard library's parser, which does nothing with it,
// and the same events appended in the same windows.
func importing(ctx context.Context, e *Env) ([]Side, func() error, error) {
	o := interop.Options{Path: e.Log}
	var windows [][]ledger.Batch
	o.Append = func(_ context.Context, batches []ledger.Batch) []ledger.Result {
		windows = append(windows, batches)
		return make([]ledger.Result, len(batches))
	}
	empty, err := e.empty(ctx)
	if err != nil {
		return nil, nil, err
	}
	o.Ledger = empty.store
	if _, err := interop.Import(ctx, o); err != nil {
		return nil, nil, errors.Join(err, empty.close())
	}
	seconds := func(f func() error) (float64, error) {
		begin := time.Now()
		err := f()
		return time.Since(begin).Seconds(), err
	}
	return []Side{
		{Name: "baton", Run: func(ctx context.Context) (v float64, err error) {
			l, err := e.empty(ctx)
			if err != nil {
				return 0, err
			}
			v, err = seconds(func() error {
				_, err := interop.Import(ctx, interop.Options{Path: e.Log, Append: l.intake(), Ledger: l.store})
				return err
			})
			return v, errors.Join(err, l.close(), os.RemoveAll(l.dir))
		}},
		{Name: "encoding/xml doing nothing, then the bare append", Target: 2, Run: func(ctx context.Context) (float64, error) {
			l, err := e.empty(ctx)
			if err != nil {
				return 0, err
			}
			v, err := seconds(func() error {
				if err := tokens(e.Log); err != nil {
					return err
				}
				for _, w := range windows {
					if err := accepted(l.intake()(ctx, w)); err != nil {
						return err
					}
				}
				return nil
			})
			return v, errors.Join(err, l.close(), os.RemoveAll(l.dir))
		}},
	}, func() error { return errors.Join(empty.close(), os.RemoveAll(empty.dir)) }, nil
}

// tokens reads an XES file with the standard library and does nothing with it.
func tokens(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return err
		}
	}
	for d := xml.NewDecoder(r); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
