package projections

import (
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// sharedData finds ../shared/data of the module, and skips where it is absent.
func sharedData(t *testing.T, name string) string {
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
	return path
}

// xes is as much of an XES document as the test needs.
type xes struct {
	Traces []struct {
		Attributes []attribute `xml:"string"`
		Events     []struct {
			Attributes []attribute `xml:"string"`
			Dates      []attribute `xml:"date"`
		} `xml:"event"`
	} `xml:"trace"`
}

type attribute struct {
	Key   string `xml:"key,attr"`
	Value string `xml:"value,attr"`
}

func find(list []attribute, key string) string {
	for _, a := range list {
		if a.Key == key {
			return a.Value
		}
	}
	return ""
}

// TestRunningExample counts the handovers of work of the process-mining textbook's example: PM4Py's handover network by resource
// has, with handovers to oneself, 36 pairs, 20 distinct, Sara→Ellen 4 of them.
func TestRunningExample(t *testing.T) {
	f := must[*os.File](t)(os.Open(sharedData(t, "running-example.xes.gz")))
	defer f.Close()
	var log xes
	check(t, xml.NewDecoder(must[*gzip.Reader](t)(gzip.NewReader(f))).Decode(&log))
	store := newLedger(t)
	defer store.Close()
	appendAll := ledger.Intake(store.AppendAll, ledger.Validate)
	events := 0
	for i, trace := range log.Traces {
		journey := fmt.Sprintf("case-%d-%s", i, find(trace.Attributes, "concept:name"))
		batch := ledger.Batch{Stream: ledger.JourneyStream(journey), Expect: ledger.Any}
		for k, e := range trace.Events {
			data := must[[]byte](t)(json.Marshal(map[string]string{"activity": find(e.Attributes, "concept:name"), "party": find(e.Attributes, "org:resource")}))
			batch.Events = append(batch.Events, ledger.Event{ID: fmt.Sprint(k), Source: "xes", Subject: journey, Data: data,
				Type: ledger.Type("interaction", "recorded"), Time: must[time.Time](t)(time.Parse(time.RFC3339, find(e.Dates, "time:timestamp")))})
			events++
		}
		check(t, appendAll(background, []ledger.Batch{batch})[0].Err)
	}
	m := openModels(t, store, Options{})
	defer m.Close()
	check(t, m.CatchUp(background))
	r := must[NetworkReport](t)(m.Network(background, NetworkOptions{Level: LevelResource, Self: true, Norm: "total"}))
	saraEllen := NetworkRow{}
	for _, row := range r.Rows {
		if row.From == "Sara" && row.To == "Ellen" {
			saraEllen = row
		}
	}
	if events != 42 || r.Pairs != 36 || r.Distinct != 20 || saraEllen.Count != 4 || saraEllen.Share != 4./36 {
		t.Errorf("%d events, %d pairs, %d distinct, Sara to Ellen %+v", events, r.Pairs, r.Distinct, saraEllen)
	}
	without := must[NetworkReport](t)(m.Network(background, NetworkOptions{Level: LevelResource}))
	if without.Pairs != r.Pairs-r.Self || without.Self != r.Self {
		t.Errorf("without handovers to oneself there are %d pairs of %d, %d to oneself", without.Pairs, r.Pairs, r.Self)
	}
}
