package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/projections"
)

func followCases() []Case {
	return []Case{
		{Name: "catch-up", What: "a follower reads every event from position 1", Unit: "events/s", Sides: catchUp},
		{Name: "rebuild", What: "the journeys read model is made again from position 1, and written", Unit: "events/s", Sides: rebuild},
		{Name: "rebuild-json", What: "the same fold in memory, with every event's JSON parsed", Unit: "events/s", Sides: rebuildJSON},
		{Name: "rebuild-memory", What: "peak memory of the process that rebuilds", Unit: "MiB", Less: true, Goal: 512, Sides: rebuildMemory},
	}
}

// large opens the large ledger for the length of a case.
func (e *Env) large(ctx context.Context) (*pebblestore.Store, string, error) {
	dir, err := e.ledger(ctx, e.Events)
	if err != nil {
		return nil, "", err
	}
	s, _, err := reading(ctx, dir)
	return s, dir, err
}

// both opens the large ledger, and the stream that has the same events.
func (e *Env) both(ctx context.Context) (*jetStream, *pebblestore.Store, error) {
	j, err := e.filled(ctx)
	if err != nil {
		return nil, nil, err
	}
	store, _, err := e.large(ctx)
	return j, store, err
}

// counting is a follower that looks at what any follower does: where the event belongs, what it is, and its data.
type counting struct {
	upTo   uint64
	events int
	bytes  int
	done   context.CancelFunc
}

func (c *counting) Name() string                           { return "counting" }
func (c *counting) Cursor(context.Context) (uint64, error) { return 0, nil }

func (c *counting) Handle(_ context.Context, events []ledger.Recorded) error {
	for i := range events {
		c.count(&events[i])
	}
	if events[len(events)-1].Position >= c.upTo {
		c.done()
	}
	return nil
}

func (c *counting) count(r *ledger.Recorded) {
	c.events++
	c.bytes += len(r.Subject) + len(r.Type) + len(r.Data)
}

func catchUp(ctx context.Context, e *Env) ([]Side, func() error, error) {
	j, store, err := e.both(ctx)
	if err != nil {
		return nil, nil, err
	}
	follow := func(ctx context.Context) (float64, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		c, begin := &counting{upTo: uint64(e.Events), done: cancel}, time.Now()
		err := ledger.Follow(ctx, store, c, ledger.FollowOptions{})
		if errors.Is(err, context.Canceled) && c.events == e.Events {
			err = nil
		}
		return rate(c.events, begin), err
	}
	return []Side{
		{Name: "baton", Run: follow},
		{Name: "JetStream ordered consumer, messages parsed", Target: 2, Run: func(ctx context.Context) (float64, error) {
			c, begin := &counting{}, time.Now()
			err := j.ordered(ctx, e.Events, func(m jetstream.Msg) error {
				r, err := relay.ParseMessage(m.Subject(), m.Headers(), m.Data())
				c.count(&r.Recorded)
				return err
			})
			return rate(c.events, begin), err
		}},
		{Name: "JetStream ordered consumer, bytes counted", Run: func(ctx context.Context) (float64, error) {
			n, bytes, begin := 0, 0, time.Now()
			err := j.ordered(ctx, e.Events, func(m jetstream.Msg) error { n++; bytes += len(m.Data()); return nil })
			return rate(n, begin), err
		}},
	}, store.Close, nil
}

