package expr

import (
	"strings"
	"testing"

	"cel.dev/cel-go/cel"

	"github.com/baton-ledger/baton/ledger"
)

func testLanguage(cost uint64, free bool) *Language {
	return &Language{Op: "test", Noun: "rule", Example: "n > 1", Names: []string{"n", "m"}, Cost: cost, Any: free,
		Options: []cel.EnvOption{cel.Variable("n", cel.IntType), cel.Variable("m", cel.MapType(cel.StringType, cel.DynType))}}
}

// TestCompileRefuses: what is wrong and where, with a caret under the place.
func TestCompileRefuses(t *testing.T) {
	for _, c := range []struct{ expression, want string }{
		{"", "rule is empty"},
		{" \t", "rule is empty"},
		{"n \xff", "not valid UTF-8"},
		{"n > k", "rule, line 1, column 5: undeclared reference to 'k'\n  n > k\n      ^"},
		{`"漢" == k`, "\n  \"漢\" == k\n          ^"},
		{"n + 1", "rule gives a int, not true or false: \"n + 1\""},
		{`"x".matches(m.p)`, "matches a pattern that is no literal"},
		{`"x".matches("(((a{9}){9}){9}){9}")`, "rule"},
		{strings.Repeat("n > 1 || ", 600) + "true", "rule"},
	} {
		_, err := testLanguage(1000, false).Compile(c.expression)
		if err == nil || ledger.CodeOf(err) != ledger.CodeInvalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: %v, want %q", c.expression, err, c.want)
		} else if hint := ledger.HintOf(err); hint != "write a CEL expression as n > 1 over n, m" {
			t.Errorf("%.40q: hint %q", c.expression, hint)
		}
	}
}

// TestErrorsOfEvaluation: each way in which an expression has no value is told from the others.
func TestErrorsOfEvaluation(t *testing.T) {
	vars := map[string]any{"n": int64(2), "m": map[string]any{"text": "a", "list": []any{1}}}
	for _, c := range []struct {
		expression                     string
		undefined, mistyped, tooCostly bool
	}{
		{expression: "n > 1"},
		{"m.absent > 1", true, false, false},
		{"m.list[3] > 1", true, false, false},
		{"m.text > 1", false, true, false},
		{"[1,2,3,4,5,6,7,8,9].all(x, [1,2,3,4,5,6,7,8,9].all(y, x + y > 0))", false, false, true},
	} {
		p, err := testLanguage(100, false).Compile(c.expression)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = p.Eval(vars)
		if failed := c.undefined || c.mistyped || c.tooCostly; failed != (err != nil) {
			t.Fatalf("%s: %v", c.expression, err)
		}
		if err != nil && (Undefined(err) != c.undefined || Mistyped(err) != c.mistyped || TooCostly(err) != c.tooCostly) {
			t.Errorf("%s: %v", c.expression, err)
		}
	}
}

// TestAny: a language may want values of any kind.
func TestAny(t *testing.T) {
	p, err := testLanguage(100, true).Compile("n + 1")
	if err != nil {
		t.Fatal(err)
	}
	if v, _, err := p.Eval(map[string]any{"n": int64(2), "m": map[string]any{}}); err != nil || v.Value() != int64(3) {
		t.Error(v, err)
	}
}

// TestReads: which members of a map an expression asks for, and when that cannot be told.
func TestReads(t *testing.T) {
	for _, c := range []struct {
		expression, names string
		whole             bool
	}{
		{"n > 1", "", false},
		{`m.a > 1 && m["b c"] < m.a && has(m.d) && "e" in m`, "a,b c,d,e", false},
		{"m.a.b.c == 1", "a", false},
		{"size(m) > 1 || m.a == 1", "a", true},
		{"m[string(n)] == 1", "", true},
		{`m.list.exists(x, x == m.a)`, "a,list", false},
		{`m.exists(k, k == "a")`, "", true},
		{`"m" == "m"`, "", false},
		{"m.", "", false},
	} {
		names, whole := testLanguage(1000, false).Reads(c.expression, "m")
		if got := strings.Join(names, ","); got != c.names || whole != c.whole {
			t.Errorf("%s: %q %v, want %q %v", c.expression, got, whole, c.names, c.whole)
		}
	}
}

// TestLean: what loops is counted all the same, and ends.
func TestLean(t *testing.T) {
	vars := map[string]any{"n": int64(2), "m": map[string]any{}}
	for expression, costly := range map[string]bool{
		strings.Repeat("n + ", 80) + "n > 1":                                       false,
		"[1,2,3,4,5,6,7,8,9].all(x, [1,2,3,4,5,6,7,8,9].all(y, x + y > 0))":        true,
		"[1,2,3,4,5,6,7,8,9].map(x, [1,2,3,4,5,6,7,8,9].map(y, x + y)).size() > 0": true,
	} {
		for _, lean := range []bool{false, true} {
			l := testLanguage(50, false)
			l.Lean = lean
			p, err := l.Compile(expression)
			if err != nil {
				t.Fatal(err)
			}
			stopped := costly || !lean
			if _, _, err := p.Eval(vars); (err != nil) != stopped || stopped && !TooCostly(err) {
				t.Errorf("%.40s, lean %v: %v", expression, lean, err)
			}
		}
	}
}

// TestDecode: whole numbers are int, whatever their spelling says less than an exponent; others are double.
func TestDecode(t *testing.T) {
	for text, want := range map[string]any{`1`: int64(1), `-7.0`: int64(-7), `1.5`: 1.5, `1e2`: 100.0, `9223372036854775807`: int64(9223372036854775807),
		`9223372036854775808`: 9223372036854775808.0, `"x"`: "x", `true`: true, `null`: nil, `{`: nil, ``: nil} {
		if got := Decode([]byte(text)); got != want {
			t.Errorf("%s: %v (%T), want %v", text, got, got, want)
		}
	}
	m, _ := Decode([]byte(`{"a":[1,{"b":2.0}]}`)).(map[string]any)
	if list, _ := m["a"].([]any); len(list) != 2 || list[0] != int64(1) || list[1].(map[string]any)["b"] != int64(2) {
		t.Errorf("%v", m)
	}
}

// TestClean: nothing in a text reaches a terminal as a command.
func TestClean(t *testing.T) {
	for text, want := range map[string]string{"plain ä 漢": "plain ä 漢", "a\x1b[2J": `a\x1b[2J`, "\xff": `\xff`, "a\u202eb": `a\u202eb`, "\u2028": `\u2028`, "👩\u200d🚀": "👩\u200d🚀"} {
		if got := Clean(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := Quote("a\"b\n"); got != `"a\"b\n"` {
		t.Error(got)
	}
	if Width("a漢e\u0301") != 4 {
		t.Error(Width("a漢e\u0301"))
	}
}
