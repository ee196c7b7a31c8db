package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger/contract"
)

// lintAnswer is what `baton contracts lint --json` prints.
type lintAnswer struct {
	OK    bool       `json:"ok"`
	Files []lintFile `json:"files"`
}

type lintFile struct {
	File     string             `json:"file"`
	Contract string             `json:"contract,omitempty"`
	Version  int                `json:"version,omitempty"`
	Findings []contract.Finding `json:"findings"`
	Error    string             `json:"error,omitempty"` // it cannot be read
}

func (f *lintFile) ok() bool {
	return f.Error == "" && !slices.ContainsFunc(f.Findings, func(x contract.Finding) bool { return x.Level == contract.LevelError })
}

func (a *app) contractsLint() *cobra.Command {
	var previous, junit string
	var exceptions []string
	var exitZero bool
	cmd := &cobra.Command{Use: "lint FILE…", Short: "Say what is wrong with contracts as agreements; the exit code is 1 where there is an error", Args: cobra.MinimumNArgs(1),
		Example: "  baton contracts lint refund.v2.yaml --previous refund.v1.yaml\n  baton contracts lint contracts/*.yaml --junit lint.xml",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			var before *contract.Contract
			if previous != "" {
				if before, err = a.contractAt(cmd.Context(), previous); err != nil {
					return err
				}
			}
			for _, rule := range exceptions {
				if !contract.KnownRule(rule) {
					return badFlag("exception", "use a rule as lint names it", "%.80q is no rule", rule)
				}
			}
			out := lintAnswer{OK: true, Files: []lintFile{}}
			for _, file := range args {
				f := lintOne(file, before, exceptions)
				out.OK = out.OK && f.ok()
				out.Files = append(out.Files, f)
			}
			if err := out.report(junit); err != nil {
				return err
			}
			if err := a.show(out, func(w io.Writer) error { return lintText(w, &out) }); err != nil || out.OK || exitZero {
				return err
			}
			return errNo
		}}
	f := cmd.Flags()
	f.StringVar(&previous, "previous", "", "the version before: a file, or NAME/vN of the ledger")
	f.StringArrayVar(&exceptions, "exception", nil, "rule that may be broken; may be given several times")
	f.BoolVar(&exitZero, "exit-zero", false, "end with 0 whatever was found")
	f.StringVar(&junit, "junit", "", "write a report for CI systems to this file")
	return cmd
}

func lintOne(file string, before *contract.Contract, exceptions []string) lintFile {
	out := lintFile{File: file, Findings: []contract.Finding{}}
	c, err := readContract(file)
	if err != nil {
		out.Error = err.Error()
		return out
	}
	out.Contract, out.Version = c.Name, c.Version
	out.Findings = append(out.Findings, contract.Lint(c, contract.LintOptions{Previous: before, Exceptions: exceptions, Compile: compiles})...)
	return out
}

func compiles(c *contract.Contract) error {
	_, err := contract.Compile(c)
	return err
}

func lintText(w io.Writer, out *lintAnswer) error {
	errors, warnings := 0, 0
	for _, f := range out.Files {
		if f.Error != "" {
			errors++
			fmt.Fprintf(w, "%s\n  error  %s\n", printable(f.File), printable(f.Error))
			continue
		}
		fmt.Fprintf(w, "%s: %s version %d%s\n", printable(f.File), f.Contract, f.Version, map[bool]string{true: ", nothing to say"}[len(f.Findings) == 0])
		for _, x := range f.Findings {
			if x.Level == contract.LevelError {
				errors++
			} else {
				warnings++
			}
			field := ""
			if x.Field != "" {
				field = " (" + printable(x.Field) + ")"
			}
			fmt.Fprintf(w, "  %-8s%s%s: %s\n", x.Level, x.Rule, field, printable(x.Message))
			if x.Fix != "" {
				fmt.Fprintf(w, "          Try: %s\n", printable(x.Fix))
			}
		}
	}
	_, err := fmt.Fprintf(w, "%d errors, %d warnings.\n", errors, warnings)
	return err
}

