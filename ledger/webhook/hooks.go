package webhook

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
)

// Options of a set of endpoints. Endpoints and LedgerID are required; the rest is good as it is.
type Options struct {
	LedgerID  string // begins every webhook-id, as it does NATS message ids
	Endpoints []Endpoint
	Append    ledger.Append     // the intake, for endpoints with RecordDelivered
	Writable  func() error      // nil while the disk has room for more than what is under way; nil: it always has
	Transport http.RoundTripper // nil: connections of its own for each endpoint
	FS        vfs.FS            // nil: the disk
	ReadOnly  bool              // only look: nothing is made or changed
	Logger    *slog.Logger
}

// Hooks are the endpoints of one ledger and their stored state. It is safe for concurrent use.
type Hooks struct {
	o         Options
	src       ledger.Source
	state     *state
	followers []*Follower
}

// Open opens the state in a directory of its own, or creates it. An endpoint that is new begins at the ledger's head, or at its From.
// Nothing is delivered before Run. One process at a time can have it open.
func Open(ctx context.Context, dir string, src ledger.Source, o Options) (*Hooks, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Writable == nil {
		o.Writable = func() error { return nil }
	}
	head, err := src.Head(ctx)
	if err != nil {
		return nil, err
	}
	if o.Endpoints, err = checked(o.Endpoints, o.ReadOnly); err != nil {
		return nil, err
	}
	h := &Hooks{o: o, src: src}
	for _, e := range o.Endpoints {
		h.followers = append(h.followers, newFollower(h, e))
	}
	if h.state, err = openState(dir, o.FS, o.ReadOnly, o.Logger); err != nil {
		return nil, err
	}
	for _, f := range h.followers {
		if err := f.load(head.Position); err != nil {
			_ = h.state.db.Close() // the first error says why
			return nil, err
		}
	}
	return h, nil
}

// Check refuses endpoints that Open would refuse.
func Check(endpoints []Endpoint) error {
	_, err := checked(endpoints, false)
	return err
}

func checked(endpoints []Endpoint, readOnly bool) ([]Endpoint, error) {
	endpoints = slices.Clone(endpoints)
	for i := range endpoints {
		e := &endpoints[i]
		if err := e.check(readOnly); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(endpoints[:i], func(o Endpoint) bool { return o.Name == e.Name }) {
			return nil, ledger.Errorf(ledger.CodeInvalid, "webhooks", "give each its own name", "there are two endpoints %q", e.Name)
		}
	}
	return endpoints, nil
}

// Followers lists the endpoints that are not off; each is run beside the others.
func (h *Hooks) Followers() []*Follower {
	return slices.DeleteFunc(slices.Clone(h.followers), func(f *Follower) bool { return f.e.Off })
}

// Run runs every endpoint until the context ends or one of them cannot go on.
func (h *Hooks) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	for _, f := range h.Followers() {
		group.Go(func() { cancel(f.Run(ctx)) })
	}
	group.Wait()
	<-ctx.Done()
	return context.Cause(ctx)
}

// Close closes the state, after Run has ended.
func (h *Hooks) Close() error { return failed(h.state.db.Close()) }

func (h *Hooks) find(name string) *Follower {
	for _, f := range h.followers {
		if f.e.Name == name {
			return f
		}
	}
	return nil
}

// named finds an endpoint, or says which there are.
func (h *Hooks) named(name string) (*Follower, error) {
	if f := h.find(name); f != nil {
		return f, nil
	}
	return nil, ledger.Errorf(ledger.CodeNotFound, "webhooks", "put it under webhooks in the configuration; `baton webhooks list` shows those there are", "no endpoint %q is configured", name)
}
