package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/baton-ledger/baton/replay"
)

// suggestedAt waits until a journey of a served directory has so many suggestions.
func suggestedAt(ts *testscript.TestScript, _ bool, args []string) {
	api, n := readHolder(filepath.Join(ts.MkAbs(args[0]), "baton.lock")).API, 0
	ts.Check(json.Unmarshal([]byte(args[2]), &n))
	deadline := time.After(30 * time.Second)
	for tick := time.Tick(20 * time.Millisecond); ; {
		r, err := http.Get(api + "/v1/journeys/" + args[1])
		ts.Check(err)
		var v replay.View
		err = json.NewDecoder(r.Body).Decode(&v)
		r.Body.Close()
		ts.Check(err)
		if len(v.Suggestions) >= n {
			ts.Setenv("SUGGESTION", v.Suggestions[n-1].ID)
			return
		}
		select {
		case <-tick:
		case <-deadline:
			ts.Fatalf("%s has %d suggestions", args[1], len(v.Suggestions))
		}
	}
}
