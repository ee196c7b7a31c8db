package bench

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/replay/brief"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/client"
)

func contextCases() []Case {
	return []Case{
		{Name: "context", What: "the context of a journey drawn at random over HTTP, simulated journeys, p95", Unit: "ms", Less: true, Goal: 5, Sides: contexts},
	}
}

// eventsEach is about how many events a simulated journey has.
const eventsEach = 23

// contextsRead is how many contexts one run asks for, each of another journey.
const contextsRead = 2000

func contexts(ctx context.Context, e *Env) ([]Side, func() error, error) {
	large, err := e.simulated(ctx, e.Events/eventsEach)
	if err != nil {
		return nil, nil, err
	}
	few, err := e.simulated(ctx, small/eventsEach)
	if err != nil {
		return nil, nil, errors.Join(err, large.close())
	}
	rng := rand.New(rand.NewPCG(11, 13))
	over := func(s *simulated, ask func(ctx context.Context, journey string) (int, error)) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			took := make([]time.Duration, contextsRead)
			for i := range took {
				journey, begin := s.journeys[rng.IntN(len(s.journeys))], time.Now()
				n, err := ask(ctx, journey)
				if took[i] = time.Since(begin); err == nil && n == 0 {
					err = fmt.Errorf("the context of %s is empty", journey)
				}
				if err != nil {
					return 0, err
				}
			}
			return quantile(took, 0.95), nil
		}
	}
	http := func(s *simulated) func(ctx context.Context, journey string) (int, error) {
		return func(ctx context.Context, journey string) (int, error) {
			b, err := s.client.Context(ctx, journey, client.ContextOptions{})
			return len(b.Fields), err
		}
	}
	return []Side{
		{Name: "baton", Run: over(large, http(large))},
		{Name: fmt.Sprintf("ledger of %d journeys", len(few.journeys)), Run: over(few, http(few)), Target: 1.5},
		{Name: "assembled in process, no HTTP", Run: over(large, func(ctx context.Context, journey string) (int, error) {
			b, err := brief.Assemble(ctx, large.store, journey, brief.Options{})
			return len(b.Fields), err
		})},
		{Name: "the journey's state as of its end, in process", Run: over(large, func(ctx context.Context, journey string) (int, error) {
			v, err := replay.AsOf(ctx, large.store, journey, replay.Moment{})
			return v.Events, err
		})},
	}, func() error { return errors.Join(large.close(), few.close()) }, nil
}

// simulated is a served ledger of simulated journeys.
type simulated struct {
	store    *pebblestore.Store
	journeys []string
	client   *client.Client
	stop     func() error
	dir      string
}

func (s *simulated) close() error { return errors.Join(s.stop(), s.store.Close(), os.RemoveAll(s.dir)) }

// simulated makes and serves a ledger of as many journeys. Nothing is written to it while it is measured.
func (e *Env) simulated(ctx context.Context, journeys int) (*simulated, error) {
	dir, err := e.scratch()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(e.Say, "      simulating %d journeys\n", journeys)
	o, err := open(ctx, dir)
	if err != nil {
		return nil, err
	}
	sim, err := simulate.New(simulate.Options{Seed: 7, Journeys: journeys})
	if err == nil {
		err = write(ctx, o.intake(), sim.Events())
	}
	if err == nil {
		_, err = o.notary.Checkpoint(ctx)
	}
	if err := errors.Join(err, o.close()); err != nil {
		return nil, err
	}
	s := &simulated{dir: dir}
	if s.store, _, err = reading(ctx, dir); err != nil {
		return nil, err
	}
	for head, err := range s.store.Streams(ctx, ledger.JourneyStream(""), "") {
		if err != nil {
			return nil, errors.Join(err, s.store.Close())
		}
		s.journeys = append(s.journeys, strings.TrimPrefix(head.Stream, ledger.JourneyStream("")))
	}
	return s, s.serve(ctx)
}

// serve answers on loopback.
func (s *simulated) serve(ctx context.Context) error {
	l, err := server.Listen(server.ListenOptions{Address: "127.0.0.1:0"})
	if err != nil {
		return errors.Join(err, s.store.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- server.New(server.Options{Store: s.store}).Serve(ctx, l) }()
	s.client = client.New("http://"+l.Addr().String(), client.Options{})
	s.stop = func() error { cancel(); return <-ended }
	return nil
}

// write appends events in their order, a thousand at a time.
func write(ctx context.Context, appendAll ledger.Append, events iter.Seq2[ledger.Event, error]) error {
	var work []ledger.Batch
	for e, err := range events {
		if err != nil {
			return err
		}
		if work = append(work, ledger.Batch{Stream: ledger.StreamFor(&e), Expect: ledger.Any, Events: []ledger.Event{e}}); len(work) == 1000 {
			if err := accepted(appendAll(ctx, work)); err != nil {
				return err
			}
			work = nil
		}
	}
	return accepted(appendAll(ctx, work))
}
