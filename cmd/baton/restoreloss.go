package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// compare holds the staged ledger against every checkpoint that is known, and gives those that it does not reach.
func (a *app) compare(ctx context.Context, r restoreRequest, stage string, keys notary.Keys, report *restoreReport) (ahead []notary.Known, err error) {
	known, err := notary.ReadKnown(r.dir, a.cfg.Checkpoint.Copies, r.known, keys.Verifier)
	if err != nil {
		return nil, err
	}
	for _, k := range known {
		report.Known = append(report.Known, knownFile{k.File, k.Checkpoint.Size})
	}
	c := &node{dir: stage, keys: keys}
	defer func() { err = errors.Join(err, c.close(context.WithoutCancel(ctx))) }()
	if err := c.openDisk(pebblestore.OpenReadOnly(ctx, c.ledgerDir(), a.copyEngine(c))); err != nil {
		return nil, err
	}
	head, err := c.store.Head(ctx)
	if err != nil {
		return nil, err
	}
	root, err := notary.Root(ctx, c.store, head.Position)
	if err == nil && (head.Position != report.Position || root != report.Root) {
		err = ledger.Errorf(ledger.CodeCorrupt, "restore", "use another backup", "the manifest says position %d and root %s, the ledger in it has position %d and root %s",
			report.Position, report.Root, head.Position, root)
	}
	if err != nil {
		return nil, err
	}
	ahead, err = notary.Compare(ctx, c.store, known)
	if err == nil {
		ahead, err = withEvidence(ctx, r.dir, c.disk, keys, ahead, report)
	}
	if len(ahead) == 0 || err != nil || r.acceptLoss {
		return ahead, err
	}
	k := ahead[0]
	return nil, restoreError("restore a newer backup; or say --accept-loss, and the loss is recorded",
		"the backup ends at position %d, and %s says that the ledger had %d events: positions %d to %d would be lost. The checkpoint:\n%s",
		report.Position, k.File, k.Checkpoint.Size, report.Position+1, k.Checkpoint.Size, k.Checkpoint.Note)
}

// withEvidence adds the checkpoints of losses that were accepted here before: a ledger that is restored again from before them has to say so
// again. The newest comes first.
func withEvidence(ctx context.Context, dir string, store *pebblestore.Store, keys notary.Keys, ahead []notary.Known, report *restoreReport) ([]notary.Known, error) {
	files, err := filepath.Glob(filepath.Join(dir, "evidence", "lost-*", "checkpoint.*"))
	if err != nil {
		return nil, err
	}
	lost, err := notary.StillLost(ctx, store, files, keys.Verifier)
	for _, k := range lost {
		report.Known = append(report.Known, knownFile{k.File, k.Checkpoint.Size})
	}
	ahead = append(ahead, lost...)
	slices.SortStableFunc(ahead, func(a, b notary.Known) int { return cmp.Compare(b.Checkpoint.Size, a.Checkpoint.Size) })
	return ahead, err
}

// recordLoss keeps the checkpoints that are not reached, and appends what is lost to the staged ledger, under a checkpoint of its own: the first
// thing that the ledger says after the backup's end.
func (a *app) recordLoss(ctx context.Context, r restoreRequest, stage string, keys notary.Keys, ahead []notary.Known, report *restoreReport) (err error) {
	newest := ahead[0].Checkpoint
	loss := notary.NewLoss(report.Position, report.Root, newest, r.reason)
	evidence := filepath.Join(r.dir, "evidence", fmt.Sprintf("lost-%d-%d-%s", loss.LostFrom, loss.LostTo, newest.Root.String()[:8]))
	if err := os.MkdirAll(evidence, 0o755); err != nil {
		return environment("restore", "see to the disk", err)
	}
	for i, k := range ahead {
		if err := notary.WriteFile(filepath.Join(evidence, fmt.Sprintf("checkpoint.%d", i+1)), []byte(k.Checkpoint.Note)); err != nil {
			return err
		}
	}
	c := &node{dir: stage, keys: keys}
	defer func() { err = errors.Join(err, c.close(context.WithoutCancel(ctx))) }()
	if err := c.openDisk(pebblestore.Open(ctx, c.ledgerDir(), a.copyEngine(c))); err != nil {
		return err
	}
	if c.notary, err = notary.Open(ctx, notary.Options{Store: c.store, Keys: keys, Dir: stage, Logger: a.logger()}); err != nil {
		return err
	}
	data, err := json.Marshal(loss)
	if err != nil {
		return err
	}
	event := ledger.Event{ID: "restored/" + newest.Root.String(), Source: "baton/restore", Type: notary.RestoredType, Time: time.Now().UTC(),
		Actor:       "baton/restore",
		ContentType: "application/json", Data: data}
	write := ledger.Intake(c.store.AppendAll, ledger.Validate)
	result := write(ctx, []ledger.Batch{{Stream: notary.RestoredStream, Expect: ledger.Any, Events: []ledger.Event{event}}})[0]
	if result.Err != nil {
		return result.Err
	}
	report.Loss = &restored{Position: result.Receipts[0].Position, Evidence: evidence, Loss: loss}
	return c.notary.Close(ctx)
}
