package pebblestore

import (
	"context"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options of a store. TagKey is required; the rest has good zero values.
type Options struct {
	TagKey     []byte           // 32 bytes, keys the stream tags in leaves
	FS         vfs.FS           // nil: the disk
	CacheMB    int              // block cache, default 256
	MemtableMB int              // default 64
	MinFreeMB  int              // appends are refused below this much free disk space, default 64; -1 never
	Now        func() time.Time // nil: time.Now
	// Mirror makes the ledger a copy of a store elsewhere: it is written by [Store.Mirror] alone, and not synced. What a power loss takes is
	// its newest part, which is fetched again from where the cursor among it is then.
	Mirror bool
	// Guard is run on a read-only open of an existing ledger before it is opened for writing, and on an empty one where there is none
	// yet; its error refuses the ledger.
	Guard  func(ctx context.Context, ro *Store) error
	Logger *slog.Logger // nil: none
}

func (o *Options) defaults() {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.CacheMB == 0 {
		o.CacheMB = 256
	}
	if o.MemtableMB == 0 {
		o.MemtableMB = 64
	}
	if o.MinFreeMB == 0 {
		o.MinFreeMB = 64
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// PebbleOptions are the options that a store's own database is opened with, for who measures it beside bare Pebble.
func PebbleOptions(o Options) *pebble.Options {
	o.defaults()
	return (&Store{opts: o}).pebbleOptions()
}

func (s *Store) pebbleOptions() *pebble.Options {
	p := &pebble.Options{
		FS:                          s.opts.FS,
		Cache:                       pebble.NewCache(int64(s.opts.CacheMB) << 20),
		MemTableSize:                uint64(s.opts.MemtableMB) << 20,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       20,
		LBaseMaxBytes:               256 << 20,
		FormatMajorVersion:          pebble.FormatNewest,
		ReadOnly:                    s.readOnly,
		ErrorIfNotExists:            s.readOnly,
		Logger:                      pebbleLog{s.opts.Logger},
		EventListener:               s.events(),
	}
	for i := range p.Levels {
		p.TargetFileSizes[i] = 64 << 20 // few tables: a cold read of a scattered journey opens most of them
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		p.Levels[i].FilterType = pebble.TableFilter
	}
	return p
}
