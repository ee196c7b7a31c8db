package projections

import (
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/sync/errgroup"

	"github.com/baton-ledger/baton/ledger"
)

// RebuildReport says what a rebuild found.
type RebuildReport struct {
	Position      uint64      `json:"position"` // both digests are of the state at this position
	DigestLive    ledger.Hash `json:"digest_live"`
	DigestRebuilt ledger.Hash `json:"digest_rebuilt"`
	Equal         bool        `json:"equal"`
	Difference    string      `json:"difference,omitempty"` // the first key they do not agree on
	Events        uint64      `json:"events"`
	Seconds       float64     `json:"seconds"`       // to read, fold and write
	CheckSeconds  float64     `json:"check_seconds"` // to take both digests
}

// Rebuild makes the models again from the ledger's first event, in a directory beside the live ones, and compares the two at the
// position the live ones had when it began. Equal ones are brought up to date and put in the live ones' place. Others are removed, the
// live ones stay, and the error (CodeCorrupt) names the first key that differs. The live models go on meanwhile.
func (m *Models) Rebuild(ctx context.Context) (RebuildReport, error) {
	if !m.rebuild.TryLock() {
		return RebuildReport{}, ledger.Errorf(ledger.CodeUnavailable, "rebuild", "wait until it is done", "another rebuild is running")
	}
	defer m.rebuild.Unlock()
	live, err := m.view(ctx)
	if err != nil {
		return RebuildReport{}, err
	}
	defer live.close()
	report := RebuildReport{Position: live.position, Events: live.position}
	number := live.gen.number + 1
	begin := time.Now()
	if err := m.make(ctx, number, live.position); err != nil {
		return report, errors.Join(err, m.discard(number))
	}
	report.Seconds = time.Since(begin).Seconds()
	g, err := openGeneration(&m.o, m.dir, number, false)
	if err != nil {
		return report, errors.Join(err, m.discard(number))
	}
	if err := report.compare(ctx, live, g); err != nil {
		return report, errors.Join(err, g.drop())
	}
	if err := m.replace(ctx, g, live.position); err != nil {
		return report, errors.Join(err, g.drop())
	}
	return report, nil
}

func (m *Models) discard(number int) error {
	return failed(m.o.FS.RemoveAll(m.o.FS.PathJoin(m.dir, nameOf(number))))
}

// make fills a new generation's database up to a position and closes it. Journeys are spread over workers; one scan of the ledger
// feeds them all. The database is written without a log and is complete when it is closed without an error.
func (m *Models) make(ctx context.Context, number int, position uint64) error {
	if err := m.discard(number); err != nil {
		return err
	}
	g, err := openGeneration(&m.o, m.dir, number, true)
	if err != nil {
		return err
	}
	workers := m.o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	err = fill(ctx, g, m.src, position, workers, &m.o)
	if err == nil {
		err = g.db.Set(keyVersion, binary.AppendUvarint(nil, modelVersion), pebble.NoSync)
	}
	if err == nil {
		err = g.db.Set(keyCursor, binary.AppendUvarint(nil, position), pebble.NoSync)
	}
	if err == nil {
		err = g.db.Flush()
	}
	return failed(errors.Join(err, g.release()))
}

// compare takes both digests, at the same time, and where they differ finds out where.
func (r *RebuildReport) compare(ctx context.Context, live *view, g *generation) error {
	begin := time.Now()
	g.refs.Add(1)
	rebuilt := &view{Snapshot: g.db.NewSnapshot(), gen: g}
	defer rebuilt.close()
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { r.DigestLive, err = live.digest(groupCtx); return err })
	group.Go(func() (err error) { r.DigestRebuilt, err = rebuilt.digest(groupCtx); return err })
	if err := group.Wait(); err != nil {
		return err
	}
	r.CheckSeconds = time.Since(begin).Seconds()
	if r.Equal = r.DigestLive == r.DigestRebuilt; r.Equal {
		return nil
	}
	key, err := difference(ctx, live, rebuilt)
	if err != nil {
		return err
	}
	r.Difference = keyName(key)
	return ledger.Errorf(ledger.CodeCorrupt, "rebuild",
		"run `baton verify`; if the ledger is whole, stop the server and remove the data directory's models folder: they are made again from it",
		"the live models are not what the ledger gives at position %d: they differ at %s (digest %x, rebuilt %x)",
		r.Position, r.Difference, r.DigestLive[:8], r.DigestRebuilt[:8])
}

// replace brings the new generation up to the live one's cursor and swaps them. The last few events are folded while the
// follower is held, so that neither has one that the other lacks.
func (m *Models) replace(ctx context.Context, g *generation, position uint64) error {
	f := newFolder(g.db, m.o.journeyBytes)
	for range 8 {
		cursor, _ := m.Cursor(ctx)
		if cursor <= position+1000 {
			break
		}
		if err := f.upTo(ctx, m.src, position, cursor); err != nil {
			return err
		}
		position = cursor
	}
	m.write.Lock()
	defer m.write.Unlock()
	if err := f.upTo(ctx, m.src, position, m.cursor); err != nil {
		return err
	}
	if err := g.db.LogData(nil, pebble.Sync); err != nil {
		return failed(err)
	}
	if err := setCurrent(m.o.FS, m.dir, g.number); err != nil {
		return err
	}
	m.mu.Lock()
	old := m.gen
	m.gen, m.folder = g, f
	m.mu.Unlock()
	old.stale.Store(true)
	if err := old.release(); err != nil {
		m.o.Logger.Warn("the former read models could not be removed", "dir", old.dir, "error", err)
	}
	return nil
}

// upTo folds the events after one position up to another.
func (f *folder) upTo(ctx context.Context, src ledger.Reader, after, to uint64) error {
	if to <= after {
		return nil
	}
	events := src.Read(ctx, ledger.ReadOptions{From: after + 1, To: to, HeaderOnly: true})
	for batch, err := range ledger.Batches(events, 4000, 4<<20) {
		if err != nil {
			return err
		}
		if after, err = f.handle(after, batch); err != nil {
			return failed(err)
		}
	}
	return nil
}
