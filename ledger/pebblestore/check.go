package pebblestore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
)

// check looks at a ledger without changing it, under the lock that the read-write open will use.
func check(ctx context.Context, dir string, lock *pebble.Lock, o Options) error {
	ro, err := openInspected(ctx, dir, lock, o)
	if err != nil {
		return err
	}
	if o.Guard != nil {
		err = o.Guard(ctx, ro)
	}
	return errors.Join(err, ro.Close())
}

// checkEmpty asks the guard where there is no ledger yet: one that was taken away whole is as much of a loss as one cut short.
func checkEmpty(ctx context.Context, o Options) error {
	if o.Guard == nil {
		return nil
	}
	o.FS = vfs.NewMem()
	empty, err := open("empty", nil, o, false)
	if err != nil {
		return err
	}
	empty.readOnly = true
	empty.durable.Store(&ledger.Head{})
	return errors.Join(o.Guard(ctx, empty), empty.Close())
}

// exists reports whether there is a ledger in dir. A directory with tables or logs and no manifest to say which of them count has lost the
// file that names it: Pebble would begin a new database in their midst.
func exists(fs vfs.FS, dir string) (bool, error) {
	names, err := fs.List(dir)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, (&Store{}).ioError("open ledger", err)
	}
	desc, err := pebble.Peek(dir, fs)
	if err != nil {
		return false, openError(dir, err)
	}
	if desc.Exists {
		return true, nil
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".log") {
			return false, openError(dir, fmt.Errorf("there is %s, but the file that names the manifest is missing", name))
		}
	}
	return false, nil
}

// inspect reads what must hold of any ledger that is opened: a known format, a head, no hole above the floor.
func (s *Store) inspect(ctx context.Context) error {
	format, err := s.get(metaFormat)
	if err != nil {
		return err
	}
	empty, err := s.empty()
	switch {
	case err != nil:
		return err
	case empty:
		// A crash between making the database and its first sync leaves nothing in it: nothing was acknowledged.
	case format == nil:
		return ledger.Errorf(ledger.CodeUnsupported, "open ledger", "name the directory of a Baton ledger", "%s is a database, but not a Baton ledger", s.dir)
	case string(format) != formatVersion:
		return ledger.Errorf(ledger.CodeUnsupported, "open ledger", "use the build that wrote it, or a newer one",
			"%s has format %q, this build reads format %q", s.dir, format, formatVersion)
	}
	last, recorded, err := s.lastRecord()
	if err != nil {
		return err
	}
	if err := s.findHole(ctx, last); err != nil {
		return err
	}
	s.durable.Store(&ledger.Head{Position: last, RecordedTime: recorded})
	return nil
}

// empty reports whether the database has no key at all.
func (s *Store) empty() (bool, error) {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return false, s.readError(err)
	}
	defer it.Close()
	return !it.First(), s.readError(it.Error())
}

// lastRecord is the highest position and its recorded time.
func (s *Store) lastRecord() (uint64, time.Time, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{keyRecord}, UpperBound: []byte{keyRecord + 1}})
	if err != nil {
		return 0, time.Time{}, s.readError(err)
	}
	defer it.Close()
	if !it.Last() {
		return 0, time.Time{}, s.readError(it.Error())
	}
	p, _, ok := parsePlace(it.Value())
	if !ok || len(it.Key()) != 9 {
		return 0, time.Time{}, s.damaged("the last record has no place")
	}
	return binary.BigEndian.Uint64(it.Key()[1:]), nanos(p.recorded), nil
}

// findHole requires every leaf from the floor to the head to be there.
func (s *Store) findHole(ctx context.Context, last uint64) error {
	from, err := s.loadFloor()
	if err != nil {
		return err
	}
	if from > last {
		return s.damaged("the ledger ends at position %d, but once reached %d", last, from)
	}
	next := from + 1
	for _, err := range s.Leaves(ctx, from, last) {
		if err != nil {
			return err
		}
		next++
	}
	if next != last+1 {
		return s.damaged("position %d is missing, the ledger ends at %d", next, last)
	}
	return nil
}
