package contract

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The levels of changes.
const (
	LevelBreaking   = "breaking"   // keeps the version from the compatibility that it promises
	LevelCompatible = "compatible" // changes what is valid, and breaks nobody
	LevelNote       = "note"       // changes nothing of what is valid
)

// Change is one difference between two versions, in words.
type Change struct {
	Level string `json:"level"`
	Kind  string `json:"kind"`            // field-added, field-removed, field-renamed, class, schema, …
	Field string `json:"field,omitempty"` // as it is called now; variant/<name>; "" for the whole document
	What  string `json:"what"`            // begins with the field
}

// differ collects changes.
type differ struct {
	old, new *Contract
	breaks   []Break
	out      []Change
}

// Diff lists what changed from one version to another: what breaks first, then by the order of the new document. What is breaking is
// judged by the new version's compatibility, backward where it promises none.
func Diff(old, new *Contract) []Change {
	promise := new.Compatibility
	if promise == "" || promise == AnyChange {
		promise = Backward
	}
	d := &differ{old: old, new: new, breaks: Satisfies([]*Contract{old}, new, promise, "")}
	renamed := renames(new.Upcast, old.Version)
	now := func(name string) string { // what the upcast calls a field of old
		if to, ok := renamed[name]; ok && new.Field(name) == nil && new.Field(to) != nil {
			return to
		}
		return name
	}
	was := map[string]*Field{}
	for i := range old.Fields {
		was[now(old.Fields[i].Name)] = &old.Fields[i]
	}
	for i := range new.Fields {
		f := &new.Fields[i]
		before := was[f.Name]
		if before == nil {
			d.field(f.Name, "field-added", "added, "+spoken(f.Class), aboutPresence)
			continue
		}
		if before.Name != f.Name {
			d.field(f.Name, "field-renamed", fmt.Sprintf("was called %s", before.Name), aboutPresence, before.Name)
		}
		d.fields(before, f)
	}
	for i := range old.Fields {
		if name := old.Fields[i].Name; new.Field(now(name)) == nil {
			d.field(name, "field-removed", "removed, was "+spoken(old.Fields[i].Class), aboutPresence)
		}
	}
	d.insight()
	d.variants()
	d.document()
	for i := range d.out {
		if c := &d.out[i]; c.Field != "" {
			c.What = c.Field + ": " + c.What
		}
	}
	rank := map[string]int{LevelBreaking: 0, LevelCompatible: 1, LevelNote: 2}
	slices.SortStableFunc(d.out, func(a, b Change) int { return cmp.Compare(rank[a.Level], rank[b.Level]) })
	return d.out
}

// field adds a change of what is valid; also are other names that the field goes by in breaks.
func (d *differ) field(name, kind, what string, about aspect, also ...string) {
	c := Change{LevelCompatible, kind, name, what}
	for _, b := range d.breaks {
		if b.about != about || b.Field != name && !slices.Contains(also, b.Field) {
			continue
		}
		if !b.Certain && c.Level == LevelCompatible {
			c.What = what + "; whether that breaks cannot be told for certain"
		}
		if b.Certain {
			c.What = what
		}
		if b.Mended {
			c.What += "; the upcast reads old envelopes as new ones"
		}
		c.Level = LevelBreaking
		if b.Certain {
			break
		}
	}
	d.out = append(d.out, c)
}

func (d *differ) note(kind, field, format string, args ...any) {
	d.out = append(d.out, Change{LevelNote, kind, field, fmt.Sprintf(format, args...)})
}

// changed notes a member that has another text.
func (d *differ) changed(kind, field, was, now string) {
	switch {
	case was == now:
	case was == "":
		d.note(kind, field, "%s is %s", spokenKind(kind), now)
	case now == "":
		d.note(kind, field, "%s %s is gone", spokenKind(kind), was)
	default:
		d.note(kind, field, "%s was %s and is %s", spokenKind(kind), was, now)
	}
}

func spokenKind(kind string) string { return strings.ReplaceAll(kind, "-", " ") }

// fields compares one field that both have.
func (d *differ) fields(was, now *Field) {
	if was.Class != now.Class {
		d.field(now.Name, "class", fmt.Sprintf("was %s and is %s", spoken(was.Class), spoken(now.Class)), aboutPresence, was.Name)
	}
	d.schema(was, now)
	if was.Classification != now.Classification {
		what := fmt.Sprintf("classification was %s and is %s", either(was.Classification, "not said"), either(now.Classification, "not said"))
		d.field(now.Name, "classification", what, aboutClassification)
	}
	d.changed("purpose", now.Name, strings.Join(was.Purpose, ", "), strings.Join(now.Purpose, ", "))
	d.changed("subject", now.Name, was.Subject, now.Subject)
	d.changed("freshness", now.Name, freshness(was), freshness(now))
	d.changed("source", now.Name, was.Source, now.Source)
	d.changed("method", now.Name, was.Method, now.Method)
	d.changed("weight", now.Name, weight(was), weight(now))
	d.changed("default", now.Name, string(sorted(was.Default)), string(sorted(now.Default)))
	if was.Title != now.Title || was.Description != now.Description {
		d.note("description", now.Name, "title or description reads otherwise")
	}
}

func freshness(f *Field) string {
	if f.FreshFor == 0 {
		return ""
	}
	return f.FreshFor.String()
}

func weight(f *Field) string {
	if f.Weight == 0 {
		return ""
	}
	return strconv.FormatFloat(f.Weight, 'g', -1, 64)
}

// schema says whether the values of a field became fewer or more, as far as that can be told.
func (d *differ) schema(was, now *Field) {
	a, b := readSchema(was.Schema), readSchema(now.Schema)
	if canonicalText(a) == canonicalText(b) {
		return
	}
	narrower, wider := lost(a, b, d.old.Version, d.new.Version), lost(b, a, d.new.Version, d.old.Version)
	switch {
	case narrower == "" && wider == "":
		d.field(now.Name, "schema", "the schema is written otherwise and allows the same values", aboutValues, was.Name)
	case narrower == "":
		d.field(now.Name, "schema-widened", "more values are allowed: "+wider, aboutValues, was.Name)
	case wider == "":
		d.field(now.Name, "schema-narrowed", "fewer values are allowed: "+narrower, aboutValues, was.Name)
	default:
		d.field(now.Name, "schema", "other values are allowed: "+narrower, aboutValues, was.Name)
	}
}
