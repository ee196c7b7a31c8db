package contract

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract/expr"
)

// Verdict is what a check of one offer found.
type Verdict struct {
	Variant    string             `json:"variant,omitempty"` // that was taken, "" for the fields as they are
	Violations []ledger.Violation `json:"violations,omitempty"`
}

// Valid reports whether the offer keeps its contract.
func (v Verdict) Valid() bool { return len(v.Violations) == 0 }

// maxViolations bounds what is said of one offer. maxName is the longest name of a member, in bytes, that is repeated.
const (
	maxViolations = 100
	maxName       = 256
)

// classNames are the members of an envelope that hold the classes, and classPaths where they are.
var (
	classNames = [...]string{mandatory: "mandatory", optional: "optional", forward: "forward_looking"}
	classPaths = [...]string{mandatory: "/envelope/mandatory", optional: "/envelope/optional", forward: "/envelope/forward_looking"}
)

// findings collects violations in the order in which they are found.
type findings struct {
	list []ledger.Violation
	more int
}

func (f *findings) add(kind, path, field, format string, args ...any) {
	if len(f.list) >= maxViolations {
		f.more++
		return
	}
	f.list = append(f.list, ledger.Violation{Type: kind, Path: path, Field: field, Message: fmt.Sprintf(format, args...)})
}

// Check holds an offer against the contract. It reads the event's data, and changes nothing. What it says never repeats a value, which may be
// personal; names of members are repeated.
//
// A field must stand in the object of its class, as the variant has it; a null there counts as absent. A strict reader refuses every other name in
// the classes' objects, whatever its value; a tolerant one lets it pass, save a forward-looking field under mandatory. Other members of the envelope and
// of the data are not judged, except that the classification in envelope.fields must be the contract's.
//
// Violations come in this order: guards; the shape of the envelope; the contract's fields in its order, each with what is wrong within it by path;
// members that the contract does not know, by class and name; the key insight; classifications. There are at most 100, and then one that counts the rest.
func (k *Compiled) Check(e *ledger.Event) (v Verdict) {
	r := readings.Get().(*reading)
	r.use(k)
	var out findings
	k.check(e, r, &v, &out)
	r.data, r.of = nil, nil
	readings.Put(r)
	if out.more > 0 {
		out.list = append(out.list, ledger.Violation{Type: ledger.UnknownViolation, Message: fmt.Sprintf("there are %d more; mend these first", out.more)})
	}
	v.Violations = out.list
	return v
}

// use makes a reading ready for a contract.
func (r *reading) use(k *Compiled) {
	r.of, r.next = k, 0
	if cap(r.slots) < len(k.fields) {
		r.slots = make([]slot, len(k.fields))
	}
	r.slots = r.slots[:len(k.fields)]
}

func (k *Compiled) check(e *ledger.Event, r *reading, v *Verdict, out *findings) {
	odd := ""
	switch {
	case len(e.Data) == 0:
		r.read(noData)
	case !ledger.IsJSON(e.ContentType):
		odd = "of another type than JSON"
		r.read(noData)
	default:
		r.read(e.Data)
	}
	if r.wrong != "" {
		out.add(ledger.UnknownViolation, "", "", "the data cannot be read as JSON: %s; send data that `jq .` accepts", r.wrong)
		return
	}
	if r.root != object {
		odd = r.root.String()
	}
	classes := k.base
	if taken := k.choose(e, r, out); taken != nil {
		v.Variant, classes = taken.name, taken.classes
	}
	if k.shape(r, out); odd == "" {
		k.contents(r, v.Variant, classes, out)
		return
	}
	before := len(out.list)
	if k.contents(r, v.Variant, classes, out); len(out.list) > before { // something is missing, and everything is
		out.list, out.more = out.list[:before], 0
		out.add(ledger.UnknownViolation, "", "", "the data is %s, and no object with an envelope; send one", odd)
	}
}

var noData = []byte("{}")

// shape holds the envelope and its objects to being objects.
func (k *Compiled) shape(r *reading, out *findings) {
	for _, part := range []struct {
		kind kind
		path string
	}{{r.envelope.kind, "/envelope"}, {r.objects[mandatory].kind, classPaths[mandatory]}, {r.objects[optional].kind, classPaths[optional]},
		{r.objects[forward].kind, classPaths[forward]}, {r.meta.kind, "/envelope/fields"}} {
		if part.kind > null && part.kind != object {
			out.add(ledger.DatatypeMismatch, part.path, "", "%s is %s; send an object", part.path[strings.LastIndexByte(part.path, '/')+1:], part.kind)
		}
	}
}

