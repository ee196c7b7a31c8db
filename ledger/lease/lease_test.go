package lease_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/lease"
	"github.com/baton-ledger/baton/ledger/natstest"
)

const ttl = time.Second

// site is a real NATS server, which every node reaches over a link of its own.
type site struct {
	testing.TB
	ctx  context.Context
	nats *natstest.Cluster
}

func newSite(t testing.TB, nodes int) *site {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	c, err := natstest.Start(nodes, natstest.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &site{t, ctx, c}
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// span is one holding as its work saw it.
type span struct {
	node       string
	epoch      uint64
	begin, end time.Time
	cause      error // why its context ended
}

// worker is one node that wants the role.
type worker struct {
	*site
	name   string
	link   *natstest.Link
	leases *lease.Leases
	cancel context.CancelFunc
	ended  chan error

	mu    sync.Mutex
	spans []span
}

// worker starts a node; its work lasts as long as its context, or until fail gives an error.
func (s *site) worker(name string, fail <-chan error) *worker {
	s.Helper()
	link, err := natstest.NewLink(s.nats.Nodes[0].Front.Addr())
	s.must(err)
	s.Cleanup(link.Close)
	nc, err := nats.Connect("nats://"+link.Addr(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectBufSize(-1),
		nats.IgnoreDiscoveredServers(), nats.Timeout(time.Second))
	s.must(err)
	s.Cleanup(nc.Close)
	w := &worker{site: s, name: name, link: link, ended: make(chan error, 1)}
	w.leases, err = lease.New(nc, lease.Options{Node: name, TTL: ttl, Replicas: len(s.nats.Nodes)})
	s.must(err)
	ctx, cancel := context.WithCancel(s.ctx)
	w.cancel = cancel
	go func() {
		w.ended <- w.leases.Hold(ctx, "relay", func(ctx context.Context) error {
			w.began(lease.Epoch(ctx))
			var err error
			select {
			case <-ctx.Done():
			case err = <-fail:
			}
			w.over(context.Cause(ctx))
			return err
		})
	}()
	s.Cleanup(cancel)
	return w
}

func (w *worker) began(epoch uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spans = append(w.spans, span{node: w.name, epoch: epoch, begin: time.Now()})
}

func (w *worker) over(cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := &w.spans[len(w.spans)-1]
	last.end, last.cause = time.Now(), cause
}

// holdings are all of them so far.
func (w *worker) holdings() []span {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]span(nil), w.spans...)
}

func (w *worker) works() bool {
	h := w.holdings()
	return len(h) > 0 && h[len(h)-1].end.IsZero()
}

// until waits for a condition.
func (s *site) until(what string, holds func() bool) {
	s.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			s.Fatalf("waited in vain until %s", what)
		}
	}
}

// alone requires that no two holdings overlapped and that epochs grew in the order of time.
func (s *site) alone(workers ...*worker) {
	s.Helper()
	var all []span
	for _, w := range workers {
		all = append(all, w.holdings()...)
	}
	for i, a := range all {
		for _, b := range all[i+1:] {
			if b.begin.Before(a.begin) {
				a, b = b, a
			}
			if a.end.IsZero() || b.begin.Before(a.end) || b.epoch <= a.epoch {
				s.Errorf("%+v and %+v overlap, or their epochs do not grow", a, b)
			}
		}
	}
}

// pair starts two nodes of which the first works.
func (s *site) pair() (first, second *worker) {
	first = s.worker("first", nil)
	s.until("the first node works", first.works)
	return first, s.worker("second", nil)
}

// TestHandOver: a role that is given back is taken at once, long before it could run out.
func TestHandOver(t *testing.T) {
	s := newSite(t, 1)
	first, second := s.pair()
	h, held, err := second.leases.Holder(s.ctx, "relay")
	if err != nil || !held || h.Node != "first" || h.Epoch != 1 || time.Since(h.Since) > time.Minute || h.Renewed.IsZero() {
		t.Errorf("holder %+v, %v, %v", h, held, err)
	}
	s.until("both watch", func() bool { return s.watchers() == 2 })
	first.cancel()
	s.must(ended(first, context.Canceled))
	gone := time.Now()
	s.until("the second node works", second.works)
	if took := time.Since(gone); took > ttl/2 {
		t.Errorf("it took %v", took)
	}
	second.cancel()
	s.must(ended(second, context.Canceled))
	if h, held, err := second.leases.Holder(s.ctx, "relay"); held || err != nil || h.Epoch != 2 {
		t.Errorf("holder at the end %+v, %v, %v", h, held, err)
	}
	s.alone(first, second)
}

