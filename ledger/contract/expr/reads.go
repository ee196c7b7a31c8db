package expr

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// Reads gives what an expression asks of a variable that is a map: the names of the members, sorted. whole is set where it looks at the map as
// such, or at members whose names are not written down. An expression that Compile refuses reads nothing.
func (l *Language) Reads(expression, variable string) (names []string, whole bool) {
	env, err := cel.NewEnv(l.Options...)
	if err != nil {
		return nil, false
	}
	parsed, issues := env.Parse(expression)
	if issues.Err() != nil {
		return nil, false
	}
	root := ast.NavigateAST(parsed.NativeRep())
	for _, e := range ast.MatchDescendants(root, ast.KindMatcher(ast.IdentKind)) {
		if e.AsIdent() != variable {
			continue
		}
		if name, ok := memberOf(e); ok {
			names = append(names, name)
		} else {
			whole = true
		}
	}
	slices.Sort(names)
	return slices.Compact(names), whole
}

// memberOf gives the name in v.name, has(v.name), v["name"] and "name" in v.
func memberOf(v ast.NavigableExpr) (string, bool) {
	up, ok := v.Parent()
	if !ok {
		return "", false
	}
	var other ast.Expr
	switch {
	case up.Kind() == ast.SelectKind:
		return up.AsSelect().FieldName(), true
	case up.Kind() == ast.CallKind && up.AsCall().FunctionName() == operators.Index && up.AsCall().Args()[0].ID() == v.ID():
		other = up.AsCall().Args()[1]
	case up.Kind() == ast.CallKind && up.AsCall().FunctionName() == operators.In && up.AsCall().Args()[1].ID() == v.ID():
		other = up.AsCall().Args()[0]
	default:
		return "", false
	}
	if other.Kind() != ast.LiteralKind {
		return "", false
	}
	name, ok := other.AsLiteral().Value().(string)
	return name, ok
}
