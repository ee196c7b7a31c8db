package contract

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Limits of lint. The first is what people who fill in forms bear before they enter junk, the second what one iteration can be judged by.
const (
	MaxMandatory = 5 // fields that a person must fill in
	MaxNewFields = 3 // in one version
)

// The levels of findings.
const (
	LevelError   = "error"   // not published without an exception
	LevelWarning = "warning" // said, and published
)

// Finding is one thing that lint has to say of a contract.
type Finding struct {
	Rule    string `json:"rule"`
	Level   string `json:"level"`           // error or warning
	Field   string `json:"field,omitempty"` // or variant/<name>, "" for the whole document
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

// LintOptions is what lint knows beside the document.
type LintOptions struct {
	Previous   *Contract             // the version that this one follows; nil where there is none
	Exceptions []string              // rules whose findings are granted: they become warnings
	Compile    func(*Contract) error // whether schemas and guards compile; nil: not looked at
	Sunset     time.Time             // when the version is to end; zero: not planned
	Now        time.Time             // moment that Sunset is held against; zero: not looked at
}

// linter collects what the rules find.
type linter struct {
	c     *Contract
	o     LintOptions
	found []Finding
}

// Lint says what is wrong with a contract as an agreement, errors first, then in the order of the document. The rules are in
// docs/contracts.md. It reads nothing but its arguments.
func Lint(c *Contract, o LintOptions) []Finding {
	l := &linter{c: c, o: o}
	l.mandatory()
	l.document()
	for i := range c.Fields {
		l.field(&c.Fields[i])
	}
	l.insight()
	l.variants()
	l.upcast()
	l.versions()
	for i := range l.found {
		if f := &l.found[i]; f.Level == LevelError && slices.Contains(o.Exceptions, f.Rule) {
			f.Level, f.Message = LevelWarning, fmt.Sprintf("%s (exception granted: %s)", f.Message, f.Rule)
		}
	}
	slices.SortStableFunc(l.found, func(a, b Finding) int { return cmp.Compare(a.Level, b.Level) }) // error < warning
	return l.found
}

// Errors counts the findings that stand in the way of publishing.
func Errors(findings []Finding) (n int) {
	for _, f := range findings {
		if f.Level == LevelError {
			n++
		}
	}
	return n
}

func (l *linter) say(level, rule, field, fix, format string, args ...any) {
	l.found = append(l.found, Finding{Rule: rule, Level: level, Field: field, Message: fmt.Sprintf(format, args...), Fix: fix})
}

func (l *linter) fail(rule, field, fix, format string, args ...any) {
	l.say(LevelError, rule, field, fix, format, args...)
}

func (l *linter) warn(rule, field, fix, format string, args ...any) {
	l.say(LevelWarning, rule, field, fix, format, args...)
}

// mandatory counts what every case of the contract asks for.
func (l *linter) mandatory() {
	for _, k := range l.c.cases() {
		names := k.in(Mandatory)
		auto := 0
		for _, name := range names {
			if m := l.c.Field(name).Method; m != "" && m != "user" {
				auto++
			}
		}
		switch {
		case len(names) > MaxMandatory:
			l.fail("too-many-mandatory", k.place(), "make the others optional, or have them filled in by a system; or get an exception with its reason",
				"%d fields are mandatory, at most %d should be; %s", len(names), MaxMandatory, fillers(len(names), auto))
		case len(names) == 0 && k.variant != "":
			l.warn("variant-no-mandatory", k.place(), "keep at least what says which case this is about", "no field is mandatory in this variant")
		case len(names) == 0 && len(l.c.Fields) > 0:
			l.warn("no-mandatory", "", "make mandatory what the receiver cannot start without", "no field is mandatory: an empty envelope keeps the contract")
		}
	}
	seen := map[string]Class{}
	for i := range l.c.Fields {
		f := &l.c.Fields[i]
		if was, ok := seen[f.Name]; ok && was != f.Class && (was == ForwardLooking || f.Class == ForwardLooking) {
			l.fail("forward-looking-mandatory", f.Name, "give the prediction a name of its own", "the field is both %s and %s", was, f.Class)
		}
		seen[f.Name] = f.Class
	}
	for _, v := range l.c.Variants {
		for _, name := range v.Mandatory {
			if seen[name] == ForwardLooking {
				l.fail("forward-looking-mandatory", name, "take it out of the variant", "variant %q makes a prediction mandatory", v.Name)
			}
		}
	}
}

// fillers says who fills the mandatory fields in: what systems fill in costs people nothing.
func fillers(all, auto int) string {
	return fmt.Sprintf("people fill in %d, systems %d (method other than user: free for the human)", all-auto, auto)
}

func (l *linter) document() {
	c := l.c
	if c.Owner == "" {
		l.warn("no-owner", "", "set owner to the team that answers for what is sent", "nobody owns the contract")
	}
	if len(c.Consumers) == 0 {
		l.warn("no-consumer", "", "list the teams that read it under consumers", "nobody is said to read it")
	}
	points := map[string]bool{}
	for _, p := range c.Points {
		if points[p] {
			l.warn("duplicate-point", "", "list it once", "point %q stands there twice", p)
		}
		points[p] = true
	}
	if l.o.Compile != nil {
		if err := l.o.Compile(c); err != nil {
			l.fail("does-not-compile", "", "mend the schema or guard", "%s", err)
		}
	}
	if !l.o.Sunset.IsZero() && !l.o.Now.IsZero() && !l.o.Sunset.After(l.o.Now) {
		l.fail("sunset-past", "", "choose a later day, or retire the version", "the version would end on %s, which is over", l.o.Sunset.UTC().Format(time.DateOnly))
	}
}

var (
	classifications = []string{"public", "internal", "personal", "confidential"}
	placeholders    = []string{`"n/a"`, `"na"`, `"none"`, `"-"`, `"--"`, `"."`, `"0000"`, `"test"`, `"xxx"`, `"tbd"`, `"unknown"`, `""`}
)

// identifier reports whether a field says which case an envelope is about, and nothing of it.
func identifier(f *Field) bool { return KindOf(f.Name, f.Class, f.Weight) == Identifier }

func (l *linter) field(f *Field) {
	personal, confidential := f.Classification == "personal", f.Classification == "confidential"
	if (personal || confidential) && len(f.Purpose) == 0 {
		l.fail("no-purpose", f.Name, "say under purpose what the receiver may use it for, or do not pass it", "the field is %s and has no purpose", f.Classification)
	}
	if personal && f.Subject == "" {
		l.fail("no-subject", f.Name, "set subject to whose data it is, as customer", "the field is personal, and nobody can say whose data it is")
	}
	if f.Classification != "" && !slices.Contains(classifications, f.Classification) {
		l.fail("unknown-classification", f.Name, "use "+strings.Join(classifications, ", "), "%q is no classification", f.Classification)
	}
	if !identifier(f) && f.FreshFor == 0 {
		l.warn("no-freshness", f.Name, "set fresh_for, as 7d", "nobody can say when the value is too old to act on")
	}
	if f.Class == Mandatory && f.Method == "model" {
		l.warn("mandatory-from-model", f.Name, "make it forward_looking, or optional", "a model fills the field in, and the handoff cannot happen without it")
	}
	if anything(f.Schema) {
		l.warn("schema-accepts-anything", f.Name, "give it at least a type", "any value keeps the contract")
	}
	if len(f.Default) > 0 {
		l.defaulted(f)
	}
}

// anything reports whether a schema says nothing of its value.
func anything(schema []byte) bool {
	s := readSchema(schema)
	if s == true {
		return true
	}
	m, ok := s.(map[string]any)
	return ok && !slices.ContainsFunc(keys(m), func(k string) bool { return !isAnnotation(k) })
}

// defaulted looks at what forms enter where nobody says anything: such values look like answers.
func (l *linter) defaulted(f *Field) {
	value := string(sorted(f.Default))
	if slices.Contains(placeholders, strings.ToLower(value)) {
		l.warn("placeholder-default", f.Name, "leave the field out where nobody knows it", "the default %s is a placeholder", value)
	}
	m, _ := readSchema(f.Schema).(map[string]any)
	list, _ := m["enum"].([]any)
	for _, v := range list {
		if canonicalText(v) == value {
			l.warn("default-in-enum", f.Name, "leave the default out, or give unknown a value of its own", "the default %s looks like an answer of the list", value)
		}
	}
}

func (l *linter) insight() {
	k := l.c.KeyInsight
	if k != nil && k.Max > DefaultInsight {
		l.warn("long-key-insight", "key_insight", fmt.Sprintf("set max to %d or less", DefaultInsight), "a key insight of %d letters is not read at a glance", k.Max)
	}
	contextual := slices.ContainsFunc(l.c.Fields, func(f Field) bool { return !identifier(&f) })
	if contextual && (k == nil || !k.Required) {
		l.warn("no-key-insight", "key_insight", "set key_insight: {required: true}", "the envelope carries context, and nothing says in one sentence what matters")
	}
}

func (l *linter) variants() {
	guards, names := map[string]string{}, map[string]bool{}
	for _, v := range l.c.Variants {
		if first, twice := guards[v.When]; twice {
			l.warn("variant-never", "variant/"+v.Name, "remove one of them", "variant %q has the same guard and comes first", first)
		} else {
			guards[v.When] = v.Name
		}
		if names[v.Name] {
			l.fail("duplicate-variant", "variant/"+v.Name, "give each a name of its own", "two variants are called %q", v.Name)
		}
		names[v.Name] = true
	}
}
