package contract

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	wrong "github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// problem is what is wrong within a value.
type problem struct {
	path    []string // within it
	message string
}

// maxProblems bounds what is said of one value.
const maxProblems = 20

// deep checks a value with the library: schemas that look into values. Its own messages repeat what was sent, so they are said anew here.
func deep(s *jsonschema.Schema, raw []byte) []problem {
	if unwieldy(raw) {
		return []problem{{nil, fmt.Sprintf("has a number of more than %d digits, or with an exponent of more than %d; send it in another form", maxNumber, maxPower)}}
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return []problem{{nil, "is not JSON"}}
	}
	var invalid *jsonschema.ValidationError
	if err = s.Validate(v); err == nil {
		return nil
	} else if !errors.As(err, &invalid) {
		return []problem{{nil, "cannot be checked"}}
	}
	var out []problem
	flatten(invalid, &out)
	slices.SortFunc(out, func(a, b problem) int {
		return cmp.Or(slices.Compare(a.path, b.path), strings.Compare(a.message, b.message))
	})
	out = slices.CompactFunc(out, func(a, b problem) bool { return a.message == b.message && slices.Equal(a.path, b.path) })
	return out[:min(len(out), maxProblems)]
}

// flatten collects the errors at the ends of the library's tree; those of alternatives are one.
func flatten(e *jsonschema.ValidationError, out *[]problem) {
	switch e.ErrorKind.(type) {
	case *wrong.Schema, *wrong.Group, *wrong.Reference, *wrong.AllOf:
		for _, cause := range e.Causes {
			flatten(cause, out)
		}
		return
	}
	*out = append(*out, problem{e.InstanceLocation, say(e.ErrorKind)})
}

// say words an error without the value.
func say(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *wrong.Type:
		return "is of another type; send " + strings.Join(k.Want, " or ")
	case *wrong.Enum:
		return "is none of the values that its enum allows"
	case *wrong.Const:
		return "is not the one value that its const allows"
	case *wrong.Format:
		return "is not of the format " + k.Want + formatExample(k.Want)
	case *wrong.Pattern:
		return "does not match the pattern " + k.Want + "; send a text that does"
	case *wrong.MinLength:
		return fmt.Sprintf("has %d letters; send at least %d", k.Got, k.Want)
	case *wrong.MaxLength:
		return fmt.Sprintf("has %d letters; send at most %d", k.Got, k.Want)
	case *wrong.Minimum:
		return "is too small; send at least " + newBound(k.Want).written
	case *wrong.Maximum:
		return "is too large; send at most " + newBound(k.Want).written
	case *wrong.ExclusiveMinimum:
		return "is too small; send more than " + newBound(k.Want).written
	case *wrong.ExclusiveMaximum:
		return "is too large; send less than " + newBound(k.Want).written
	case *wrong.MultipleOf:
		return "is no multiple of " + newBound(k.Want).written + "; send one"
	case *wrong.Required:
		return "has no member " + strings.Join(k.Missing, ", ") + "; add what is missing"
	case *wrong.DependentRequired:
		return "has no member " + strings.Join(k.Missing, ", ") + ", which another one calls for; add it"
	}
	return sayContainer(k)
}

// sayContainer words errors of arrays and objects, and of schemas made of others.
func sayContainer(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *wrong.MinItems:
		return fmt.Sprintf("has %d elements; send at least %d", k.Got, k.Want)
	case *wrong.MaxItems:
		return fmt.Sprintf("has %d elements; send at most %d", k.Got, k.Want)
	case *wrong.MinProperties:
		return fmt.Sprintf("has %d members; send at least %d", k.Got, k.Want)
	case *wrong.MaxProperties:
		return fmt.Sprintf("has %d members; send at most %d", k.Got, k.Want)
	case *wrong.UniqueItems:
		return "has equal elements; send each once"
	case *wrong.Contains, *wrong.MinContains:
		return "has too few elements of the kind that its contains asks for"
	case *wrong.MaxContains:
		return "has too many elements of the kind that its contains asks for"
	case *wrong.AdditionalProperties:
		return fmt.Sprintf("has %d members that its schema does not list; take them out", len(k.Properties))
	case *wrong.PropertyNames:
		return "has a member whose name its schema does not allow"
	case *wrong.FalseSchema:
		return "is not allowed here; take it out"
	case *wrong.AnyOf:
		return "fits none of the alternatives of its anyOf"
	case *wrong.OneOf:
		if len(k.Subschemas) > 0 {
			return "fits more than one of the alternatives of its oneOf"
		}
		return "fits none of the alternatives of its oneOf"
	case *wrong.Not:
		return "is what its not excludes"
	}
	return "breaks its schema"
}
