package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/baton-ledger/baton/config"
	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// mirrorFile marks a data directory whose ledger is a copy of one in EventStoreDB, and says of which.
const mirrorFile = "mirror.json"

type mirrorMark struct {
	Ledger uuid.UUID `json:"ledger"` // of the founding
}

// clustered reports whether the record is in EventStoreDB.
func (a *app) clustered() bool { return a.cfg.Store != config.StorePebble }

// openCluster opens a node of a ledger in EventStoreDB: keys from its founding, the mirror in the data directory, caught up, and the
// notary, held against the checkpoint that the nodes share. Only a node that writes signs.
func (a *app) openCluster(ctx context.Context, n *node, need access) error {
	client, err := esdb.Dial(a.cfg.Store, a.logger())
	if err != nil {
		return err
	}
	store, err := a.openMirror(ctx, n, client, need, false)
	if err != nil {
		return errors.Join(err, client.Close())
	}
	n.store, n.cluster = store, store
	return a.openSharedNotary(ctx, n, need)
}

// openSharedNotary holds a node against the checkpoints that the nodes share.
func (a *app) openSharedNotary(ctx context.Context, n *node, need access) (err error) {
	keys := n.keys
	if need != writing {
		keys.Signer = nil
	}
	n.notary, err = notary.Open(ctx, notary.Options{Store: n.cluster, Keys: keys, Dir: n.dir, Copies: a.cfg.Checkpoint.Copies,
		Interval: a.cfg.Notary.Interval, Board: n.cluster.Board(), Logger: a.logger()})
	return err
}

// openMirror opens a node's copy and brings it up to EventStoreDB, also where the two do not agree if it is only to be inspected.
func (a *app) openMirror(ctx context.Context, n *node, client *esdb.Client, need access, inspect bool) (*esdb.Store, error) {
	founding, err := a.founding(ctx, n, client, need)
	if err != nil {
		return nil, err
	}
	if err := markMirror(n.dir, founding.Ledger); err != nil {
		return nil, err
	}
	if n.keys, err = notary.JoinKeys(n.dir, a.cfg.Notary.KeyFile, founding.PublicKey, founding.TagKey); err != nil {
		return nil, err
	}
	o := a.engineFor(n, need)
	o.Mirror, o.Guard = true, nil // it is held against the checkpoints when it has caught up
	disk, err := pebblestore.Open(ctx, n.ledgerDir(), o)
	if err != nil {
		return nil, mirrorError(n.ledgerDir(), err)
	}
	bar := a.progress("Copying from EventStoreDB", "events")
	defer bar.clear()
	told := time.Now()
	store, err := esdb.Open(ctx, esdb.Options{Client: client, Mirror: disk, Logger: a.logger(), Inspect: inspect,
		Progress: func(events uint64) {
			bar.show(int64(events), 0, int64(events))
			if bar.out == nil && time.Since(told) >= 5*time.Second { // who starts a service looks at its log
				told = time.Now()
				a.logger().Info("copying from EventStoreDB", "events", events)
			}
		}})
	if err != nil {
		return nil, errors.Join(err, disk.Close())
	}
	n.disk = disk
	return store, nil
}

// mirrorError adds what is special about a broken mirror: nothing is lost with it.
func mirrorError(dir string, err error) error {
	if !errors.Is(err, ledger.CodeCorrupt) {
		return err
	}
	return &ledger.Error{Code: ledger.CodeCorrupt, Op: "open mirror", Err: err, Hint: "move " + dir + " away: it is a copy, and is made again from EventStoreDB"}
}

// founding reads who the ledger is. A node that writes founds it where nobody has.
func (a *app) founding(ctx context.Context, n *node, client *esdb.Client, need access) (esdb.Founding, error) {
	f, err := client.Founding(ctx)
	if err == nil || !errors.Is(err, ledger.CodeNotFound) || need != writing {
		return f, err
	}
	if _, err := os.Lstat(filepath.Join(n.dir, notary.CheckpointFile)); err == nil {
		return f, ledger.Errorf(ledger.CodeCorrupt, "open ledger", "see that the connection string names the right cluster; restore EventStoreDB from a backup if it does",
			"%s has a checkpoint of a ledger, and EventStoreDB holds none", n.dir)
	}
	keys, err := notary.LoadKeys(n.dir, a.cfg.Notary.KeyFile, a.cfg.Notary.Origin)
	if err != nil {
		return f, err
	}
	public, err := notary.PublicKey(n.dir)
	if err != nil {
		return f, err
	}
	return client.Found(ctx, esdb.Founding{Ledger: uuid.New(), PublicKey: public, TagKey: keys.TagKey})
}

// markMirror marks a directory as a copy of a ledger, and refuses one that is something else.
func markMirror(dir string, of uuid.UUID) error {
	file := filepath.Join(dir, mirrorFile)
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, "ledger")); err == nil {
			return ledger.Errorf(ledger.CodeInvalid, "open ledger", "choose another folder with --data, or move this ledger: baton migrate --from "+dir+" --to esdb://…",
				"%s holds a ledger of its own, not a copy of one in EventStoreDB", dir)
		}
		mark, err := json.Marshal(mirrorMark{of})
		if err != nil {
			return err
		}
		return notary.WriteFile(file, append(mark, '\n'))
	}
	var mark mirrorMark
	if err == nil {
		err = json.Unmarshal(b, &mark)
	}
	if err != nil {
		return environment("open ledger", "see to "+file, err)
	}
	if mark.Ledger != of {
		return ledger.Errorf(ledger.CodeInvalid, "open ledger", "choose another folder with --data, or correct the connection string",
			"%s is a copy of ledger %s, EventStoreDB holds ledger %s", dir, mark.Ledger, of)
	}
	return nil
}

// notAMirror refuses to use a copy as if it were the ledger.
func notAMirror(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, mirrorFile)); err != nil {
		return nil
	}
	return ledger.Errorf(ledger.CodeInvalid, "open ledger", "say which: --store esdb://…, or `store` in the configuration; or choose another folder with --data",
		"%s is a copy of a ledger in EventStoreDB", dir)
}

// onlyEmbedded refuses what EventStoreDB does for itself.
func (a *app) onlyEmbedded(what, instead string) error {
	if !a.clustered() {
		return nil
	}
	return ledger.Errorf(ledger.CodeUnsupported, what, instead, "the record is in EventStoreDB, this folder holds a copy of it")
}