// diffAnswer is what `baton contracts diff --json` prints.
type diffAnswer struct {
	contract.Comparison
	Compatibility contract.Compatibility `json:"compatibility"` // that was asked for
	OK            bool                   `json:"ok"`
	Changes       []contract.Change      `json:"changes"`
}

func (a *app) contractsDiff() *cobra.Command {
	var asked, junit string
	cmd := &cobra.Command{Use: "diff OLD NEW", Short: "What changed between two versions, what that breaks and for whom", Args: cobra.ExactArgs(2),
		Long:    "Each is a file, or NAME/vN of the ledger. The exit code is 1 where the compatibility that NEW promises, or --compatibility, does not hold.",
		Example: "  baton contracts diff refund.v1.yaml refund.v2.yaml\n  baton contracts diff returns/1/v1 returns/1/v2 --compatibility full",
		RunE: func(cmd *cobra.Command, args []string) error {
			old, err := a.contractAt(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			new, err := a.contractAt(cmd.Context(), args[1])
			if err != nil {
				return err
			}
			out := diffAnswer{Comparison: contract.Compare(old, new), Compatibility: new.Compatibility, Changes: contract.Diff(old, new)}
			if asked != "" {
				if out.Compatibility = contract.Compatibility(asked); !slices.Contains(contract.Compatibilities(), out.Compatibility) {
					return badFlag("compatibility", "use none, backward, forward or full, or one of these with _transitive", "%.40q is none", asked)
				}
			}
			out.OK = out.Compatible(out.Compatibility)
			if err := out.report(junit); err != nil {
				return err
			}
			if err := a.show(out, func(w io.Writer) error { return diffText(w, &out) }); err != nil || out.OK {
				return err
			}
			return errNo
		}}
	cmd.Flags().StringVar(&asked, "compatibility", "", "none, backward, forward or full (default what NEW promises)")
	cmd.Flags().StringVar(&junit, "junit", "", "write a report for CI systems to this file")
	return cmd
}

func diffText(w io.Writer, out *diffAnswer) error {
	fmt.Fprintf(w, "%s, version %d against version %d\n", out.Name, out.New, out.Old)
	if len(out.Changes) == 0 {
		fmt.Fprintln(w, "  nothing changed")
	}
	for _, c := range out.Changes {
		fmt.Fprintf(w, "  %-11s%s\n", c.Level, printable(c.What))
	}
	for _, d := range []struct {
		name   string
		breaks []contract.Break
		good   string
	}{{"backward", out.Backward, "what is valid under the old version is valid under the new one"}, {"forward", out.Forward, "what is valid under the new version is valid under the old one"}} {
		if len(d.breaks) == 0 {
			fmt.Fprintf(w, "\n%s: yes, %s.\n", d.name, d.good)
			continue
		}
		fmt.Fprintf(w, "\n%s: no.\n", d.name)
		for _, b := range d.breaks {
			sure := ""
			if !b.Certain {
				sure = " (perhaps: this cannot be told from the schemas)"
			}
			fmt.Fprintf(w, "  %s%s\n    breaks: %s\n", printable(b.What), sure, printable(b.Breaks))
			if len(b.Witness) > 0 {
				fmt.Fprintf(w, "    for example: %s\n", printable(string(b.Witness)))
			}
			if b.Upcast != "" {
				fmt.Fprintf(w, "    upcast: %s\n", printable(b.Upcast))
			}
			fmt.Fprintf(w, "    Try: %s\n", printable(b.Fix))
		}
	}
	verdict := "holds"
	if !out.OK {
		verdict = "does not hold"
	}
	_, err := fmt.Fprintf(w, "\nAsked for: %s, which %s.\n", strings.ReplaceAll(string(out.Compatibility), "_", " "), verdict)
	return err
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// sortByVersion puts acts on lower versions first: a version is compared with those before it.
func sortByVersion(list []contract.Act) {
	slices.SortStableFunc(list, func(a, b contract.Act) int { return a.Said.Version - b.Said.Version })
}
