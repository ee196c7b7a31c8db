package contract

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/baton-ledger/baton/ledger"
)

const opParse = "read contract"

// MaxFields and MaxDocument bound a document; a contract near them is a dump and no agreement.
const (
	MaxFields   = 500
	MaxDocument = 256 << 10
)

// Parse reads one contract, YAML or JSON, and checks that it says something that can be meant: known members, classes, modes, names that
// are there. Whether it is a good contract is for Lint. Errors are CodeInvalid and name the member.
func Parse(document []byte) (*Contract, error) {
	if len(document) > MaxDocument {
		return nil, ledger.Errorf(ledger.CodeTooLarge, opParse, "split it, or move descriptions elsewhere", "the document has %d bytes, at most %d are allowed", len(document), MaxDocument)
	}
	text, err := asJSON(document)
	if err != nil {
		return nil, err
	}
	c := &Contract{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, opParse, "see docs/contracts.md for the members", "%s", plainJSONError(err))
	}
	c.defaults()
	return c, c.check()
}

// defaults fills in what a document need not say.
func (c *Contract) defaults() {
	if c.Reader == "" {
		c.Reader = Strict
	}
	if c.Mode == "" {
		c.Mode = Observe
	}
	if c.Compatibility == "" {
		c.Compatibility = Backward
	}
}

// asJSON turns YAML, of which JSON is a part, into JSON.
func asJSON(document []byte) ([]byte, error) {
	var v any
	d := yaml.NewDecoder(bytes.NewReader(document))
	switch err := d.Decode(&v); {
	case errors.Is(err, io.EOF):
		return nil, ledger.Errorf(ledger.CodeInvalid, opParse, "begin it with contract: <name>", "the document is empty")
	case err != nil:
		return nil, ledger.Errorf(ledger.CodeInvalid, opParse, "check the indentation, and quote texts with : or #", "the document is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if _, ok := v.(map[string]any); !ok {
		return nil, ledger.Errorf(ledger.CodeInvalid, opParse, "begin it with contract: <name>", "the document is no mapping of names to values")
	}
	if err := d.Decode(new(any)); err == nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, opParse, "put each contract into a file of its own", "there are two documents in one file")
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, opParse, "use texts as names of members", "the document cannot be written as JSON: %s", err)
	}
	return out, nil
}

// plainJSONError says of a decoding error what a writer of YAML can do something with.
func plainJSONError(err error) string {
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) {
		return fmt.Sprintf("%s is a %s, where another kind of value belongs", t.Field, t.Value)
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

func (c *Contract) check() error {
	bad := func(hint, format string, args ...any) error {
		return ledger.Errorf(ledger.CodeInvalid, opParse, hint, format, args...)
	}
	switch {
	case !ValidName(c.Name):
		return bad("use letters, digits and . _ - > @ %, in parts joined by /, the last not as v2", "contract: %.80q is no name", c.Name)
	case c.Version < 1:
		return bad("count versions from 1", "version: %d", c.Version)
	case !slices.Contains(Modes(), c.Mode):
		return bad("use "+join(Modes()), "mode: %.40q is none", string(c.Mode))
	case c.Reader != Strict && c.Reader != Tolerant:
		return bad("use strict or tolerant", "reader: %.40q is none", string(c.Reader))
	case !slices.Contains(Compatibilities(), c.Compatibility):
		return bad("use "+join(Compatibilities()), "compatibility: %.40q is none", string(c.Compatibility))
	case len(c.Fields) > MaxFields:
		return bad("agree on what the next step needs", "fields: %d, at most %d are allowed", len(c.Fields), MaxFields)
	case c.KeyInsight != nil && c.KeyInsight.Max < 0:
		return bad("leave max out for 280 letters", "key_insight.max: %d", c.KeyInsight.Max)
	}
	seen := map[string]bool{}
	for i := range c.Fields {
		f := &c.Fields[i]
		switch {
		case f.Name == "" || len(f.Name) > 256 || strings.ContainsAny(f.Name, "\x00\n\r\t"):
			return bad("give it a short name of one line", "fields[%d].name: %.80q", i, f.Name)
		case seen[f.Name]:
			return bad("list it once", "fields: %q stands there twice", f.Name)
		case !slices.Contains(Classes(), f.Class):
			return bad("use "+join(Classes()), "field %q, class: %.40q is none", f.Name, string(f.Class))
		case f.FreshFor < 0 || f.Weight < 0:
			return bad("leave it out", "field %q: fresh_for and weight cannot be negative", f.Name)
		}
		seen[f.Name] = true
	}
	for i, v := range c.Variants {
		if v.Name == "" || v.When == "" {
			return bad("give it both", "variants[%d]: name and when", i)
		}
		if err := c.checkVariant(&v, seen); err != nil {
			return err
		}
	}
	return c.checkUpcast(bad)
}

// checkVariant holds a variant to fields that are there, each named once.
func (c *Contract) checkVariant(v *Variant, known map[string]bool) error {
	named := map[string]bool{}
	for _, name := range slices.Concat(v.Mandatory, v.Optional, v.Omit) {
		switch f := c.Field(name); {
		case !known[name]:
			return ledger.Errorf(ledger.CodeInvalid, opParse, "list the field under fields", "variant %q: the contract has no field %.80q", v.Name, name)
		case named[name]:
			return ledger.Errorf(ledger.CodeInvalid, opParse, "name it once", "variant %q: field %q stands there twice", v.Name, name)
		case f.Class == ForwardLooking && !slices.Contains(v.Omit, name):
			return ledger.Errorf(ledger.CodeInvalid, opParse, "take it out", "variant %q: %q is forward-looking, which stays what it is", v.Name, name)
		}
		named[name] = true
	}
	return nil
}

func (c *Contract) checkUpcast(bad func(hint, format string, args ...any) error) error {
	u := c.Upcast
	if u == nil {
		return nil
	}
	if u.From < 1 || u.From >= c.Version {
		return bad("name an earlier version", "upcast.from: %d, to version %d", u.From, c.Version)
	}
	for i, s := range u.Steps {
		n := 0
		for _, set := range []bool{s.Rename != nil, s.Set != nil, s.Move != nil, s.Drop != "", s.Derive != nil} {
			if set {
				n++
			}
		}
		if n != 1 {
			return bad("use one of rename, set, move, drop, derive", "upcast.steps[%d] says %d things", i, n)
		}
	}
	return nil
}

// Field gives a field by its name, nil where there is none.
func (c *Contract) Field(name string) *Field {
	if i := slices.IndexFunc(c.Fields, func(f Field) bool { return f.Name == name }); i >= 0 {
		return &c.Fields[i]
	}
	return nil
}

// In lists the names of the fields of a class, in the document's order.
func (c *Contract) In(class Class) (names []string) {
	for i := range c.Fields {
		if c.Fields[i].Class == class {
			names = append(names, c.Fields[i].Name)
		}
	}
	return names
}

// Canonical is the document as JSON in one spelling: members in the order of the types, white space gone, the members of schemas sorted.
func (c *Contract) Canonical() []byte {
	same := *c
	same.Fields = slices.Clone(c.Fields)
	for i := range same.Fields {
		same.Fields[i].Schema = sorted(same.Fields[i].Schema)
		same.Fields[i].Default = sorted(same.Fields[i].Default)
	}
	out, err := json.Marshal(&same)
	if err != nil {
		panic(err) // raw members were decoded from JSON
	}
	return out
}

// sorted writes a JSON value anew, members by name, every digit kept.
func sorted(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return raw
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return raw
	}
	out, err := json.Marshal(v)
	if err != nil {
		return raw
	}
	return out
}

