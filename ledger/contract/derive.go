package contract

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract/expr"
)

// maxDeriveCost is of one expression at one envelope, in CEL's measure.
const maxDeriveCost = 100_000

// derivation is a compiled expression over fields. It asks no clock and draws nothing: CEL has neither.
type derivation struct {
	program cel.Program
	asks    []string // fields that the expression names, sorted
}

// derivations is the language of [Derive.From].
var derivations = expr.Language{Noun: "expression", Example: "double(fields.amount) * 100.0", Names: []string{"fields"}, Cost: maxDeriveCost, Any: true,
	Options: []cel.EnvOption{cel.CustomTypeAdapter(inOrder{types.NewEmptyRegistry()}), cel.Variable("fields", cel.MapType(cel.StringType, cel.DynType))}}

// inOrder makes values of what JSON decodes to. Maps are walked by name: an expression over all fields gives the same list each time.
type inOrder struct{ types.Adapter }

func (a inOrder) NativeToValue(v any) ref.Val {
	switch v := v.(type) {
	case map[string]any:
		return orderedMap{types.NewStringInterfaceMap(a, v), keys(v)}
	case []any:
		return types.NewDynamicList(a, v)
	}
	return a.Adapter.NativeToValue(v)
}

type orderedMap struct {
	traits.Mapper
	names []string
}

func (m orderedMap) Iterator() traits.Iterator {
	return types.NewStringList(types.DefaultTypeAdapter, m.names).Iterator()
}

// compile makes the expressions of an upcast ready.
func (u *Upcast) compile() error {
	u.derived = map[int]*derivation{}
	for i, s := range u.Steps {
		if s.Derive == nil {
			continue
		}
		d, err := newDerivation(s.Derive.From)
		if err != nil {
			return u.bad(i, ledger.HintOf(err), "derive %s: %w", s.Derive.Field, err)
		}
		u.derived[i] = d
	}
	return nil
}

func newDerivation(expression string) (*derivation, error) {
	program, err := derivations.Compile(expression)
	if err != nil {
		return nil, err
	}
	asks, _ := derivations.Reads(expression, "fields")
	return &derivation{program, asks}, nil
}

// value evaluates the expression over an envelope's values; nil where it asks for a field that is not there.
func (d *derivation) value(e *Envelope) (json.RawMessage, []string, error) {
	fields := map[string]any{}
	for _, name := range e.Names() {
		raw, _, _ := e.Find(name)
		fields[name] = expr.Decode(raw)
	}
	out, _, err := d.program.Eval(map[string]any{"fields": fields})
	if err != nil {
		if expr.Undefined(err) {
			return nil, nil, nil
		}
		if expr.Mistyped(err) {
			return nil, nil, fmt.Errorf("it combines values of types that do not go together; convert them, as double(fields.amount)")
		}
		return nil, nil, err
	}
	raw, err := jsonOf(out, 0)
	if string(raw) == "null" {
		return nil, nil, err
	}
	return raw, d.asks, err
}

// jsonOf writes a CEL value as JSON.
func jsonOf(v ref.Val, depth int) (json.RawMessage, error) {
	if depth > 32 {
		return nil, fmt.Errorf("the value is nested more than 32 deep")
	}
	switch v := v.(type) {
	case types.Null:
		return json.RawMessage("null"), nil
	case types.Bool:
		return strconv.AppendBool(nil, bool(v)), nil
	case types.Int:
		return strconv.AppendInt(nil, int64(v), 10), nil
	case types.Uint:
		return strconv.AppendUint(nil, uint64(v), 10), nil
	case types.Double:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("the value is no finite number")
		}
		return json.Marshal(float64(v))
	case types.String:
		return json.Marshal(string(v))
	case traits.Lister:
		list := []json.RawMessage{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			item, err := jsonOf(it.Next(), depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		return json.Marshal(list)
	case traits.Mapper:
		object := map[string]json.RawMessage{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			name, ok := key.(types.String)
			if !ok {
				return nil, fmt.Errorf("a map has a key that is no text")
			}
			member, err := jsonOf(v.Get(key), depth+1)
			if err != nil {
				return nil, err
			}
			object[string(name)] = member
		}
		return json.Marshal(object)
	}
	return nil, fmt.Errorf("a value of type %s cannot be written as JSON", v.Type().TypeName())
}
