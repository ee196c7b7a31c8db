package expr

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

// Language is what one kind of CEL expression may say: what it is called, what it is about, and what one evaluation may cost.
type Language struct {
	Op      string          // of errors, "" where the caller wraps them
	Noun    string          // what an expression is called in errors: condition, filter, guard
	Example string          // for hints
	Names   []string        // of the variables, for hints
	Options []cel.EnvOption // variables and types
	Cost    uint64          // of one evaluation at most, in CEL's own measure: about one for each operation
	Any     bool            // an expression may give any value, and not true or false alone
	Lean    bool            // the cost of expressions without loops is not counted: they end by themselves, and sooner than counted ones
}

// NativeType makes T, whose fields have cel tags, a type of expressions.
func NativeType[T any](alias string) cel.EnvOption {
	return cel.Types(cel.NativeTypeFor[T](cel.NativeTypeAlias(alias), types.ParseStructTag("cel")))
}

// Compile checks an expression, which must be true or false unless the language has Any. Errors are CodeInvalid and say where in the expression.
func (l *Language) Compile(expression string) (cel.Program, error) {
	if strings.TrimSpace(expression) == "" {
		return nil, l.Bad("%s is empty", l.Noun)
	}
	if !utf8.ValidString(expression) {
		return nil, l.Bad("%s is not valid UTF-8", l.Noun)
	}
	limits := []cel.EnvOption{cel.ParserExpressionSizeLimit(maxExpression), cel.ParserRecursionLimit(100), cel.CrossTypeNumericComparisons(true),
		cel.RegexProgramSizeLimit(maxPattern)}
	env, err := cel.NewEnv(append(limits, l.Options...)...)
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInternal, l.Op, "", "set up CEL: %w", err)
	}
	checked, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, l.Bad("%s", l.explain(expression, issues))
	}
	if madePattern(checked) {
		return nil, l.Bad("%s matches a pattern that is no literal", l.Noun)
	}
	if t := checked.OutputType(); !l.Any && !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, l.Bad("%s gives a %s, not true or false: %s", l.Noun, t, Quote(expression))
	}
	options := []cel.ProgramOption{cel.OptimizeRegex(interpreter.MatchesRegexOptimization)}
	if !l.Lean || loops(checked) {
		options = append(options, cel.CostLimit(l.Cost), cel.InterruptCheckFrequency(1000))
	}
	program, err := env.Program(checked, options...)
	if err != nil {
		return nil, l.Bad("%s cannot be evaluated: %s", l.Noun, Clean(err.Error()))
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

// loops reports whether an expression does something for each element of a list or map.
func loops(checked *cel.Ast) bool {
	return len(ast.MatchDescendants(ast.NavigateAST(checked.NativeRep()), ast.KindMatcher(ast.ComprehensionKind))) > 0
}

// Bad is an error of CodeInvalid whose hint gives the example and the variables.
func (l *Language) Bad(format string, args ...any) error {
	return ledger.Errorf(ledger.CodeInvalid, l.Op, "write a CEL expression as "+l.Example+" over "+strings.Join(l.Names, ", "), format, args...)
}

// explain says what is wrong and where, with a caret under the place where the expression is one line.
func (l *Language) explain(expression string, issues *cel.Issues) string {
	e := issues.Errors()[0]
	line, column := e.Location.Line(), e.Location.Column()
	message := strings.ReplaceAll(e.Message, " (in container '')", "")
	out := fmt.Sprintf("%s, line %d, column %d: %s", l.Noun, line, column+1, Clean(message))
	if column < 0 || line < 1 || len(expression) > 200 || strings.Contains(expression, "\n") {
		return out
	}
	runes := []rune(expression)
	before := Clean(string(runes[:min(column, len(runes))]))
	return fmt.Sprintf("%s\n  %s\n  %s^", out, Clean(expression), strings.Repeat(" ", Width(before)))
}

// Undefined is how CEL says that an expression asks for something that is not there: a context field nobody has said yet, a
// handoff that has not been offered.
func Undefined(err error) bool {
	return strings.Contains(err.Error(), "no such key") || strings.Contains(err.Error(), "index out of bounds")
}

// Mistyped is how CEL says that an expression compares or combines values that do not go together.
func Mistyped(err error) bool { return strings.Contains(err.Error(), "no such overload") }

// TooCostly is how CEL says that it gave up.
func TooCostly(err error) bool { return strings.Contains(err.Error(), "cost limit") }
