package ledger_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// The architecture as a test. An import points down this list:
//
//	cmd > server > predict > replay > projections > ledger/* > ledger;   config stands aside
//
// The files are opened and parsed here, not listed by `go list`: `go test` then sees what was read and runs the test
// again when any of it changes.

// ranks orders the top-level folders; everything below a folder shares its rank, except that ledger/* is above ledger.
var ranks = map[string]int{"ledger": 0, "ledger/*": 1, "projections": 2, "replay": 3, "predict": 4, "server": 5, "cmd": 6}

// topLevel are the entries that the repository may hold, besides dotfiles and what .gitignore names at the root.
var topLevel = []string{
	"cmd", "ledger", "projections", "predict", "replay", "config", "server", "docs",
	"go.mod", "go.sum", "README.md", "LICENSE", "CONTRIBUTING.md", "Makefile",
}

// cgoPackage is the one package that may use cgo: it has another half for builds without it, and what it does runs in a process of its own.
const cgoPackage = "predict/learn/liblinear"

func TestImportsPointDown(t *testing.T) {
	files, problems := checkArchitecture(os.DirFS(".."))
	if !slices.Contains(files, "ledger/imports_test.go") || !slices.ContainsFunc(files, inFolder("cmd")) {
		t.Errorf("read %d files and not the module: %v", len(files), files)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

func inFolder(folder string) func(string) bool {
	return func(file string) bool { return strings.HasPrefix(file, folder+"/") }
}

// TestViolationsAreCaught runs the checker on small trees: each has one violation, or none where want is empty.
func TestViolationsAreCaught(t *testing.T) {
	for _, c := range []struct{ file, imports, want string }{
		{"ledger/a.go", "example.org/m/projections", "ledger/a.go:2: ledger > projections points up"},
		{"ledger/a.go", "example.org/m/ledger/relay", "ledger/a.go:2: ledger > ledger/relay points up"},
		{"ledger/a.go", "example.org/m/config", "package ledger imports only the standard library, not example.org/m/config"},
		{"ledger/a.go", "golang.org/x/mod/sumdb/tlog", "package ledger imports only the standard library, not golang.org/x/mod"},
		{"ledger/a.go", "crypto/sha256", ""},
		{"ledger/a_test.go", "pgregory.net/rapid", ""},
		{"ledger/a_test.go", "example.org/m/ledger/pebblestore", ""},
		{"ledger/a_test.go", "example.org/m/server", "ledger/a_test.go:2: ledger > server points up"},
		{"ledger/relay/a.go", "example.org/m/ledger", ""},
		{"ledger/relay/a.go", "github.com/nats-io/nats.go", ""},
		{"ledger/relay/a.go", "example.org/m/ledger/relay/inner", ""},
		{"ledger/relay/a.go", "example.org/m/ledger/notary", "ledger/relay/a.go:2: ledger/relay > ledger/notary are siblings"},
		{"ledger/relay/inner/a.go", "example.org/m/ledger/notary", "are siblings"},
		{"ledger/relay/a_test.go", "example.org/m/ledger/notary", ""},
		{"ledger/relay/a_test.go", "example.org/m/replay", "points up"},
		{"projections/a.go", "example.org/m/ledger/notary", ""},
		{"projections/a.go", "example.org/m/replay", "projections/a.go:2: projections > replay points up"},
		{"replay/deep/a.go", "example.org/m/predict", "replay/deep > predict points up"},
		{"predict/a.go", "example.org/m/replay", ""},
		{"predict/a.go", "example.org/m/server", "points up"},
		{"server/a.go", "example.org/m/cmd/baton", "points up"},
		{"cmd/baton/a.go", "example.org/m/server", ""},
		{"cmd/baton/a.go", "C", "cgo"},
		{"predict/learn/liblinear/a.go", "C", ""},
		{"cmd/baton/a.go", "example.org/m/other", "no layer"},
		{"config/a.go", "github.com/spf13/viper", ""},
		{"config/a.go", "example.org/m/ledger", "config/a.go:2: config imports nothing of ours, not example.org/m/ledger"},
		{"config/a_test.go", "example.org/m/config", ""},
		{"replay/a.go", "example.org/m/config", ""},
		{"cmd/baton/testdata/a.go", "example.org/m/other", ""},
		{"util/a.go", "fmt", "util: not a top-level entry"},
		{"baton-data/a.go", "fmt", ""},
	} {
		tree := fstest.MapFS{
			"go.mod":     {Data: []byte("module example.org/m\n\ngo 1.26\n")},
			".gitignore": {Data: []byte("# local\n/baton-*\n*.tmp\n")},
			c.file:       {Data: []byte("package p\nimport " + strconv.Quote(c.imports) + "\n")},
		}
		_, problems := checkArchitecture(tree)
		found := strings.Join(problems, "\n")
		if c.want == "" && found != "" || !strings.Contains(found, c.want) {
			t.Errorf("%s imports %s: found %q, want %q", c.file, c.imports, found, c.want)
		}
	}
}

// checkArchitecture returns the Go files it read and what is wrong with them, one line each.
func checkArchitecture(tree fs.FS) (files, problems []string) {
	module, err := modulePath(tree)
	if err != nil {
		return nil, []string{err.Error()}
	}
	ignored := rootIgnores(tree)
	entries, err := fs.ReadDir(tree, ".")
	if err != nil {
		return nil, []string{err.Error()}
	}
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), ".") || matchesAny(ignored, e.Name()):
		case !slices.Contains(topLevel, e.Name()):
			problems = append(problems, e.Name()+": not a top-level entry of this repository; see topLevel in ledger/imports_test.go")
		case e.IsDir():
			files = append(files, goFiles(tree, e.Name())...)
		}
	}
	for _, file := range files {
		problems = append(problems, checkFile(tree, module, file)...)
	}
	return files, problems
}

