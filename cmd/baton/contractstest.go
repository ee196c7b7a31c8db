package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
)

// testAnswer is what `baton contracts test --json` prints.
type testAnswer struct {
	Contract string     `json:"contract"`
	Version  int        `json:"version"`
	OK       bool       `json:"ok"`
	Passed   int        `json:"passed"`
	Failed   int        `json:"failed"`
	Cases    []testCase `json:"cases"`
}

// testCase is one fixture: what was expected of it, and what the contract says.
type testCase struct {
	File       string             `json:"file"`
	Expect     string             `json:"expect"` // valid, invalid
	OK         bool               `json:"ok"`
	Variant    string             `json:"variant,omitempty"`
	Violations []ledger.Violation `json:"violations"`
	Ignored    int                `json:"ignored,omitempty"` // violations that --ignore leaves out
	Error      string             `json:"error,omitempty"`   // the fixture cannot be read
}

func (a *app) contractsTest() *cobra.Command {
	var ignore []string
	var exitZero bool
	var junit string
	cmd := &cobra.Command{Use: "test CONTRACT FIXTURE…", Short: "Hold examples of offers against a contract, for a team's own CI", Args: cobra.MinimumNArgs(2),
		Long: "CONTRACT is a file, or a name in the ledger. A fixture is a JSON file, or a folder of them: a CloudEvent, the data of an offer, or an envelope alone. Those in a folder\n" +
			"named invalid, or whose name begins with invalid, must break the contract; all others must keep it. The exit code is 1 where one does not do as expected.",
		Example: "  baton contracts test refund.yaml fixtures/ --junit report.xml\n  baton contracts test support/refund/v2 offer.json --ignore Additional-Properties",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.contractAt(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			k, err := contract.Compile(c)
			if err != nil {
				return err
			}
			files, err := fixtures(args[1:])
			if err != nil {
				return err
			}
			out := testAnswer{Contract: c.Name, Version: c.Version, Cases: []testCase{}}
			for _, file := range files {
				t := testFixture(k, file, ignore)
				if t.OK {
					out.Passed++
				} else {
					out.Failed++
				}
				out.Cases = append(out.Cases, t)
			}
			out.OK = out.Failed == 0
			if err := out.report(junit); err != nil {
				return err
			}
			if err := a.show(out, func(w io.Writer) error { return testText(w, &out) }); err != nil || out.OK || exitZero {
				return err
			}
			return errNo
		}}
	f := cmd.Flags()
	f.StringArrayVar(&ignore, "ignore", nil, "type of violation, or field, that does not count; may be given several times")
	f.BoolVar(&exitZero, "exit-zero", false, "end with 0 whatever was found")
	f.StringVar(&junit, "junit", "", "write a report for CI systems to this file")
	return cmd
}

// fixtures lists the files that arguments name, those of folders by name.
func fixtures(args []string) (files []string, err error) {
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, ledger.Errorf(ledger.CodeNotFound, "contracts test", "name JSON files or folders of them", "%w", err)
		}
		if !info.IsDir() {
			files = append(files, arg)
			continue
		}
		before := len(files)
		err = filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ".json") {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return nil, ledger.Errorf(ledger.CodeUnavailable, "contracts test", "", "%w", err)
		}
		if len(files) == before {
			return nil, ledger.Errorf(ledger.CodeNotFound, "contracts test", "put examples of offers there, as *.json", "folder %s has no fixture", arg)
		}
	}
	return files, nil
}

func testFixture(k *contract.Compiled, file string, ignore []string) testCase {
	t := testCase{File: file, Expect: "valid", Violations: []ledger.Violation{}}
	if strings.HasPrefix(filepath.Base(file), "invalid") || filepath.Base(filepath.Dir(file)) == "invalid" {
		t.Expect = "invalid"
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Error = err.Error()
		return t
	}
	e, err := contract.ReadFixture(text)
	if err != nil {
		t.Error = err.Error()
		return t
	}
	verdict := k.Check(&e)
	t.Variant = verdict.Variant
	for _, v := range verdict.Violations {
		if slices.Contains(ignore, v.Type) || slices.Contains(ignore, v.Field) && v.Field != "" {
			t.Ignored++
			continue
		}
		t.Violations = append(t.Violations, v)
	}
	t.OK = (len(t.Violations) == 0) == (t.Expect == "valid")
	return t
}

func testText(w io.Writer, out *testAnswer) error {
	for _, t := range out.Cases {
		mark, note := "ok  ", ""
		switch {
		case t.Error != "":
			mark, note = "FAIL", t.Error
		case !t.OK && t.Expect == "invalid":
			mark, note = "FAIL", "keeps the contract, and was to break it"
		case !t.OK:
			mark = "FAIL"
		case t.Expect == "invalid":
			note = fmt.Sprintf("breaks it in %d ways, as expected", len(t.Violations))
		}
		fmt.Fprintf(w, "%s  %s  %s\n", mark, printable(t.File), printable(note))
		if !t.OK && t.Expect == "valid" {
			for _, v := range t.Violations {
				fmt.Fprintf(w, "      %s at %s: %s\n", v.Type, printable(v.Path), printable(v.Message))
			}
		}
	}
	_, err := fmt.Fprintf(w, "%s version %d: %d passed, %d failed.\n", out.Contract, out.Version, out.Passed, out.Failed)
	return err
}
