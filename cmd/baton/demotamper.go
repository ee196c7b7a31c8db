package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/baton-ledger/baton/ledger"
)

// tamperedCopy copies a ledger with its keys and its checkpoint, and rewrites one record in the copy as somebody could who has the
// database's own tools and every right on the machine, but not the past checkpoint's signature. It answers the position.
func tamperedCopy(n *node, dir string) (uint64, error) {
	if err := n.disk.Checkpoint(filepath.Join(dir, "ledger")); err != nil {
		return 0, err
	}
	files, err := filepath.Glob(filepath.Join(n.dir, "keys", "*"))
	if err == nil {
		err = os.MkdirAll(filepath.Join(dir, "keys"), 0o700)
	}
	for _, name := range append(files, filepath.Join(n.dir, "checkpoint")) {
		if err == nil {
			err = copyPrivate(name, filepath.Join(dir, strings.TrimPrefix(name, n.dir)))
		}
	}
	if err != nil {
		return 0, environment("copy ledger", "free some disk space", err)
	}
	return rewrite(filepath.Join(dir, "ledger"))
}

func copyPrivate(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

// rewrite finds the record with the demo's word and puts another of the same length in its place.
func rewrite(dir string) (position uint64, err error) {
	db, err := pebble.Open(dir, &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: silent{}})
	if err != nil {
		return 0, environment("tamper", "", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte("r"), UpperBound: []byte("s")})
	if err != nil {
		return 0, environment("tamper", "", err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if changed := bytes.Replace(it.Value(), []byte(demoWord), []byte(demoAfter), 1); !bytes.Equal(changed, it.Value()) {
			return binary.BigEndian.Uint64(it.Key()[1:]), environment("tamper", "", db.Set(it.Key(), changed, pebble.Sync))
		}
	}
	return 0, ledger.Errorf(ledger.CodeInternal, "demo", "", "the word to tamper with is not in the ledger")
}

// silent drops the database's messages.
type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}
