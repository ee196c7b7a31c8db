package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/backup"
	"github.com/baton-ledger/baton/ledger/esdb"
	"github.com/baton-ledger/baton/ledger/migrate"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// migrateReport is the answer to a migration.
type migrateReport struct {
	From string `json:"from"` // without password
	To   string `json:"to"`
	Node string `json:"node,omitempty"` // folder of the node on the EventStoreDB side
	migrate.Report
	Held       *covered `json:"held,omitempty"`       // newest checkpoint of the source that the destination was held against
	Checkpoint *covered `json:"checkpoint,omitempty"` // the destination's own, now
	Signer     string   `json:"signer,omitempty"`     // of the destination's: same, new, or none on this machine
	Verified   bool     `json:"verified"`             // every record was read again at the destination
	Seconds    float64  `json:"seconds"`
}

// covered is a checkpoint without its signature.
type covered struct {
	Size uint64      `json:"size"`
	Root ledger.Hash `json:"root"`
}

func coveredBy(cp notary.Checkpoint) *covered {
	if cp.Note == "" {
		return nil
	}
	return &covered{cp.Size, cp.Root}
}

// sides reads --from and --to, and chooses the folder of the node where one of them is EventStoreDB: --data, else the configured one, else one
// beside the data directory.
func (a *app) sides(from, to string, dataGiven bool) (*side, *side, error) {
	plain := from
	switch {
	case namesCluster(from) && namesCluster(to):
		return nil, nil, migrateError("copy into a directory, and from there into the other one", "--from and --to both name an EventStoreDB")
	case namesCluster(from):
		plain = to
	case !namesCluster(to) && dataGiven:
		return nil, nil, migrateError("leave it out", "--data is the folder of a node on EventStoreDB, and neither side is one")
	}
	nodeDir := a.cfg.Data
	if configured := dataGiven || a.configured("data"); !configured || !dataGiven && backup.Apart(nodeDir, plain) != nil {
		nodeDir = filepath.Clean(plain) + "-esdb"
	}
	f, t := a.newSide(from, nodeDir), a.newSide(to, nodeDir)
	if backup.Apart(f.dir(), t.dir()) != nil {
		return nil, nil, migrateError("name folders that do not lie in each other", "%s and %s are the same, or one lies in the other", f.dir(), t.dir())
	}
	return f, t, nil
}

// configured reports whether a setting was given in any way.
func (a *app) configured(key string) bool {
	for _, e := range a.cfg.Entries() {
		if e.Key == key {
			return e.Source != "default"
		}
	}
	return false
}

// migrate copies a ledger and proves the copy. Where it ends with an error the report says how far it came.
func (a *app) migrate(ctx context.Context, from, to *side, newSigner bool) (report migrateReport, err error) {
	began := time.Now()
	report.From, report.To, report.Node = from.name, to.name, cmp.Or(from.nodeDir(), to.nodeDir())
	defer func() {
		end := context.WithoutCancel(ctx)
		err = errors.Join(err, to.node.close(end), from.node.close(end))
		if err == nil {
			err = unmarkMigration(to.dir()) // the last thing: from here on it is a ledger
		}
		report.Seconds = time.Since(began).Seconds()
	}()
	source, err := from.openSource(ctx)
	if err != nil {
		return report, err
	}
	if err := to.canHold(ctx, source); err != nil {
		return report, err
	}
	known, err := from.checkpoints() // before the head is read: it reaches them
	if err != nil {
		return report, err
	}
	destination, err := to.openDestination(ctx, from, newSigner)
	if err != nil {
		return report, err
	}
	bars := &partBars{app: a}
	report.Report, err = migrate.Run(ctx, source, destination, migrate.Options{TagKey: from.node.keys.TagKey, Progress: bars.show})
	bars.clear()
	if err != nil {
		return report, err
	}
	return report, to.seal(ctx, from, known, &report)
}

// canHold refuses streams whose names cannot be in EventStoreDB before anything is copied.
func (s *side) canHold(ctx context.Context, source ledger.Reader) error {
	if !s.clustered() {
		return nil
	}
	for h, err := range source.Streams(ctx, "", "") {
		if err := cmp.Or(err, esdb.Copyable(h.Stream)); err != nil {
			return err
		}
	}
	return nil
}

// partBars are the bars of a migration's parts, one after another.
type partBars struct {
	app  *app
	part migrate.Part
	bar  *progress
}

var partLabels = map[migrate.Part]string{migrate.Compare: "Comparing", migrate.Copy: "Copying", migrate.Prove: "Proving"}

func (b *partBars) show(p migrate.Progress) {
	if b.bar == nil || p.Part != b.part {
		b.clear()
		b.part, b.bar = p.Part, b.app.progress(partLabels[p.Part], "events")
	}
	b.bar.show(int64(p.Done), int64(p.Total), int64(p.Done))
}

func (b *partBars) clear() {
	if b.bar != nil {
		b.bar.clear()
	}
}

