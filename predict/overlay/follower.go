package overlay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/registry"
)

// Outcomes of a moment, for metrics.
const (
	Offered = "offered" // a suggestion was written
	Late    = "late"    // scoring took longer than the budget, or nobody ran until the suggestion would have been over
	Failed  = "failed"  // there was no model to ask, or it could not be written
)

// Options of a follower. Store, Append, Models and Model are required.
type Options struct {
	Store   ledger.Source
	Append  ledger.Append // the intake
	Models  string        // folder of the model files
	Model   string        // name
	Points  []string      // sender>receiver@channel; none: all
	Budget  time.Duration // of reading and scoring one journey; 0 is 20 ms
	TTL     time.Duration // after which a suggestion is over; 0 is 24 h
	Logger  *slog.Logger
	Observe func(outcome string, took time.Duration) // of each moment; may be nil
}

// Overlay is the follower: it writes a suggestion after each handoff event that the newest model of its name was trained for, from the event on that registered
// the model. It runs behind the ledger and holds nothing up. It is for one goroutine; a second one on the same ledger writes nothing twice.
//
// There is no state on disk: at a start it reads the headers since the registration, and what has no suggestion yet gets one. What goes wrong is logged
// and counted, and never ends the follower.
type Overlay struct {
	o       Options
	cursor  uint64
	found   registry.Registered // the newest; without a name: none yet
	model   *registry.Loaded    // nil: it cannot be asked
	tried   time.Time           // when its file was last read
	waiting map[string]moment   // by the id of the suggestion

	mu     sync.Mutex
	status Status
	said   map[string]time.Time // complaints, by kind
}

// Status is how the follower is.
type Status struct {
	Model   ModelRef       `json:"model"`
	Scoring bool           `json:"scoring"`
	Problem string         `json:"problem,omitempty"` // why it does not score
	Counts  map[string]int `json:"counts"`            // by outcome, since the start
}

// moment is a handoff event that waits for its suggestion.
type moment struct {
	journey  string
	position uint64
	until    time.Time
}

// New makes a follower that has read nothing yet.
func New(o Options) *Overlay {
	o.Budget, o.TTL = cmp.Or(o.Budget, 20*time.Millisecond), cmp.Or(o.TTL, 24*time.Hour)
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	return &Overlay{o: o, waiting: map[string]moment{}, said: map[string]time.Time{}, status: Status{Counts: map[string]int{}}}
}

// Name is "overlay".
func (f *Overlay) Name() string { return "overlay" }

// Cursor is the last position looked at.
func (f *Overlay) Cursor(context.Context) (uint64, error) { return f.cursor, nil }

// Status says how it is. It is safe for concurrent use.
func (f *Overlay) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.status
	s.Counts = maps.Clone(s.Counts)
	return s
}

