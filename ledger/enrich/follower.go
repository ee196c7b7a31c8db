package enrich

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Options of an enricher. Store and Append are required.
type Options struct {
	Store   ledger.Source
	Append  ledger.Append // the intake
	Sources []Source
	Budgets Budgets                                                  // nil: DefaultBudgets
	Class   func(channel string) ledger.ChannelClass                 // nil: ledger.ClassOfChannel
	MaxAge  time.Duration                                            // offers that occurred longer ago are left alone, as those of an import; 0: one hour, below 0: none is
	Ask     Ask                                                      // sources of kind nats; nil: they cannot be asked
	Deliver func(ctx context.Context, journey, handoff string) error // called once a handoff, when all have answered or the budget is over; nil: nobody is told
	Logger  *slog.Logger
	Observe func(source, outcome string, took time.Duration) // after each outcome; may be nil
}

// Bounds of what is under way.
const (
	atOnce    = 256 // handoffs; then the follower waits
	perSource = 32  // requests to one source; then they wait, within the source's timeout
)

// Enricher is the follower that asks sources after each offer. It runs behind the ledger and holds nothing up; a second one on the same ledger asks twice at worst and
// records nothing twice.
//
// There is no state on disk: at a start it looks at the offers of the last MaxAge, and asks the sources that have no outcome.
type Enricher struct {
	o      Options
	http   *http.Client
	files  map[string]*snapshots
	slots  map[string]chan struct{}
	under  chan struct{}
	cursor uint64
	turns  [ledger.Partitions]sync.Mutex // to append to a journey's overlay: those here do not make each other's revisions stale

	jobs sync.WaitGroup
	ctx  context.Context
	stop context.CancelFunc

	mu   sync.Mutex
	said map[string]time.Time // complaints, by kind
}

// New makes an enricher that has read nothing yet. Close ends it.
func New(o Options) *Enricher {
	if o.Budgets == nil {
		o.Budgets = DefaultBudgets()
	}
	if o.Class == nil {
		o.Class = ledger.ClassOfChannel
	}
	o.MaxAge = cmp.Or(o.MaxAge, time.Hour)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Enricher{o: o, http: newClient(), files: map[string]*snapshots{}, slots: map[string]chan struct{}{}, under: make(chan struct{}, atOnce), said: map[string]time.Time{}}
	e.ctx, e.stop = context.WithCancel(context.Background())
	for i := range o.Sources {
		s := &e.o.Sources[i]
		s.Timeout = cmp.Or(s.Timeout, DefaultTimeout)
		e.slots[s.Name] = make(chan struct{}, perSource)
		if s.Kind == Snapshot {
			e.files[s.Name] = &snapshots{path: s.File}
		}
	}
	return e
}

// DefaultTimeout is that of a source that has none.
const DefaultTimeout = 10 * time.Second

// Close ends what is under way and waits for it. What has no outcome yet is asked again at the next start.
func (e *Enricher) Close() {
	e.stop()
	e.jobs.Wait()
	e.http.CloseIdleConnections()
}

// Name implements [ledger.Follower].
func (e *Enricher) Name() string { return "enrichment" }

// Cursor implements [ledger.Follower].
func (e *Enricher) Cursor(context.Context) (uint64, error) { return e.cursor, nil }

func (e *Enricher) class(channel string) ledger.ChannelClass { return e.o.Class(channel) }

// Wants reports whether a point has sources.
func (e *Enricher) Wants(point string) bool {
	for i := range e.o.Sources {
		if e.o.Sources[i].at(point) {
			return true
		}
	}
	return false
}

