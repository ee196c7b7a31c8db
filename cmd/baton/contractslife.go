package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/replay"
)

// actedAnswer is what the commands print that say something of versions.
type actedAnswer struct {
	Items []actedItem `json:"items"`
}

type actedItem struct {
	Contract string `json:"contract"`
	Verb     string `json:"verb"`
	contract.Acted
}

// act is what the commands of a version's life share.
type act struct {
	by, why string
}

func (o *act) flags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&o.by, "by", "", "who says so (with an API key, the key's name)")
	cmd.Flags().StringVar(&o.why, "why", "", "in words")
	return cmd
}

// acts says several things, in order, and prints what became of them.
func (a *app) acts(ctx context.Context, command string, list []contract.Act) error {
	return a.with(ctx, "contracts "+command, writing, func(s *session) error {
		out := actedAnswer{Items: []actedItem{}}
		for _, one := range list {
			did, err := contract.Do(ctx, s.source, s.append, one)
			if err != nil {
				return err
			}
			out.Items = append(out.Items, actedItem{one.Said.Name, one.Verb, did})
		}
		return a.show(out, func(w io.Writer) error { return actedText(w, out.Items) })
	})
}

func actedText(w io.Writer, items []actedItem) error {
	for k, i := range items {
		v := i.Version
		if i.Again {
			fmt.Fprintf(w, "%s version %d: as it was, %s since %s.\n", i.Contract, v.Contract.Version, v.Status, moment(v.Since))
			continue
		}
		fmt.Fprintf(w, "%s version %d: %s at position %s.\n", i.Contract, v.Contract.Version, i.Verb, count(i.Receipt.Position))
		if i.Verb == "drafted" && k+1 < len(items) && items[k+1].Contract == i.Contract {
			continue // the same is said when it is published
		}
		for _, f := range i.Warnings {
			field := ""
			if f.Field != "" {
				field = " (" + printable(f.Field) + ")"
			}
			fmt.Fprintf(w, "  warning  %s%s: %s\n", f.Rule, field, printable(f.Message))
		}
	}
	return nil
}

// refAct makes a command that says one thing of a version in the ledger.
func (a *app) refAct(use, verb, short string, more func(*cobra.Command) func(*contract.Said) error) *cobra.Command {
	o := &act{}
	var fill func(*contract.Said) error
	cmd := o.flags(&cobra.Command{Use: use + " NAME/vN", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, version := splitRef(args[0])
			if version == 0 {
				return badArg("name a version, as "+name+"/v1", "%.80q names no version", args[0])
			}
			if err := ledgerThere(a); err != nil {
				return err
			}
			said := contract.Said{Name: name, Version: version, Why: o.why}
			if fill != nil {
				if err := fill(&said); err != nil {
					return err
				}
			}
			return a.acts(cmd.Context(), use, []contract.Act{{Verb: verb, Said: said, By: o.by}})
		}})
	if more != nil {
		fill = more(cmd)
	}
	return cmd
}

func (a *app) contractsDraft() *cobra.Command {
	o := &act{}
	return o.flags(&cobra.Command{Use: "draft FILE…", Short: "Put documents into the ledger, to be talked about", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := o.drafts(args)
			if err != nil {
				return err
			}
			return a.acts(cmd.Context(), "draft", list)
		}})
}

// drafts reads the files before anything is written: one that cannot be read leaves nothing half done.
func (o *act) drafts(files []string) (list []contract.Act, err error) {
	for _, file := range files {
		c, err := readContract(file)
		if err != nil {
			return nil, err
		}
		list = append(list, contract.Act{Verb: "drafted", Said: contract.Said{Contract: c, Name: c.Name, Version: c.Version, Why: o.why}, By: o.by})
	}
	return list, nil
}

