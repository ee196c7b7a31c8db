package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	eventstore "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
	"github.com/baton-ledger/baton/ledger/esdb/wire"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/projections"
)

// wireEvents is how many events the cases over the wire read.
const wireEvents = 50_000

func wireCases() []Case {
	return []Case{
		{Name: "wire-append", What: "64 writers append single events with the official EventStoreDB client over our wire", Unit: "events/s", Sides: wireAppend},
		{Name: "node-append", What: "64 writers append single events through a node, whose record is behind the wire", Unit: "events/s", Sides: nodeAppend},
		{Name: "wire-catch-up", What: "the official client follows all from the beginning over our wire", Unit: "events/s", Sides: wireCatchUp},
		{Name: "node-catch-up", What: "a new node copies the record: positions, leaves, heads, ids", Unit: "events/s", Sides: nodeCatchUp},
		{Name: "nodes-project", What: "two nodes make their read models at once, events of both", Unit: "events/s", Sides: nodesProject},
	}
}

// site is a ledger served over the wire on loopback.
type site struct {
	*opened
	url  string
	stop func() error
}

func serveWire(ctx context.Context, o *opened) (*site, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, o.close())
	}
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() {
		done <- wire.New(wire.Options{Source: o.store, Find: o.store, Append: o.intake()}).Serve(serving, l)
	}()
	return &site{o, "esdb://" + l.Addr().String() + "?tls=false", sync.OnceValue(func() error { cancel(); return errors.Join(ignoreCancel(<-done), o.close()) })}, nil
}

