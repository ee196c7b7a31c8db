package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	wrong "github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Draft is the dialect of all schemas of contracts.
const Draft = "https://json-schema.org/draft/2020-12/schema"

// maxNumber bounds a number that the library gets to compute with, in bytes as it is written, and maxPower the digits of its exponent:
// it would write 1e999999 out. Numbers under simple schemas are compared as they stand, at any size.
const (
	maxNumber = 400
	maxPower  = 4
)

// compileSchema makes a field's schema ready, formats asserted. It must stand for itself: no $id, and references within it alone. Patterns are Go's
// (RE2: linear time, so no look-around and no back-references).
func compileSchema(raw json.RawMessage) (*jsonschema.Schema, error) {
	if unwieldy(raw) {
		return nil, fmt.Errorf("it has a number of more than %d digits, or with an exponent of more than %d", maxNumber, maxPower)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, errors.New("it is not JSON")
	}
	if m, ok := doc.(map[string]any); ok {
		if d, there := m["$schema"]; there && strings.TrimSuffix(fmt.Sprint(d), "#") != Draft {
			return nil, errors.New("$schema names another dialect than 2020-12; leave it out")
		}
	}
	if err := selfContained(doc, false); err != nil {
		return nil, err
	}
	if unfolded(doc) > maxUnfolded {
		return nil, fmt.Errorf("its references refer to references, more than %d parts in all: checking a value would take too long", maxUnfolded)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(noLoader{})
	const url = "baton:///field"
	if err := c.AddResource(url, doc); err != nil {
		return nil, err
	}
	s, err := c.Compile(url)
	if err != nil {
		return nil, plainSchemaError(err)
	}
	return s, nil
}

// noLoader loads nothing.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, errors.New("a field's schema cannot refer to other documents")
}

// values are the members of schemas that hold values and no schemas; members are those that hold schemas by name.
var (
	valueKeywords  = []string{"const", "enum", "default", "examples"}
	memberKeywords = []string{"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"}
)

// selfContained refuses what would make a schema depend on another document, or be another one. named is set for a map of schemas by name.
func selfContained(v any, named bool) error {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			if err := selfContained(one, false); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, one := range v {
			if !named {
				if err := checkKeyword(name, one); err != nil {
					return err
				}
				if slices.Contains(valueKeywords, name) {
					continue
				}
			}
			if err := selfContained(one, !named && slices.Contains(memberKeywords, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkKeyword(name string, v any) error {
	switch name {
	case "$id":
		return errors.New("$id is the contract's to give; leave it out, and refer by #/$defs/…")
	case "$ref", "$dynamicRef", "$recursiveRef":
		if ref, ok := v.(string); ok && !strings.HasPrefix(ref, "#") {
			return fmt.Errorf("%s: %.80q is outside the schema; put what it names under $defs, and refer by #/$defs/…", name, ref)
		}
	}
	return nil
}

// unwieldy reports whether a JSON text has a number that the library should not compute with.
func unwieldy(raw []byte) bool {
	quoted := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c >= '0' && c <= '9'):
			from, power := i, 0
			for ; i < len(raw) && strings.IndexByte("0123456789+-.eE", raw[i]) >= 0; i++ {
				switch {
				case raw[i] == 'e' || raw[i] == 'E':
					power = 1
				case power > 0 && raw[i] >= '0' && raw[i] <= '9' && !(power == 1 && raw[i] == '0'):
					power++
				}
			}
			if i-from > maxNumber || power > maxPower+1 {
				return true
			}
			i--
		}
	}
	return false
}

// plainSchemaError says in one line what is wrong with a schema, and where in it.
func plainSchemaError(err error) error {
	var invalid *jsonschema.ValidationError
	if bad := (*jsonschema.SchemaValidationError)(nil); errors.As(err, &bad) && errors.As(bad.Err, &invalid) {
		for len(invalid.Causes) > 0 {
			invalid = invalid.Causes[0]
		}
		if f, ok := invalid.ErrorKind.(*wrong.Format); ok && f.Want == "regex" {
			return fmt.Errorf("%w (patterns are RE2: no look-around, no back-references)", invalid)
		}
		return invalid
	}
	return errors.New(strings.ReplaceAll(err.Error(), "baton:///field", ""))
}
