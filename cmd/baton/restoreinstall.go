package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/backup"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/predict/registry"
)

// install moves a stage that is ready into its place. Each step can be made again after it was cut off.
func (a *app) install(dir, stage string) error {
	note, err := os.ReadFile(filepath.Join(stage, notary.CheckpointFile))
	if err != nil {
		return environment("restore", "see to the disk, and run it again", err)
	}
	keys := filepath.Join(dir, backup.KeysDir)
	err = os.MkdirAll(keys, 0o700)
	if err == nil {
		err = notary.CopySecrets(filepath.Join(stage, backup.KeysDir), "", keys)
	}
	if err == nil {
		err = os.RemoveAll(filepath.Join(dir, "models")) // made again: they may know of events that are lost
	}
	if err == nil {
		err = notary.ReplaceOutside(dir, a.cfg.Checkpoint.Copies, string(note))
	}
	if err == nil {
		err = registry.CopyFiles(modelsDir(stage), modelsDir(dir))
	}
	if _, e := os.Lstat(filepath.Join(stage, "ledger")); err == nil && e == nil {
		_ = os.Remove(filepath.Join(dir, "ledger", engineLock)) // what is left by an open that was refused, at most
		if err = os.Remove(filepath.Join(dir, "ledger")); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err == nil {
			err = os.Rename(filepath.Join(stage, "ledger"), filepath.Join(dir, "ledger"))
		}
	}
	if err == nil {
		err = backup.SyncFolder(dir)
	}
	if err == nil {
		err = endStage(dir, stage)
	}
	if err == nil {
		err = os.RemoveAll(filepath.Join(dir, doneDir)) // the restore is over: what a kill leaves of it is rubbish, and the next restore's to remove
	}
	if ledger.CodeOf(err) == ledger.CodeInternal {
		err = environment("restore", "see to the disk, and run it again: it goes on where it stopped", err)
	}
	return err
}
