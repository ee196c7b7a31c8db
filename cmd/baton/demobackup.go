package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/backup"
	"github.com/baton-ledger/baton/ledger/notary"
)

// backup copies the ledger while it is open, goes on, and tries to restore the copy: it would forget an event that was acknowledged.
func (s *demoStory) backup(ctx context.Context, n *node) (err error) {
	dir, err := os.MkdirTemp("", "baton-demo-backup-")
	if err != nil {
		return environment("demo", "see that the temporary folder can be written", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	report, err := s.app.backup(ctx, n, backup.Request{Dir: filepath.Join(dir, "copy")})
	if err != nil {
		return err
	}
	if err := backupText(s.app.out, report); err != nil {
		return err
	}
	h := ledger.HandoffCall{ID: "h-3", Journey: demoServed, Channel: "ticket", From: ledger.Party{Stage: "billing"}, To: ledger.Party{Stage: "support"}}
	if _, err := ledger.HandOff(ctx, n.store, n.intake(), h); err != nil {
		return err
	}
	if _, err := n.notary.Checkpoint(ctx); err != nil {
		return err
	}
	_, refused := s.app.restore(ctx, restoreRequest{backup: report.Dir, dir: filepath.Join(dir, "restored"),
		known: []string{filepath.Join(n.dir, notary.CheckpointFile)}})
	if refused == nil {
		return ledger.Errorf(ledger.CodeInternal, "demo", "", "a backup that is behind the ledger was restored: this is a defect of Baton")
	}
	fmt.Fprintf(s.app.out, "\nThe ledger went on. Whoever restores that copy now is told what would be lost:\n  Error: %s\n  Try:   %s\n",
		printable(refused.Error()), printable(ledger.HintOf(refused)))
	return nil
}
