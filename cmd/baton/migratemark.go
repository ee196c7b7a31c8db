package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/backup"
	"github.com/baton-ledger/baton/ledger/notary"
)

// migrateFile marks a data directory that a ledger is being copied into, or through. While it is there no other command takes the directory for a
// ledger: what is in it may end anywhere, and nobody has signed that.
const migrateFile = "migrating.json"

// migrateMark says what is being copied. Only the same ledger may go on.
type migrateMark struct {
	From string `json:"from"` // without password
	To   string `json:"to"`
	Node string `json:"node,omitempty"` // folder of the node on EventStoreDB
	Key  string `json:"key"`            // the source's public key

	KeyFile string `json:"key_file,omitempty"` // notary.key_file, of the key that signs
}

// again is the command that goes on.
func (m migrateMark) again() string {
	command := "baton migrate --from " + shellWord(m.From) + " --to " + shellWord(m.To)
	if m.Node != "" {
		command += " --data " + m.Node
	}
	return command + keyFileFlag(m.KeyFile)
}

// keyFileFlag names the key file to a command that is proposed, where it was named to this one.
func keyFileFlag(file string) string {
	if file == "" {
		return ""
	}
	return " --notary-key-file " + file
}

// shellWord quotes a connection string, in which a shell would look for files.
func shellWord(name string) string {
	if namesCluster(name) {
		return "'" + name + "'"
	}
	return name
}

// migrating reports whether a migration into a directory is under way, or was cut off.
func migrating(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, migrateFile))
	return err == nil
}

// notMigrating refuses a directory that a migration has not finished with.
func notMigrating(dir string) error {
	if !migrating(dir) {
		return nil
	}
	again := "run it again: it goes on where it stopped"
	var m migrateMark
	if b, err := os.ReadFile(filepath.Join(dir, migrateFile)); err == nil && json.Unmarshal(b, &m) == nil {
		again = "run it again, and it goes on where it stopped: " + m.again()
	}
	return ledger.Errorf(ledger.CodeUnavailable, "open ledger", again, "a migration into %s was cut off, or is running", dir)
}

// markMigration marks a directory, or finds it marked for the same ledger.
func markMigration(dir string, m migrateMark) error {
	there, err := readMark(dir)
	if err == nil && there == nil {
		var b []byte
		if b, err = json.Marshal(m); err == nil {
			return notary.WriteFile(filepath.Join(dir, migrateFile), append(b, '\n'))
		}
	}
	return cmp.Or(err, there.same(dir, m))
}

// same refuses to go on with another ledger than the one that a mark is of.
func (there *migrateMark) same(dir string, m migrateMark) error {
	if there == nil || there.Key == m.Key {
		return nil
	}
	return migrateError("name another directory, or remove this one", "a migration of another ledger (%s, from %s) into %s was cut off", there.Key, there.From, dir)
}

// readMark is the mark of a directory, nil where there is none.
func readMark(dir string) (*migrateMark, error) {
	file := filepath.Join(dir, migrateFile)
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var m migrateMark
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	return &m, environment("migrate", "see to "+file, err)
}

// unmarkMigration makes a directory a ledger like any other.
func unmarkMigration(dir string) error {
	err := os.Remove(filepath.Join(dir, migrateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = backup.SyncFolder(dir)
	}
	return environment("migrate", "see to the disk, and run it again", err)
}

func migrateError(hint, format string, args ...any) error {
	return ledger.Errorf(ledger.CodeInvalid, "migrate", hint, format, args...)
}

// mayTakeLedger refuses directories that a ledger cannot be copied into: it is empty (keys may be there), marked, or a ledger, of which the migration
// then finds out whether it is the same.
func mayTakeLedger(dir string) error {
	switch err := ledgerExists(dir); {
	case backup.Is(dir):
		return migrateError("name a data directory", "%s is a backup", dir)
	case restoring(dir):
		return mayOpen(dir, reading)
	case notAMirror(dir) != nil:
		return migrateError("name another directory", "%s is a node's copy of a ledger in EventStoreDB", dir)
	case migrating(dir):
		return nil
	case err == nil || !errors.Is(err, ledger.CodeNotFound):
		return err
	}
	return holdsOnly(dir, backup.KeysDir, migrateFile+".tmp")
}

// mayTakeMirror refuses directories that hold something else than a node of a ledger in EventStoreDB. Of which ledger, its mark says.
func mayTakeMirror(dir string) error {
	switch {
	case backup.Is(dir) || restoring(dir):
		return migrateError("name another folder with --data", "%s is a backup, or one is being restored into it", dir)
	case notAMirror(dir) != nil:
		return nil
	case ledgerExists(dir) == nil:
		return migrateError("name another folder with --data", "%s holds a ledger of its own, and is to hold the copy of one in EventStoreDB", dir)
	}
	return holdsOnly(dir, backup.KeysDir, migrateFile, migrateFile+".tmp", mirrorFile+".tmp")
}

// holdsOnly refuses a directory with anything else in it. The lock file is in every one, and a kill leaves half a file under a name that ends in .tmp.
func holdsOnly(dir string, names ...string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return environment("migrate", "name a directory that can be written", err)
	}
	for _, e := range entries {
		if e.Name() != "baton.lock" && !slices.Contains(names, e.Name()) {
			return migrateError("name an empty directory, or one that does not exist", "%s is not empty and no data directory: there is %s", dir, e.Name())
		}
	}
	return nil
}
