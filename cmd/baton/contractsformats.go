package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
)

func (a *app) contractsExport() *cobra.Command {
	var format, variant string
	cmd := &cobra.Command{Use: "export CONTRACT", Short: "Print a contract for other tools: ODCS 3.1, JSON Schema 2020-12, or our own JSON", Args: cobra.ExactArgs(1),
		Example: "  baton contracts export returns/1 --format odcs > returns.odcs.yaml\n  baton contracts export refund.yaml --format jsonschema",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, status, err := a.contractStatus(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			var text []byte
			switch format {
			case "odcs":
				text, err = c.ODCS(odcsStatuses[status])
			case "jsonschema":
				if variant != "" && c.Variant(variant) == nil {
					return badFlag("variant", "see `baton contracts show`", "%s has no variant %.80q", c.Name, variant)
				}
				text = append(c.JSONSchema(variant), '\n')
			case "yaml":
				text, err = c.YAML()
			case "json":
				text = append(c.Canonical(), '\n')
			default:
				return badFlag("format", "use odcs, jsonschema, yaml or json", "%.40q is none", format)
			}
			if err != nil {
				return err
			}
			_, err = a.out.Write(text)
			return err
		}}
	cmd.Flags().StringVar(&format, "format", "odcs", "odcs, jsonschema, or the document itself as yaml or json")
	cmd.Flags().StringVar(&variant, "variant", "", "with jsonschema: the contract as it is in this variant")
	return cmd
}

// odcsStatuses are the standard's words for ours.
var odcsStatuses = map[contract.Status]string{"": "proposed", contract.Drafted: "draft", contract.Prototype: "draft", contract.Published: "active", contract.Deprecated: "deprecated",
	contract.Retired: "retired"}

// contractStatus is a contract by file, which has no status, or by name in the ledger.
func (a *app) contractStatus(ctx context.Context, ref string) (c *contract.Contract, status contract.Status, err error) {
	if isFile(ref) {
		c, err = readContract(ref)
		return c, "", err
	}
	err = a.with(ctx, "contracts", reading, func(s *session) error {
		_, v, err := findVersion(ctx, s.source, ref)
		if err == nil {
			c, status = v.Contract, v.Status
		}
		return err
	})
	if err != nil && filepath.Ext(ref) == ".yaml" {
		return nil, "", ledger.Errorf(ledger.CodeNotFound, "contracts", "name a file, or a contract of the ledger", "there is no file %.200q", ref)
	}
	return c, status, err
}

// importedContract is what `baton contracts import --json` prints.
type importedContract struct {
	Contract *contract.Contract `json:"contract"`
	LeftOut  []string           `json:"left_out"` // what the contract has no place for
}

func (a *app) contractsImport() *cobra.Command {
	var format string
	cmd := &cobra.Command{Use: "import FILE", Short: "Make a contract of an ODCS document or a JSON Schema, and print it", Args: cobra.ExactArgs(1),
		Long:    "Prints the contract, which lint and publish take; what has no place in one is listed on standard error. Nothing is recorded.",
		Example: "  baton contracts import orders.odcs.yaml > orders.yaml\n  baton contracts import refund.schema.json --format jsonschema > refund.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return ledger.Errorf(ledger.CodeNotFound, "contracts import", "name a file", "%w", err)
			}
			out := importedContract{}
			switch format {
			case "odcs":
				out.Contract, out.LeftOut, err = contract.ReadODCS(text)
			case "jsonschema":
				out.Contract, out.LeftOut, err = contract.ReadJSONSchema(text)
			default:
				return badFlag("format", "use odcs or jsonschema", "%.40q is none", format)
			}
			if err != nil {
				return inFile(args[0], err)
			}
			if out.LeftOut == nil {
				out.LeftOut = []string{}
			}
			for _, what := range out.LeftOut {
				fmt.Fprintln(a.err, "Left out:", printable(what))
			}
			return a.show(out, func(w io.Writer) error {
				yaml, err := out.Contract.YAML()
				if err == nil {
					_, err = w.Write(yaml)
				}
				return err
			})
		}}
	cmd.Flags().StringVar(&format, "format", "odcs", "odcs or jsonschema")
	return cmd
}
