package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/backup"
	"github.com/baton-ledger/baton/ledger/notary"
)

// directory says what is at the configured place.
func (d *doctor) directory() {
	const name = "data directory"
	dir := d.cfg.Data
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if parent := existing(dir); unix.Access(parent, unix.W_OK|unix.X_OK) != nil {
			d.fail(name, "make it and give it to the user of this process, or choose another one with --data", "%s is not there and cannot be made: %s may not be written to", dir, parent)
			return
		}
		d.ok(name, "%s is not there yet; `baton serve`, `baton import` or `baton demo` makes it", dir)
		return
	case err != nil:
		d.fail(name, "choose another one with --data", "%s", err)
		return
	case !info.IsDir():
		d.fail(name, "choose another one with --data", "%s is no directory", dir)
		return
	}
	d.there = true
	_, ledgerErr := os.Stat(filepath.Join(dir, "ledger"))
	_, noteErr := os.Lstat(filepath.Join(dir, notary.CheckpointFile))
	switch {
	case restoring(dir):
		d.fail(name, "run `baton restore` again: it goes on where it stopped, or begins anew", "a restore into %s was cut off", dir)
	case migrating(dir):
		err := notMigrating(dir)
		d.fail(name, ledger.HintOf(err), "%s", err)
	case backup.Is(dir):
		d.warn(name, "restore it into a data directory: baton restore "+dir+" --data DIR", "%s is a backup, not a ledger in use", dir)
	case ledgerErr != nil && noteErr == nil:
		d.fail(name, "keep the directory as evidence, and restore a backup", "there is no ledger in %s, but a checkpoint of one is there", dir)
	case unix.Access(dir, unix.W_OK|unix.X_OK) != nil:
		d.warn(name, "give it to the user of this process, if it is to be served", "%s may not be written to: it can be read, and verified", dir)
	case ledgerErr != nil:
		d.ok(name, "%s holds no ledger yet", dir)
	case notAMirror(dir) != nil && d.clustered():
		d.ok(name, "%s holds a node's copy of a ledger in EventStoreDB", dir)
	case notAMirror(dir) != nil:
		d.warn(name, "name it with --store, or `store` in the configuration, to have it looked at too", "%s holds a node's copy of a ledger in EventStoreDB", dir)
	default:
		d.ok(name, "%s holds a ledger", dir)
	}
}

// existing is the nearest folder on the way up that is there.
func existing(dir string) string {
	for at, err := filepath.Abs(dir); ; at = filepath.Dir(at) {
		if err != nil {
			return "."
		}
		if _, statErr := os.Stat(at); statErr == nil || filepath.Dir(at) == at {
			return at
		}
	}
}

// publicFiles of the keys folder are meant to be read by others.
var publicFiles = []string{"notary.pub"}

// secrets looks at who may read the keys.
func (d *doctor) secrets() {
	const name = "key files"
	if !d.there {
		return
	}
	folder := filepath.Join(d.cfg.Data, "keys")
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.fail(name, "give the folder to the user of this process", "%s", err)
		return
	}
	files := []string{}
	for _, e := range entries {
		if !e.IsDir() && !slices.Contains(publicFiles, e.Name()) {
			files = append(files, filepath.Join(folder, e.Name()))
		}
	}
	if d.cfg.Notary.KeyFile != "" {
		files = append(files, d.cfg.Notary.KeyFile)
	}
	var open []string
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o077 != 0 {
			open = append(open, file)
		}
	}
	switch {
	case len(open) > 0:
		d.fail(name, "run: chmod 600 "+strings.Join(open, " "), "%s can be read by others", strings.Join(open, ", "))
	case len(files) == 0:
		d.ok(name, "none yet")
	default:
		d.ok(name, "%d, readable by their owner alone", len(files))
	}
}

// disk looks at the file system below the directory, and measures it.
func (d *doctor) disk() {
	at := existing(d.cfg.Data)
	kind, concern, try := fileSystem(at)
	if concern != "" {
		d.warn("file system", try, "%s is on %s: %s", at, kind, concern)
	} else {
		d.ok("file system", "%s", kind)
	}
	d.space(at)
	if unix.Access(at, unix.W_OK|unix.X_OK) != nil {
		return // nothing can be measured, and nothing will be written
	}
	times, err := syncTimes(at)
	if err != nil {
		d.fail("disk speed", "see to the disk", "a write of 512 bytes failed: %s", err)
		return
	}
	p50, worst := times[len(times)/2], times[len(times)-1]
	found := fmt.Sprintf("write and fdatasync of 512 bytes: median %s, slowest of %d %s", short(p50), len(times), short(worst))
	switch {
	case p50 > 20*time.Millisecond:
		d.warn("disk speed", "put the data directory on a faster disk: each append waits for one sync, shared by those that come together", "%s", found)
	case p50 < 5*time.Microsecond:
		d.warn("disk speed", "use a disk that keeps what it says it has written", "%s: faster than a disk can be, so syncs may mean nothing here", found)
	default:
		d.ok("disk speed", "%s", found)
	}
}

func short(t time.Duration) string {
	if t < time.Millisecond {
		return t.Round(time.Microsecond).String()
	}
	return t.Round(10 * time.Microsecond).String()
}

// space holds the free space against what appends need.
func (d *doctor) space(at string) {
	var s unix.Statfs_t
	if err := unix.Statfs(at, &s); err != nil {
		d.warn("disk space", "", "cannot be told: %s", err)
		return
	}
	free, all := uint64(s.Bavail)*uint64(s.Bsize)>>20, uint64(s.Blocks)*uint64(s.Bsize)>>20
	least := uint64(d.cfg.Pebble.MinFreeMB)
	found := fmt.Sprintf("%s MiB of %s free", count(free), count(all))
	switch {
	case free < least:
		d.fail("disk space", "free some disk space", "%s; appends are refused below %s (pebble.min_free_mb)", found, count(least))
	case free < 16*max(least, 64) || free < all/50:
		d.warn("disk space", "free some disk space soon", "%s; appends are refused below %s (pebble.min_free_mb)", found, count(least))
	default:
		d.ok("disk space", "%s", found)
	}
}

// syncTimes appends 512 bytes and syncs them, 50 times, in a file that is removed; the times are sorted.
func syncTimes(dir string) (times []time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".baton-doctor-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, 512)
	for range 51 {
		begin := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, err
		}
		if err := dataSync(f); err != nil {
			return nil, err
		}
		times = append(times, time.Since(begin))
	}
	times = times[1:] // the first one makes the file too
	slices.Sort(times)
	return times, nil
}