// Digest is the SHA-256 of the canonical document: what a version is known by.
func (c *Contract) Digest() ledger.Hash { return sha256.Sum256(c.Canonical()) }

// Stream is where a contract's events are, and Subject what they are about: a version of it. Schema is the attribute dataschema of an
// offer that follows the version.
func Stream(name string) string { return "contract-" + name }

// Subject names a version of a contract: "<name>/v<version>".
func Subject(name string, version int) string { return fmt.Sprintf("%s/v%d", name, version) }

// Schema is the dataschema of an event that follows a version: "contracts/<name>/v<version>".
func Schema(name string, version int) string { return "contracts/" + Subject(name, version) }

// ReadSchema reads a dataschema; ok is false for one that names no contract of Baton's.
func ReadSchema(schema string) (name string, version int, ok bool) {
	rest, found := strings.CutPrefix(schema, "contracts/")
	i := strings.LastIndex(rest, "/v")
	if !found || i <= 0 {
		return "", 0, false
	}
	digits := rest[i+2:]
	if digits == "" || len(digits) > 9 || digits[0] == '0' {
		return "", 0, false
	}
	for _, d := range []byte(digits) {
		if d < '0' || d > '9' {
			return "", 0, false
		}
		version = 10*version + int(d-'0')
	}
	return rest[:i], version, true
}

// ValidName reports whether a text can name a contract: parts of letters, digits and . _ - > @ %, joined by /. A point is such a name
// unless its stages are written in other letters; those are percent-encoded here.
func ValidName(name string) bool {
	if _, _, version := ReadSchema("contracts/" + name); version || name == "" || len(name) > 300 || strings.HasSuffix(name, "-") {
		return false // a name that ends as a version's does would be read as one
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._->@%/", c) >= 0) {
			return false
		}
	}
	return true
}

func join[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

// MarshalText writes 36h as 36h and 48h as 2d.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String is what MarshalText writes.
func (d Duration) String() string {
	t := time.Duration(d)
	if t != 0 && t%(24*time.Hour) == 0 {
		return fmt.Sprintf("%dd", t/(24*time.Hour))
	}
	s := t.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// UnmarshalText reads 90s, 15m, 24h, 7d.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	var days int
	if n, err := fmt.Sscanf(s, "%dd", &days); err == nil && n == 1 && fmt.Sprintf("%dd", days) == s && days >= 0 && days < 100_000 {
		*d = Duration(time.Duration(days) * 24 * time.Hour)
		return nil
	}
	t, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%.40q is no span of time, as 90s, 24h or 7d", s)
	}
	*d = Duration(t)
	return nil
}
