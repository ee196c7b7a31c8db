package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (a *app) configCommand() *cobra.Command {
	cmd := group("config", "Check and show the configuration in force")
	cmd.AddCommand(&cobra.Command{
		Use: "print", Short: "Each setting, its value and where it came from", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			entries := a.cfg.Entries()
			return a.show(entries, func(w io.Writer) error {
				rows := make([][]string, len(entries))
				for i, e := range entries {
					rows[i] = []string{e.Key, e.Value, e.Source, e.Doc}
				}
				return table(w, []string{"KEY", "VALUE", "FROM", "WHAT"}, rows)
			})
		},
	}, &cobra.Command{
		Use: "check", Short: "Refuse a configuration with an unknown or ill-typed key", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			o, err := a.listenOptions()
			if err == nil {
				err = o.Check()
			}
			if esdb := a.esdbOptions(o); err == nil && esdb.Address != "" {
				err = esdb.Check()
			}
			if err == nil {
				err = a.checkWebhooks()
			}
			if err == nil {
				err = a.checkSources()
			}
			if err == nil {
				err = a.checkNATS()
			}
			if err != nil {
				return err
			}
			return a.show(map[string]bool{"ok": true}, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, "The configuration is good.")
				return err
			})
		},
	})
	return cmd
}
