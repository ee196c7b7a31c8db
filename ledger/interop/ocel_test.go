package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const ocelLog = `{"objectTypes":[{"name":"order","attributes":[]},{"name":"item","attributes":[]},{"name":"group","attributes":[]}],
"eventTypes":[{"name":"place","attributes":[]},{"name":"pack","attributes":[{"name":"weight","type":"float"}]}],
"events":[
{"id":"e1","type":"place","time":"2024-01-01T10:00:00Z","attributes":[{"name":"resource","value":"p1"}],
 "relationships":[{"objectId":"o1","qualifier":"order"},{"objectId":"i1","qualifier":"item"},{"objectId":"g1","qualifier":"by"}]},
{"id":"e2","type":"pack","time":"2024-01-01T11:00:00+01:00","attributes":[{"name":"weight","value":"0.50000000000000000001"},{"name":"resource","value":"p2"}],
 "relationships":[{"objectId":"o1","qualifier":"order"},{"objectId":"o2","qualifier":"order"},{"objectId":"o1","qualifier":"again"},{"objectId":"g2","qualifier":"by"}]},
{"id":"e3","type":"pack","time":"2024-01-01T12:00:00Z","attributes":[],"relationships":[{"objectId":"i1","qualifier":"item"}]}],
"objects":[{"id":"o1","type":"order"},{"id":"o2","type":"order"},{"id":"i1","type":"item"},{"id":"g1","type":"group"},{"id":"g2","type":"group"}]}`

func TestOCELFlattensToOneType(t *testing.T) {
	store := newStore(t)
	o := Options{Path: "log", Reader: strings.NewReader(ocelLog), Preset: "ocel", Map: Map{"case": "order"}, Append: intake(store), Ledger: store}
	s := mustImport(t, o)
	if s.Journeys != 2 || s.Events != 2 || s.Rows != 3 || s.Handoffs != 1 || s.Pairs != 1 || s.Written != 5 {
		t.Errorf("%+v", s)
	}
	want := `interaction.recorded 11:00 {"activity":"pack","stage":"g2","party":"p2","attributes":{"ocel:id":"e2","weight":"0.50000000000000000001",` +
		`"ocel:relationships":[{"objectId":"o1","qualifier":"order"},{"objectId":"o2","qualifier":"order"},{"objectId":"o1","qualifier":"again"},` +
		`{"objectId":"g2","qualifier":"by"}]}}`
	if got := stream(t, store, "journey-o2"); len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := stream(t, store, "journey-o1"); len(got) != 4 || !strings.HasPrefix(got[1], `handoff.offered`) {
		t.Errorf("got %q", got)
	}
	path := filepath.Join(t.TempDir(), "log.ocel.json.gz")
	writeFile(t, path, string(zipped(t, ocelLog)))
	o.Path, o.Reader, o.Preset = path, nil, ""
	if again := mustImport(t, o); again.Written != 0 || again.Skipped != 5 || said(again) != said(s) {
		t.Errorf("again: %+v", again)
	}
}

func TestOCELErrors(t *testing.T) {
	for text, words := range map[string][]string{
		ocelLog[:len(ocelLog)-2]: {"ends early"},
		ocelLog[:len(ocelLog)/2]: {"ends early"},
		"":                       {"ends early"},
		"[]":                     {"not an object"},
		"{}":                     {"no OCEL"},
		`{"objects":1}`:          {"objects is not an array"},
		`{"objects":[1]}`:        {"JSON"},
		"{\"objects\":[},":       {"malformed JSON", "byte"},
		strings.Replace(ocelLog, `"2024-01-01T12`, `"noon `, 1):                            nil,
		strings.Replace(ocelLog, `"2024-01-01T10`, `"noon `, 1):                            {"row 1", `case "o1"`, "noon", "ocel:time"},
		strings.Replace(ocelLog, `"type":"place","time"`, `"type":"","time"`, 1):           {"row 1", "ocel:type", "missing"},
		strings.Replace(ocelLog, `"type":"place","time"`, "\"type\":\"\xff\",\"time\"", 1): {"row 1", "UTF-8"},
	} {
		_, err := count("ocel", text, Map{"case": "order"})
		if words == nil {
			if err != nil { // an event of no order is not looked at
				t.Error(err)
			}
			continue
		}
		wantError(t, err, ledger.CodeInvalid, words...)
	}
	_, err := count("ocel", ocelLog, nil)
	wantError(t, err, ledger.CodeInvalid, "which object type", "--map case=", `"item"`, `"order"`)
	_, err = count("ocel", ocelLog, Map{"case": "ordr"})
	wantError(t, err, ledger.CodeInvalid, `"ordr"`, `did you mean "order"?`)
	_, err = count("ocel", ocelLog, Map{"case": "order", "stage": "desk"})
	wantError(t, err, ledger.CodeInvalid, `"desk"`, `"resource"`)
}

// The log of these tests is one by the standard's own schema.
func TestOCELSampleFitsTheSchema(t *testing.T) {
	path := filepath.Join(filepath.Dir(filepath.Dir(sharedFile(t, "README.md"))), "schemas", "ocel2.schema.json")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs %s", filepath.Base(path))
	}
	schema, err := jsonschema.NewCompiler().Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal([]byte(ocelLog), &doc); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Error(err)
	}
}
