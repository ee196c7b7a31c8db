package main

import (
	"context"

	"github.com/baton-ledger/baton/ledger"
)

// contractsPart keeps the contracts of the intake up to date with what other nodes say of them.
func (n *node) contractsPart() part {
	progress := new(ledger.Progress)
	return part{n.agreed.Name(), progress, func(ctx context.Context) error {
		return ledger.Follow(ctx, n.store, n.agreed, ledger.FollowOptions{HeaderOnly: true, Progress: progress})
	}}
}
