package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/backup"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/predict/registry"
)

const backupOfCluster = "back EventStoreDB up with its own tools, or copy the ledger: baton migrate --from esdb://… --to DIR (docs/clusters.md)"

func (a *app) backupCommand() *cobra.Command {
	var r backup.Request
	cmd := &cobra.Command{
		Use: "backup DIR", Short: "Copy the ledger into a new folder, also while it is served, and verify the copy", Args: cobra.ExactArgs(1),
		Long: "Copy the ledger into a folder that is empty or does not exist, also while it is served, and verify\nthe copy.\n\n" +
			"The secret keys go with it, readable by their owner alone: with them the folder can be read, verified\n" +
			"and gone on with. Whoever gets hold of them can sign checkpoints of this ledger. With --no-keys they\n" +
			"stay out, and a restore needs them from elsewhere.",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if r.Dir, err = filepath.Abs(args[0]); err != nil {
				return environment("backup", "name the folder by an absolute path", err)
			}
			if err := cmp.Or(a.onlyEmbedded("backup", backupOfCluster), ledgerExists(a.cfg.Data)); err != nil {
				return err
			}
			var report backup.Report
			err = a.with(cmd.Context(), "backup", writing, func(s *session) (err error) {
				if s.remote != nil {
					report, err = s.remote.Backup(cmd.Context(), r)
				} else {
					report, err = a.backup(cmd.Context(), s.node, r)
				}
				return err
			})
			if err != nil {
				return err
			}
			return a.show(report, func(w io.Writer) error { return backupText(w, report) })
		},
	}
	cmd.Flags().BoolVar(&r.NoKeys, "no-keys", false, "leave notary.key and tag.key out; a restore then needs them from elsewhere")
	cmd.Flags().BoolVar(&r.Quick, "quick", false, "hold only the root of the copy against the signed checkpoint, instead of reading all of it")
	return cmd
}

func backupText(w io.Writer, r backup.Report) error {
	checked := "every record read again and held against the signed checkpoint"
	if r.Verified == "root" {
		checked = "root held against the signed checkpoint, records not read"
	}
	keys := "The secret keys are in it: keep it where nobody else can read it."
	if !r.Keys {
		keys = "The secret keys are not in it: without tag.key and notary.key it cannot be restored."
	}
	_, err := fmt.Fprintf(w, "BACKED UP: %s events in %s\nRoot %s, %s files, %s bytes, %.1f s\nChecked: %s\n%s\n",
		count(r.Position), r.Dir, r.Root, count(r.Files), count(r.Bytes), r.Seconds, checked, keys)
	return err
}

// backup copies an open ledger while it goes on. The copy becomes a ledger of its own for a moment: it is opened, and the notary covers exactly
// what is in it, which the checkpoint of the ledger itself, always a little before or after, does not.
func (a *app) backup(ctx context.Context, n *node, r backup.Request) (report backup.Report, err error) {
	started := time.Now()
	if err := a.onlyEmbedded("backup", backupOfCluster); err != nil {
		return report, err
	}
	if err := backup.Begin(r.Dir, n.dir); err != nil {
		return report, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, backup.Abandon(r.Dir))
		}
	}()
	m := backup.Manifest{Origin: n.keys.Verifier.Name(), MadeAt: started.UTC(), Keys: !r.NoKeys, Verified: "full", Version: version()}
	if err := n.copyLedger(ctx, r.Dir); err != nil {
		return report, err
	}
	cp, err := a.signCopy(ctx, r.Dir, n.keys)
	if err != nil {
		return report, err
	}
	m.Position, m.Root = cp.Size, cp.Root
	if m.Key, err = a.copyKeys(n, r); err != nil {
		return report, err
	}
	if err := registry.CopyFiles(modelsDir(n.dir), modelsDir(r.Dir)); err != nil { // after the ledger: a file is there before its event is
		return report, err
	}
	bar := a.progress("Copying", "bytes")
	m.Files, err = backup.Own(ctx, r.Dir, func(done, total int64) { bar.show(done, total, done) })
	bar.clear()
	if err != nil {
		return report, err
	}
	if r.Quick {
		m.Verified = "root"
	}
	if err := a.verifyCopy(ctx, r.Dir, n.keys, r.Quick); err != nil {
		return report, err
	}
	if err := backup.Finish(r.Dir, m); err != nil {
		return report, err
	}
	return backup.Report{Dir: r.Dir, Position: m.Position, Root: m.Root, Files: len(m.Files), Bytes: m.Bytes(), Keys: m.Keys, Verified: m.Verified,
		Seconds: time.Since(started).Seconds()}, nil
}

