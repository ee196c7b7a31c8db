package notary

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/baton-ledger/baton/ledger"
)

// Known is a checkpoint that somebody holds outside of a ledger, and where.
type Known struct {
	File       string
	Checkpoint Checkpoint
}

// ReadKnown reads the checkpoint of a data directory, of each copy, and of further files that must be there. One that is not signed by the key
// is an error: nothing may be replaced because it cannot be read.
func ReadKnown(dir string, copies, files []string, v note.Verifier) (known []Known, err error) {
	found, err := readOutside(dir, copies, v)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		cp, err := readFile(file, v)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, ledger.Errorf(ledger.CodeNotFound, "read checkpoint", "name a file that holds a signed checkpoint", "there is no file %s", file)
		}
		if err != nil {
			return nil, err
		}
		found = append(found, outside{file, cp})
	}
	for _, o := range found {
		known = append(known, Known{o.file, o.cp})
	}
	return known, nil
}

// Compare holds a ledger against known checkpoints and gives those that it does not reach, the largest first. One whose root at its own size
// is not the ledger's is a CodeCorrupt with a [Fork]. Whether the ledger is a beginning of one that it does not reach cannot be told: its root
// is of events that are not there.
func Compare(ctx context.Context, store Source, known []Known) (ahead []Known, err error) {
	head, err := store.Head(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range known {
		if k.Checkpoint.Size > head.Position {
			ahead = append(ahead, k)
			if last := len(ahead) - 1; k.Checkpoint.newer(&ahead[0].Checkpoint) {
				ahead[0], ahead[last] = ahead[last], ahead[0]
			}
			continue
		}
		if err := checkOutside(ctx, store, head.Position, outside{k.File, k.Checkpoint}); err != nil {
			return nil, err
		}
	}
	return ahead, nil
}

// StillLost gives the checkpoints in files that the ledger ends before and has no record of: what is left of losses that were accepted by a
// ledger which was then lost itself. Those that it reaches, or records as lost, are of a history that it has taken leave of.
func StillLost(ctx context.Context, store Source, files []string, v note.Verifier) (lost []Known, err error) {
	if len(files) == 0 {
		return nil, nil
	}
	head, err := store.Head(ctx)
	if err != nil {
		return nil, err
	}
	recorded, err := losses(ctx, store, v)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		cp, err := readFile(file, v)
		if err != nil {
			return nil, err
		}
		said := slices.ContainsFunc(recorded, func(l RecordedLoss) bool { return l.KnownRoot == cp.Root || l.KnownPosition >= cp.Size })
		if cp.Size > head.Position && !said {
			lost = append(lost, Known{file, cp})
		}
	}
	return lost, nil
}

// ReplaceOutside writes a signed note in the place of the checkpoint of a data directory and of every copy, whatever is there. It takes away what
// a ledger is held against: for a restore that has kept the notes it replaces, and nothing else.
func ReplaceOutside(dir string, copies []string, note string) error {
	for _, file := range outsideFiles(dir, copies) {
		if err := WriteFile(file, []byte(note)); err != nil {
			return err
		}
	}
	return nil
}

// WriteFile writes a file so that after a power loss it is either as before or whole.
func WriteFile(file string, b []byte) error { return fileError(writeAtomic(file, b, 0o644)) }