func ignoreCancel(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// emptySite serves a new ledger, for the length of f.
func (e *Env) emptySite(ctx context.Context, f func(s *site) (float64, error)) (v float64, err error) {
	o, err := e.empty(ctx)
	if err != nil {
		return 0, err
	}
	s, err := serveWire(ctx, o)
	if err != nil {
		return 0, err
	}
	v, err = f(s)
	return v, errors.Join(err, s.stop(), os.RemoveAll(o.dir))
}

// official is the client that EventStoreDB's users have, as it is.
func (s *site) official() (*eventstore.Client, error) {
	config, err := eventstore.ParseConnectionString(s.url)
	if err != nil {
		return nil, err
	}
	config.Logger = eventstore.NoopLogging()
	return eventstore.NewClient(config)
}

// node opens a node on the site, with a copy of its own in a scratch folder.
func (e *Env) node(ctx context.Context, s *site) (*esdb.Store, string, error) {
	dir, err := e.scratch()
	if err != nil {
		return nil, "", err
	}
	client, err := esdb.Dial(s.url, nil)
	if err != nil {
		return nil, "", err
	}
	o := engine(s.keys)
	o.Mirror = true
	mirror, err := pebblestore.Open(ctx, filepath.Join(dir, "ledger"), o)
	if err != nil {
		return nil, "", err
	}
	n, err := esdb.Open(ctx, esdb.Options{Client: client, Mirror: mirror})
	return n, dir, err
}

func (e *Env) directSingles() Side {
	return e.ours("the embedded ledger directly", func(ctx context.Context, appendAll ledger.Append) (float64, error) {
		return singly(ctx, appendAll)
	})
}

// singly has 64 writers append single events.
func singly(ctx context.Context, appendAll ledger.Append) (float64, error) {
	work := prepared(singles/4, 1)
	begin := time.Now()
	err := parallel(writers, len(work), func(i int) error { return accepted(appendAll(ctx, work[i])) })
	return rate(len(work), begin), err
}

func wireAppend(ctx context.Context, e *Env) ([]Side, func() error, error) {
	return []Side{
		{Name: "official client over our wire", Run: func(ctx context.Context) (float64, error) {
			return e.emptySite(ctx, func(s *site) (float64, error) {
				client, err := s.official()
				if err != nil {
					return 0, err
				}
				v, err := singly(ctx, func(ctx context.Context, batches []ledger.Batch) []ledger.Result {
					return []ledger.Result{{Err: officially(ctx, client, batches[0])}}
				})
				return v, errors.Join(err, client.Close())
			})
		}},
		e.directSingles(),
	}, nil, nil
}

// officially appends a batch as a user of EventStoreDB would, with nothing of Baton's in the metadata.
func officially(ctx context.Context, client *eventstore.Client, b ledger.Batch) error {
	var events []eventstore.EventData
	for _, e := range b.Events {
		events = append(events, eventstore.EventData{EventID: esdb.EventID(b.Stream, &e), EventType: e.Type, ContentType: eventstore.ContentTypeJson, Data: e.Data})
	}
	_, err := client.AppendToStream(ctx, b.Stream, eventstore.AppendToStreamOptions{ExpectedRevision: eventstore.Any{}}, events...)
	return err
}

func nodeAppend(ctx context.Context, e *Env) ([]Side, func() error, error) {
	return []Side{
		{Name: "a node over EventStoreDB", Run: func(ctx context.Context) (float64, error) {
			return e.emptySite(ctx, func(s *site) (float64, error) {
				n, dir, err := e.node(ctx, s)
				if err != nil {
					return 0, err
				}
				v, err := singly(ctx, ledger.Intake(n.AppendAll, ledger.Validate))
				return v, errors.Join(err, n.Close(), os.RemoveAll(dir))
			})
		}},
		e.directSingles(),
	}, nil, nil
}

// filledSite serves a ledger that is there already.
func (e *Env) filledSite(ctx context.Context) (*site, error) {
	dir, err := e.ledger(ctx, wireEvents)
	if err != nil {
		return nil, err
	}
	o, err := open(ctx, dir)
	if err != nil {
		return nil, err
	}
	return serveWire(ctx, o)
}

// direct reads the ledger as a follower in its own process does.
func (s *site) direct() Side {
	return Side{Name: "a follower in the ledger's own process", Run: func(ctx context.Context) (float64, error) {
		c, begin := &counting{}, time.Now()
		for r, err := range s.store.Read(ctx, ledger.ReadOptions{}) {
			if err != nil {
				return 0, err
			}
			c.count(&r)
		}
		return rate(c.events, begin), nil
	}}
}

func wireCatchUp(ctx context.Context, e *Env) ([]Side, func() error, error) {
	s, err := e.filledSite(ctx)
	if err != nil {
		return nil, nil, err
	}
	return []Side{
		{Name: "official client over our wire", Run: func(ctx context.Context) (float64, error) {
			client, err := s.official()
			if err != nil {
				return 0, err
			}
			defer client.Close()
			begin := time.Now()
			sub, err := client.SubscribeToAll(ctx, eventstore.SubscribeToAllOptions{From: eventstore.Start{}})
			if err != nil {
				return 0, err
			}
			defer sub.Close()
			for n := 0; n < wireEvents; {
				switch e := sub.Recv(); {
				case e.SubscriptionDropped != nil:
					return 0, fmt.Errorf("dropped after %d events: %w", n, e.SubscriptionDropped.Error)
				case e.EventAppeared != nil && !strings.HasPrefix(e.EventAppeared.Event.StreamID, "$"):
					n++
				}
			}
			return rate(wireEvents, begin), nil
		}},
		s.direct(),
	}, s.stop, nil
}

func nodeCatchUp(ctx context.Context, e *Env) ([]Side, func() error, error) {
	s, err := e.filledSite(ctx)
	if err != nil {
		return nil, nil, err
	}
	return []Side{
		{Name: "a new node", Run: func(ctx context.Context) (float64, error) {
			begin := time.Now()
			n, dir, err := e.node(ctx, s)
			if err != nil {
				return 0, err
			}
			v := rate(wireEvents, begin)
			return v, errors.Join(n.Close(), os.RemoveAll(dir))
		}},
		s.direct(),
	}, s.stop, nil
}

// nodesProject has every node make its own read models of all events, as nodes do: what the second one adds is answers, not speed of one model.
func nodesProject(ctx context.Context, e *Env) ([]Side, func() error, error) {
	s, err := e.filledSite(ctx)
	if err != nil {
		return nil, nil, err
	}
	var nodes []*esdb.Store
	var dirs []string
	end := func() (err error) {
		for i, n := range nodes {
			err = errors.Join(err, n.Close(), os.RemoveAll(dirs[i]))
		}
		return errors.Join(err, s.stop())
	}
	for range 2 {
		n, dir, err := e.node(ctx, s)
		if err != nil {
			return nil, nil, errors.Join(err, end())
		}
		nodes, dirs = append(nodes, n), append(dirs, dir)
	}
	project := func(ctx context.Context, nodes []*esdb.Store) (float64, error) {
		begin := time.Now()
		err := parallel(len(nodes), len(nodes), func(i int) error {
			dir, err := e.scratch()
			if err != nil {
				return err
			}
			m, err := projections.Open(ctx, filepath.Join(dir, "models"), nodes[i], projections.Options{})
			if err != nil {
				return err
			}
			return errors.Join(m.CatchUp(ctx), m.Close(), os.RemoveAll(dir))
		})
		return rate(len(nodes)*wireEvents, begin), err
	}
	return []Side{
		{Name: "two nodes", Run: func(ctx context.Context) (float64, error) { return project(ctx, nodes) }},
		{Name: "one node", Run: func(ctx context.Context) (float64, error) { return project(ctx, nodes[:1]) }},
	}, end, nil
}
