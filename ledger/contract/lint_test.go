package contract

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// sound is a contract that lint has nothing to say of. The cases below change it.
const sound = `
contract: support/refund
version: 2
owner: support
consumers: [billing]
points: ["support>billing@ticket"]
key_insight: {required: true}
fields:
  - {name: order_id, class: mandatory, schema: {type: string}}
  - {name: reason, class: mandatory, schema: {enum: [damaged, late]}, fresh_for: 7d}
  - {name: email, class: optional, schema: {type: string}, classification: personal, purpose: [answer], subject: customer, fresh_for: 30d}
  - {name: churn, class: forward_looking, schema: {type: number}, fresh_for: 1d}
variants:
  - {name: large, when: value > 500.0, mandatory: [email]}
upcast: {from: 1, steps: [{rename: {from: order_no, to: order_id}}]}
`

const before = `
contract: support/refund
version: 1
fields:
  - {name: order_no, class: mandatory, schema: {type: string}}
  - {name: reason, class: mandatory, schema: {enum: [damaged, late]}}
  - {name: email, class: optional, schema: {type: string}}
  - {name: churn, class: forward_looking, schema: {type: number}}
key_insight: {required: true}
`

const six = `
  - {name: a_id, class: mandatory, schema: {type: string}}
  - {name: b_id, class: mandatory, schema: {type: string}, method: system}
  - {name: c_id, class: mandatory, schema: {type: string}}
  - {name: d_id, class: mandatory, schema: {type: string}}
variants:`

