package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/predict/registry"
)

// declaredAnswer is what `baton predict register --json` prints.
type declaredAnswer struct {
	registry.Registered
	Already bool `json:"already,omitempty"` // the same was declared before
}

func (a *app) predictRegisterCommand() *cobra.Command {
	var name, target, says string
	var moments []string
	var e registry.External
	cmd := &cobra.Command{
		Use: "register --name N --subject S --target T --says W", Short: "Register a scorer of another program, which is asked over NATS", Args: cobra.NoArgs,
		Long: "Registers a model that another program answers for: a server asks it at each handoff by a NATS request. Its hash is that of the declaration;\n" +
			"another --scorer-version is another version of the model. docs/suggestions.md says what is asked and answered.",
		Example: "  baton predict register --name again --subject baton.score.again --target handover-within:24h --says 'another handoff within 24h'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, m := range moments {
				if m != "offered" && m != "accepted" {
					return badFlag("at", "say offered, accepted or both", "there is no moment %q", m)
				}
			}
			m, err := registry.Declare(name, target, says, moments, e)
			if err != nil {
				return err
			}
			if err := ledgerThere(a); err != nil {
				return err
			}
			ctx := cmd.Context()
			return a.with(ctx, "predict register", writing, func(s *session) error {
				var out declaredAnswer
				if out.Registered, out.Already, err = registry.Register(ctx, s.source, s.append, m); err != nil {
					return err
				}
				return a.show(out, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "Model %s, version %d, is asked at %s: %s.\nRegistered at position %s, hash %s\n", printable(out.Name), out.Version,
						printable(out.External.Subject), printable(out.Says), count(out.Position), out.Hash)
					return err
				})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "name of the model, a-z, 0-9, - and _")
	f.StringVar(&e.Subject, "subject", "", "of NATS, where the scorer answers")
	f.StringVar(&target, "target", "", "what the probability is of, as handover-within:24h, outcome:X, churn, or a name of your own")
	f.StringVar(&says, "says", "", "the same in words, as agents read it")
	f.StringVar(&e.Version, "scorer-version", "", "the scorer's own name for what it runs")
	f.StringSliceVar(&e.Activities, "activity", nil, "activities that features count one by one")
	f.StringSliceVar(&moments, "at", []string{"offered", "accepted"}, "handoff events that it is asked at")
	for _, required := range []string{"name", "subject", "target", "says"} {
		_ = cmd.MarkFlagRequired(required)
	}
	return cmd
}
