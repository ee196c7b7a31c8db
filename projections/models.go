package projections

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
)

// modelVersion changes whenever the same events give other keys or values. Models of another version are made again at Open.
const modelVersion = 3

// Options tune the models; the zero value is good.
type Options struct {
	FS        vfs.FS       // nil: the disk
	CacheMB   int          // block cache, default 16
	JourneyMB int          // decoded journeys kept in memory, default 32; also what each half of a rebuild may take
	Workers   int          // of a rebuild, default the number of processors
	Logger    *slog.Logger // nil: slog.Default
	// Observe is told of the events that the follower has folded and written, and when it began and ended; for traces. It does not keep
	// the slice. nil: nobody
	Observe func(events []ledger.Recorded, start, end time.Time)

	journeyBytes int // JourneyMB in bytes
	portion      int // events that go to a worker of a rebuild at once
}

// Models are the read models of one ledger. Queries are safe for concurrent use, with each other and with the follower; Handle (so Run,
// CatchUp) is for one caller at a time.
type Models struct {
	src      ledger.Source
	dir      string
	o        Options
	progress ledger.Progress

	write  sync.Mutex // held while a batch is written and while generations swap
	folder *folder
	cursor uint64

	rebuild sync.Mutex   // one rebuild at a time
	mu      sync.RWMutex // guards gen
	gen     *generation  // nil after Close
}

// Open opens the models in a directory of their own, or creates them empty. src is the ledger they follow. One process at a time can
// have them open.
func Open(ctx context.Context, dir string, src ledger.Source, o Options) (*Models, error) {
	o.defaults()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := o.FS.MkdirAll(dir, 0o755); err != nil {
		return nil, failed(err)
	}
	m := &Models{src: src, dir: dir, o: o}
	number, err := current(o.FS, dir)
	if err != nil {
		return nil, err
	}
	if err := removeOthers(o.FS, dir, number); err != nil {
		return nil, err
	}
	head, err := src.Head(ctx)
	if err != nil {
		return nil, err
	}
	if err := m.open(number, head.Position); err != nil {
		return nil, err
	}
	return m, nil
}

func (o *Options) defaults() {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.CacheMB == 0 {
		o.CacheMB = 16
	}
	if o.JourneyMB == 0 {
		o.JourneyMB = 32
	}
	if o.journeyBytes == 0 {
		o.journeyBytes = o.JourneyMB << 20
	}
	if o.portion == 0 {
		o.portion = 256
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
}

// open takes the generation in use; where there is none, or one of another version, or one that is ahead of the ledger (which was
// restored from a backup, say), it begins an empty one.
func (m *Models) open(number int, head uint64) error {
	if number > 0 {
		g, err := openGeneration(&m.o, m.dir, number, false)
		if err != nil {
			return err
		}
		version, cursor, err := bookkeeping(g.db)
		if err == nil && version == modelVersion && cursor <= head {
			m.use(g, cursor)
			return nil
		}
		if err = errors.Join(err, g.release()); err != nil {
			return err
		}
		m.o.Logger.Warn("the read models are of another version or another ledger and are made again", "version", version, "position", cursor)
	}
	g, err := openGeneration(&m.o, m.dir, number+1, false)
	if err != nil {
		return err
	}
	if err := g.db.Set(keyVersion, binary.AppendUvarint(nil, modelVersion), pebble.Sync); err != nil {
		return errors.Join(failed(err), g.release())
	}
	if err := setCurrent(m.o.FS, m.dir, number+1); err != nil {
		return errors.Join(err, g.release())
	}
	m.use(g, 0)
	return removeOthers(m.o.FS, m.dir, number+1)
}

func (m *Models) use(g *generation, cursor uint64) {
	m.gen, m.cursor, m.folder = g, cursor, newFolder(g.db, m.o.journeyBytes)
}

// bookkeeping reads version and cursor; both are 0 in a new database.
func bookkeeping(r pebble.Reader) (version, cursor uint64, err error) {
	for key, to := range map[string]*uint64{string(keyVersion): &version, string(keyCursor): &cursor} {
		value, closer, err := r.Get([]byte(key))
		if errors.Is(err, pebble.ErrNotFound) {
			continue
		}
		if err != nil {
			return 0, 0, failed(err)
		}
		*to, _ = binary.Uvarint(value)
		closer.Close()
	}
	return version, cursor, nil
}

// Name is the follower's name.
func (m *Models) Name() string { return "projections" }

// Cursor is the last position that the models hold.
func (m *Models) Cursor(context.Context) (uint64, error) {
	m.write.Lock()
	defer m.write.Unlock()
	return m.cursor, nil
}

// Handle folds a batch and writes the changes and the cursor in one atomic step. Events at or before the cursor were handled before
// and are passed over. After an error the models stand where they stood.
func (m *Models) Handle(ctx context.Context, events []ledger.Recorded) error {
	m.write.Lock()
	defer m.write.Unlock()
	if m.folder == nil {
		return closed()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	start := time.Now()
	cursor, err := m.folder.handle(m.cursor, events)
	if err != nil {
		m.folder.forget()
		return failed(err)
	}
	m.cursor = cursor
	if m.o.Observe != nil {
		m.o.Observe(events, start, time.Now())
	}
	return nil
}

// handle folds the events after the cursor and commits them.
func (f *folder) handle(cursor uint64, events []ledger.Recorded) (uint64, error) {
	for i := range events {
		if events[i].Position <= cursor {
			continue
		}
		if err := f.event(&events[i]); err != nil {
			return 0, err
		}
		cursor = events[i].Position
	}
	b := f.db.NewBatch()
	defer b.Close()
	if err := f.flush(b); err != nil {
		return 0, err
	}
	if err := b.Set(keyCursor, binary.AppendUvarint(nil, cursor), nil); err != nil {
		return 0, err
	}
	return cursor, b.Commit(pebble.NoSync)
}

// Run follows the ledger until the context ends or an error occurs.
func (m *Models) Run(ctx context.Context) error {
	return ledger.Follow(ctx, m.src, m, m.follow(0))
}

// CatchUp follows the ledger as far as it is durable now.
func (m *Models) CatchUp(ctx context.Context) error {
	head, err := m.src.Head(ctx)
	if err != nil || head.Position == 0 {
		return err
	}
	return ledger.Follow(ctx, m.src, m, m.follow(head.Position))
}

func (m *Models) follow(until uint64) ledger.FollowOptions {
	return ledger.FollowOptions{HeaderOnly: true, Progress: &m.progress, Until: until, BatchEvents: 4000}
}

// Progress says how far the follower is behind the ledger, while Run or CatchUp goes on.
func (m *Models) Progress() *ledger.Progress { return &m.progress }

// Close ends the models' use; queries that run go on to their end. Later calls answer CodeClosed.
func (m *Models) Close() error {
	m.rebuild.Lock()
	defer m.rebuild.Unlock()
	m.write.Lock()
	defer m.write.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gen == nil {
		return nil
	}
	g := m.gen
	m.gen, m.folder = nil, nil
	return failed(g.release())
}

func closed() error {
	return ledger.Errorf(ledger.CodeClosed, "read models", "open the models again", "the models are closed")
}