// Run follows until the context ends, whose error it returns. progress may be nil.
func (f *Overlay) Run(ctx context.Context, progress *ledger.Progress) error {
	for {
		err := f.follow(ctx, progress)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f.complain("reading", "the overlay cannot follow the ledger, trying again", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *Overlay) follow(ctx context.Context, progress *ledger.Progress) error {
	if err := f.begin(ctx); err != nil {
		return err
	}
	for {
		head, err := f.o.Store.Head(ctx)
		if err != nil {
			return err
		}
		if head.Position > f.cursor {
			if err := ledger.Follow(ctx, f.o.Store, f, ledger.FollowOptions{HeaderOnly: true, Progress: progress, Until: head.Position}); err != nil {
				return err
			}
		}
		if err := f.suggestAll(ctx); err != nil {
			return err
		}
		if _, err := f.o.Store.Wait(ctx, f.cursor); err != nil {
			return err
		}
	}
}

// begin finds the newest model and starts behind its registration; where there is none, at the head.
func (f *Overlay) begin(ctx context.Context) error {
	clear(f.waiting)
	if err := f.find(ctx); err != nil {
		return err
	}
	if f.found.Name != "" {
		f.cursor = f.found.Position
		return nil
	}
	head, err := f.o.Store.Head(ctx)
	f.cursor = head.Position
	return err
}

// find looks the newest model up and reads its file.
func (f *Overlay) find(ctx context.Context) error {
	m, err := registry.Find(ctx, f.o.Store, f.o.Model, "")
	switch {
	case ledger.CodeOf(err) == ledger.CodeNotFound:
		f.cannot(err)
		return nil
	case err != nil:
		return err
	}
	f.found = m
	f.load()
	return nil
}

// load reads the file of the model that was found.
func (f *Overlay) load() {
	m, err := registry.Load(f.o.Models, f.found)
	f.model, f.tried = m, time.Now()
	if err != nil {
		f.cannot(err)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Model, f.status.Scoring, f.status.Problem = ModelRef{m.Name, m.Version, m.Hash}, true, ""
	f.o.Logger.Info("suggestions are made", "model", m.Name, "version", m.Version, "hash", m.Hash, "target", m.Target)
}

// cannot notes why nothing is scored.
func (f *Overlay) cannot(err error) {
	f.model = nil
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.status.Problem != err.Error() {
		f.o.Logger.Warn("no suggestions are made", "model", f.o.Model, "error", err, "hint", ledger.HintOf(err))
	}
	f.status.Scoring, f.status.Problem = false, err.Error()
	f.status.Model = ModelRef{f.found.Name, f.found.Version, f.found.Hash}
}

// Handle notes the moments that wait, and those that have their suggestion.
func (f *Overlay) Handle(ctx context.Context, events []ledger.Recorded) error {
	for i := range events {
		r := &events[i]
		f.cursor = r.Position
		switch {
		case r.Stream == registry.Prefix+f.o.Model && r.Source == registry.Source:
			clear(f.waiting) // they came before the model that is there now
			if err := f.find(ctx); err != nil {
				return err
			}
		case r.Source == Source:
			delete(f.waiting, r.ID)
		case f.found.Name != "" && r.Position > f.found.Position && slices.Contains(f.found.Moments, features.Moment(r)):
			_, journey := ledger.SplitStream(r.Stream)
			f.waiting[EventID(f.found.Hash, r.Position)] = moment{strings.Clone(journey), r.Position, known(r).Add(f.o.TTL)}
		}
	}
	return nil
}

// atOnce is how many suggestions go into one append.
const atOnce = 256

// suggestAll makes the suggestions of all moments that wait.
func (f *Overlay) suggestAll(ctx context.Context) error {
	if len(f.waiting) == 0 {
		return nil
	}
	if f.model == nil && f.found.Name != "" && time.Since(f.tried) > 5*time.Second {
		f.load() // the file may have been put back
	}
	list := slices.SortedFunc(maps.Values(f.waiting), func(a, b moment) int { return cmp.Compare(a.position, b.position) })
	clear(f.waiting)
	var group []ledger.Event
	for _, m := range list {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		e, ok := f.make(ctx, m)
		if !ok {
			continue
		}
		if len(group) == atOnce || slices.ContainsFunc(group, func(o ledger.Event) bool { return o.Subject == e.Subject }) {
			f.write(ctx, group)
			group = nil
		}
		group = append(group, e)
	}
	f.write(ctx, group)
	return ctx.Err()
}

// make scores a moment inside the budget.
func (f *Overlay) make(ctx context.Context, m moment) (e ledger.Event, ok bool) {
	if f.model == nil {
		f.count(Failed, 0)
		return e, false
	}
	if time.Now().After(m.until) {
		f.count(Late, 0)
		f.complain(Late, "a suggestion would be over already and is not made", nil, "journey", m.journey, "position", m.position)
		return e, false
	}
	begin := time.Now()
	inner, cancel := context.WithTimeout(ctx, f.o.Budget)
	defer cancel()
	s, err := f.ask(inner, m)
	took := time.Since(begin)
	switch {
	case ctx.Err() != nil:
		return e, false
	case errors.Is(err, context.DeadlineExceeded) || inner.Err() != nil:
		f.count(Late, took)
		f.complain(Late, "scoring took longer than its budget: no suggestion is made", nil, "journey", m.journey, "position", m.position, "budget", f.o.Budget, "took", took)
		return e, false
	case err != nil:
		f.count(Failed, took)
		f.complain(Failed, "a journey cannot be scored", err, "journey", m.journey, "position", m.position)
		return e, false
	case len(f.o.Points) > 0 && !slices.Contains(f.o.Points, s.point):
		return e, false
	}
	if e, err = suggest(s, f.o.TTL); err != nil {
		f.count(Failed, took)
		f.complain(Failed, "a suggestion cannot be written", err, "journey", m.journey, "position", m.position)
		return e, false
	}
	f.observe(took)
	return e, true
}

// ask scores, and takes a panic for an answer: the server goes on.
func (f *Overlay) ask(ctx context.Context, m moment) (s *Score, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = ledger.Errorf(ledger.CodeInternal, "score", "", "%v", p)
		}
	}()
	return Of(ctx, f.o.Store, f.model, m.journey, m.position)
}

// write appends suggestions of different journeys, each with the revision that its overlay has now.
func (f *Overlay) write(ctx context.Context, events []ledger.Event) {
	for try := 0; len(events) > 0 && ctx.Err() == nil; try++ {
		batches := make([]ledger.Batch, len(events))
		for i, e := range events {
			stream := ledger.OverlayStream(e.Subject)
			head, err := f.o.Store.StreamHead(ctx, stream)
			if err != nil {
				head.Revision = 0 // then the append says what is wrong
			}
			batches[i] = ledger.Batch{Stream: stream, Expect: ledger.Expect(head.Revision), Events: []ledger.Event{e}}
		}
		var again []ledger.Event
		for i, r := range f.o.Append(ctx, batches) {
			switch code := ledger.CodeOf(r.Err); {
			case code == "":
				f.count(Offered, 0)
			case code == ledger.CodeStaleRevision && try < 5:
				again = append(again, events[i])
			case code == ledger.CodeIDConflict: // it was made before, with another time to live
			default:
				f.count(Failed, 0)
				f.complain("writing", "a suggestion cannot be recorded", r.Err, "id", events[i].ID, "journey", events[i].Subject)
			}
		}
		events = again
	}
}

func (f *Overlay) count(outcome string, took time.Duration) {
	f.mu.Lock()
	f.status.Counts[outcome]++
	f.mu.Unlock()
	if f.o.Observe != nil {
		f.o.Observe(outcome, took)
	}
}

func (f *Overlay) observe(took time.Duration) {
	if f.o.Observe != nil {
		f.o.Observe("", took)
	}
}

// complain logs the first of a kind, and then one in ten seconds: the counts say how many there were.
func (f *Overlay) complain(kind, what string, err error, args ...any) {
	if time.Since(f.said[kind]) < 10*time.Second {
		return
	}
	f.said[kind] = time.Now()
	if err != nil {
		args = append(args, "error", err, "hint", ledger.HintOf(err))
	}
	f.o.Logger.Warn(what, append(args, "so_far", fmt.Sprint(f.Status().Counts))...)
}