// copyLedger puts the database and a checkpoint that it certainly reaches into a folder.
func (n *node) copyLedger(ctx context.Context, dir string) error {
	cp, err := n.notary.Checkpoint(ctx)
	if cp.Note == "" {
		return err
	}
	if err := n.disk.Checkpoint(filepath.Join(dir, backup.LedgerDir)); err != nil {
		return err
	}
	return notary.WriteFile(filepath.Join(dir, notary.CheckpointFile), []byte(cp.Note))
}

// signCopy opens a copy for writing, has the notary cover all of it, and closes it: what was in its log is in its tables then.
func (a *app) signCopy(ctx context.Context, dir string, keys notary.Keys) (cp notary.Checkpoint, err error) {
	c := &node{dir: dir, keys: keys}
	defer func() { err = errors.Join(err, c.close(context.WithoutCancel(ctx))) }()
	if err := c.openDisk(pebblestore.Open(ctx, c.ledgerDir(), a.copyEngine(c))); err != nil {
		return cp, err
	}
	if c.notary, err = notary.Open(ctx, notary.Options{Store: c.store, Keys: keys, Dir: dir, Logger: a.logger()}); err != nil {
		return cp, err
	}
	err = c.notary.Close(ctx)
	return c.notary.Latest(), err
}

// copyEngine are the engine's options for a copy: it is opened beside a ledger in use, and its checkpoint has no copies.
func (a *app) copyEngine(c *node) pebblestore.Options {
	o := a.engine(c)
	o.CacheMB = min(o.CacheMB, 32)
	o.Guard = func(ctx context.Context, ro *pebblestore.Store) error { return c.guard(ctx, nil, ro) }
	return o
}

// copyKeys puts the public key and, if they are wanted, the secret ones beside a copy, and gives the public one.
func (a *app) copyKeys(n *node, r backup.Request) (string, error) {
	folder := filepath.Join(r.Dir, backup.KeysDir)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", environment("backup", "see that the folder can be written", err)
	}
	public, err := os.ReadFile(filepath.Join(n.dir, backup.KeysDir, "notary.pub"))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "notary.pub"), public, 0o644)
	}
	if err != nil {
		return "", environment("backup", "see that the keys folder can be read", err)
	}
	if r.NoKeys {
		return strings.TrimSpace(string(public)), nil
	}
	return strings.TrimSpace(string(public)), notary.CopySecrets(filepath.Join(n.dir, backup.KeysDir), a.cfg.Notary.KeyFile, folder)
}

// verifyCopy reads a copy again: all of it, or its root alone.
func (a *app) verifyCopy(ctx context.Context, dir string, keys notary.Keys, quick bool) (err error) {
	c := &node{dir: dir, keys: keys}
	defer func() { err = errors.Join(err, c.close(context.WithoutCancel(ctx))) }()
	if err := c.openDisk(pebblestore.OpenReadOnly(ctx, c.ledgerDir(), a.copyEngine(c))); err != nil {
		return err
	}
	if err := c.guard(ctx, nil, c.disk); err != nil || quick {
		return err
	}
	bar := a.progress("Verifying", "events")
	defer bar.clear()
	report, err := notary.Verify(ctx, notary.VerifyOptions{Store: c.store, Keys: keys, Dir: dir,
		Progress: func(done, total uint64) { bar.show(int64(done), int64(total), int64(done)) }})
	if err == nil && !report.OK {
		err = ledger.Errorf(ledger.CodeCorrupt, "verify copy", "run `baton verify` on what it was copied from",
			"the copy in %s does not verify: %s", dir, report.Problems[0])
	}
	return err
}

// checkFiles holds the files of a backup against its manifest; a directory that is no backup has none, and what is not as it says is nil.
func (a *app) checkFiles(ctx context.Context, dir string) ([]error, error) {
	if !backup.Is(dir) {
		return nil, nil
	}
	m, err := backup.Read(dir)
	if err != nil {
		return nil, err
	}
	bar := a.progress("Reading", "bytes")
	defer bar.clear()
	return backup.Check(ctx, dir, m, func(done, total int64) { bar.show(done, total, done) })
}

// withFiles adds to a report the files of a backup that are not what they were.
func withFiles(r notary.Report, files []error) notary.Report {
	for _, f := range files {
		r.Add(notary.Problem{Verdict: "integrity", What: f.Error()})
	}
	return r
}
