package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
)

func (a *app) contractsCommand() *cobra.Command {
	cmd := group("contracts", "What passes at each handoff, agreed, versioned and checked")
	cmd.AddCommand(a.contractsList(), a.contractsShow(), a.contractsLint(), a.contractsTest(), a.contractsDiff(),
		a.contractsDraft(), a.contractsPublish(), a.contractsPrototype(), a.contractsDeprecate(), a.contractsRetire(), a.contractsExcept(), a.contractsSign(),
		a.contractsInbox(), a.contractsPayload(), a.contractsRelease(), a.contractsDiscard(),
		a.contractsExport(), a.contractsImport(), a.contractsExamples())
	return cmd
}

// contractsAnswer is what `baton contracts list --json` prints.
type contractsAnswer struct {
	Items []*contract.State `json:"items"`
}

func (a *app) contractsList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "Contracts, their versions and where each stands", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return a.with(ctx, "contracts list", reading, func(s *session) error {
				g, err := contract.Load(ctx, s.source, 0)
				if err != nil {
					return err
				}
				out := contractsAnswer{Items: g.States()}
				return a.show(out, func(w io.Writer) error { return contractsText(w, out.Items) })
			})
		}}
}

func contractsText(w io.Writer, items []*contract.State) error {
	if len(items) == 0 {
		_, err := fmt.Fprintln(w, "There are no contracts: nothing is checked. Write one, or begin with `baton contracts examples DIR`, and `baton contracts publish FILE`.")
		return err
	}
	var rows [][]string
	for _, s := range items {
		for _, v := range s.Versions {
			c := v.Contract
			sunset := ""
			if !v.Sunset.IsZero() && v.Accepted() {
				sunset = "until " + moment(v.Sunset)
			}
			rows = append(rows, []string{s.Name, fmt.Sprintf("v%d", c.Version), string(v.Status), string(v.Mode()), count(len(c.In(contract.Mandatory))), count(len(c.In(contract.Optional))),
				count(len(c.In(contract.ForwardLooking))), c.Owner, sunset})
		}
	}
	return table(w, []string{"CONTRACT", "VERSION", "STATUS", "MODE", ">MANDATORY", ">OPTIONAL", ">FORWARD", "OWNER", ""}, rows)
}

func (a *app) contractsShow() *cobra.Command {
	return &cobra.Command{Use: "show NAME[/vN]", Short: "One contract: its fields, what became of its versions", Args: cobra.ExactArgs(1),
		Example: "  baton contracts show returns/1\n  baton contracts show returns/1/v2 --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.with(ctx, "contracts show", reading, func(s *session) error {
				state, v, err := findVersion(ctx, s.source, args[0])
				if err != nil {
					return err
				}
				return a.show(state, func(w io.Writer) error { return contractText(w, state, v) })
			})
		}}
}

// splitRef reads NAME or NAME/vN; version 0 is the newest.
func splitRef(ref string) (name string, version int) {
	if name, version, ok := contract.ReadSchema("contracts/" + strings.TrimPrefix(ref, "contracts/")); ok {
		return name, version
	}
	return ref, 0
}

// findVersion gives a contract of the ledger and one of its versions: the one that is named, else the newest that is published, else the newest.
func findVersion(ctx context.Context, r ledger.Reader, ref string) (*contract.State, *contract.Version, error) {
	name, version := splitRef(ref)
	s, err := contract.ReadState(ctx, r, name, 0)
	if err != nil {
		return nil, nil, err
	}
	if len(s.Versions) == 0 {
		return nil, nil, ledger.Errorf(ledger.CodeNotFound, "contracts", "see `baton contracts list`", "the ledger has no contract %.80q", name)
	}
	v, err := s.Pick(version)
	return s, v, err
}

