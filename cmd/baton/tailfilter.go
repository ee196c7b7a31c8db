package main

import (
	"context"
	"iter"
	"path/filepath"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/server/client"
)

// tailFiltered follows through the API of the process that serves the directory: NATS subjects cannot say what an expression says.
func (a *app) tailFiltered(ctx context.Context, family, verb string, o client.TailOptions) (iter.Seq2[relay.Message, error], error) {
	if family == "other" {
		return nil, badFlag("family", `write event.family == "" in --filter`, "--family other does not go with --filter")
	}
	held := readHolder(filepath.Join(a.cfg.Data, "baton.lock"))
	if held.API == "" {
		return nil, ledger.Errorf(ledger.CodeNotFound, "tail", "start `baton serve` first", "nobody serves %s: --filter asks the server", a.cfg.Data)
	}
	for _, v := range ledger.Verbs(family) {
		if verb == "" || v == verb {
			o.Types = append(o.Types, ledger.Type(family, v))
		}
	}
	return func(yield func(relay.Message, error) bool) {
		for r, err := range a.ask(held).Tail(ctx, o) {
			if !yield(relay.Message{Recorded: r}, err) {
				return
			}
		}
	}, nil
}
