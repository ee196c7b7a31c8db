package projections

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/interop"
)

// imported gives models of a log of ../shared/data, and skips where it is absent.
func imported(t *testing.T, name, preset string) (*Models, interop.Summary) {
	t.Helper()
	dir := must[string](t)(filepath.Abs("."))
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	path := filepath.Join(filepath.Dir(dir), "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is absent", path)
	}
	store := newLedger(t)
	summary := must[interop.Summary](t)(interop.Import(context.Background(), interop.Options{
		Path: path, Preset: preset, Append: ledger.Intake(store.AppendAll, ledger.Validate), Ledger: store}))
	m := openModels(t, store, Options{})
	check(t, m.CatchUp(background))
	t.Cleanup(func() { m.Close(); store.Close() })
	return m, summary
}

// TestRunningExample counts the handovers of work of the process-mining textbook's example: PM4Py's handover network by resource
// has, with handovers to oneself, 36 pairs, 20 distinct, Sara→Ellen 4 of them.
func TestRunningExample(t *testing.T) {
	m, _ := imported(t, "running-example.xes.gz", "")
	r := must[NetworkReport](t)(m.Network(background, NetworkOptions{Level: LevelResource, Self: true, Norm: "total"}))
	saraEllen := NetworkRow{}
	for _, row := range r.Rows {
		if row.From == "Sara" && row.To == "Ellen" {
			saraEllen = row
		}
	}
	if r.Pairs != 36 || r.Distinct != 20 || saraEllen.Count != 4 || saraEllen.Share != 4./36 {
		t.Errorf("%d pairs, %d distinct, Sara to Ellen %+v", r.Pairs, r.Distinct, saraEllen)
	}
	without := must[NetworkReport](t)(m.Network(background, NetworkOptions{Level: LevelResource}))
	if without.Pairs != r.Pairs-r.Self || without.Self != r.Self {
		t.Errorf("without handovers to oneself there are %d pairs of %d, %d to oneself", without.Pairs, r.Pairs, r.Self)
	}
}

// TestIncidents folds the incidents of BPI Challenge 2013. Its groups change 9,454 times over 2,463 ordered pairs, which both the
// handovers of work and the offered handoffs must find; the rebuild must agree.
func TestIncidents(t *testing.T) {
	m, file := imported(t, "bpi13_incidents.xes.gz", "bpi13")
	s := must[Summary](t)(m.Summary(background))
	if s.Journeys != 7554 || s.Interactions != 65533 || s.Handoffs != 9454 || s.NeverAccepted != file.NeverAccepted {
		t.Errorf("summary is %+v, the file says %+v", s, file)
	}
	for _, level := range []string{LevelGroup, LevelOffered} {
		r := must[NetworkReport](t)(m.Network(background, NetworkOptions{Level: level, Top: 3}))
		if r.Pairs != 9454 || r.Distinct != 2463 || len(r.Rows) != 3 {
			t.Errorf("%s: %d pairs, %d distinct, %d rows", level, r.Pairs, r.Distinct, len(r.Rows))
		}
	}
	custody := must[CustodyReport](t)(m.Custody(background, CustodyOptions{}))
	for _, row := range custody.Rows {
		t.Logf("%-28s %6d in %5d journeys", row.Kind, row.Count, row.Journeys)
	}
	t.Logf("ping-pong rate %.3f, index %.3f, queue %+v", s.PingPongRate, s.PingPongIndex, s.Queue)
	if report := must[RebuildReport](t)(m.Rebuild(background)); !report.Equal {
		t.Errorf("%+v", report)
	}
}
