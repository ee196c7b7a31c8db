package notary

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"github.com/baton-ledger/baton/ledger"
)

// CheckpointFile is the name of the newest checkpoint in the data directory, beside the database: what the ledger is held against
// when it is opened.
const CheckpointFile = "checkpoint"

// Fork is the cause of a CodeCorrupt where a ledger and a signed checkpoint of it disagree. It holds what a third party needs to see
// that: the signed note, and what the ledger's own hashes give.
type Fork struct {
	Where string      // file the checkpoint was read from
	Note  string      // that checkpoint, signed
	Size  uint64      // its size
	Root  ledger.Hash // what this ledger computes at that size; zero where it is shorter
	Head  uint64      // the ledger's last position
	Ours  string      // our own newest note, where one is held
}

func (f *Fork) Error() string {
	why := fmt.Sprintf("root at size %d is computed as %s", f.Size, encode64(f.Root))
	if f.Head < f.Size {
		why = fmt.Sprintf("the ledger ends at position %d, %s missing", f.Head, positions(f.Head+1, f.Size))
	}
	msg := fmt.Sprintf("the ledger is not what %s says: %s. The checkpoint:\n%s", f.Where, why, f.Note)
	if f.Ours != "" && f.Ours != f.Note {
		msg += "\nThe ledger's own newest checkpoint:\n" + f.Ours
	}
	return msg
}

const forkHint = "keep both as evidence, restore the copy of the ledger that reaches the checkpoint, and run `baton verify` to see what differs"

// outside is a checkpoint read from a file.
type outside struct {
	file string
	cp   Checkpoint
}

// readOutside reads and verifies the checkpoint of the data directory and of each copy; files that are not there are left out.
func readOutside(dir string, copies []string, v note.Verifier) ([]outside, error) {
	var found []outside
	for _, file := range outsideFiles(dir, copies) {
		cp, err := readFile(file, v)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, outside{file, cp})
	}
	return found, nil
}

// readFile reads and verifies one checkpoint. A file that is not there is fs.ErrNotExist.
func readFile(file string, v note.Verifier) (Checkpoint, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return Checkpoint{}, fileError(err)
	}
	cp, err := ParseCheckpoint(b, v)
	if err != nil {
		return Checkpoint{}, &ledger.Error{Code: ledger.CodeOf(err), Op: file, Err: err}
	}
	if cp.Origin != v.Name() {
		return Checkpoint{}, ledger.Errorf(ledger.CodeInvalid, file, "use the key and origin that this ledger was made with",
			"the checkpoint is of origin %q, the key of %q", cp.Origin, v.Name())
	}
	return cp, nil
}

// outsideFiles lists where checkpoints are kept. A copy that is a folder, or says so by a trailing separator, gets a file named
// checkpoint in it.
func outsideFiles(dir string, copies []string) []string {
	files := []string{filepath.Join(dir, CheckpointFile)}
	for _, c := range copies {
		if c == "" {
			continue
		}
		info, err := os.Stat(c)
		if os.IsPathSeparator(c[len(c)-1]) || err == nil && info.IsDir() {
			c = filepath.Join(c, CheckpointFile)
		}
		files = append(files, c)
	}
	return files
}

// checkOutside holds the ledger against a checkpoint: as long as it, and of the same root at its size.
func checkOutside(ctx context.Context, store ledger.TreeStore, head uint64, o outside) error {
	f := &Fork{Where: o.file, Note: o.cp.Note, Size: o.cp.Size, Head: head}
	if head >= o.cp.Size {
		root, err := Root(ctx, store, o.cp.Size)
		if err != nil || root == o.cp.Root {
			return err
		}
		f.Root = root
	}
	own, err := store.Value(ctx, checkpointName)
	if err == nil {
		f.Ours = string(own)
	}
	return &ledger.Error{Code: ledger.CodeCorrupt, Op: "check checkpoint", Err: f, Hint: forkHint}
}

// publishOutside replaces the checkpoint in a file by a newer one. One that is there is replaced only if it is signed by us, not
// larger, and the beginning of this ledger: so a ledger that was rolled back cannot wipe out the proof of it.
func (n *Notary) publishOutside(ctx context.Context, file string, cp Checkpoint) error {
	there, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fileError(err)
	}
	if err == nil && string(there) == cp.Note {
		n.written[file] = cp.Note
		return nil
	}
	if err == nil && string(there) != n.written[file] { // not the one that this process put there
		if err := n.mayReplace(ctx, file, there, cp); err != nil {
			return err
		}
	}
	if err := writeAtomic(file, []byte(cp.Note), 0o644); err != nil {
		return fileError(err)
	}
	n.written[file] = cp.Note
	return nil
}

func (n *Notary) mayReplace(ctx context.Context, file string, there []byte, cp Checkpoint) error {
	old, err := ParseCheckpoint(there, n.o.Keys.Verifier)
	if err != nil {
		return &ledger.Error{Code: ledger.CodeOf(err), Op: file, Err: err}
	}
	if err := checkOutside(ctx, n.o.Store, cp.Size, outside{file, old}); err != nil {
		return err
	}
	if old.newer(&cp) {
		return ledger.Errorf(ledger.CodeInvalid, file, "stop the other process that writes checkpoints of this ledger",
			"the checkpoint there is newer (map of streams at size %d) than the one to be written (%d)", old.Streams.Size, cp.Streams.Size)
	}
	return nil
}

// writeAtomic puts data into a file so that after a power loss the file is either as before or whole: temporary file, fsync, rename,
// fsync of the folder. A crash in between leaves the temporary file, which the next write replaces.
func writeAtomic(file string, data []byte, mode fs.FileMode) error {
	tmp := file + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp, file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return syncFolder(filepath.Dir(file))
}

func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

func fileError(err error) error {
	if err == nil {
		return nil
	}
	return ledger.Errorf(ledger.CodeUnavailable, "write checkpoint", "check that the disk has space and the folder can be written", "%w", err)
}

// positions is the subject of a sentence about a range.
func positions(from, to uint64) string {
	if from == to {
		return fmt.Sprintf("position %d is", from)
	}
	return fmt.Sprintf("positions %d to %d are", from, to)
}
