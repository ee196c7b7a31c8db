package projections

import (
	"errors"
	"io/fs"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Position is the last position that the models in a directory hold, read without changing anything there; 0 where there are none. One process
// at a time can have them open, so it fails while another one has.
func Position(dir string) (position uint64, err error) {
	number, err := current(vfs.Default, dir)
	if err != nil || number == 0 {
		return 0, err
	}
	path := vfs.Default.PathJoin(dir, nameOf(number))
	if _, err := vfs.Default.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return 0, damaged("the folder that CURRENT names")
	}
	db, err := pebble.Open(path, &pebble.Options{ReadOnly: true, ErrorIfNotExists: true, Merger: merger, Logger: quiet{slog.New(slog.DiscardHandler)}})
	if err != nil {
		return 0, failed(err)
	}
	defer func() { err = errors.Join(err, failed(db.Close())) }()
	_, position, err = bookkeeping(db)
	return position, err
}
