package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/baton-ledger/baton/config"
	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/backup"
	"github.com/baton-ledger/baton/ledger/esdb"
	"github.com/baton-ledger/baton/ledger/migrate"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/server/client"
)

// side is one end of a migration: a data directory, or EventStoreDB with the directory of a node on it.
type side struct {
	*app        // with data and store of this side
	name string // as it is shown: without password
	node *node
	held *client.Client // what serves the source's directory, nil where nobody does
}

// newSide reads what --from or --to names.
func (a *app) newSide(name, nodeDir string) *side {
	cfg := *a.cfg
	s := &side{app: &app{in: a.in, out: a.out, err: a.err, json: a.json, configFile: a.configFile, cfg: &cfg}, name: name}
	if cfg.Data, cfg.Store = name, config.StorePebble; namesCluster(name) {
		cfg.Data, cfg.Store, s.name = nodeDir, name, withoutPassword(name)
	}
	s.node = &node{dir: cfg.Data}
	return s
}

func namesCluster(name string) bool {
	scheme, _, is := strings.Cut(name, "://")
	return is && scheme != "file"
}

// withoutPassword leaves user and password of a connection string out, wherever they end. It may name several hosts, so that it is no URL.
func withoutPassword(connection string) string {
	scheme, rest, _ := strings.Cut(connection, "://")
	return scheme + "://" + rest[strings.LastIndexByte(rest, '@')+1:]
}

func (s *side) dir() string { return s.cfg.Data }

// nodeDir is the folder of the node, "" of a side that is a directory.
func (s *side) nodeDir() string {
	if s.clustered() {
		return s.dir()
	}
	return ""
}

// public is the text of the source's public key.
func (s *side) public() (string, error) { return notary.PublicKey(s.dir()) }

// openSource opens a side to be read.
func (s *side) openSource(ctx context.Context) (ledger.Reader, error) {
	if s.clustered() {
		if err := mayTakeMirror(s.dir()); err != nil {
			return nil, err
		}
	} else if err := ledgerExists(s.dir()); err != nil {
		return nil, err
	} else if notAMirror(s.dir()) != nil {
		return nil, migrateError("name EventStoreDB itself, and this folder as its node: --from esdb://… --data "+s.dir(),
			"%s is a node's copy of a ledger in EventStoreDB", s.dir())
	}
	if err := mayOpen(s.dir(), reading); err != nil {
		return nil, err
	}
	take := lockToRead
	if s.clustered() {
		take = lockDir
	}
	lock, held, err := take(ctx, s.dir(), "migrate")
	if err != nil {
		return nil, err
	}
	n := s.node
	n.lock = lock
	switch {
	case held.API != "" && s.clustered():
		return nil, ledger.Errorf(ledger.CodeLocked, "migrate", "name another folder with --data, which gets a copy of its own", "%s is held by %s", s.dir(), held)
	case held.API != "":
		s.held = s.ask(held)
		n.lock = nil
		n.keys, err = s.loadKeys(n, reading)
		return s.held, err
	case s.clustered():
		err = s.openCluster(ctx, n, reading)
	default:
		err = s.openEmbedded(ctx, n, reading)
	}
	return n.store, err
}

// checkpoints of the source, as far as they are signed now: its newest one and copies of it.
func (s *side) checkpoints() ([]notary.Known, error) {
	return notary.ReadKnown(s.dir(), s.cfg.Checkpoint.Copies, nil, s.node.keys.Verifier)
}

// openDestination opens a side to be copied into, with the keys of the source, and marks its directory before anything is written.
func (s *side) openDestination(ctx context.Context, from *side, newSigner bool) (to migrate.Destination, err error) {
	may := mayTakeLedger
	if s.clustered() {
		may = mayTakeMirror
	}
	if err := may(s.dir()); err != nil {
		return nil, err
	}
	lock, held, err := lockDir(ctx, s.dir(), "migrate")
	if err != nil {
		return nil, err
	}
	if s.node.lock = lock; held.API != "" {
		return nil, ledger.Errorf(ledger.CodeLocked, "migrate", "stop it first", "%s is served by %s", s.dir(), held)
	}
	public, err := from.public()
	if err != nil {
		return nil, err
	}
	d := destination{dir: s.dir(), mark: migrateMark{from.name, s.name, cmp.Or(from.nodeDir(), s.nodeDir()), public, s.cfg.Notary.KeyFile}}
	if err := s.sameLedger(from, &d); err != nil {
		return nil, err
	}
	if s.clustered() {
		if err := s.openClusterToFill(ctx, from, public, &d); err != nil {
			return nil, err
		}
		d.Reader, d.copy = s.node.store, s.node.cluster.Copy
		return &d, nil
	}
	if err := s.openDirToFill(ctx, from, public, &d, newSigner); err != nil {
		return nil, err
	}
	d.Reader, d.copy = s.node.store, func(ctx context.Context, events []ledger.Recorded) error {
		_, err := s.node.disk.Mirror(ctx, events, nil)
		return err
	}
	return &d, nil
}