func (a *app) contractsPublish() *cobra.Command {
	o := &act{}
	var sunset string
	cmd := o.flags(&cobra.Command{Use: "publish FILE…|NAME/vN…", Short: "Put versions into force: offers that follow them are checked from now on", Args: cobra.MinimumNArgs(1),
		Long: "Drafts what is a file, and publishes it, unless lint finds an error or the version is less compatible than its contract promises. What is published is never changed:\n" +
			"the next change is the next version. Files are taken in the order of their versions.",
		Example: "  baton contracts publish refund.v1.yaml refund.v2.yaml\n  baton contracts publish support/refund/v2 --sunset 2027-01-31",
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := sunsetFlag(sunset)
			if err != nil {
				return err
			}
			var list []contract.Act
			for _, ref := range args {
				said := contract.Said{Why: o.why, Sunset: at}
				if said.Name, said.Version = splitRef(ref); said.Version == 0 || isFile(ref) {
					drafts, err := o.drafts([]string{ref})
					if err != nil {
						return err
					}
					list = append(list, drafts[0])
					said.Name, said.Version = drafts[0].Said.Name, drafts[0].Said.Version
				}
				list = append(list, contract.Act{Verb: "published", Said: said, By: o.by})
			}
			sortByVersion(list)
			return a.acts(cmd.Context(), "publish", list)
		}})
	cmd.Flags().StringVar(&sunset, "sunset", "", "when they are retired by themselves, as 2027-01-31")
	return cmd
}

// sunsetFlag reads a day or a moment.
func sunsetFlag(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.UTC(), nil
	}
	at, err := replay.ParseTime(text)
	if err != nil {
		return at, badFlag("sunset", "write it as 2027-01-31 or 2027-01-31T12:00:00Z", "%w", err)
	}
	return at.UTC(), nil
}

func (a *app) contractsPrototype() *cobra.Command {
	return a.refAct("prototype", "prototyped", "Try a draft on few handoffs: it is checked, and never blocks one", func(cmd *cobra.Command) func(*contract.Said) error {
		most := cmd.Flags().Int("cap", 200, "most handoffs that may follow it, told in reports")
		return func(d *contract.Said) error {
			if *most < 1 {
				return badFlag("cap", "give how many handoffs it may have", "%d is none", *most)
			}
			d.Cap = *most
			return nil
		}
	})
}

func (a *app) contractsDeprecate() *cobra.Command {
	return a.refAct("deprecate", "deprecated", "Tell senders to follow another version; this one is still accepted, until its sunset", func(cmd *cobra.Command) func(*contract.Said) error {
		sunset, successor := cmd.Flags().String("sunset", "", "when it is retired by itself, as 2027-01-31"), cmd.Flags().String("successor", "", "version to follow instead, as v3")
		return func(d *contract.Said) (err error) {
			if d.Sunset, err = sunsetFlag(*sunset); err != nil || *successor == "" {
				return err
			}
			d.Successor, err = versionArg(*successor)
			return err
		}
	})
}

func (a *app) contractsRetire() *cobra.Command {
	return a.refAct("retire", "retired", "End a version: offers that follow it break their contract", nil)
}

func (a *app) contractsExcept() *cobra.Command {
	return a.refAct("except", "exception_granted", "Let a version break a rule, with a reason that stays in the record", func(cmd *cobra.Command) func(*contract.Said) error {
		rule := cmd.Flags().String("rule", "", "as lint names it, or compatibility")
		_ = cmd.MarkFlagRequired("rule")
		return func(d *contract.Said) error { d.Rule = *rule; return nil }
	})
}

func (a *app) contractsSign() *cobra.Command {
	return a.refAct("sign", "signed", "Agree to a version as its owner or one of its consumers", func(cmd *cobra.Command) func(*contract.Said) error {
		party := cmd.Flags().String("party", "", "who agrees: the owner, or a consumer")
		_ = cmd.MarkFlagRequired("party")
		return func(d *contract.Said) error { d.Party = *party; return nil }
	})
}
