package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/config"
	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server/client"
)

// doctorReport is the answer of `baton doctor`.
type doctorReport struct {
	OK     bool                 `json:"ok"`
	Checks []client.CheckResult `json:"checks"`
}

// Verdicts of a check.
const (
	isOK   = "ok"
	isWarn = "warn"
	isFail = "fail"
)

func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check everything a ledger needs: settings, directory, disk, keys, NATS, ports, clock, lag; say what to do", Args: cobra.NoArgs,
		// A configuration that is wrong is a finding here, not the end.
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			d := &doctor{app: a}
			var err error
			if a.cfg, err = config.Load(config.Options{File: a.configFile, Flags: cmd.Flags()}); err != nil {
				d.wrong("configuration", err)
			} else {
				d.examine(ctx)
			}
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			r := doctorReport{OK: d.count(isFail) == 0, Checks: d.checks}
			if err := a.show(r, d.text); err != nil || r.OK {
				return err
			}
			return errNo
		},
	}
	config.AddFlags(cmd.Flags(), natsFlags...)
	config.AddFlags(cmd.Flags(), "listen", "esdb_listen", "nats.enabled", "nats.port", "nats.replicas")
	return cmd
}

// doctor looks at what a ledger needs and changes nothing of it. Where the directory is free it opens the ledger for reading, as other commands do;
// where it is served it asks the server.
type doctor struct {
	*app
	checks []client.CheckResult

	there bool   // there is a data directory
	held  holder // who holds it, as far as it has said so
	busy  bool   // somebody does

	head   ledger.Head
	known  bool   // head is what the ledger says now
	signed uint64 // events of the newest checkpoint
}

// examine makes every check, those first that others rest on.
func (d *doctor) examine(ctx context.Context) {
	d.configuration()
	d.directory()
	d.secrets()
	d.lock()
	d.disk()
	d.listens(ctx)
	d.certificate()
	d.apiKeys()
	keys := d.signingKey()
	if d.held.API != "" {
		d.served(ctx)
	} else {
		d.opened(ctx)
	}
	d.checkpoint(keys)
	d.copies(keys)
	d.clock()
	d.cluster(ctx, keys)
	d.nats(ctx, keys)
	d.collector(ctx)
}

func (d *doctor) add(name, verdict, try, format string, args ...any) {
	d.checks = append(d.checks, client.CheckResult{Name: name, Verdict: verdict, Found: fmt.Sprintf(format, args...), Try: try})
}

func (d *doctor) ok(name, format string, args ...any) { d.add(name, isOK, "", format, args...) }
func (d *doctor) warn(name, try, format string, args ...any) {
	d.add(name, isWarn, try, format, args...)
}
func (d *doctor) fail(name, try, format string, args ...any) {
	d.add(name, isFail, try, format, args...)
}

// wrong is a check that failed with an error, whose hint is the next step.
func (d *doctor) wrong(name string, err error) {
	_, try := codeAndHint(err)
	d.fail(name, try, "%s", err)
}

func (d *doctor) count(verdict string) (n int) {
	for _, c := range d.checks {
		if c.Verdict == verdict {
			n++
		}
	}
	return n
}

// text is the table, and below it what to do, the worst first.
func (d *doctor) text(w io.Writer) error {
	rows, tries := make([][]string, len(d.checks)), []client.CheckResult{}
	for i, c := range d.checks {
		rows[i] = []string{c.Name, c.Verdict, strings.ReplaceAll(c.Found, "\n", " ")}
		if c.Try != "" {
			tries = append(tries, c)
		}
	}
	if err := table(w, []string{"CHECK", "VERDICT", "FOUND"}, rows); err != nil {
		return err
	}
	slices.SortStableFunc(tries, func(a, b client.CheckResult) int { return strings.Compare(a.Verdict, b.Verdict) }) // fail before warn
	if len(tries) > 0 {
		fmt.Fprintln(w)
	}
	for _, c := range tries {
		fmt.Fprintf(w, "Try:   %s: %s\n", printable(c.Name), printable(c.Try))
	}
	_, err := fmt.Fprintf(w, "\n%d checks: %d ok, %d to look at, %d failed.\n", len(d.checks), d.count(isOK), d.count(isWarn), d.count(isFail))
	return err
}
