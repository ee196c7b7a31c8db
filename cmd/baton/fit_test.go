package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop/simulate"
	"github.com/baton-ledger/baton/projections/depth"
)

// TestDepthReportsFitTheTerminal: no line of a report about context is longer than the terminal is wide.
func TestDepthReportsFitTheTerminal(t *testing.T) {
	s, err := simulate.New(simulate.Options{Seed: 2, Journeys: 2500})
	if err != nil {
		t.Fatal(err)
	}
	f, position := depth.NewFold(depth.Options{}), uint64(0)
	for e, err := range s.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if e.Facets, err = ledger.DeriveFacets(e.Data); err != nil {
			t.Fatal(err)
		}
		position++
		f.Add(&ledger.Recorded{Event: e, Stream: ledger.StreamFor(&e), Position: position, RecordedTime: e.Time})
	}
	tiers, fields, drift := f.Tiers(depth.TierOptions{}), f.Fields(depth.Query{}), f.Drift(depth.DriftOptions{Charts: true})
	for _, width := range []int{60, 80, 120, 200} {
		for name, write := range map[string]func(io.Writer) error{
			"tiers":  func(w io.Writer) error { return tiersText(w, tiers, width, 0) },
			"fields": func(w io.Writer) error { return fieldsText(w, fields, width, true) },
			"drift":  func(w io.Writer) error { return changesText(w, drift, width) },
		} {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			longest, lines := "", strings.Split(b.String(), "\n")
			for _, line := range lines {
				if utf8.RuneCountInString(line) > utf8.RuneCountInString(longest) {
					longest = line
				}
			}
			if n := utf8.RuneCountInString(longest); n > width || len(lines) < 20 {
				t.Errorf("%s at %d columns has a line of %d: %s", name, width, n, longest)
			}
		}
	}
}

func TestSpark(t *testing.T) {
	if got := spark([]float64{0, 1, 4, 8}); got != "·▁▄█" && got != "·▂▅█" {
		t.Errorf("%q", got)
	}
	if got := wrapped("one two three", "  ", 9); got != "  one two\n  three" {
		t.Errorf("%q", got)
	}
}