// Run follows until the context ends, whose error it returns. progress may be nil.
func (e *Enricher) Run(ctx context.Context, progress *ledger.Progress) error {
	for {
		err := e.begin(ctx)
		if err == nil {
			err = ledger.Follow(ctx, e.o.Store, e, ledger.FollowOptions{HeaderOnly: true, Progress: progress})
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		e.complain("follow", "enrichment cannot follow the ledger, trying again", err, nil)
		if err := ledger.Pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// window is how many events are looked at at once, going back.
const window = 20_000

// begin goes back from the end to the offers that are not too old. They are found by their recorded time, which never goes down.
func (e *Enricher) begin(ctx context.Context) error {
	head, err := e.o.Store.Head(ctx)
	if err != nil || e.cursor > 0 {
		return err
	}
	from, oldest := head.Position, time.Now().Add(-e.o.MaxAge)
	if e.o.MaxAge < 0 {
		from = 0
	}
	for from > 0 {
		from = max(from, window) - window
		for r, err := range e.o.Store.Read(ctx, ledger.ReadOptions{From: from + 1, To: from + 1, HeaderOnly: true}) {
			if err != nil {
				return err
			}
			if r.RecordedTime.Before(oldest) {
				e.cursor = from
				return nil
			}
		}
	}
	e.cursor = from
	return nil
}

// Handle starts a job for each offer that has something to be asked, or is to be delivered.
func (e *Enricher) Handle(ctx context.Context, events []ledger.Recorded) error {
	for i := range events {
		r := &events[i]
		if family, verb := ledger.SplitType(r.Type); family == "handoff" && verb == "offered" && ledger.JourneyStream(r.Subject) == r.Stream && e.young(r) {
			f := &r.Facets
			if e.o.Deliver != nil || e.Wants(ledger.Point(f.Sender, f.Receiver, f.Channel)) {
				if err := e.start(ctx, strings.Clone(r.Subject), strings.Clone(r.ID), false); err != nil {
					return err
				}
			}
		}
		e.cursor = r.Position
	}
	return nil
}

func (e *Enricher) young(r *ledger.Recorded) bool {
	return e.o.MaxAge < 0 || time.Since(r.Occurred()) <= e.o.MaxAge
}

// start begins a job as soon as there is room for one.
func (e *Enricher) start(ctx context.Context, journey, handoff string, again bool) error {
	select {
	case e.under <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-e.ctx.Done():
		return ledger.Errorf(ledger.CodeClosed, "enrichment", "", "the enricher was closed")
	}
	e.jobs.Go(func() {
		defer func() { <-e.under }()
		if err := e.job(e.ctx, journey, handoff, again); err != nil && e.ctx.Err() == nil {
			e.complain("job", "a handoff cannot be enriched", err, &Progress{Journey: journey, Handoff: handoff})
		}
	})
	return nil
}

// Again asks the sources of a handoff that have given no answer, however old it is and on whatever channel. It answers at once; [Enricher.Read] tells how far
// they are. Errors: CodeNotFound for a handoff that is not there.
func (e *Enricher) Again(ctx context.Context, journey, handoff string) error {
	if _, err := e.read(ctx, journey, handoff); err != nil {
		return err
	}
	return e.start(ctx, journey, handoff, true)
}

// slot waits for one of a source's requests to end, within its timeout.
func (e *Enricher) slot(ctx context.Context, s *Source) (release func(), err error) {
	t := time.NewTimer(s.Timeout)
	defer t.Stop()
	select {
	case e.slots[s.Name] <- struct{}{}:
		return func() { <-e.slots[s.Name] }, nil
	case <-t.C:
		return nil, ledger.Errorf(ledger.CodeUnavailable, "enrichment", "", "%d requests to it were under way for %s", perSource, s.Timeout)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// complain logs a kind of trouble at most once a minute.
func (e *Enricher) complain(kind, message string, err error, p *Progress) {
	e.mu.Lock()
	quiet := time.Since(e.said[kind]) < time.Minute
	if !quiet {
		e.said[kind] = time.Now()
	}
	e.mu.Unlock()
	if quiet {
		return
	}
	args := []any{"error", err}
	if p != nil {
		args = append(args, "journey", p.Journey, "handoff", p.Handoff)
	}
	e.o.Logger.Warn(message, args...)
}
