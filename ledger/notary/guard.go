package notary

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/baton-ledger/baton/ledger"
)

// Guard decides whether a ledger may be opened for writing. It holds the ledger against the checkpoint outside of it, against every
// copy of that, and against the one inside: each must be signed by our key, not ahead of the ledger, and its root must be what the
// stored hashes give at its size. It reads log2(size) hashes for each, and writes nothing.
//
//	checkpoint               ledger                  answer
//	none, inside or outside  any                     pass: nothing was signed yet, or see [GuardSigned]
//	outside                  at or ahead of it       pass: what comes after it is not covered yet, which is normal
//	outside                  behind it               refused: its end was cut, or an old copy was put in its place
//	outside                  other root at its size  refused: it was rewritten
//	outside, by another key  any                     refused: checkpoint and ledger do not belong together
//	inside or a copy only    any                     refused: somebody removed the one outside
//
// An engine calls it on a read-only open, before anything is written that could destroy evidence. [Open] calls it again, for engines
// that had nothing to open.
func Guard(ctx context.Context, store Source, keys Keys, dir string, copies []string) error {
	head, err := store.Head(ctx)
	if err != nil {
		return err
	}
	inside, err := store.Value(ctx, checkpointName)
	if err != nil {
		return err
	}
	if keys.Verifier == nil {
		return guardWithoutKeys(head, inside, dir)
	}
	found, err := readOutside(dir, copies, keys.Verifier)
	if err != nil {
		return err
	}
	if inside != nil {
		cp, err := ParseCheckpoint(inside, keys.Verifier)
		if err != nil {
			return &ledger.Error{Code: ledger.CodeOf(err), Op: "checkpoint in the ledger", Err: err}
		}
		found = append(found, outside{"the ledger's own checkpoint", cp})
	}
	return guard(ctx, store, head.Position, filepath.Join(dir, CheckpointFile), found)
}

// GuardSigned is [Guard] for an engine that is never written to before [Open] has signed the empty ledger: there, events without any
// checkpoint mean that all of them were removed.
func GuardSigned(ctx context.Context, store Source, keys Keys, dir string, copies []string) error {
	if err := Guard(ctx, store, keys, dir, copies); err != nil {
		return err
	}
	head, err := store.Head(ctx)
	if err != nil || head.Position == 0 {
		return err
	}
	if inside, err := store.Value(ctx, checkpointName); err != nil || inside != nil {
		return err
	}
	if found, err := readOutside(dir, copies, keys.Verifier); err != nil || len(found) > 0 {
		return err
	}
	return ledger.Errorf(ledger.CodeCorrupt, "check checkpoint", "find out who removed it, and put the newest copy of it back",
		"the ledger holds %d events and no checkpoint of it is there, neither %s nor inside", head.Position, filepath.Join(dir, CheckpointFile))
}

func guard(ctx context.Context, store ledger.TreeStore, head uint64, file string, found []outside) error {
	if len(found) > 0 && found[0].file != file {
		newest := found[0]
		for _, o := range found {
			if o.cp.newer(&newest.cp) {
				newest = o
			}
		}
		return ledger.Errorf(ledger.CodeCorrupt, "check checkpoint", "find out who removed it, and put the newest copy of it back",
			"%s is missing, but a checkpoint of size %d was written (%s)", file, newest.cp.Size, newest.file)
	}
	for _, o := range found {
		if err := checkOutside(ctx, store, head, o); err != nil {
			return err
		}
	}
	return nil
}

// guardWithoutKeys passes what can only be a first run.
func guardWithoutKeys(head ledger.Head, inside []byte, dir string) error {
	_, err := os.Lstat(filepath.Join(dir, CheckpointFile))
	if head.Position == 0 && inside == nil && errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return ledger.Errorf(ledger.CodeInvalid, "check checkpoint", "restore the keys folder from a backup, or name the key file in the configuration",
		"the ledger holds %d events and cannot be checked without its key", head.Position)
}

// newer orders checkpoints of one ledger: by size, then by how far the map of streams is.
func (c *Checkpoint) newer(than *Checkpoint) bool {
	return c.Size > than.Size || c.Size == than.Size && c.Streams.Size > than.Streams.Size
}
