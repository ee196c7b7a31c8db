package main

import (
	"encoding/json"
	"os/exec"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/baton-ledger/baton/ledger/webhook"
	"github.com/baton-ledger/baton/server/client"
)

// deadAt is the script command "dead ENDPOINT N CONFIG": it waits until an endpoint has given up N deliveries.
func deadAt(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.After(60 * time.Second)
	for tick := time.Tick(20 * time.Millisecond); ; {
		cmd := exec.Command("baton", "webhooks", "list", "--config", ts.MkAbs(args[2]), "--json")
		cmd.Dir = ts.MkAbs(".")
		out, err := cmd.Output()
		ts.Check(err)
		n := deadIn(ts, out, args[0])
		if strconv.FormatInt(n, 10) == args[1] {
			return
		}
		select {
		case <-tick:
		case <-deadline:
			ts.Fatalf("%s has given up %d deliveries, want %s", args[0], n, args[1])
		}
	}
}

func deadIn(ts *testscript.TestScript, list []byte, name string) int64 {
	var l client.List[webhook.Status]
	ts.Check(json.Unmarshal(list, &l))
	for _, s := range l.Items {
		if s.Name == name {
			return s.Dead
		}
	}
	return 0
}
