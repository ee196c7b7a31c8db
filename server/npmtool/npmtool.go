// Package npmtool runs the foreign clients and linters of .ci/npm in tests: what others wrote after the same standards.
//
// They are there after `.ci/run npm`. Where they are not, a test skips, except with CI=true: there it fails.
package npmtool

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Node runs a script of .ci/npm (or a file of a package below node_modules) with arguments, and gives what it printed. A script that
// fails fails the test.
func Node(t testing.TB, script string, args ...string) string {
	t.Helper()
	out, err := Try(t, script, args...)
	if err != nil {
		t.Fatalf("node %s %s: %v\n%s", script, strings.Join(args, " "), err, out)
	}
	return out
}

// Try is Node for scripts that may fail: standard output and standard error together, and the error of the exit status.
func Try(t testing.TB, script string, args ...string) (string, error) {
	t.Helper()
	out, err := Command(t, script, args...).CombinedOutput()
	return string(out), err
}

// Command is a script that is not started yet, for a test that talks to it while it runs.
func Command(t testing.TB, script string, args ...string) *exec.Cmd {
	t.Helper()
	dir := folder(t)
	cmd := exec.CommandContext(t.Context(), "node", append([]string{filepath.Join(dir, script)}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true")
	return cmd
}

// Example is a script from elsewhere in the repository, named as from its root, that finds the packages of .ci/npm beside it.
func Example(t testing.TB, script string, args ...string) *exec.Cmd {
	t.Helper()
	packages, dir := folder(t), t.TempDir()
	text, err := os.ReadFile(filepath.Join(packages, "..", "..", script))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, filepath.Base(script)), text, 0o600)
	}
	if err == nil {
		err = os.Symlink(filepath.Join(packages, "node_modules"), filepath.Join(dir, "node_modules"))
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{filepath.Join(dir, filepath.Base(script))}, args...)...)
	cmd.Dir = dir
	return cmd
}

// folder finds .ci/npm beside the module's go.mod, with its packages installed.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !exists(filepath.Join(dir, "go.mod")) {
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
	dir = filepath.Join(dir, ".ci", "npm")
	_, err = exec.LookPath("node")
	if err == nil && exists(filepath.Join(dir, "node_modules")) {
		return dir
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("Node.js or .ci/npm/node_modules is missing. Try: .ci/run npm")
	}
	t.Skip("Node.js or .ci/npm/node_modules is missing; .ci/run npm installs it")
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
