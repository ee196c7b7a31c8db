package simulate

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"strings"
	"testing"
)

// TestProductsAreRounded holds the rule of arith.go: a product of floating-point numbers that the compiler does not know stands in a
// conversion, so that no machine can add to it before it is rounded. A run on one machine could not show a difference.
func TestProductsAreRounded(t *testing.T) {
	set := token.NewFileSet()
	var files []*ast.File
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: importer.ForCompiler(set, "source", nil)}
	if _, err := config.Check("simulate", set, files, info); err != nil {
		t.Fatal(err)
	}
	rounded, products := map[ast.Expr]bool{}, 0
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if info.Types[n.Fun].IsType() {
					rounded[n.Args[0]] = true
				}
			case *ast.BinaryExpr:
				if at := info.Types[n]; n.Op == token.MUL && at.Value == nil && isFloat(at.Type) {
					if products++; !rounded[n] {
						t.Errorf("%s: write float64(x*y)", set.Position(n.Pos()))
					}
				}
			case *ast.AssignStmt:
				if n.Tok == token.MUL_ASSIGN && isFloat(info.Types[n.Lhs[0]].Type) {
					t.Errorf("%s: write x = float64(x*y)", set.Position(n.Pos()))
				}
			}
			return true
		})
	}
	if products < 15 {
		t.Errorf("looked at %d products: this test sees nothing", products)
	}
}

func isFloat(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsFloat != 0
}
