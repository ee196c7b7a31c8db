package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/baton-ledger/baton/projections"
)

// TestCustodyReportFindsWhatWasPlanted holds the custody report of a simulated ledger against the truth, kind by kind.
func TestCustodyReportFindsWhatWasPlanted(t *testing.T) {
	dir := t.TempDir()
	truth := filepath.Join(dir, "truth.ndjson")
	baton := func(args ...string) []byte {
		var out, errs bytes.Buffer
		if code := run(t.Context(), append(args, "--json", "--data", filepath.Join(dir, "D")), nil, &out, &errs); code != exitDone {
			t.Fatalf("baton %v: exit %d: %s", args, code, errs.String())
		}
		return out.Bytes()
	}
	baton("simulate", "--seed", "4", "--journeys", "1500", "--truth", truth)
	var report projections.CustodyReport
	if err := json.Unmarshal(baton("report", "custody"), &report); err != nil {
		t.Fatal(err)
	}
	found := map[string]int64{}
	for _, row := range report.Rows {
		found[row.Kind] = row.Count
	}
	planted, handoffs, accepted := plantedIn(t, truth)
	for kind, n := range planted {
		if found[kind] != n {
			t.Errorf("%s: the report counts %d, planted are %d", kind, found[kind], n)
		}
		delete(found, kind)
	}
	delete(found, projections.KindLate) // a long queue is no secret
	for kind, n := range found {
		if n != 0 {
			t.Errorf("%s: the report counts %d, nothing was planted", kind, n)
		}
	}
	if s := report.Summary; s.Handoffs != handoffs || s.Accepted != accepted || len(planted) < 9 {
		t.Errorf("summary %+v, truth has %d handoffs, %d accepted, and %v", s, handoffs, accepted, planted)
	}
}

// plantedIn counts the truth's anomalies and losses by the names of the report.
func plantedIn(t *testing.T, file string) (planted map[string]int64, handoffs, accepted int64) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	planted = map[string]int64{}
	_, lines, _ := bytes.Cut(text, []byte("\n"))
	for line := range bytes.Lines(lines) {
		var j struct {
			Lost      string
			Handoffs  []struct{ Accepted bool }
			Anomalies []struct{ Name string }
		}
		if err := json.Unmarshal(line, &j); err != nil {
			t.Fatal(err)
		}
		if j.Lost != "" {
			planted[j.Lost]++
		}
		for _, a := range j.Anomalies {
			planted[a.Name]++
		}
		for _, h := range j.Handoffs {
			if handoffs++; h.Accepted {
				accepted++
			}
		}
	}
	return planted, handoffs, accepted
}
