// Package backup is what a copy of a ledger is on disk: a folder laid out like a data directory, and a manifest that says what was put there.
//
//	backup.json        the manifest: written last, so a folder without it is no backup
//	checkpoint         signed checkpoint that covers exactly the events in it
//	keys/notary.pub    public key; beside it, unless they were left out, notary.key and tag.key (0600)
//	ledger/            the database; it shares no file with the ledger it was made of
//	predict/           files of models, where there are any: their events in the ledger name them by their hash
//
// A backup is made in these steps. If the process is killed after one, the folder is as said:
//
//	(1) folder, backup.incomplete    Read says that it was cut off; nothing of it counts
//	(2) the database and the rest    as (1)
//	(3) files synced, manifest       complete: Read takes the manifest, whatever else is there
//	(4) backup.incomplete removed    the same
//
// The package knows files and digests. What is in them is the engine's and the notary's; who has both makes the copy and verifies it.
package backup

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Names in a backup.
const (
	ManifestFile = "backup.json"
	LedgerDir    = "ledger"
	KeysDir      = "keys"

	incompleteFile = "backup.incomplete"
)

// format is the version of the manifest and of the layout; a reader refuses others.
const format = 1

// Request says where a backup goes and what it is to be.
type Request struct {
	Dir    string `json:"dir" doc:"absolute path of a folder on the server's machine; it must be empty or not exist, and not lie in the data directory"`
	NoKeys bool   `json:"no_keys,omitempty" doc:"leave the secret keys out: a restore then needs them from elsewhere"`
	Quick  bool   `json:"quick,omitempty" doc:"hold only the root of the copy against the signed checkpoint, instead of reading all of it"`
}

// Manifest says what a backup holds.
type Manifest struct {
	Format   int         `json:"format"`
	Origin   string      `json:"origin"`   // of the ledger, as in its checkpoints
	Key      string      `json:"key"`      // its public key
	Position uint64      `json:"position"` // of the last event
	Root     ledger.Hash `json:"root"`     // of the tree at that size
	MadeAt   time.Time   `json:"made_at"`
	Keys     bool        `json:"keys"`     // the secret keys are in it
	Verified string      `json:"verified"` // "full": all of the copy was read and held against the checkpoint; "root": its root alone
	Version  string      `json:"version"`  // of the program that made it
	Files    []File      `json:"files"`    // by path
}

// File is one file of a backup.
type File struct {
	Path   string      `json:"path"` // with slashes, below the backup
	Size   int64       `json:"size"`
	SHA256 ledger.Hash `json:"sha256"`
}

// Report is the answer to a backup.
type Report struct {
	Dir      string      `json:"dir"`
	Position uint64      `json:"position"`
	Root     ledger.Hash `json:"root"`
	Files    int         `json:"files"`
	Bytes    int64       `json:"bytes"`
	Keys     bool        `json:"keys"`
	Verified string      `json:"verified"`
	Seconds  float64     `json:"seconds"`
}

// Bytes is the size of all files.
func (m *Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// Begin makes the folder of a backup, or takes an empty one, and marks it as incomplete. It refuses a folder in the data directory, which would
// be lost together with it.
func Begin(dir, data string) error {
	if !filepath.IsAbs(dir) {
		return invalid("give an absolute path", "dir %q is not absolute", dir)
	}
	if err := Apart(dir, data); err != nil {
		return err
	}
	names, err := os.ReadDir(dir)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return invalid("name a folder that is empty or does not exist", "dir: %w", err)
	case slices.ContainsFunc(names, func(e fs.DirEntry) bool { return e.Name() == incompleteFile }):
		return invalid("remove it, or name another folder", "dir %s holds a backup that was cut off, or is being made", dir)
	case len(names) > 0:
		return invalid("name a folder that is empty or does not exist", "dir %s is not empty", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return failed(err)
	}
	if err := writeSynced(filepath.Join(dir, incompleteFile), []byte("This backup was not finished: remove the folder.\n"), 0o600); err != nil {
		return err
	}
	return errors.Join(SyncFolder(dir), SyncFolder(filepath.Dir(dir)))
}

// Apart requires that neither of a backup and a data directory lies in the other, links resolved.
func Apart(dir, data string) error {
	dir, data = resolved(dir), resolved(data)
	for _, pair := range [][2]string{{dir, data}, {data, dir}} {
		if rel, err := filepath.Rel(pair[1], pair[0]); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return invalid("name a folder elsewhere, best on another disk", "the backup %s and the data directory %s lie in each other", dir, data)
		}
	}
	return nil
}

