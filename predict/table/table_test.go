package table

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

func read(t *testing.T, text string) *Text {
	t.Helper()
	out, err := ReadCSV(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestColumnsAndTheirKinds(t *testing.T) {
	f := read(t, "\xef\xbb\xbfid;n;blank;inf;kind\n1;2.5;;Inf;a\n2; ;;7;\n3;-1e3;;NaN;b\n").Frame("id")
	kinds := map[string]Kind{"n": Number, "blank": Number, "inf": Number, "kind": Category}
	if len(f.Columns) != 4 || f.Rows != 3 {
		t.Fatalf("%d columns, %d rows", len(f.Columns), f.Rows)
	}
	for _, c := range f.Columns {
		if c.Kind != kinds[c.Name] {
			t.Errorf("column %s is a %s", c.Name, c.Kind)
		}
	}
	row := make([]Value, 4)
	f.Read(1, row)
	if !math.IsNaN(row[0].Number) || row[3].Text != "" {
		t.Errorf("row 2 is %v", row)
	}
	if f.Read(0, row); !math.IsNaN(row[2].Number) {
		t.Errorf("an infinity is %v", row[2])
	}
}

func TestFilesThatAreNoTables(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "twice": "a,a\n1,2\n", "ragged": "a,b\n1\n"} {
		if _, err := ReadCSV(bufio.NewReader(strings.NewReader(text))); ledger.CodeOf(err) != ledger.CodeInvalid || ledger.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := OpenCSV(t.TempDir() + "/none"); ledger.CodeOf(err) != ledger.CodeNotFound {
		t.Errorf("no file: %v", err)
	}
}

// wide is a frame whose category has so many values, seen as often as times; the outcome is yes for even ones.
func wide(values, times int) (*Frame, Labels) {
	f := New(Column{Name: "n", Kind: Number}, Column{Name: "kind", Kind: Category}, Column{Name: "many", Kind: Category})
	y := Labels{Classes: 2}
	for v := range values {
		for i := range times {
			f.Append([]Value{{Number: float64(i)}, {Text: []string{"a", "b", ""}[i%3]}, {Text: fmt.Sprint("value ", v)}})
			y.Of = append(y.Of, int32(1-v%2))
		}
	}
	return f, y
}

// TestTrainingAndScoringEncodeAlike: a frame's matrix and a single row's encoding are the same vector, and the encoding survives its JSON.
func TestTrainingAndScoringEncodeAlike(t *testing.T) {
	f, y := wide(60, 12)
	e, _ := Fit(f, f.All(), y, Defaults())
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var back Encoding
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	m, row := e.Matrix(f, f.All()), make([]Value, len(f.Columns))
	want, got := make([]float64, e.Width()), make([]float64, e.Width())
	for i := range f.Rows {
		m.Row(i, want)
		f.Read(i, row)
		back.Encode(got, row)
		for j := range want {
			if want[j] != got[j] && !(math.IsNaN(want[j]) && math.IsNaN(got[j])) {
				t.Fatalf("row %d, member %q: %g in the matrix, %g alone", i, e.Names[j], want[j], got[j])
			}
		}
	}
}

func TestEncodingAllocatesNothing(t *testing.T) {
	f, y := wide(60, 12)
	e, _ := Fit(f, f.All(), y, Defaults())
	row, x := []Value{{Number: math.Inf(-1)}, {Text: "never seen"}, {Text: "value 7"}}, make([]float64, e.Width())
	if n := testing.AllocsPerRun(100, func() { e.Encode(x, row) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
	if !math.IsNaN(x[0]) {
		t.Errorf("an infinity became %g", x[0])
	}
	for j, name := range e.Names {
		if strings.HasPrefix(name, "kind = ") && x[j] != 0 {
			t.Errorf("a category never seen has %s = %g", name, x[j])
		}
	}
}

// TestPriors holds the formula, the prior of a value never seen, and that no row outside the training rows is looked at.
func TestPriors(t *testing.T) {
	f, y := wide(60, 30)
	half := f.All()[:f.Rows/2]
	e, _ := Fit(f, half, y, Defaults())
	prior := map[string]float64{}
	row, x := make([]Value, 3), make([]float64, e.Width())
	at := -1
	for j, name := range e.Names {
		if name == "many prior" {
			at = j
		}
	}
	if at < 0 {
		t.Fatalf("there is no prior among %q", e.Names)
	}
	for _, v := range []string{"value 0", "value 1", "value 59", "never"} {
		row[2].Text = v
		e.Encode(x, row)
		prior[v] = x[at]
	}
	g := (450 + 0.5) / (900 + 1.0)
	if want := logOdds((30 + 20*g) / 50); math.Abs(prior["value 0"]-want) > 1e-12 {
		t.Errorf("prior of a category of yes alone is %g, the formula gives %g", prior["value 0"], want)
	}
	if prior["value 59"] != prior["never"] || math.Abs(prior["never"]-logOdds(g)) > 1e-12 {
		t.Errorf("a value outside the training rows has %g, one never seen %g", prior["value 59"], prior["never"])
	}
	if prior["value 1"] >= prior["never"] {
		t.Errorf("a category of no alone has %g", prior["value 1"])
	}
}

// TestCrossFit: where every row has a category of its own kind twice, its own label must not show in its prior.
func TestCrossFit(t *testing.T) {
	f, y := New(Column{Name: "many", Kind: Category}), Labels{Classes: 2}
	for v := range 400 {
		for range 5 {
			f.Append([]Value{{Text: fmt.Sprint(v)}})
			y.Of, y.Group = append(y.Of, int32(v%2)), append(y.Group, int32(v)) // the case is the category
		}
	}
	o := Defaults()
	o.MaxCategories = 1000
	_, m := Fit(f, f.All(), y, o)
	b := m.Blocks[1]
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := range b.Numbers {
		lo, hi = min(lo, b.Numbers[i]), max(hi, b.Numbers[i])
	}
	if hi-lo > 0.5 { // with its own rows a category of five would be 0.8 above or below
		t.Errorf("priors of rows whose category is in no other part go from %g to %g", lo, hi)
	}
}

func TestHundredThousandCategories(t *testing.T) {
	f, y := wide(100_000, 1)
	e, m := Fit(f, f.All(), y, Defaults())
	if e.Width() > 40 || m.Rows != 100_000 {
		t.Errorf("%d members, %d rows", e.Width(), m.Rows)
	}
}

func TestNothingThere(t *testing.T) {
	if err := New(Column{Name: "n", Kind: Number}).Check(); ledger.CodeOf(err) != ledger.CodeInvalid {
		t.Errorf("no rows: %v", err)
	}
	f, y := New(Column{Name: "n", Kind: Number}, Column{Name: "c", Kind: Category}), Labels{Of: []int32{0, 1, 0, 1, 0, 1}, Classes: 2}
	for range 6 {
		f.Append([]Value{{Number: Missing}, {}})
	}
	e, m := Fit(f, f.All(), y, Defaults())
	x := make([]float64, e.Width())
	if m.Row(3, x); !math.IsNaN(x[0]) || e.Names[1] != "c = (missing)" || x[1] != 1 {
		t.Errorf("all missing is %v of %q", x, e.Names)
	}
}

func TestOtherEncodingsAreRefused(t *testing.T) {
	f, y := wide(40, 10)
	e, _ := Fit(f, f.All(), y, Defaults())
	for name, c := range map[string]struct {
		spoil func(*Encoding)
		code  ledger.Code
	}{
		"another version": {func(e *Encoding) { e.Version = 2 }, ledger.CodeUnsupported},
		"fewer names":     {func(e *Encoding) { e.Names = e.Names[1:] }, ledger.CodeCorrupt},
		"a strange kind":  {func(e *Encoding) { e.Columns[0].Kind = "shape" }, ledger.CodeCorrupt},
		"a gap":           {func(e *Encoding) { e.Columns[1].At++ }, ledger.CodeCorrupt},
		"a prior less":    {func(e *Encoding) { e.Columns[2].Prior = e.Columns[2].Prior[1:] }, ledger.CodeCorrupt},
		"a lost column":   {func(e *Encoding) { e.Source[0] = 9 }, ledger.CodeCorrupt},
	} {
		text, _ := json.Marshal(e)
		var bad Encoding
		if err := json.Unmarshal(text, &bad); err != nil {
			t.Fatal(err)
		}
		c.spoil(&bad)
		text, _ = json.Marshal(bad)
		var again Encoding
		if err := json.Unmarshal(text, &again); ledger.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}
