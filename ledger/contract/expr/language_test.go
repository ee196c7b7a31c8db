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
