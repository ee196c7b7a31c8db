package contract

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// Limits of an expression, so that no document runs away with the reader: letters, CEL's own measure of cost, instructions of a pattern.
const (
	maxExpression  = 4096
	maxDeriveCost  = 100_000
	maxPatternSize = 500
)

// derivation is a compiled expression over fields. It asks no clock and draws nothing: CEL has neither.
type derivation struct {
	program cel.Program
	asks    []string // fields that the expression names, sorted
}

var deriveEnv = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(cel.CustomTypeAdapter(inOrder{types.NewEmptyRegistry()}), cel.Variable("fields", cel.MapType(cel.StringType, cel.DynType)), cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(100), cel.CrossTypeNumericComparisons(true), cel.RegexProgramSizeLimit(maxPatternSize))
})

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
			return u.bad(i, "write a CEL expression over fields, as fields.amount * 100.0", "derive %s: %s", s.Derive.Field, err)
		}
		u.derived[i] = d
	}
	return nil
}

func newDerivation(expression string) (*derivation, error) {
	env, err := deriveEnv()
	if err != nil {
		return nil, err
	}
	checked, issues := env.Compile(expression)
	if issues.Err() != nil {
		e := issues.Errors()[0]
		return nil, fmt.Errorf("column %d: %s", e.Location.Column()+1, strings.ReplaceAll(e.Message, " (in container '')", ""))
	}
	root := ast.NavigateAST(checked.NativeRep())
	for _, call := range ast.MatchDescendants(root, ast.FunctionMatcher(overloads.Matches)) {
		args := call.AsCall().Args()
		if args[len(args)-1].Kind() != ast.LiteralKind { // compiled at each envelope, which costs what CEL does not count
			return nil, fmt.Errorf("it matches a pattern that is no literal")
		}
	}
	program, err := env.Program(checked, cel.CostLimit(maxDeriveCost), cel.InterruptCheckFrequency(1000), cel.OptimizeRegex(interpreter.MatchesRegexOptimization))
	if err != nil {
		return nil, err
	}
	return &derivation{program, asked(root)}, nil
}

// asked lists the fields that an expression names: fields.x and fields["x"].
func asked(root ast.NavigableExpr) (names []string) {
	isFields := func(e ast.Expr) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == "fields" }
	for _, e := range ast.MatchDescendants(root, ast.AllMatcher()) {
		switch {
		case e.Kind() == ast.SelectKind && isFields(e.AsSelect().Operand()):
			names = append(names, e.AsSelect().FieldName())
		case e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.Index && isFields(e.AsCall().Args()[0]) && e.AsCall().Args()[1].Kind() == ast.LiteralKind:
			if s, ok := e.AsCall().Args()[1].AsLiteral().(types.String); ok {
				names = append(names, string(s))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// value evaluates the expression over an envelope's values; nil where it asks for a field that is not there.
func (d *derivation) value(e *Envelope) (json.RawMessage, []string, error) {
	fields := map[string]any{}
	for _, name := range e.Names() {
		raw, _, _ := e.Find(name)
		var v any
		if json.Unmarshal(raw, &v) == nil {
			fields[name] = v
		}
	}
	out, _, err := d.program.Eval(map[string]any{"fields": fields})
	if err != nil {
		if strings.Contains(err.Error(), "no such key") {
			return nil, nil, nil
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
