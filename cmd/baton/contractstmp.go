package main

import "github.com/spf13/cobra"

func (out *testAnswer) report(string) error { return nil }
func (out *lintAnswer) report(string) error { return nil }
func (out *diffAnswer) report(string) error { return nil }
func (a *app) contractsExport() *cobra.Command { return &cobra.Command{Use: "export"} }
func (a *app) contractsImport() *cobra.Command { return &cobra.Command{Use: "import"} }
