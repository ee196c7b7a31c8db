package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
	"github.com/baton-ledger/baton/ledger/notary"
)

// cluster asks EventStoreDB, where the record is there.
func (d *doctor) cluster(ctx context.Context, keys *notary.Keys) {
	const name = "eventstoredb"
	if !d.clustered() {
		return
	}
	client, err := esdb.Dial(d.cfg.Store, nil)
	if err != nil {
		d.wrong(name, err)
		return
	}
	defer client.Close()
	f, err := client.Founding(ctx)
	switch {
	case errors.Is(err, ledger.CodeNotFound):
		d.warn(name, "start `baton serve`, or move a ledger there with `baton migrate`", "answers, and holds no ledger yet")
		return
	case err != nil:
		d.wrong(name, err)
		return
	}
	v, err := notary.LoadVerifier(f.PublicKey)
	if err != nil {
		d.wrong(name, err)
		return
	}
	sealed := fmt.Sprintf("%08x", v.KeyHash())
	switch {
	case keys == nil || keys.Signer == nil:
		d.warn(name, "give notary.key_file the key of the first node if this one should be able to sign", "answers; ledger %s, signed by key %s, which this node does not have: it takes over what others sign", f.Ledger, sealed)
	case fmt.Sprintf("%08x", keys.Verifier.KeyHash()) != sealed:
		d.fail(name, "give every node of a ledger the key that the first one was started with, or none", "ledger %s is signed by key %s, this node has another one", f.Ledger, sealed)
	default:
		d.ok(name, "answers; ledger %s, signed by key %s, which this node has", f.Ledger, sealed)
	}
}
