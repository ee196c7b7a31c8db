package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/projections/points"
)

func (a *app) pointsExport() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "export [POINT...]", Short: "The registry as a Markdown page, or with --json as data", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.with(ctx, "points export", modelled, func(s *session) error {
				pages, err := a.pages(ctx, s, args)
				if err != nil {
					return err
				}
				return a.exportPages(pages, out)
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write (default: standard output)")
	return cmd
}

// pages are those of the points that are named, or of all mapped ones.
func (a *app) pages(ctx context.Context, s *session, names []string) ([]*points.Dossier, error) {
	report, err := s.reports().Points(ctx)
	if err != nil {
		return nil, err
	}
	var list []*points.Point
	for _, name := range names {
		if name, err = points.Canonical(name); err != nil {
			return nil, err
		}
		p, err := points.Read(ctx, s.source, name, 0)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	if len(names) == 0 {
		for p, err := range points.All(ctx, s.source, 0) {
			if err != nil {
				return nil, err
			}
			if p.IsMapped() {
				list = append(list, p)
			}
		}
	}
	pages := []*points.Dossier{}
	for _, p := range list {
		page, err := points.DossierOf(p, report)
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
	}
	return pages, nil
}

// exportPages writes to a file or to standard output.
func (a *app) exportPages(pages []*points.Dossier, file string) error {
	answer := struct {
		Points []*points.Dossier `json:"points"`
	}{pages}
	write := func() error { return a.show(answer, func(w io.Writer) error { return points.Markdown(w, pages) }) }
	if file == "" {
		return write()
	}
	f, err := os.Create(file)
	if err != nil {
		return ledger.Errorf(ledger.CodeUnavailable, "points export", "name a file that can be written", "%w", err)
	}
	was := a.out
	a.out = f
	err = write()
	a.out = was
	return errors.Join(err, f.Close())
}
