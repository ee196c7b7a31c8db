package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server/client"
)

// deliveredAt waits for what a script's server does behind a handoff.
func deliveredAt(ts *testscript.TestScript, _ bool, args []string) {
	c := client.New(readHolder(filepath.Join(ts.MkAbs(args[0]), "baton.lock")).API, client.Options{})
	deadline := time.After(30 * time.Second)
	for tick := time.Tick(10 * time.Millisecond); ; {
		s, err := c.Snapshots(context.Background(), args[1], args[2], replay.Moment{})
		ts.Check(err)
		if s.Delivered != nil {
			return
		}
		select {
		case <-tick:
		case <-deadline:
			ts.Fatalf("%s was not delivered", args[2])
		}
	}
}
