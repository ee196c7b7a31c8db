package replay

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"github.com/baton-ledger/baton/ledger"
)

// maxExpression is the longest expression, in code points.
const maxExpression = 4096

// maxPattern is the largest regular expression, in instructions of its program. CEL counts the letters of a pattern, and "a{1000}b{1000}" has few.
const maxPattern = 500

// language is what one kind of CEL expression may say: what it is called, what it is about, and what one evaluation may cost.
type language struct {
	op, noun, example string
	names             []string // of the variables, for hints
	options           []cel.EnvOption
	cost              uint64
}

// nativeType makes T, whose fields have cel tags, a type of expressions.
func nativeType[T any](alias string) cel.EnvOption {
	return cel.Types(cel.NativeTypeFor[T](cel.NativeTypeAlias(alias), types.ParseStructTag("cel")))
}

// compile checks an expression, which must be true or false. Errors are CodeInvalid and say where in the expression.
func (l *language) compile(expression string) (cel.Program, error) {
	if strings.TrimSpace(expression) == "" {
		return nil, l.bad("%s is empty", l.noun)
	}
	if !utf8.ValidString(expression) {
		return nil, l.bad("%s is not valid UTF-8", l.noun)
	}
	limits := []cel.EnvOption{cel.ParserExpressionSizeLimit(maxExpression), cel.ParserRecursionLimit(100), cel.CrossTypeNumericComparisons(true),
		cel.RegexProgramSizeLimit(maxPattern)}
	env, err := cel.NewEnv(append(limits, l.options...)...)
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInternal, l.op, "", "set up CEL: %w", err)
	}
	checked, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, l.bad("%s", l.explain(expression, issues))
	}
	if madePattern(checked) {
		return nil, l.bad("%s matches a pattern that is no literal", l.noun)
	}
	if t := checked.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, l.bad("%s gives a %s, not true or false: %s", l.noun, t, quote(expression))
	}
	program, err := env.Program(checked, cel.CostLimit(l.cost), cel.InterruptCheckFrequency(1000), cel.OptimizeRegex(interpreter.MatchesRegexOptimization))
	if err != nil {
		return nil, l.bad("%s cannot be evaluated: %s", l.noun, clean(err.Error()))
	}
	return program, nil
}

// madePattern reports whether a regular expression is put together by the expression. It would be compiled at each event, whatever it came out as, and CEL
// counts none of that.
func madePattern(checked *cel.Ast) bool {
	root := ast.NavigateAST(checked.NativeRep())
	return slices.ContainsFunc(ast.MatchDescendants(root, ast.FunctionMatcher(overloads.Matches)), func(e ast.NavigableExpr) bool {
		args := e.AsCall().Args()
		return args[len(args)-1].Kind() != ast.LiteralKind
	})
}

func (l *language) bad(format string, args ...any) error {
	return ledger.Errorf(ledger.CodeInvalid, l.op, "write a CEL expression as "+l.example+" over "+strings.Join(l.names, ", "), format, args...)
}

// explain says what is wrong and where, with a caret under the place where the expression is one line.
func (l *language) explain(expression string, issues *cel.Issues) string {
	e := issues.Errors()[0]
	line, column := e.Location.Line(), e.Location.Column()
	message := strings.ReplaceAll(e.Message, " (in container '')", "")
	out := fmt.Sprintf("%s, line %d, column %d: %s", l.noun, line, column+1, clean(message))
	if column < 0 || line < 1 || len(expression) > 200 || strings.Contains(expression, "\n") {
		return out
	}
	runes := []rune(expression)
	before := clean(string(runes[:min(column, len(runes))]))
	return fmt.Sprintf("%s\n  %s\n  %s^", out, clean(expression), strings.Repeat(" ", width(before)))
}

// undefined is how CEL says that an expression asks for something that is not there: a context field nobody has said yet, a
// handoff that has not been offered.
func undefined(err error) bool {
	return strings.Contains(err.Error(), "no such key") || strings.Contains(err.Error(), "index out of bounds")
}

// mistyped is how CEL says that an expression compares or combines values that do not go together.
func mistyped(err error) bool { return strings.Contains(err.Error(), "no such overload") }

// tooCostly is how CEL says that it gave up.
func tooCostly(err error) bool { return strings.Contains(err.Error(), "cost limit") }