// ordered reads the first n messages of the relay's stream.
func (j *jetStream) ordered(ctx context.Context, n int, take func(jetstream.Msg) error) error {
	c, err := j.js.OrderedConsumer(ctx, relay.StreamName, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	messages, err := c.Messages(jetstream.PullMaxMessages(4096))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for range n {
		m, err := messages.Next()
		if err == nil {
			err = take(m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// folds spreads events over as many goroutines as there are processors, by journey; each parses the JSON of what it gets and folds it.
type folds struct {
	group *errgroup.Group
	feeds []chan []ledger.Recorded
	part  [][]ledger.Recorded
}

const feed = 512

func startFolds() *folds {
	f := &folds{group: new(errgroup.Group), feeds: make([]chan []ledger.Recorded, runtime.GOMAXPROCS(0))}
	f.part = make([][]ledger.Recorded, len(f.feeds))
	for i := range f.feeds {
		f.feeds[i] = make(chan []ledger.Recorded, 4)
		f.group.Go(func() error { return foldJSON(f.feeds[i]) })
	}
	return f
}

func (f *folds) add(r ledger.Recorded) {
	h := fnv.New32a()
	h.Write([]byte(r.Subject))
	i := int(h.Sum32() % uint32(len(f.feeds)))
	if f.part[i] = append(f.part[i], r); len(f.part[i]) == feed {
		f.feeds[i] <- f.part[i]
		f.part[i] = nil
	}
}

func (f *folds) wait() error {
	for i := range f.feeds {
		f.feeds[i] <- f.part[i]
		close(f.feeds[i])
	}
	return f.group.Wait()
}

func foldJSON(events <-chan []ledger.Recorded) error {
	journeys := map[string]*ledger.Journey{}
	var first error
	for part := range events {
		for i := range part {
			var err error
			if part[i].Facets, err = ledger.DeriveFacets(part[i].Data); err != nil && first == nil {
				first = err
			}
			j := journeys[part[i].Subject]
			if j == nil {
				j = new(ledger.Journey)
				journeys[part[i].Subject] = j
			}
			j.Apply(&part[i])
		}
	}
	return first
}

// jetStreamFold is the peer of both rebuilds: the same decoder and fold behind an ordered consumer, nothing written.
func (e *Env) jetStreamFold(j *jetStream, target float64) Side {
	return Side{Name: "JetStream ordered consumer, JSON parsed, same fold", Target: target, Run: func(ctx context.Context) (float64, error) {
		f, begin := startFolds(), time.Now()
		err := j.ordered(ctx, e.Events, func(m jetstream.Msg) error {
			r, err := relay.ParseMessage(m.Subject(), m.Headers(), m.Data())
			f.add(r.Recorded)
			return err
		})
		err = errors.Join(err, f.wait())
		return rate(e.Events, begin), err
	}}
}

func rebuild(ctx context.Context, e *Env) ([]Side, func() error, error) {
	j, store, err := e.both(ctx)
	if err != nil {
		return nil, nil, err
	}
	dir, err := e.scratch()
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	models, err := projections.Open(ctx, filepath.Join(dir, "models"), store, projections.Options{})
	if err == nil {
		err = models.CatchUp(ctx)
	}
	end := func() error { return errors.Join(models.Close(), store.Close(), os.RemoveAll(dir)) }
	return []Side{
		{Name: "baton, from record headers", Run: func(ctx context.Context) (float64, error) {
			r, err := models.Rebuild(ctx)
			return float64(r.Events) / r.Seconds, err
		}},
		e.jetStreamFold(j, 4),
	}, end, err
}

func rebuildJSON(ctx context.Context, e *Env) ([]Side, func() error, error) {
	j, store, err := e.both(ctx)
	if err != nil {
		return nil, nil, err
	}
	return []Side{
		{Name: "baton, JSON parsed", Run: func(ctx context.Context) (float64, error) {
			f, begin := startFolds(), time.Now()
			for r, err := range store.Read(ctx, ledger.ReadOptions{}) {
				if err != nil {
					return 0, errors.Join(err, f.wait())
				}
				f.add(r)
			}
			err := f.wait()
			return rate(e.Events, begin), err
		}},
		e.jetStreamFold(j, 2),
	}, store.Close, nil
}

func rebuildMemory(ctx context.Context, e *Env) ([]Side, func() error, error) {
	dir, err := e.ledger(ctx, e.Events)
	if err != nil {
		return nil, nil, err
	}
	return []Side{{Name: "baton replay rebuild", Run: func(ctx context.Context) (float64, error) {
		var out bytes.Buffer
		cmd := exec.CommandContext(ctx, e.Binary, "replay", "rebuild", "--data", dir, "--json")
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		peak := watchMemory(cmd.Process.Pid)
		if err := cmd.Wait(); err != nil {
			return 0, fmt.Errorf("%w: %.300s", err, bytes.TrimSpace(out.Bytes()))
		}
		if most := <-peak; most > 0 {
			return most, nil
		}
		return 0, errors.New("this system does not say how much memory a process takes")
	}}}, nil, nil
}

// watchMemory follows the high-water mark of a process's memory, in MiB, until it has ended. What wait4 reports afterwards counts the memory of the
// process that started it as well.
func watchMemory(pid int) <-chan float64 {
	peak := make(chan float64, 1)
	go func() {
		most := 0.0
		for range time.Tick(5 * time.Millisecond) {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			_, rest, found := bytes.Cut(b, []byte("VmHWM:"))
			if err != nil || !found { // it has ended, and has no memory any more
				break
			}
			var kib float64
			if _, err := fmt.Sscan(string(rest[:bytes.IndexByte(rest, '\n')]), &kib); err == nil {
				most = max(most, kib/1024)
			}
		}
		peak <- most
	}()
	return peak
}
