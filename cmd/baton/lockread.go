package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/backup"
	"github.com/baton-ledger/baton/ledger/notary"
)

// lockToRead is lockDir for a command that writes nothing. Where the directory cannot be written, as one on a read-only disk, it shares the lock
// file that is there; where there is none, nobody has ever held it.
func lockToRead(ctx context.Context, dir, command string) (*dirLock, holder, error) {
	lock, held, err := lockDir(ctx, dir, command)
	if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, unix.EROFS) {
		return lock, held, err
	}
	path := filepath.Join(dir, "baton.lock")
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &dirLock{}, holder{}, nil
	}
	if err != nil {
		return nil, holder{}, environment("open data directory", "see that it can be read", err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if err == nil {
		return &dirLock{file: file, shared: true}, holder{}, nil
	}
	h := readHolder(path)
	if errors.Is(err, unix.EWOULDBLOCK) && h.API != "" {
		return nil, h, file.Close()
	}
	return nil, h, errors.Join(ledger.Errorf(ledger.CodeLocked, "open ledger", "wait for it to end, or stop it", "%s is held by %s: %w", dir, h, err), file.Close())
}

// loadKeys reads the keys of a ledger. They are made, and the public one is written, only where the ledger may be.
func (a *app) loadKeys(n *node, need access) (notary.Keys, error) {
	if need == reading {
		return notary.ReadKeys(filepath.Join(n.dir, "keys"), a.cfg.Notary.KeyFile, a.cfg.Notary.Origin)
	}
	return notary.LoadKeys(n.dir, a.cfg.Notary.KeyFile, a.cfg.Notary.Origin)
}

// mayOpen refuses directories that are something else than a ledger in use.
func mayOpen(dir string, need access) error {
	switch {
	case restoring(dir):
		return ledger.Errorf(ledger.CodeUnavailable, "open ledger", "run `baton restore` again: it goes on where it stopped, or begins anew",
			"a restore into %s was cut off", dir)
	case migrating(dir):
		return notMigrating(dir)
	case need != reading && backup.Is(dir):
		return ledger.Errorf(ledger.CodeInvalid, "open ledger", "restore it into a data directory: baton restore "+dir+" --data DIR",
			"%s is a backup, and would not be one any more after this", dir)
	}
	return nil
}
