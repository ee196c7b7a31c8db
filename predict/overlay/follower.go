package overlay

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/registry"
	"github.com/baton-ledger/baton/predict/trust"
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
	Name    string        // of the follower; empty is overlay
	Points  []string      // sender>receiver@channel; none: all
	Budget  time.Duration // of reading and scoring one journey; 0 is 20 ms
	TTL     time.Duration // after which a suggestion is over; 0 is 24 h
	Explore float64       // share of choices among actions that are drawn at random
	HoldOut float64       // share of shown suggestions that are kept back
	Monitor trust.Monitor // when and how models that are shown are looked after
	Ask     Ask           // scorers of other programs; nil: they cannot be asked
	Logger  *slog.Logger
	Observe func(outcome string, took time.Duration) // of each moment; may be nil
	Demoted func(trust.Step)                         // after each demotion that was written here; may be nil
}

// Overlay is the follower: it writes a suggestion after each handoff event that a version of its model was trained for and asked at, as the ladder of package
// trust has it, and lowers versions that do not come true any more. It runs behind the ledger and holds nothing up. It is for one goroutine; a second one on the same ledger writes nothing twice.
//
// There is no state on disk: at a start it reads the headers since the registration, and what has no suggestion yet gets one. What goes wrong is logged
// and counted, and never ends the follower.
type Overlay struct {
	o       Options
	cursor  uint64
	ladder  *trust.Ladder
	models  map[string]*registry.Loaded // by hash; nil: it cannot be asked
	outside map[string]Scorer           // of other programs, by hash
	silent  map[string]error            // why one of them gave no answer last time
	tried   time.Time                   // when files were last read
	waiting map[string]moment           // by the id of the suggestion
	moments int                         // since the first version was registered
	due     uint64                      // position that the monitor is to look at, 0: none

	mu     sync.Mutex
	status Status
	said   map[string]time.Time // complaints, by kind
}

// Status is how the follower is.
type Status struct {
	Model   ModelRef       `json:"model"`  // the newest version
	Levels  map[string]int `json:"levels"` // of all versions, the points on each level that were named; "*" counts as one
	Scoring bool           `json:"scoring"`
	Problem string         `json:"problem,omitempty"` // why it does not score
	Lowered string         `json:"lowered,omitempty"` // why the monitor lowered a version that nobody has moved since
	Counts  map[string]int `json:"counts"`            // by outcome, since the start
}

// moment is a handoff event that waits for a version's suggestion.
type moment struct {
	hash     string
	journey  string
	position uint64
	until    time.Time
}

// New makes a follower that has read nothing yet.
func New(o Options) *Overlay {
	o.Name = cmp.Or(o.Name, "overlay")
	o.Budget, o.TTL = cmp.Or(o.Budget, 20*time.Millisecond), cmp.Or(o.TTL, 24*time.Hour)
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	return &Overlay{o: o, ladder: &trust.Ladder{Name: o.Model}, models: map[string]*registry.Loaded{}, outside: map[string]Scorer{}, silent: map[string]error{}, waiting: map[string]moment{}, said: map[string]time.Time{}, status: Status{Counts: map[string]int{}}}
}

// Name is that of the options.
func (f *Overlay) Name() string { return f.o.Name }

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

// catchUp has a follower read headers up to the head, if that is past its cursor.
func catchUp(ctx context.Context, src ledger.Source, f ledger.Follower, cursor uint64, progress *ledger.Progress) error {
	head, err := src.Head(ctx)
	if err != nil || head.Position <= cursor {
		return err
	}
	return ledger.Follow(ctx, src, f, ledger.FollowOptions{HeaderOnly: true, Progress: progress, Until: head.Position})
}

func (f *Overlay) follow(ctx context.Context, progress *ledger.Progress) error {
	if err := f.begin(ctx); err != nil {
		return err
	}
	for {
		if err := catchUp(ctx, f.o.Store, f, f.cursor, progress); err != nil {
			return err
		}
		if err := f.suggestAll(ctx); err != nil {
			return err
		}
		if err := f.watch(ctx); err != nil {
			return err
		}
		if _, err := f.o.Store.Wait(ctx, f.cursor); err != nil {
			return err
		}
	}
}

// begin starts behind the registration of the first version that may be asked; where there is none, at the head.
func (f *Overlay) begin(ctx context.Context) error {
	clear(f.waiting)
	f.moments, f.due = 0, 0
	if err := f.find(ctx); err != nil {
		return err
	}
	if len(f.ladder.Versions) > 0 {
		f.cursor = f.ladder.Versions[0].Position
		return nil
	}
	head, err := f.o.Store.Head(ctx)
	f.cursor = head.Position
	return err
}

// Handle notes the moments that wait, and those that have their suggestion.
func (f *Overlay) Handle(ctx context.Context, events []ledger.Recorded) error {
	for i := range events {
		r := &events[i]
		f.cursor = r.Position
		switch {
		case r.Stream == registry.Prefix+f.o.Model && r.Source == registry.Source:
			if r.Revision <= f.ladder.Revision {
				continue
			}
			if err := f.find(ctx); err != nil {
				return err
			}
		case r.Source == Source:
			delete(f.waiting, r.ID)
		default:
			f.note(r)
		}
	}
	return nil
}

// note lets a moment wait for all versions that may be asked there. Which are is known only when its point is.
func (f *Overlay) note(r *ledger.Recorded) {
	verb := features.Moment(r)
	if verb == "" || len(f.ladder.Versions) == 0 || r.Position < f.ladder.Versions[0].Position {
		return
	}
	if f.moments++; f.o.Monitor.Every > 0 && f.moments%f.o.Monitor.Every == 0 {
		f.due = r.Position
	}
	_, journey := ledger.SplitStream(r.Stream)
	for _, m := range f.ladder.Speakers(r.Position) {
		if slices.Contains(m.Moments, verb) {
			f.waiting[EventID(m.Hash, r.Position)] = moment{m.Hash, strings.Clone(journey), r.Position, known(r).Add(f.o.TTL)}
		}
	}
}