// seal makes a copy that was proved a ledger of its own: it goes on from the source's newest checkpoint, signs its own, and is verified.
func (s *side) seal(ctx context.Context, from *side, known []notary.Known, report *migrateReport) error {
	n := s.node
	same := n.keys.Verifier.KeyHash() == from.node.keys.Verifier.KeyHash()
	switch report.Signer = "same"; {
	case !same:
		report.Signer = "new"
	case n.keys.Signer == nil:
		report.Signer = "none"
	}
	if _, err := notary.Compare(ctx, n.store, known); err != nil {
		return err
	}
	newest := newestOf(known)
	report.Held = coveredBy(newest)
	if !same {
		newest = notary.Checkpoint{} // its signature says nothing under the new key
	}
	open := s.openSealedDir
	if s.clustered() {
		open = s.openSealedCluster
	}
	if err := open(ctx, newest); err != nil {
		return err
	}
	if err := n.cover(ctx); err != nil {
		return err
	}
	report.Checkpoint = coveredBy(n.notary.Latest())
	bar := s.progress("Verifying", "events")
	verified, err := s.verifyOpen(ctx, n, func(done, total uint64) { bar.show(int64(done), int64(total), int64(done)) })
	bar.clear()
	if err == nil && !verified.OK {
		err = ledger.Errorf(ledger.CodeCorrupt, "migrate", "keep both sides as they are, and run `baton verify` on them", "the copy does not verify: %s", verified.Problems[0])
	}
	if err == nil && verified.Root != report.RootFrom {
		err = ledger.Errorf(ledger.CodeCorrupt, "migrate", "keep both sides as they are", "the copy's root was %s and is %s: it was written to meanwhile", report.RootFrom, verified.Root)
	}
	report.Verified = err == nil
	return err
}

func newestOf(known []notary.Known) (cp notary.Checkpoint) {
	for _, k := range known {
		if newer(&k.Checkpoint, &cp) {
			cp = k.Checkpoint
		}
	}
	return cp
}

// newer orders checkpoints of one ledger; one that is not there is older than all.
func newer(a, than *notary.Checkpoint) bool {
	return than.Note == "" || cmp.Or(cmp.Compare(a.Size, than.Size), cmp.Compare(a.Streams.Size, than.Streams.Size)) > 0
}

// openSealedDir opens a directory again as an ordinary ledger whose newest checkpoint is the source's.
func (s *side) openSealedDir(ctx context.Context, newest notary.Checkpoint) error {
	n := s.node
	err := n.store.Close()
	if n.store, n.disk = nil, nil; err != nil {
		return err
	}
	if err := s.takeOver(newest); err != nil {
		return err
	}
	o := s.engine(n)
	o.Guard = func(ctx context.Context, ro *pebblestore.Store) error {
		return notary.Guard(ctx, ro, n.keys, n.dir, nil)
	}
	if err := n.openDisk(pebblestore.Open(ctx, n.ledgerDir(), o)); err != nil {
		return err
	}
	return s.openNotary(ctx, nil)
}

// takeOver puts the source's newest checkpoint into the directory, unless a newer one is there.
func (s *side) takeOver(newest notary.Checkpoint) error {
	there, err := notary.ReadKnown(s.dir(), nil, nil, s.node.keys.Verifier)
	if err != nil || newest.Note == "" || len(there) > 0 && !newer(&newest, &there[0].Checkpoint) {
		return err
	}
	return notary.WriteFile(filepath.Join(s.dir(), notary.CheckpointFile), []byte(newest.Note))
}

// openSealedCluster posts the source's newest checkpoint, so that the ledger's history there begins with what was given away before, and takes it
// over as any node does: held against the mirror's tree and map.
func (s *side) openSealedCluster(ctx context.Context, newest notary.Checkpoint) error {
	board := s.node.cluster.Board()
	note, place, _ := board.Last()
	posted := notary.Checkpoint{}
	if note != "" {
		var err error
		if posted, err = notary.ParseCheckpoint([]byte(note), s.node.keys.Verifier); err != nil {
			return err
		}
	}
	if newest.Note != "" && newer(&newest, &posted) {
		if err := board.Post(ctx, place, newest.Size, newest.Note); err != nil {
			return err
		}
	}
	if _, err := os.Lstat(filepath.Join(s.dir(), notary.CheckpointFile)); err != nil { // or copies of it elsewhere would be of a checkpoint that was removed here
		if err := s.takeOver(newest); err != nil {
			return err
		}
	}
	return s.openNotary(ctx, board)
}

func (s *side) openNotary(ctx context.Context, board *esdb.Board) (err error) {
	o := notary.Options{Store: s.node.store, Keys: s.node.keys, Dir: s.dir(), Copies: s.cfg.Checkpoint.Copies, Interval: s.cfg.Notary.Interval, Logger: s.logger()}
	if board != nil {
		o.Board = board
	}
	s.node.notary, err = notary.Open(ctx, o)
	return err
}

// cover signs until a checkpoint covers all events and all streams, where this node signs.
func (n *node) cover(ctx context.Context) error {
	for n.notary.Signs() {
		cp, err := n.notary.Checkpoint(ctx)
		if err != nil || cp.Streams.Size == cp.Size {
			return err
		}
	}
	return nil
}
