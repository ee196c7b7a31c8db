package main

import (
	"bytes"
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
	"github.com/baton-ledger/baton/ledger/backup"
	"github.com/baton-ledger/baton/ledger/notary"
)

// stageDir is where a restore puts a ledger together, inside the data directory; readyFile in it says that all of it is there and verified.
//
// If a restore is killed before readyFile, the stage is worth nothing and the next restore begins again. After it, what is left are moves that can
// be made twice, and the next restore makes them. Meanwhile no command opens the directory. At the end the stage gets another name before it is
// removed: half of it, without readyFile, would be neither.
const (
	stageDir  = "restoring"
	readyFile = "ready.json"
	doneDir   = "restoring.done"

	engineLock = "LOCK" // in the database's folder
)

// restoring reports whether a restore of a data directory was cut off.
func restoring(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, stageDir))
	return err == nil
}

func restoreError(hint, format string, args ...any) error {
	return ledger.Errorf(ledger.CodeInvalid, "restore", hint, format, args...)
}

// restore puts a backup into a data directory.
func (a *app) restore(ctx context.Context, r restoreRequest) (report restoreReport, err error) {
	started := time.Now()
	stage := filepath.Join(r.dir, stageDir)
	if b, err := os.ReadFile(filepath.Join(stage, readyFile)); err == nil {
		if err := json.Unmarshal(b, &report); err != nil {
			return report, ledger.Errorf(ledger.CodeCorrupt, "restore", "remove "+stage+" and begin again", "%s: %w", readyFile, err)
		}
		report.Finished = true
	} else if err := mayRestore(r); err != nil {
		return report, err
	} else if _, err := backup.Read(r.backup); err != nil {
		return report, err // before anything is made
	}
	lock, held, err := lockDir(ctx, r.dir, "restore")
	if err != nil {
		return report, err
	}
	if held.API != "" {
		return report, ledger.Errorf(ledger.CodeLocked, "restore", "stop it, or name another directory with --data", "%s is served by %s", r.dir, held)
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	if !report.Finished {
		if report, err = a.stage(ctx, r, stage); err != nil {
			return report, errors.Join(err, os.RemoveAll(stage))
		}
	}
	report.Seconds = time.Since(started).Seconds()
	return report, a.install(r.dir, stage)
}

// mayRestore refuses a directory that holds something else than what is left of a ledger.
func mayRestore(r restoreRequest) error {
	if backup.Is(r.dir) {
		return restoreError("name a data directory with --data", "%s is a backup itself", r.dir)
	}
	if err := backup.Apart(r.backup, r.dir); err != nil {
		return err
	}
	names, _ := os.ReadDir(filepath.Join(r.dir, "ledger"))
	if slices.ContainsFunc(names, func(e fs.DirEntry) bool { return e.Name() != engineLock }) {
		return restoreError("name another directory with --data, or move that one away as evidence", "%s holds a ledger", r.dir)
	}
	names, err := os.ReadDir(r.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return environment("restore", "name a directory that can be written with --data", err)
	}
	ours := map[string]bool{"baton.lock": true, notary.CheckpointFile: true, notary.CheckpointFile + ".tmp": true, backup.KeysDir: true, "models": true,
		"nats": true, "evidence": true, "ledger": true, "predict": true, stageDir: true}
	left := false
	for _, e := range names {
		left = left || e.Name() == notary.CheckpointFile || e.Name() == backup.KeysDir || e.Name() == stageDir
	}
	for _, e := range names {
		if !left && !ours[e.Name()] {
			return restoreError("name an empty directory with --data", "%s is not empty and no data directory: there is %s", r.dir, e.Name())
		}
	}
	return nil
}

// stage copies, verifies and compares, and records a loss that is accepted. Nothing outside of the stage and the evidence changes.
func (a *app) stage(ctx context.Context, r restoreRequest, stage string) (report restoreReport, err error) {
	m, err := backup.Read(r.backup)
	if err != nil {
		return report, err
	}
	if err := os.RemoveAll(stage); err != nil {
		return report, environment("restore", "see to the disk", err)
	}
	if err := os.MkdirAll(stage, 0o700); err != nil {
		return report, environment("restore", "see to the disk", err)
	}
	bar := a.progress("Copying", "bytes")
	err = backup.CopyTo(ctx, r.backup, m, stage, func(path string) bool { return r.keys == "" || !strings.HasPrefix(path, backup.KeysDir+"/") },
		func(done, total int64) { bar.show(done, total, done) })
	bar.clear()
	if err != nil {
		return report, err
	}
	keys, err := a.stageKeys(r, m, stage)
	if err != nil {
		return report, err
	}
	if err := a.verifyCopy(ctx, stage, keys, false); err != nil {
		return report, err
	}
	report = restoreReport{Dir: r.dir, Backup: r.backup, Position: m.Position, Root: m.Root, Bytes: m.Bytes(), Known: []knownFile{}}
	ahead, err := a.compare(ctx, r, stage, keys, &report)
	if err != nil {
		return report, err
	}
	if len(ahead) > 0 {
		if err := a.recordLoss(ctx, r, stage, keys, ahead, &report); err != nil {
			return report, err
		}
	}
	b, err := json.Marshal(report)
	if err != nil {
		return report, err
	}
	return report, notary.WriteFile(filepath.Join(stage, readyFile), append(b, '\n'))
}

// stageKeys completes the stage's keys folder with secrets that the backup left out, and reads it. Keys that the data directory has already must
// be the same.
func (a *app) stageKeys(r restoreRequest, m backup.Manifest, stage string) (keys notary.Keys, err error) {
	folder, there := filepath.Join(stage, backup.KeysDir), filepath.Join(r.dir, backup.KeysDir)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return keys, environment("restore", "see to the disk", err)
	}
	if err := os.Chmod(folder, 0o700); err != nil {
		return keys, environment("restore", "see to the disk", err)
	}
	from := there
	if r.keys != "" {
		from = r.keys
	}
	if r.keys != "" || !m.Keys {
		err = notary.CopySecrets(from, a.cfg.Notary.KeyFile, folder)
		if errors.Is(err, ledger.CodeNotFound) {
			return keys, ledger.Errorf(ledger.CodeNotFound, "restore", "name the folder that holds notary.key and tag.key with --keys",
				"the backup was made without its secret keys: %w", err)
		}
	}
	if err != nil {
		return keys, err
	}
	if keys, err = notary.LoadKeys(stage, "", m.Origin); err != nil { // writes notary.pub
		return keys, err
	}
	old, err := notary.ReadKeys(there, "", m.Origin)
	switch {
	case err == nil && (old.Verifier.KeyHash() != keys.Verifier.KeyHash() || !bytes.Equal(old.TagKey, keys.TagKey)):
		return keys, restoreError("name another directory with --data, or move the keys away", "%s holds the keys of another ledger than the backup", there)
	case err != nil && !errors.Is(err, ledger.CodeNotFound):
		return keys, err
	}
	public, err := os.ReadFile(filepath.Join(folder, "notary.pub"))
	if err == nil && m.Key != "" && strings.TrimSpace(string(public)) != m.Key {
		err = restoreError("use the keys that this ledger was made with",
			"the backup is of the key %s, the signer key belongs to %s", m.Key, strings.TrimSpace(string(public)))
	}
	return keys, err
}

// endStage makes a directory a ledger again, at once.
func endStage(dir, stage string) error {
	done := filepath.Join(dir, doneDir)
	if err := os.RemoveAll(done); err != nil { // of an earlier restore that was killed here
		return err
	}
	if err := os.Rename(stage, done); err != nil {
		return err
	}
	return backup.SyncFolder(dir)
}