// sameLedger refuses what can be told to be another ledger before anything is opened: by the mark, or by the tag key.
func (s *side) sameLedger(from *side, d *destination) error {
	m, err := readMark(s.dir())
	if err != nil || m != nil {
		return cmp.Or(err, m.same(s.dir(), d.mark))
	}
	if s.clustered() || ledgerExists(s.dir()) != nil {
		return nil
	}
	keys, err := notary.ReadKeys(filepath.Join(s.dir(), backup.KeysDir), "", s.cfg.Notary.Origin)
	if err == nil && !bytes.Equal(keys.TagKey, from.node.keys.TagKey) {
		err = migrateError("name an empty directory, or one that this ledger was copied into", "%s holds another ledger", s.dir())
	}
	return err
}

// destination marks the directory before the first event is written into it: a ledger that was there, and is found to be another one, stays as
// it is.
type destination struct {
	ledger.Reader
	dir  string
	mark migrateMark
	copy func(ctx context.Context, events []ledger.Recorded) error
}

func (d *destination) Copy(ctx context.Context, events []ledger.Recorded) error {
	if err := markMigration(d.dir, d.mark); err != nil {
		return err
	}
	return d.copy(ctx, events)
}

// openDirToFill opens the embedded engine so that it takes events with their places.
func (s *side) openDirToFill(ctx context.Context, from *side, public string, d *destination, newSigner bool) (err error) {
	n := s.node
	if n.keys, err = s.takeKeys(from, public, newSigner); err != nil {
		return err
	}
	if ledgerExists(n.dir) != nil { // one that is there is marked when it is found to be the same
		if err := markMigration(n.dir, d.mark); err != nil {
			return err
		}
	}
	o := s.engine(n)
	o.Mirror = true
	o.Guard = func(ctx context.Context, ro *pebblestore.Store) error {
		return notary.Guard(ctx, ro, n.keys, n.dir, nil)
	}
	return n.openDisk(pebblestore.Open(ctx, n.ledgerDir(), o))
}

// takeKeys gives a directory the tag key of the source, and its signer key if this machine has that.
func (s *side) takeKeys(from *side, public string, newSigner bool) (notary.Keys, error) {
	tag := from.node.keys.TagKey
	if from.node.keys.Signer != nil {
		return s.joinWithSecrets(from, public)
	}
	if _, err := os.Stat(filepath.Join(s.dir(), backup.KeysDir, "notary.key")); errors.Is(err, fs.ErrNotExist) && !newSigner {
		return notary.Keys{}, ledger.Errorf(ledger.CodeNotFound, "migrate",
			"name the file of the key that signs with --notary-key-file, or the folder of the node that has it with --data; or sign with a new key from here on with --new-signer",
			"the key that signs this ledger's checkpoints (%s) is not on this machine, and %s cannot be written to without one", public, s.dir())
	}
	if err := notary.TakeTagKey(s.dir(), tag); err != nil {
		return notary.Keys{}, err
	}
	return notary.LoadKeys(s.dir(), "", s.cfg.Notary.Origin)
}

// joinWithSecrets copies the source's secret keys, unless the configuration says where the signer key is.
func (s *side) joinWithSecrets(from *side, public string) (notary.Keys, error) {
	folder := filepath.Join(s.dir(), backup.KeysDir)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return notary.Keys{}, environment("migrate", "see that the directory can be written", err)
	}
	if from.node.keys.Signer != nil && s.cfg.Notary.KeyFile == "" {
		if err := notary.CopySecrets(filepath.Join(from.dir(), backup.KeysDir), "", folder); err != nil {
			return notary.Keys{}, err
		}
	}
	return notary.JoinKeys(s.dir(), s.cfg.Notary.KeyFile, public, from.node.keys.TagKey)
}

// openClusterToFill founds the ledger in an empty EventStoreDB under the source's own keys, or finds that it was, and opens a node without notary:
// nothing is signed before all is there.
func (s *side) openClusterToFill(ctx context.Context, from *side, public string, d *destination) error {
	c, err := esdb.Dial(s.cfg.Store, s.logger())
	if err != nil {
		return err
	}
	store, err := s.foundAndOpen(ctx, c, from, public, d)
	if err != nil {
		return errors.Join(err, c.Close())
	}
	s.node.store, s.node.cluster = store, store
	return nil
}

func (s *side) foundAndOpen(ctx context.Context, c *esdb.Client, from *side, public string, d *destination) (*esdb.Store, error) {
	f, err := c.Founding(ctx)
	if errors.Is(err, ledger.CodeNotFound) {
		empty, emptyErr := c.Empty(ctx)
		switch {
		case emptyErr != nil:
			return nil, emptyErr
		case !empty:
			return nil, migrateError("name an empty EventStoreDB: a ledger takes all of it", "%s holds events that are no ledger of Baton's", s.name)
		}
		f, err = c.Found(ctx, esdb.Founding{Ledger: uuid.New(), PublicKey: public, TagKey: from.node.keys.TagKey})
	}
	if err != nil {
		return nil, err
	}
	if f.PublicKey != public || !bytes.Equal(f.TagKey, from.node.keys.TagKey) {
		return nil, migrateError("name an empty EventStoreDB, or the one that this ledger was copied into", "%s holds another ledger, signed by %s; the source is signed by %s",
			s.name, f.PublicKey, public)
	}
	if _, err := s.joinWithSecrets(from, public); err != nil {
		return nil, err
	}
	if notAMirror(s.dir()) == nil { // a node that is there is marked when something is written through it
		if err := markMigration(s.dir(), d.mark); err != nil {
			return nil, err
		}
	}
	return s.openMirror(ctx, s.node, c, writing, false)
}
