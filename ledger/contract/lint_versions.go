package contract

import (
	"slices"
	"strings"
)

// upcast holds the upcast to the document: what it makes must be declared.
func (l *linter) upcast() {
	u := l.c.Upcast
	if u == nil {
		return
	}
	for i, s := range u.Steps {
		field, class := s.makes()
		f := l.c.Field(field)
		switch {
		case field == "" || u.removes(field, i+1):
		case f == nil:
			l.fail("upcast-unknown-field", field, "list the field, or drop it in a later step", "steps[%d] of the upcast makes a field that the version does not have", i)
		case class != "" && class != f.Class && !u.moves(field, i+1):
			l.fail("upcast-wrong-class", field, "use class: "+string(f.Class), "steps[%d] of the upcast puts the field into %s, and it is %s", i, class, f.Class)
		}
	}
}

// makes gives the field that a step leaves behind, and the class where the step says one.
func (s *Step) makes() (field string, class Class) {
	switch {
	case s.Rename != nil:
		return s.Rename.To, ""
	case s.Set != nil:
		return s.Set.Field, s.Set.Class
	case s.Move != nil:
		return s.Move.Field, s.Move.Class
	case s.Derive != nil:
		return s.Derive.Field, s.Derive.Class
	}
	return "", ""
}

// removes and moves report whether a step from the given one on takes the field away, or puts it elsewhere.
func (u *Upcast) removes(field string, from int) bool {
	return slices.ContainsFunc(u.Steps[from:], func(s Step) bool { return s.Drop == field || s.Rename != nil && s.Rename.From == field })
}

func (u *Upcast) moves(field string, from int) bool {
	return slices.ContainsFunc(u.Steps[from:], func(s Step) bool { return s.Move != nil && s.Move.Field == field })
}

// versions holds the document to the one before it.
func (l *linter) versions() {
	old := l.o.Previous
	if old == nil {
		return
	}
	if l.c.Version != old.Version+1 {
		l.warn("version-gap", "", "count on by one", "version %d follows version %d", l.c.Version, old.Version)
	}
	renamed := renames(l.c.Upcast, old.Version)
	var added, gone []string
	for i := range l.c.Fields {
		if name := l.c.Fields[i].Name; old.Field(name) == nil && !slices.Contains(values(renamed), name) {
			added = append(added, name)
		}
	}
	for i := range old.Fields {
		if name := old.Fields[i].Name; l.c.Field(name) == nil {
			gone = append(gone, name)
		}
	}
	if len(added) > MaxNewFields {
		l.warn("too-many-new-fields", "", "add three, look what they change for two weeks, then the next",
			"%d fields are new: %s; what each of them is worth cannot be told apart", len(added), strings.Join(added, ", "))
	}
	if l.c.Upcast != nil && l.c.Upcast.From == old.Version {
		l.upcastResults(old)
	}
	if len(gone) > 0 && (l.c.Upcast == nil || l.c.Upcast.From != old.Version) {
		l.warn("no-upcast", "", "add an upcast with rename or drop steps", "fields of version %d are gone, and nothing says what became of them: %s", old.Version, strings.Join(gone, ", "))
	}
}

// upcastResults tries the upcast on envelopes of the version before, as they are without a variant.
func (l *linter) upcastResults(old *Contract) {
	k, err := Compile(l.c)
	if err != nil {
		return // said elsewhere
	}
	problems, err := UpcastProblems(old, l.c, k.CheckEnvelope)
	if err != nil {
		l.fail("upcast-does-not-compile", "", "mend the expression", "%s", err)
		return
	}
	said := map[string]bool{}
	for _, p := range problems {
		field := ""
		if p.Error == "" {
			field = p.Violations[0].Field
		}
		if p.Case != "" || said[p.Error+field] { // of a variant, only its own offers would show it
			continue
		}
		said[p.Error+field] = true
		if p.Error != "" {
			l.warn("upcast-fails", "", "drop what stands in the way in an earlier step", "%s; for the envelope %s", p.Error, p.Envelope)
			continue
		}
		l.warn("upcast-makes-invalid", field, "mend the upcast, or allow what it makes", "version %d allows %s, and the upcast makes %s of it: %s",
			old.Version, p.Envelope, p.Becomes, p.Violations[0].Message)
	}
}