func TestLint(t *testing.T) {
	const now = "2026-06-01"
	for _, c := range []struct{ from, to, want string }{
		{"", "", ""},
		{"\nvariants:", six, "error too-many-mandatory: 6 fields are mandatory, at most 5 should be; people fill in 5, systems 1\nerror too-many-mandatory variant/large\nwarning too-many-new-fields: 4 fields are new: a_id, b_id, c_id, d_id\nwarning upcast-makes-invalid a_id"},
		{"mandatory: [email]", "optional: [order_id, reason]", "warning variant-no-mandatory variant/large"},
		{"class: mandatory", "class: optional", "warning no-mandatory: no field is mandatory\nwarning upcast-makes-invalid order_id"},
		{"owner: support\n", "", "warning no-owner"},
		{"consumers: [billing]\n", "", "warning no-consumer"},
		{`points: ["support>billing@ticket"`, `points: ["support>billing@ticket", "support>billing@ticket"`, "warning duplicate-point"},
		{"purpose: [answer], ", "", "error no-purpose email"},
		{"subject: customer, ", "", "error no-subject email"},
		{"classification: personal", "classification: secret", `error unknown-classification email: "secret" is no classification`},
		{", fresh_for: 7d", "", "warning no-freshness reason"},
		{"key_insight: {required: true}\n", "", "warning no-key-insight key_insight"},
		{"required: true", "required: true, max: 300", "warning long-key-insight key_insight"},
		{"{enum: [damaged, late]}", "{enum: [damaged, late]}, default: late", `warning default-in-enum reason: the default "late"`},
		{"{enum: [damaged, late]}", `{enum: [damaged, late]}, default: "N/A"`, `warning placeholder-default reason: the default "N/A"`},
		{"schema: {type: number}", "schema: {title: Churn}", "warning schema-accepts-anything churn"},
		{"{enum: [damaged, late]}", "{enum: [damaged, late]}, method: model", "warning mandatory-from-model reason"},
		{"version: 2", "version: 4", "warning version-gap: version 4 follows version 1"},
		{"upcast: {from: 1, steps: [{rename: {from: order_no, to: order_id}}]}", "", "warning no-upcast: fields of version 1 are gone, and nothing says what became of them: order_no"},
		{"to: order_id}}]", "to: order_id}}, {set: {field: x, class: optional, value: 1}}]", "error upcast-unknown-field x\nwarning upcast-makes-invalid"},
		{"to: order_id}}]", "to: order_id}}, {set: {field: email, class: mandatory, value: 1}}]", "error upcast-wrong-class email\nwarning upcast-makes-invalid email"},
		{"to: order_id}}]", "to: order_id}}, {set: {field: x, class: optional, value: 1}}, {drop: x}]", ""},
		{"{enum: [damaged, late]}", "{enum: [damaged]}", `warning upcast-makes-invalid reason: version 1 allows {"mandatory":{"order_no":"","reason":"late"},"key_insight":"a"}, and the upcast makes {"mandatory":{"order_id":"","reason":"late"},"key_insight":"a"} of it`},
		{"to: order_id}}]", `to: order_id}}, {derive: {field: order_id, class: mandatory, from: 'fields.order_id + fields.churn'}}]`, "warning upcast-fails: upcast v1>v2, steps[1]: derive order_id: it combines values of types"},
		{"to: order_id}}]", "to: order_id}}, {derive: {field: order_id, class: mandatory, from: now()}}]", "error upcast-does-not-compile: upcast v1>v2, steps[1]: derive order_id: expression, line 1, column 4"},
		{"\nupcast", "\n  - {name: again, when: value > 500.0}\nupcast", `warning variant-never variant/again: variant "large" has the same guard`},
		{"\nupcast", "\n  - {name: large, when: value > 900.0}\nupcast", "error duplicate-variant variant/large"},
	} {
		document := sound
		if c.from != "" {
			n := 1
			if c.from == "class: mandatory" {
				n = -1
			}
			document = strings.Replace(sound, c.from, c.to, n)
		}
		o := LintOptions{Previous: parse(t, before), Compile: func(c *Contract) error { _, err := Compile(c); return err }}
		if strings.HasPrefix(c.want, "error duplicate-variant") {
			o.Compile = nil // says the same
		}
		findings := Lint(parse(t, document), o)
		var got []string
		for _, f := range findings {
			if f.Fix == "" {
				t.Errorf("%s has no fix", f.Rule)
			}
			got = append(got, strings.TrimSpace(f.Level+" "+f.Rule+" "+f.Field)+": "+f.Message)
		}
		all := strings.Join(got, "\n")
		want := strings.FieldsFunc(c.want, func(r rune) bool { return r == '\n' })
		for _, w := range want {
			if !strings.Contains(all, w) {
				t.Errorf("%q for %q:\n%s\nwant %s", c.to, c.from, all, w)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%q for %q: %s", c.to, c.from, all)
		}
	}
	end, _ := time.Parse(time.DateOnly, now)
	late := Lint(parse(t, sound), LintOptions{Sunset: end, Now: end})
	if len(late) != 1 || late[0].Rule != "sunset-past" || Errors(late) != 1 || len(Lint(parse(t, sound), LintOptions{Sunset: end, Now: end.Add(-1)})) != 0 {
		t.Errorf("%+v", late)
	}
}

// TestLintBeyondParse: what Parse refuses is found in contracts that were put together otherwise.
func TestLintBeyondParse(t *testing.T) {
	c := parse(t, sound)
	c.Variants[0].Mandatory = []string{"churn"}
	if f := Lint(c, LintOptions{}); len(f) != 1 || f[0].Rule != "forward-looking-mandatory" || f[0].Level != LevelError || f[0].Field != "churn" {
		t.Errorf("%+v", f)
	}
	c = parse(t, sound)
	c.Fields = append(c.Fields, Field{Name: "churn", Class: Mandatory, Schema: []byte(`{"type":"number"}`), FreshFor: 1})
	if f := Lint(c, LintOptions{}); Errors(f) == 0 || f[0].Rule != "forward-looking-mandatory" {
		t.Errorf("%+v", f)
	}
	c = &Contract{Name: "x", Version: 1, Owner: "a", Consumers: []string{"b"}} // stateless: no field at all
	if f := Lint(c, LintOptions{Compile: func(*Contract) error { return errors.New("no") }}); len(f) != 1 || f[0].Rule != "does-not-compile" {
		t.Errorf("%+v", f)
	}
}

func TestLintExceptions(t *testing.T) {
	document := strings.Replace(sound, "\nvariants:", six, 1)
	all := Lint(parse(t, document), LintOptions{})
	granted := Lint(parse(t, document), LintOptions{Exceptions: []string{"too-many-mandatory"}})
	if Errors(all) != 2 || Errors(granted) != 0 || len(all) != len(granted) || !strings.HasSuffix(granted[0].Message, "(exception granted: too-many-mandatory)") {
		t.Errorf("%+v\n%+v", all, granted)
	}
}

// TestLintRulesAreDocumented holds docs/contracts.md to the rules, and the rules to it.
func TestLintRulesAreDocumented(t *testing.T) {
	var inCode, inDocs []string
	for _, file := range []string{"lint.go", "lint_versions.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`l\.(fail|warn)\("([a-z-]+)"`).FindAllStringSubmatch(string(text), -1) {
			inCode = append(inCode, map[string]string{"fail": "error", "warn": "warning"}[m[1]]+" "+m[2])
		}
	}
	text, err := os.ReadFile("../../docs/contracts.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Lint rules\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (error|warning) \\|").FindAllStringSubmatch(section, -1) {
		inDocs = append(inDocs, m[2]+" "+m[1])
	}
	slices.Sort(inCode)
	slices.Sort(inDocs)
	for _, rule := range inCode {
		if _, name, _ := strings.Cut(rule, " "); !KnownRule(name) {
			t.Errorf("no exception can be granted for %s", name)
		}
	}
	if inCode = slices.Compact(inCode); len(inCode) == 0 || !slices.Equal(inCode, inDocs) {
		t.Errorf("in code\n%s\nin docs\n%s", strings.Join(inCode, "\n"), strings.Join(inDocs, "\n"))
	}
}
