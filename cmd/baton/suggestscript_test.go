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
	list, n := waitForSuggestions(ts, args, func(*replay.Suggestion) bool { return true })
	ts.Setenv("SUGGESTION", list[n-1].ID)
}

// endedAt waits until so many suggestions of a journey have an outcome.
func endedAt(ts *testscript.TestScript, _ bool, args []string) {
	waitForSuggestions(ts, args, func(s *replay.Suggestion) bool { return s.Outcome != nil })
}

// waitForSuggestions waits until a journey has so many suggestions, withheld ones as well, of which something holds.
func waitForSuggestions(ts *testscript.TestScript, args []string, holds func(*replay.Suggestion) bool) (list []replay.Suggestion, n int) {
	api := readHolder(filepath.Join(ts.MkAbs(args[0]), "baton.lock")).API
	ts.Check(json.Unmarshal([]byte(args[2]), &n))
	deadline := time.After(30 * time.Second)
	for tick := time.Tick(20 * time.Millisecond); ; {
		r, err := http.Get(api + "/v1/journeys/" + args[1] + "?shadow=true")
		ts.Check(err)
		var v replay.View
		err = json.NewDecoder(r.Body).Decode(&v)
		r.Body.Close()
		ts.Check(err)
		list = nil
		for i := range v.Suggestions {
			if holds(&v.Suggestions[i]) {
				list = append(list, v.Suggestions[i])
			}
		}
		if len(list) >= n {
			return list, n
		}
		select {
		case <-tick:
		case <-deadline:
			ts.Fatalf("%s has %d such suggestions", args[1], len(list))
		}
	}
}
