package main

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/client"
)

// caughtUp waits until a follower of a served directory has handled everything.
func caughtUp(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	c := client.New(readHolder(filepath.Join(dir, "baton.lock")).API, client.Options{Key: server.LocalToken(dir)})
	deadline := time.After(30 * time.Second)
	for tick := time.Tick(20 * time.Millisecond); ; {
		s, err := c.Status(context.Background())
		if err == nil && slices.ContainsFunc(s.Followers, func(f client.FollowerStatus) bool { return f.Name == args[1] && f.Position == s.Head.Position }) {
			return
		}
		select {
		case <-tick:
		case <-deadline:
			ts.Fatalf("%s of %s does not catch up: %+v", args[1], args[0], s.Followers)
		}
	}
}