// resolved is an absolute path with the links of what exists of it resolved.
func resolved(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	rest := ""
	for at := abs; ; at = filepath.Dir(at) {
		if real, err := filepath.EvalSymlinks(at); err == nil {
			return filepath.Join(real, rest)
		}
		if filepath.Dir(at) == at {
			return abs
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
}

// Finish writes the manifest over files that [Own] has gathered: from here on the folder is a backup.
func Finish(dir string, m Manifest) error {
	m.Format = format
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return failed(err)
	}
	tmp := filepath.Join(dir, ManifestFile+".tmp")
	if err := writeSynced(tmp, append(b, '\n'), 0o644); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(dir, ManifestFile)); err != nil {
		return failed(err)
	}
	if err := SyncFolder(dir); err != nil {
		return err
	}
	return failed(os.Remove(filepath.Join(dir, incompleteFile)))
}

// Abandon removes what a backup that failed has put into its folder; one that is marked as complete is left alone.
func Abandon(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, incompleteFile)); err != nil {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(dir, ManifestFile)); err == nil {
		return nil
	}
	var err error
	for _, name := range []string{LedgerDir, KeysDir, "checkpoint", "checkpoint.tmp", ManifestFile + ".tmp", incompleteFile} {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, name)))
	}
	return failed(err)
}

// Is reports whether a folder is a backup, complete or not.
func Is(dir string) bool {
	for _, name := range []string{ManifestFile, incompleteFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// Read reads a backup's manifest. Errors: CodeNotFound where the folder is no backup, CodeCorrupt where it was cut off or its manifest is damaged.
func Read(dir string) (Manifest, error) {
	const hint = "use another backup"
	b, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		if Is(dir) {
			return Manifest{}, ledger.Errorf(ledger.CodeCorrupt, "read backup", hint+"; this one holds nothing that counts",
				"%s is a backup that was cut off before its end", dir)
		}
		return Manifest{}, ledger.Errorf(ledger.CodeNotFound, "read backup", "name a folder that `baton backup` made", "%s has no %s: it is no backup", dir, ManifestFile)
	}
	if err != nil {
		return Manifest{}, failed(err)
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return Manifest{}, ledger.Errorf(ledger.CodeCorrupt, "read backup", hint, "%s: %w", ManifestFile, err)
	}
	if m.Format != format {
		return Manifest{}, ledger.Errorf(ledger.CodeUnsupported, "read backup", "use the build that made it, or a newer one",
			"%s has format %d, this build reads %d", ManifestFile, m.Format, format)
	}
	for _, f := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) || f.Size < 0 || f.SHA256.IsZero() {
			return Manifest{}, ledger.Errorf(ledger.CodeCorrupt, "read backup", hint, "%s lists the file %q", ManifestFile, f.Path)
		}
	}
	return m, nil
}

// Check reads every file again and yields those that are not what the manifest says, as CodeCorrupt errors that name the file. progress is
// told the bytes read; nil: not.
func Check(ctx context.Context, dir string, m Manifest, progress func(done, total int64)) (bad []error, err error) {
	p := meter{total: m.Bytes(), show: progress}
	for _, f := range m.Files {
		err := copyFile(ctx, "", filepath.Join(dir, filepath.FromSlash(f.Path)), 0, &f, &p)
		if ledger.CodeOf(err) == ledger.CodeCorrupt {
			bad = append(bad, err)
		} else if err != nil {
			return bad, err
		}
	}
	return bad, nil
}

func invalid(hint, format string, args ...any) error {
	return ledger.Errorf(ledger.CodeInvalid, "backup", hint, format, args...)
}
