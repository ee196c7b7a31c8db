package pebblestore

import (
	"errors"
	"io"
	"io/fs"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// unlocked is a file system that grants every lock without making a file: for looking at a ledger on a medium that cannot be written.
type unlocked struct{ vfs.FS }

func (unlocked) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// Unwrap gives the file system below.
func (u unlocked) Unwrap() vfs.FS { return u.FS }

// unwritable reports whether an error says that nothing can be made in a directory.
func unwritable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}
