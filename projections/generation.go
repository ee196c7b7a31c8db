package projections

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
)

// generation is one directory with one database. Queries hold it while they read, so that a swap closes and removes it only
// after the last of them.
type generation struct {
	number int
	dir    string
	db     *pebble.DB
	fs     vfs.FS
	refs   atomic.Int64 // the models' own reference and one for each open view
	stale  atomic.Bool  // remove the directory with the last reference

	options *pebble.Options
	tables  atomic.Int64 // made by a rebuild
}

var generationName = regexp.MustCompile(`^[0-9]{6}$`)

// nameOf spells a generation's directory.
func nameOf(number int) string { return fmt.Sprintf("%06d", number) }

// current reads DIR/CURRENT: the number of the generation in use, 0 where there is none yet.
func current(fsys vfs.FS, dir string) (int, error) {
	f, err := fsys.Open(fsys.PathJoin(dir, "CURRENT"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, failed(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	name := strings.TrimSpace(string(text))
	if err != nil || !generationName.MatchString(name) {
		return 0, damaged("the file CURRENT")
	}
	return strconv.Atoi(name)
}

// setCurrent replaces DIR/CURRENT in one atomic, durable step.
func setCurrent(fsys vfs.FS, dir string, number int) error {
	temp, err := fsys.Create(fsys.PathJoin(dir, "CURRENT.new"), vfs.WriteCategoryUnspecified)
	if err != nil {
		return failed(err)
	}
	_, err = temp.Write([]byte(nameOf(number) + "\n"))
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return failed(err)
	}
	if err := fsys.Rename(fsys.PathJoin(dir, "CURRENT.new"), fsys.PathJoin(dir, "CURRENT")); err != nil {
		return failed(err)
	}
	return syncDir(fsys, dir)
}

func syncDir(fsys vfs.FS, dir string) error {
	d, err := fsys.OpenDir(dir)
	if err != nil {
		return failed(err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return failed(err)
	}
	return nil
}

// removeOthers removes what an interrupted rebuild or swap has left.
func removeOthers(fsys vfs.FS, dir string, keep int) error {
	names, err := fsys.List(dir)
	if err != nil {
		return failed(err)
	}
	for _, name := range names {
		if generationName.MatchString(name) && name != nameOf(keep) {
			if err := fsys.RemoveAll(fsys.PathJoin(dir, name)); err != nil {
				return failed(err)
			}
		}
	}
	return nil
}

// openGeneration opens or creates a generation's database. bulk leaves the log out: a rebuild that is cut short starts over.
func openGeneration(o *Options, dir string, number int, bulk bool) (*generation, error) {
	g := &generation{number: number, dir: o.FS.PathJoin(dir, nameOf(number)), fs: o.FS}
	levels := pebble.LevelOptions{FilterPolicy: bloom.FilterPolicy(10)}
	cache := pebble.NewCache(int64(o.CacheMB) << 20)
	defer cache.Unref()
	options := &pebble.Options{
		FS: o.FS, Cache: cache, Merger: merger, FormatMajorVersion: pebble.FormatNewest, MemTableSize: 16 << 20,
		Logger: quiet{o.Logger}, DisableWAL: bulk, EventListener: &pebble.EventListener{
			// Without these Pebble ends the process on damage; the read that met it answers an error anyway.
			DataCorruption:  func(i pebble.DataCorruptionInfo) { o.Logger.Error("read models are damaged", "info", i.String()) },
			BackgroundError: func(err error) { o.Logger.Error("read models", "error", err) },
		},
	}
	if bulk {
		options.L0CompactionThreshold, options.L0StopWritesThreshold = 32, 1<<20
	}
	for i := range options.Levels {
		options.Levels[i] = levels
	}
	options.EnsureDefaults()
	db, err := pebble.Open(g.dir, options)
	if err != nil {
		return nil, failed(err)
	}
	g.db, g.options = db, options
	g.refs.Store(1)
	return g, nil
}

// release gives up one reference; the last one closes the database.
func (g *generation) release() error {
	if g.refs.Add(-1) > 0 {
		return nil
	}
	err := g.db.Close()
	if g.stale.Load() {
		err = errors.Join(err, g.fs.RemoveAll(g.dir))
	}
	return err
}

// drop closes a generation that nobody has seen and removes it.
func (g *generation) drop() error {
	g.stale.Store(true)
	return g.release()
}

// failed wraps an error of the database or the disk under it.
func failed(err error) error {
	var known *ledger.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if pebble.IsCorruptionError(err) {
		return damaged("a file (" + err.Error() + ")")
	}
	return ledger.Errorf(ledger.CodeUnavailable, "read models", "check the disk and the data directory's models folder", "%w", err)
}

// quiet sends Pebble's own log to slog, its chatter at debug level.
type quiet struct{ log *slog.Logger }

func (q quiet) Infof(format string, args ...any)  { q.log.Debug(fmt.Sprintf(format, args...)) }
func (q quiet) Errorf(format string, args ...any) { q.log.Error(fmt.Sprintf(format, args...)) }
func (q quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