func modulePath(tree fs.FS) (string, error) {
	text, err := fs.ReadFile(tree, "go.mod")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if module, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
			return module, nil
		}
	}
	return "", fmt.Errorf("go.mod names no module")
}

// rootIgnores are the patterns of .gitignore that start with a slash: build output and local data, no part of the tree.
func rootIgnores(tree fs.FS) (patterns []string) {
	text, _ := fs.ReadFile(tree, ".gitignore") // without the file nothing is ignored
	for line := range strings.Lines(string(text)) {
		if pattern, ok := strings.CutPrefix(strings.TrimSpace(line), "/"); ok {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}

// goFiles lists the Go files below a folder that the go command would build.
func goFiles(tree fs.FS, folder string) (files []string) {
	_ = fs.WalkDir(tree, folder, func(name string, e fs.DirEntry, err error) error {
		base := path.Base(name)
		hidden := strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata"
		switch {
		case err != nil:
			files = append(files, name) // checkFile reports why it cannot be read
		case e.IsDir() && hidden:
			return fs.SkipDir
		case !e.IsDir() && !hidden && strings.HasSuffix(name, ".go"):
			files = append(files, name)
		}
		return nil
	})
	return files
}

func checkFile(tree fs.FS, module, file string) (problems []string) {
	source, err := fs.ReadFile(tree, file)
	if err != nil {
		return []string{err.Error()}
	}
	positions := token.NewFileSet()
	parsed, err := parser.ParseFile(positions, file, source, parser.ImportsOnly)
	if err != nil {
		return []string{err.Error()}
	}
	for _, spec := range parsed.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value) // the parser has seen to it that it is a string
		if why := checkImport(module, file, imported); why != "" {
			problems = append(problems, fmt.Sprintf("%s:%d: %s", file, positions.Position(spec.Pos()).Line, why))
		}
	}
	return problems
}

// checkImport says what is wrong with one import, or nothing.
func checkImport(module, file, imported string) string {
	from, isTest := path.Dir(file), strings.HasSuffix(file, "_test.go")
	to, ours := strings.CutPrefix(imported, module+"/")
	switch {
	case imported == "C" && from == cgoPackage:
		return ""
	case imported == "C":
		return "cgo is not used here"
	case ours && folder(to) == "config":
		if from == "ledger" && !isTest {
			return "package ledger imports only the standard library, not " + imported
		}
		return ""
	case ours && folder(from) == "config":
		return "config imports nothing of ours, not " + imported
	case ours:
		return checkArrow(from, to, isTest)
	case from == "ledger" && !isTest && strings.Contains(folder(imported), "."):
		return "package ledger imports only the standard library, not " + imported
	}
	return ""
}

// checkArrow judges an import between two of our packages. Tests may look sideways: within the ledger family they open
// real engines.
func checkArrow(from, to string, isTest bool) string {
	lower, known := ranks[layer(to)]
	if !known {
		return fmt.Sprintf("%s > %s: %s has no layer", from, to, to)
	}
	upper := ranks[layer(from)]
	switch {
	case isTest && folder(from) == "ledger" && folder(to) == "ledger":
		return ""
	case lower > upper:
		return fmt.Sprintf("%s > %s points up", from, to)
	case layer(from) == "ledger/*" && layer(to) == "ledger/*" && family(from) != family(to):
		return fmt.Sprintf("%s > %s are siblings: what both need moves up into ledger, and cmd wires", from, to)
	}
	return ""
}

// folder is the first element of a path.
func folder(p string) string { first, _, _ := strings.Cut(p, "/"); return first }

// layer is the entry of ranks that a package belongs to.
func layer(p string) string {
	if folder(p) == "ledger" && p != "ledger" {
		return "ledger/*"
	}
	return folder(p)
}

// family is the folder below ledger that a package is in: ledger/relay for ledger/relay/inner.
func family(p string) string { return strings.Join(strings.SplitN(p, "/", 3)[:2], "/") }
