package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

var states = []ledger.HandoffState{ledger.None, ledger.Offered, ledger.Delivered, ledger.Viewed, ledger.Accepted, ledger.Declined,
	ledger.Expired, ledger.Withdrawn, ledger.Completed, ledger.Returned, ledger.Failed}

// TestMoveTable: every state by every verb, as a table to be read in testdata/moves.txt.
func TestMoveTable(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "%-10s %-10s %-10s %s\n", "state", "verb", "next", "anomaly")
	for _, from := range states {
		for _, verb := range states[1:] {
			next, anomaly := ledger.Move(from, verb)
			name := string(from)
			if from == ledger.None {
				name = "-"
			}
			fmt.Fprintln(&table, strings.TrimRight(fmt.Sprintf("%-10s %-10s %-10s %s", name, verb, next, anomaly), " "))
		}
	}
	golden(t, "moves.txt", table.String())
}

// TestMoveRules are what any table must keep.
func TestMoveRules(t *testing.T) {
	final := []ledger.HandoffState{ledger.Declined, ledger.Expired, ledger.Withdrawn, ledger.Completed, ledger.Returned, ledger.Failed}
	order := map[ledger.HandoffState]int{ledger.Offered: 1, ledger.Delivered: 2, ledger.Viewed: 3, ledger.Accepted: 4}
	for _, from := range states {
		for _, verb := range states[1:] {
			next, anomaly := ledger.Move(from, verb)
			if next == ledger.None {
				t.Errorf("%q, %s: falls back to nothing", from, verb)
			}
			if slices.Contains(final, from) && next != from {
				t.Errorf("%q is final, %s leads to %q", from, verb, next)
			}
			if anomaly != "" && from != ledger.None && next != from {
				t.Errorf("%q, %s: illegal (%s) and moves to %q", from, verb, anomaly, next)
			}
			if anomaly == "" && next != from && next != verb {
				t.Errorf("%q, %s: leads to %q", from, verb, next)
			}
			if anomaly != "" && !strings.HasPrefix(anomaly, string(verb)+"_") {
				t.Errorf("%q, %s: anomaly %q is not named after what happened", from, verb, anomaly)
			}
			if order[from] > 0 && order[next] > 0 && order[next] < order[from] {
				t.Errorf("%q, %s: goes back to %q", from, verb, next)
			}
		}
		if from.Open() != (order[from] > 0 && from != ledger.Accepted) {
			t.Errorf("%q: Open is %v", from, from.Open())
		}
	}
	if next, anomaly := ledger.Move(ledger.Accepted, "abducted"); next != ledger.Accepted || anomaly == "" {
		t.Errorf("an unknown verb moves to %q without an anomaly", next)
	}
}
