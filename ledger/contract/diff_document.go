package contract

import (
	"fmt"
	"slices"
	"strings"
)

func (d *differ) insight() {
	wasRequired, wasMost := d.old.insightAsked()
	required, most := d.new.insightAsked()
	if wasRequired != required {
		what := "a key insight is required"
		if !required {
			what = "a key insight is no longer required"
		}
		d.field("key_insight", "key-insight", what, aboutPresence)
	}
	if wasMost != most {
		d.field("key_insight", "key-insight", fmt.Sprintf("at most %d letters, before %d", most, wasMost), aboutPresence)
	}
}

func (d *differ) variants() {
	was := map[string]*Variant{}
	for i := range d.old.Variants {
		was[d.old.Variants[i].Name] = &d.old.Variants[i]
	}
	for i := range d.new.Variants {
		v := &d.new.Variants[i]
		before := was[v.Name]
		delete(was, v.Name)
		switch place := "variant/" + v.Name; {
		case before == nil:
			d.variant(place, "variant-added", "added for handoffs where "+v.When)
		case before.When != v.When:
			d.variant(place, "variant-guard", fmt.Sprintf("holds where %s, before where %s", v.When, before.When))
		case !slices.Equal(before.Mandatory, v.Mandatory) || !slices.Equal(before.Optional, v.Optional) || !slices.Equal(before.Omit, v.Omit):
			d.variant(place, "variant-fields", "has "+fieldsOf(v)+", before "+fieldsOf(before))
		}
	}
	for _, name := range keys(was) {
		d.variant("variant/"+name, "variant-removed", "removed, held where "+was[name].When)
	}
}

func fieldsOf(v *Variant) string {
	var said []string
	for _, part := range []struct {
		what  string
		names []string
	}{{"mandatory", v.Mandatory}, {"optional", v.Optional}, {"left out", v.Omit}} {
		if len(part.names) > 0 {
			said = append(said, part.what+" "+strings.Join(part.names, ", "))
		}
	}
	if len(said) == 0 {
		return "no fields of its own"
	}
	return strings.Join(said, "; ")
}

// variant adds a change of a variant; it breaks where a break is about that variant.
func (d *differ) variant(place, kind, what string) {
	level, name := LevelCompatible, "variant "+strings.TrimPrefix(place, "variant/")
	for _, b := range d.breaks {
		if strings.Contains("; "+strings.ReplaceAll(b.Case, ", read as ", "; ")+"; ", "; "+name+"; ") {
			level = LevelBreaking
		}
	}
	d.out = append(d.out, Change{level, kind, place, what})
}

// document compares what stands around the fields.
func (d *differ) document() {
	a, b := d.old, d.new
	d.changed("mode", "", string(a.Mode), string(b.Mode))
	d.changed("reader", "", string(a.Reader), string(b.Reader))
	d.changed("compatibility", "", string(a.Compatibility), string(b.Compatibility))
	d.changed("owner", "", a.Owner, b.Owner)
	d.lists("consumer", a.Consumers, b.Consumers)
	d.lists("point", a.Points, b.Points)
	if a.Title != b.Title || a.Description != b.Description {
		d.note("description", "", "title or description reads otherwise")
	}
	switch u := b.Upcast; {
	case u != nil && u.From == a.Version:
		d.note("upcast", "", "envelopes of version %d are read as version %d: %s", u.From, b.Version, u.words())
	case u != nil:
		d.note("upcast", "", "the upcast is from version %d, not %d", u.From, a.Version)
	}
}

// lists notes what came to a list and what left it.
func (d *differ) lists(kind string, was, now []string) {
	for _, name := range now {
		if !slices.Contains(was, name) {
			d.note(kind+"-added", "", "%s %s", kind, name)
		}
	}
	for _, name := range was {
		if !slices.Contains(now, name) {
			d.note(kind+"-removed", "", "%s %s is gone", kind, name)
		}
	}
}
