package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server"
)

func (a *app) keysCommand() *cobra.Command {
	cmd := group("keys", "Who may use the API: make, list and revoke its keys")
	cmd.AddCommand(a.keysAdd(), a.keysList(), a.keysRevoke())
	return cmd
}

// addedKey is the answer of `keys add`: the only one that ever has the key.
type addedKey struct {
	server.APIKey
	Key string `json:"key"`
}

func (a *app) keysAdd() *cobra.Command {
	var role, expires string
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Make a key and print it, once; a running server asks for keys from then on", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := server.ParseRole(role)
			if err != nil {
				return badFlag("role", "reader reads, writer appends too, operator may do everything", "%w", err)
			}
			until, err := expiry(expires, time.Now())
			if err != nil {
				return err
			}
			ring, err := server.OpenKeyring(a.cfg.Data)
			if err != nil {
				return err
			}
			key, stored, err := ring.Add(args[0], r, until)
			if err != nil {
				return err
			}
			return a.show(addedKey{stored, key}, func(w io.Writer) error {
				fmt.Fprintf(a.err, "Key %s of %s, %s, for the ledger in %s. It is shown this once: what is kept is its SHA-256.\n",
					stored.ID, printable(stored.Name), stored.Role, a.cfg.Data)
				_, err := fmt.Fprintln(w, key) // alone on standard output: KEY=$(baton keys add …)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&role, "role", "", "reader, writer or operator")
	cmd.Flags().StringVar(&expires, "expires", "", "when it ends: a time as 2027-01-31, or a span as 90d or 12h; empty is never")
	_ = cmd.MarkFlagRequired("role")
	return cmd
}

// expiry reads a moment, or a span from now on; days are not in Go's own durations.
func expiry(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 100*366 {
			return now.UTC().AddDate(0, 0, n).Truncate(time.Second), nil
		}
	}
	if span, err := time.ParseDuration(text); err == nil {
		return now.Add(span).UTC().Truncate(time.Second), nil
	}
	at, err := replay.ParseTime(text)
	if err != nil {
		return time.Time{}, badFlag("expires", "give a time as 2027-01-31 or 2027-01-31T12:00:00Z, or a span as 90d or 12h", "%w", err)
	}
	return at, nil
}

func (a *app) keysList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "The keys there are, without their secrets", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			ring, err := server.OpenKeyring(a.cfg.Data)
			if err != nil {
				return err
			}
			keys, err := ring.Keys()
			if err != nil {
				return err
			}
			return a.show(map[string][]server.APIKey{"keys": keys}, func(w io.Writer) error {
				if len(keys) == 0 {
					_, err := fmt.Fprintf(w, "No keys in %s. Make one with `baton keys add NAME --role reader|writer|operator`.\n", a.cfg.Data)
					return err
				}
				return keysTable(w, keys)
			})
		},
	}
}

func keysTable(w io.Writer, keys []server.APIKey) error {
	rows := make([][]string, len(keys))
	for i, k := range keys {
		until := "never"
		if k.Expired(time.Now()) {
			until = moment(k.Expires) + " (expired)"
		} else if !k.Expires.IsZero() {
			until = moment(k.Expires)
		}
		rows[i] = []string{k.ID, k.Name, k.Role.String(), moment(k.Created), until}
	}
	return table(w, []string{"ID", "NAME", "ROLE", "CREATED", "EXPIRES"}, rows)
}

func (a *app) keysRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke NAME|ID", Short: "End a key, or all keys of a name; a running server refuses them at once", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			ring, err := server.OpenKeyring(a.cfg.Data)
			if err != nil {
				return err
			}
			gone, err := ring.Revoke(args[0])
			if err != nil {
				return err
			}
			left := ring.Usable()
			return a.show(map[string]any{"revoked": gone, "left": left}, func(w io.Writer) error {
				for _, k := range gone {
					fmt.Fprintf(w, "Revoked %s of %s, %s.\n", k.ID, printable(k.Name), k.Role)
				}
				if left == 0 {
					fmt.Fprintln(w, "No key is left: a server lets in nobody but the commands of its own machine.")
				}
				return nil
			})
		},
	}
}
