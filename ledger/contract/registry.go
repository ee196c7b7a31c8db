package contract

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/baton-ledger/baton/ledger"
)

// Registry is all contracts of a ledger, kept for the intake: look-ups take no lock and read nothing. It is a fold of the streams contract-*,
// brought up to date by [Registry.Refresh] after this process wrote to one, and by [Registry.Handle] after another did.
type Registry struct {
	now   atomic.Pointer[book]
	write sync.Mutex
	read  ledger.Reader
	head  uint64 // position at which it was loaded
}

// book is the contracts at one moment. It is never changed.
type book struct {
	states  map[string]*State
	byPoint map[string]*State // of the newest published version that lists the point
}

// Load reads the contracts as they are at a position; 0 is the head.
func Load(ctx context.Context, r ledger.Reader, to uint64) (*Registry, error) {
	return LoadKnown(ctx, r, upTo(to))
}

// LoadKnown reads the contracts as far as their events are known; known is nil where all are.
func LoadKnown(ctx context.Context, r ledger.Reader, known func(*ledger.Recorded) bool) (*Registry, error) {
	head, err := r.Head(ctx)
	if err != nil {
		return nil, err
	}
	g := &Registry{read: r, head: head.Position}
	states := map[string]*State{}
	for head, err := range r.Streams(ctx, "contract-", "") {
		if err != nil {
			return nil, err
		}
		s, err := readState(ctx, r, strings.TrimPrefix(head.Stream, "contract-"), known)
		if err != nil {
			return nil, err
		}
		if s.Revision > 0 {
			states[s.Name] = s
		}
	}
	g.now.Store(newBook(states))
	return g, nil
}

func upTo(position uint64) func(*ledger.Recorded) bool {
	if position == 0 {
		return nil
	}
	return func(r *ledger.Recorded) bool { return r.Position <= position }
}

// ReadState folds one contract's stream as it is at a position; 0 is the head. A contract that is not there has no versions.
func ReadState(ctx context.Context, r ledger.Reader, name string, to uint64) (*State, error) {
	return readState(ctx, r, name, upTo(to))
}

func readState(ctx context.Context, r ledger.Reader, name string, known func(*ledger.Recorded) bool) (*State, error) {
	s := &State{Name: name}
	for e, err := range r.ReadStream(ctx, Stream(name), ledger.ReadOptions{}) {
		if err != nil {
			return nil, err
		}
		if known != nil && !known(&e) {
			break
		}
		s.Apply(&e)
	}
	for _, v := range s.Versions {
		if k, err := Compile(v.Contract); err == nil {
			v.compiled = k
		} // what cannot be compiled was refused when it was drafted; an older build's document is not checked
	}
	return s, nil
}

func newBook(states map[string]*State) *book {
	b := &book{states: states, byPoint: map[string]*State{}}
	for _, name := range slices.Sorted(maps.Keys(states)) {
		s := states[name]
		if v := s.Newest(); v != nil {
			for _, p := range v.Contract.Points {
				if b.byPoint[p] == nil { // two contracts of one point: the first name, whoever published last
					b.byPoint[p] = s
				}
			}
		}
	}
	return b
}

// Refresh reads one contract anew.
func (g *Registry) Refresh(ctx context.Context, name string) error {
	g.write.Lock()
	defer g.write.Unlock()
	s, err := ReadState(ctx, g.read, name, 0)
	if err != nil {
		return err
	}
	states := maps.Clone(g.now.Load().states)
	states[name] = s
	g.now.Store(newBook(states))
	return nil
}

// Name, Cursor and Handle make it a follower of headers, from where it was loaded.
func (g *Registry) Name() string { return "contracts" }

// Cursor is where it was loaded: what came before is in it.
func (g *Registry) Cursor(context.Context) (uint64, error) { return g.head, nil }

