package interop

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestEmbeddedPresets(t *testing.T) {
	if got := PresetNames(); !slices.Equal(got, []string{"bpi13", "cloudevents", "csv", "ocel", "xes"}) {
		t.Errorf("presets %q", got)
	}
	for _, name := range PresetNames() {
		if p, err := LoadPreset(name); err != nil || p.Name != name || p.Format == "" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestPresetErrorsNameTheKey(t *testing.T) {
	for text, words := range map[string][]string{
		"name: x\nactvity: a\n":            {"line 2", `"actvity"`, `did you mean "activity"?`},
		"handoff:\n  queued_wen: {a: b}\n": {"line 2", `"handoff.queued_wen"`, `did you mean "queued_when"?`},
		"zebra: 1\n":                       {`unknown key "zebra"`},
		"format: xse\n":                    {`"xse"`, `did you mean "xes"?`},
		"optional: [case]\n":               {`"case" cannot be optional`},
		"handoff: {on: party}\n":           {"handoff.on"},
		"close: {}\n":                      {"close: when"},
		"close: yes\n":                     {"preset.close must be a mapping"},
		"":                                 {"empty"},
		"name: [\n":                        {"line"},
		"- 1\n":                            {"must be a mapping"},
		"case: {a: b}\n":                   {"cannot unmarshal"},
		"name: x\nname: y\n":               {"already defined"},
		"layouts: [1]\nname: x\noptional: [nope]": {"nope"},
	} {
		_, err := ParsePreset([]byte(text), "test")
		wantError(t, err, ledger.CodeInvalid, append(words, "test")...)
	}
	_, err := LoadPreset("bpi31")
	wantError(t, err, ledger.CodeInvalid, `did you mean "bpi13"?`, "xes")
	_, err = LoadPreset(filepath.Join(t.TempDir(), "none.yaml"))
	wantError(t, err, ledger.CodeInvalid, "none.yaml")
}

func TestPresetFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tickets.yaml")
	writeFile(t, path, "format: csv\ncase: id\nactivity: [what, did]\ntime: at\nlayouts: [\"02/01/2006 15:04\"]\npayload: [cost]\nprefix: t-\n")
	p, err := LoadPreset(path)
	if err != nil {
		t.Fatal(err)
	}
	want := &Preset{Name: "tickets", Format: "csv", Case: Columns{"id"}, Activity: Columns{"what", "did"}, Time: Columns{"at"},
		Layouts: []string{"02/01/2006 15:04"}, Payload: []string{"cost"}, Prefix: "t-"}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v", p)
	}
	store := newStore(t)
	if _, err := into(store, path, "id,did,at,cost,noise\n7,open,31/12/2020 23:59,5,x\n"); err != nil {
		t.Fatal(err)
	}
	if got := stream(t, store, "journey-t-7"); len(got) != 1 || got[0] != `interaction.recorded 23:59 {"activity":"open","attributes":{"cost":"5"}}` {
		t.Errorf("got %q", got)
	}
}

func TestParseMap(t *testing.T) {
	m, err := ParseMap(`case=a, activity=b=c,"time=x,y",prefix=p-`)
	if want := (Map{"case": "a", "activity": "b=c", "time": "x,y", "prefix": "p-"}); err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("%v, %v", m, err)
	}
	if m, err := ParseMap(" "); err != nil || len(m) != 0 {
		t.Errorf("%v, %v", m, err)
	}
	for text, words := range map[string][]string{
		"case":          {"names no column"},
		"case=":         {"names no column"},
		"cas=a":         {`did you mean "case"?`},
		"case=a,case=b": {"twice"},
		`"case=a`:       {"quote"},
	} {
		_, err := ParseMap(text)
		wantError(t, err, ledger.CodeInvalid, words...)
	}
}