// watchers counts the consumers of the bucket.
func (s *site) watchers() int {
	nc, err := nats.Connect(s.nats.URL())
	s.must(err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	s.must(err)
	st, err := js.Stream(s.ctx, "KV_"+lease.DefaultBucket)
	if err != nil {
		return 0
	}
	return st.CachedInfo().State.Consumers
}

func ended(w *worker, want error) error {
	if err := <-w.ended; !errors.Is(err, want) {
		return fmt.Errorf("%s ended with %v", w.name, err)
	}
	return nil
}

// TestDeath: a node whose connection is gone for good is succeeded within a TTL and a little, and not before it stopped.
func TestDeath(t *testing.T) {
	s := newSite(t, 1)
	first, second := s.pair()
	s.until("both watch", func() bool { return s.watchers() == 2 })
	first.link.Cut()
	gone := time.Now()
	s.until("the second node works", second.works)
	if took := time.Since(gone); took > ttl+ttl/2 {
		t.Errorf("it took %v", took)
	}
	s.alone(first, second)
	if h := first.holdings()[0]; !errors.Is(h.cause, lease.ErrLost) {
		t.Errorf("the first node's work ended by %v", h.cause)
	}
}

// TestPausedHolder: a holder whose renewals hang finds its context ended before another works; when its network is back it does not disturb
// the other, and waits.
func TestPausedHolder(t *testing.T) {
	s := newSite(t, 1)
	first, second := s.pair()
	first.link.Stall()
	s.until("the second node works", second.works)
	s.alone(first, second)
	first.link.Heal() // what it sent arrives now, late
	s.until("the first node sees the second", func() bool {
		h, held, err := first.leases.Holder(s.ctx, "relay")
		return err == nil && held && h.Node == "second" && h.Epoch == 2 && h.Renewed.After(h.Since.Add(ttl))
	})
	if len(first.holdings()) != 1 || len(second.holdings()) != 1 || !second.works() {
		t.Errorf("first %+v, second %+v", first.holdings(), second.holdings())
	}
	second.cancel()
	s.until("the first node works again", first.works)
	if h := first.holdings(); h[1].epoch != 3 {
		t.Errorf("%+v", h)
	}
	s.alone(first, second)
}

// TestNATSRestarts: with its files, without them, and away for longer than a TTL: one node works afterwards, never two.
func TestNATSRestarts(t *testing.T) {
	s := newSite(t, 1)
	first, second := s.pair()
	for round := range 3 {
		s.nats.Nodes[0].Stop()
		if round > 0 {
			s.until("nobody works", func() bool { return !first.works() && !second.works() })
		}
		if round == 2 {
			s.must(s.nats.Nodes[0].RemoveFiles())
		}
		s.must(s.nats.Nodes[0].Start())
		s.until("a node works and holds the role", func() bool {
			h, held, err := first.leases.Holder(s.ctx, "relay")
			return err == nil && held && first.works() != second.works() && (h.Node == "first") == first.works()
		})
		if round < 2 { // without its files the epochs begin again
			s.alone(first, second)
		}
	}
}

// TestClusterLosesANode: the bucket has three replicas, and the node that leads it dies.
func TestClusterLosesANode(t *testing.T) {
	s := newSite(t, 3)
	first, second := s.worker("first", nil), s.worker("second", nil)
	works := func() bool { return first.works() || second.works() }
	s.until("a node works", works)
	leader := s.nats.Leader("KV_" + lease.DefaultBucket)
	for i, n := range s.nats.Nodes { // both reach a node that stays
		if n != leader {
			first.link.To(s.nats.Nodes[i].Front.Addr())
			second.link.To(s.nats.Nodes[i].Front.Addr())
		}
	}
	if leader == s.nats.Nodes[0] {
		first.link.Cut()
		second.link.Cut()
		first.link.Heal()
		second.link.Heal()
	}
	leader.Kill()
	s.until("it has another leader", func() bool { return s.nats.Leader("KV_"+lease.DefaultBucket) != nil })
	s.until("a node works and holds the role", func() bool {
		h, held, err := first.leases.Holder(s.ctx, "relay")
		return err == nil && held && first.works() != second.works() && (h.Node == "first") == first.works()
	})
	s.alone(first, second)
}

// TestManyWant: of ten nodes that give the role back again and again one works at any time, and each gets its turn.
func TestManyWant(t *testing.T) {
	s := newSite(t, 1)
	give := make(chan error)
	var workers []*worker
	for i := range 10 {
		workers = append(workers, s.worker(fmt.Sprintf("n%d", i), give))
	}
	for range 30 {
		select {
		case give <- nil:
		case <-s.ctx.Done():
			t.Fatal("nobody works")
		}
	}
	had := 0
	for _, w := range workers {
		w.cancel()
		s.must(ended(w, context.Canceled))
		if len(w.holdings()) > 0 {
			had++
		}
	}
	if had < 5 {
		t.Errorf("%d of 10 nodes got the role in 30 turns", had)
	}
	s.alone(workers...)
}

// TestWorkFails: its error is Hold's, and the role is free.
func TestWorkFails(t *testing.T) {
	s := newSite(t, 1)
	fail, broken := make(chan error, 1), errors.New("broken")
	fail <- broken
	first := s.worker("first", fail)
	s.must(ended(first, broken))
	if h, held, err := first.leases.Holder(s.ctx, "relay"); held || err != nil || h.Epoch != 1 {
		t.Errorf("holder %+v, %v, %v", h, held, err)
	}
}

func TestRefusals(t *testing.T) {
	s := newSite(t, 1)
	nc, err := nats.Connect(s.nats.URL())
	s.must(err)
	defer nc.Close()
	for _, o := range []lease.Options{{}, {Node: "a", TTL: time.Millisecond}} {
		if _, err := lease.New(nc, o); !errors.Is(err, ledger.CodeInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	l, err := lease.New(nc, lease.Options{Node: "a"})
	s.must(err)
	if err := l.Hold(s.ctx, "a.*", nil); !errors.Is(err, ledger.CodeInvalid) {
		t.Error(err)
	}
	if _, held, err := l.Holder(s.ctx, "nobody"); held || err != nil {
		t.Errorf("%v, %v", held, err)
	}
}