// Handle reads contracts anew that others wrote to.
func (g *Registry) Handle(ctx context.Context, events []ledger.Recorded) error {
	seen := map[string]bool{}
	for i := range events {
		name, ok := strings.CutPrefix(events[i].Stream, "contract-")
		if !ok || seen[name] {
			continue
		}
		seen[name] = true
		if s := g.now.Load().states[name]; s != nil && s.Revision >= events[i].Revision {
			continue // this process wrote it
		}
		if err := g.Refresh(ctx, strings.Clone(name)); err != nil {
			return err
		}
	}
	return nil
}

// Resolved is the version that an offer is held against. Version is nil where the contract has none that the offer may follow; Why then says so.
type Resolved struct {
	State   *State
	Version *Version
	Why     string
}

// Resolve finds what an offer follows: the contract and version that its dataschema names; where that names no contract that is here, the
// newest published version of the contract of its point. ok is false where there is neither: nobody agreed on anything, and nothing is checked.
func (g *Registry) Resolve(schema, point string) (r Resolved, ok bool) {
	b := g.now.Load()
	if len(b.states) == 0 {
		return r, false
	}
	if name, version, named := ReadSchema(schema); named {
		if s := b.states[name]; s != nil {
			return s.resolve(version)
		}
	}
	if s := b.byPoint[point]; s != nil {
		return Resolved{State: s, Version: s.Newest()}, true
	}
	return r, false
}

func (s *State) resolve(version int) (Resolved, bool) {
	v := s.Version(version)
	switch {
	case v != nil && v.Accepted():
		return Resolved{State: s, Version: v}, true
	case !slices.ContainsFunc(s.Versions, (*Version).Accepted):
		return Resolved{}, false // nothing is agreed yet, or nothing any more
	case v == nil:
		return Resolved{State: s, Why: "it has no such version"}, true
	}
	return Resolved{State: s, Why: "that version is " + string(v.Status)}, true
}

// Catalogue is Resolve for those who want the document alone.
func (g *Registry) Catalogue(schema, point string) *Contract {
	if r, ok := g.Resolve(schema, point); ok && r.Version != nil {
		return r.Version.Contract
	}
	return nil
}

// Variant is the name of the variant that holds for an offer under a version, "" where none does.
func (g *Registry) Variant(c *Contract, e *ledger.Event) string {
	if v := g.version(c); v != nil && v.compiled != nil && len(c.Variants) > 0 {
		return v.compiled.Check(e).Variant
	}
	return ""
}

func (g *Registry) version(c *Contract) *Version {
	if s := g.State(c.Name); s != nil {
		return s.Version(c.Version)
	}
	return nil
}

// Upcast reads an envelope that follows a version of a contract by the newest one that is published, and lists what was applied, in order. Without a
// newer version it gives the envelope as it is; the error is CodeNotFound where upcasts do not lead there.
func (g *Registry) Upcast(e Envelope, from *Contract) (Envelope, []*Upcast, error) {
	s := g.State(from.Name)
	if s == nil {
		return e, nil, nil
	}
	newest := s.Newest()
	if newest == nil || newest.Contract.Version <= from.Version {
		return e, nil, nil
	}
	documents := make([]*Contract, len(s.Versions))
	for i, v := range s.Versions {
		documents[i] = v.Contract
	}
	chain, err := Chain(documents, from.Version, newest.Contract.Version)
	for i := 0; err == nil && i < len(chain); i++ {
		e, err = chain[i].Apply(e)
	}
	return e, chain, err
}

// States lists the contracts by name.
func (g *Registry) States() []*State {
	b := g.now.Load()
	out := make([]*State, 0, len(b.states))
	for _, name := range slices.Sorted(maps.Keys(b.states)) {
		out = append(out, b.states[name])
	}
	return out
}

// State gives a contract by its name, nil where there is none.
func (g *Registry) State(name string) *State { return g.now.Load().states[name] }

// Empty reports whether there is no contract at all.
func (g *Registry) Empty() bool { return len(g.now.Load().states) == 0 }
