package interop

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

func TestCSVScatteredRows(t *testing.T) {
	store := newStore(t)
	text := "\ufeffcase_id;activity;time;stage;party;cost;note\n" +
		"1;open;2020-01-01 10:00;desk;p-1;5;\n" +
		"2;open;2020-01-01T10:01:00Z;desk;p-1;007;\"a;b\"\n" +
		"1;work;2020-01-01 10:02:00.5;lab;p-2;;x\n" +
		"2;shut;2020-01-01;desk;p-1;1;\n"
	s, err := into(store, "csv", text)
	if err != nil || s.Journeys != 2 || s.Events != 4 || s.Handoffs != 1 || s.NeverAccepted != 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	id, _ := eventID(nil, "import:csv", "1", 2, "offered")
	ends := `"from":{"stage":"desk","party":"p-1"},"to":{"stage":"lab"},"channel":"work"`
	want := []string{
		`interaction.recorded 10:00 {"activity":"open","stage":"desk","party":"p-1","attributes":{"cost":"5"}}`,
		`handoff.offered 10:02 {` + ends + `}`,
		`handoff.accepted 10:02 {"handoff":"` + id + `",` + ends + `,"stage":"lab","party":"p-2"}`,
		`interaction.recorded 10:02 {"activity":"work","stage":"lab","party":"p-2","attributes":{"note":"x"}}`,
	}
	if got := stream(t, store, "journey-1"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := stream(t, store, "journey-2"); len(got) != 2 || !strings.Contains(got[0], `"cost":"007","note":"a;b"`) {
		t.Errorf("got %q", got)
	}
}

// Cases whose rows lie windows apart keep their ordinals and their stage, and close at the end of the file.
func TestCSVRowsWindowsApart(t *testing.T) {
	path := t.TempDir() + "/p.yaml"
	writeFile(t, path, "name: far\nformat: csv\ncase: case\nactivity: activity\ntime: time\nstage: stage\n"+
		"handoff: {on: stage, queued_when: {activity: wait}, channel: work}\nclose: {when: {activity: done}}\n")
	var b strings.Builder
	b.WriteString("case,activity,time,stage\n")
	const cases, rounds = 500, 30
	for r := range rounds {
		for c := range cases {
			activity := []string{"wait", "act"}[r%2]
			if r == rounds-1 && c%2 == 0 {
				activity = "done"
			}
			fmt.Fprintf(&b, "%d,%s,2020-01-01T00:%02d:00Z,S%d\n", c, activity, r, r/3%2)
		}
	}
	store := newStore(t)
	s, err := into(store, path, b.String())
	if err != nil || s.Journeys != cases || s.Events != cases*rounds || s.Handoffs != cases*(rounds/3-1) || s.NeverAccepted != 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	checkFolds(t, store, s)
	closed := 0
	for r, err := range store.Read(t.Context(), ledger.ReadOptions{HeaderOnly: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Type == ledger.Type("journey", "closed") {
			closed++
		}
	}
	if closed != cases/2 {
		t.Errorf("%d journeys are closed, want %d", closed, cases/2)
	}
	again, err := into(store, path, b.String())
	if err != nil || again.Written != 0 || again.Skipped != s.Written {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func TestCSVErrorsNameThePlace(t *testing.T) {
	const head = "case,activity,time\n"
	for text, words := range map[string][]string{
		"":                                  {"empty"},
		"case,what,time\n1,a,2020-01-01\n":  {`"activity"`, `"what"`, "--map"},
		"case,case,activity,time\n":         {`"case" stands twice`},
		"case,activity,time,\xff\n":         {"column 4", "UTF-8"},
		head + "1,a,2020-01-01\n2,b\n":      {"row 2", "line 3", "columns"},
		head + "1,a,2020-01-01\n2,,2020\n":  {"row 2", "line 3", `case "2"`, "activity", "missing or empty"},
		head + "1,a,01/02/2020\n":           {"row 1", "line 2", `"time"`, `"01/02/2020"`, "layouts"},
		head + ",a,2020-01-01\n":            {"row 1", `"case"`, "empty"},
		head + "1,\"a\"b,2020-01-01\n":      {"row 1", "line 2", "quotes"},
		head + "1,\"a,2020-01-01\n":         {"row 1", "line 2"},
		head + "1,\xff\xfe,2020-01-01\n":    {"row 1", "line 2", `"activity"`, "UTF-8", "iconv"},
		head + "1,\"a\nb\",2020-01-01\n2,,": {"row 2", "line 4"},
	} {
		_, err := count("csv", text, nil)
		wantError(t, err, ledger.CodeInvalid, words...)
	}
	_, err := count("csv", "CaseID,Activty,time\n", Map{"activity": "Activity"})
	wantError(t, err, ledger.CodeInvalid, `"Activity"`, `did you mean "Activty"?`, `"CaseID"`)
}

func TestCSVHugeCell(t *testing.T) {
	_, err := count("csv", "case,activity,time,note\n1,a,2020-01-01,"+strings.Repeat("x", 2<<20)+"\n", nil)
	wantError(t, err, ledger.CodeTooLarge, "row 1", `"note"`, "2097152")
	endless := io.MultiReader(strings.NewReader("case,activity,time\n1,\""), endlessReader{})
	_, err = Import(t.Context(), Options{Path: "log", Reader: endless, Preset: "csv"})
	wantError(t, err, ledger.CodeTooLarge, "single token")
}

func FuzzCSV(f *testing.F) {
	f.Add("case,activity,time,stage\n1,a,2020-01-01,x\n2,a,2020-01-01,y\n1,b,2020-01-02,z\n")
	f.Add("case;activity;time\n1;\"a;b\";2020-01-01T00:00:00Z\n")
	f.Add("\ufeff\n")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := count("csv", text, nil)
		b, again := count("csv", text, nil)
		if (err == nil) != (again == nil) || said(a) != said(b) {
			t.Errorf("%+v, %v and then %+v, %v", a, err, b, again)
		}
		if err != nil && ledger.CodeOf(err) == ledger.CodeInternal {
			t.Errorf("an error without a code: %v", err)
		}
	})
}