func contractText(w io.Writer, s *contract.State, v *contract.Version) error {
	c := v.Contract
	fmt.Fprintf(w, "%s version %d, %s since %s\n", s.Name, c.Version, v.Status, moment(v.Since))
	for _, line := range [][2]string{{"", printable(c.Title)}, {"", printable(c.Description)}, {"owner", printable(c.Owner)}, {"read by", printable(strings.Join(c.Consumers, ", "))},
		{"at", printable(strings.Join(c.Points, "  "))}, {"digest", v.Digest.String()}} {
		if line[1] != "" {
			fmt.Fprintf(w, "  %-8s%s\n", line[0], line[1])
		}
	}
	fmt.Fprintf(w, "  %-8s%s; readers are %s; a new version is to be compatible: %s\n\n", "mode", v.Mode(), c.Reader, c.Compatibility)
	var rows [][]string
	for _, class := range contract.Classes() {
		for _, name := range c.In(class) {
			f := c.Field(name)
			fresh := ""
			if f.FreshFor > 0 {
				fresh = f.FreshFor.String()
			}
			rows = append(rows, []string{strings.ReplaceAll(string(class), "_", "-"), name, f.Classification, f.Subject, fresh, f.Method, strings.Join(f.Purpose, ", "), string(f.Schema)})
		}
	}
	if err := table(w, []string{"CLASS", "FIELD", "CLASSIFIED", "SUBJECT", ">FRESH", "METHOD", "PURPOSE", "SCHEMA"}, rows); err != nil {
		return err
	}
	for _, x := range c.Variants {
		fmt.Fprintf(w, "\nvariant %s, when %s:%s%s%s", printable(x.Name), printable(x.When), listed(" mandatory ", x.Mandatory), listed(" optional ", x.Optional), listed(" left out ", x.Omit))
	}
	fmt.Fprintln(w)
	rows = rows[:0]
	for _, other := range s.Versions {
		for _, h := range other.History {
			rows = append(rows, []string{fmt.Sprintf("v%d", other.Contract.Version), h.Verb, moment(h.At), count(h.Position), h.By, h.Why})
		}
	}
	slices.SortStableFunc(rows, func(a, b []string) int { return strings.Compare(a[2], b[2]) })
	return table(w, []string{"VERSION", "WHAT", "WHEN", ">POSITION", "BY", "WHY"}, rows)
}

func listed(prefix string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return prefix + printable(strings.Join(names, ", ")) + ";"
}

// readContract reads a file of a contract.
func readContract(path string) (*contract.Contract, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeNotFound, "read contract", "name a YAML or JSON file", "%w", err)
	}
	c, err := contract.Parse(text)
	if err != nil {
		return nil, inFile(path, err)
	}
	return c, nil
}

// inFile names the file in an error about what is in it.
func inFile(path string, err error) error {
	return ledger.Errorf(ledger.CodeOf(err), path, ledger.HintOf(err), "%w", err)
}

// contractAt is a contract by file, or by name in the ledger.
func (a *app) contractAt(ctx context.Context, ref string) (*contract.Contract, error) {
	c, _, err := a.contractStatus(ctx, ref)
	return c, err
}

func (a *app) contractsExamples() *cobra.Command {
	return &cobra.Command{Use: "examples DIR", Short: "Write the contracts of the nine simulated flows into a folder", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			files := contract.Examples()
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return ledger.Errorf(ledger.CodeUnavailable, "contracts examples", "name a folder that can be written", "%w", err)
			}
			for name, text := range files {
				path := filepath.Join(args[0], name)
				if _, err := os.Stat(path); err == nil {
					continue // somebody's work may be in it
				}
				if err := os.WriteFile(path, text, 0o644); err != nil {
					return ledger.Errorf(ledger.CodeUnavailable, "contracts examples", "name a folder that can be written", "%w", err)
				}
			}
			out := struct {
				Dir   string `json:"dir"`
				Files int    `json:"files"`
			}{args[0], len(files)}
			return a.show(out, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%d contracts are in %s. Look at one, then `baton contracts publish %s`.\n", out.Files, out.Dir, filepath.Join(out.Dir, "*.yaml"))
				return err
			})
		}}
}

// versionArg reads the N of --successor vN or N.
func versionArg(text string) (int, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(text, "v"))
	if err != nil || n < 1 {
		return 0, badFlag("successor", "give a version, as 3 or v3", "%q is no version", text)
	}
	return n, nil
}