func (k *Compiled) contents(r *reading, variant string, classes []int, out *findings) {
	for i := range k.fields {
		s, class := &r.slots[i], classes[i]
		if class < omitted && s.in[class].there() {
			k.fields[i].value(r, s.in[class], class, out)
		} else if class == mandatory {
			k.fields[i].missing(s, out)
		}
		for c := range s.in {
			if c != class && s.in[c].kind != absent && (k.strict || c == mandatory && k.base[i] == forward) {
				k.fields[i].misplaced(c, class, variant, out)
			}
		}
	}
	k.unknown(r, out)
	k.keyInsight(r, out)
	for i := range k.fields {
		k.fields[i].classification(r, r.slots[i].classification, out)
	}
}

// value checks a value that stands where it should.
func (f *field) value(r *reading, v span, class int, out *findings) {
	switch {
	case f.rule != nil:
		if wrong := f.rule.check(&r.scanner, v); wrong != "" {
			out.add(ledger.DatatypeMismatch, pointer(classPaths[class], f.Name), f.Name, "field %s %s", expr.Quote(f.Name), wrong)
		}
	case f.deep != nil:
		for _, p := range deep(f.deep, r.raw(v)) {
			path := pointer(pointer(classPaths[class], f.Name), p.path...)
			what := "field " + expr.Quote(f.Name)
			if len(p.path) > 0 {
				what += ": what is at this path"
			}
			out.add(ledger.DatatypeMismatch, path, f.Name, "%s %s", what, p.message)
		}
	}
}

// missing reports a mandatory field that has no value in its place.
func (f *field) missing(s *slot, out *findings) {
	found := "is not there; send it"
	if s.in[mandatory].kind == null {
		found = "is null; send a value"
	}
	for _, c := range []int{optional, forward} {
		if s.in[c].there() {
			found = "stands under envelope." + classNames[c] + "; move it to envelope.mandatory"
		}
	}
	out.add(ledger.RequiredMissing, pointer(classPaths[mandatory], f.Name), f.Name, "mandatory field %s %s", expr.Quote(f.Name), found)
}

// misplaced reports a field that stands in the object of a class that is not its own.
func (f *field) misplaced(c, class int, variant string, out *findings) {
	what := "is not passed in variant " + expr.Quote(variant) + "; take it out"
	switch {
	case c == mandatory && f.Class == ForwardLooking:
		what = "is forward-looking, and never mandatory; move it to envelope.forward_looking"
	case class < omitted:
		what = "is " + classNames[class] + " here; move it to envelope." + classNames[class]
	}
	out.add(ledger.AdditionalProperties, pointer(classPaths[c], f.Name), f.Name, "field %s %s", expr.Quote(f.Name), what)
}

// unknown reports the members that the contract does not list, each once.
func (k *Compiled) unknown(r *reading, out *findings) {
	if len(r.extras) == 0 {
		return
	}
	type member struct {
		class int
		name  string
	}
	list := make([]member, 0, len(r.extras))
	for _, e := range r.extras {
		list = append(list, member{e.class, string(r.letters(e.name))})
	}
	slices.SortFunc(list, func(a, b member) int {
		if a.class != b.class {
			return a.class - b.class
		}
		return strings.Compare(a.name, b.name)
	})
	for _, m := range slices.Compact(list) {
		if len(m.name) > maxName {
			out.add(ledger.AdditionalProperties, classPaths[m.class], "", "a member here has a name of %d bytes; the contract has no such field, take it out", len(m.name))
			continue
		}
		out.add(ledger.AdditionalProperties, pointer(classPaths[m.class], m.name), "", "the contract has no field %s; take it out, or add it to a new version", expr.Quote(m.name))
	}
}

func (k *Compiled) keyInsight(r *reading, out *findings) {
	const path = "/envelope/key_insight"
	switch v := r.insight; {
	case v.kind != text && v.there():
		out.add(ledger.DatatypeMismatch, path, "", "the key insight is %s; send a text of one sentence", v.kind)
	case !v.there() || v.from == v.to:
		if k.insight.Required {
			out.add(ledger.RequiredMissing, path, "", "the key insight is missing; say in one sentence what matters")
		}
	default:
		if int(v.to-v.from) <= k.insight.Max { // a letter has a byte at least
			return
		}
		if n := utf8.RuneCount(r.letters(v)); n > k.insight.Max {
			out.add(ledger.DatatypeMismatch, path, "", "the key insight has %d letters; send at most %d", n, k.insight.Max)
		}
	}
}

// classification holds what the envelope says of a field against the contract.
func (f *field) classification(r *reading, v span, out *findings) {
	if !v.there() || f.Classification == "" || v.kind == text && string(r.letters(v)) == f.Classification {
		return
	}
	out.add(ledger.DatatypeMismatch, pointer("/envelope/fields", f.Name, "classification"), f.Name,
		"field %s is classified otherwise than the contract has it; send %s, or leave the classification out", expr.Quote(f.Name), f.Classification)
}

// pointer adds members to a JSON Pointer (RFC 6901).
func pointer(path string, members ...string) string {
	for _, m := range members {
		path += "/" + pointerEscapes.Replace(m)
	}
	return path
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")
