package main

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/baton-ledger/baton/config"
	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/webhook"
	"github.com/baton-ledger/baton/server/client"
)

// endpoints are the configured ones by name, with the secrets of their files where they are to be sent to.
func (a *app) endpoints(secrets bool) ([]webhook.Endpoint, error) {
	var out []webhook.Endpoint
	for _, name := range slices.Sorted(maps.Keys(a.cfg.Webhooks)) {
		w := a.cfg.Webhooks[name]
		e := webhook.Endpoint{Name: name, URL: w.URL, Secrets: w.Secrets, Types: w.Types, Receivers: w.Receivers, Points: w.Points, From: uint64(w.From),
			Timeout: w.Timeout, MaxAttempts: w.MaxAttempts, GiveUpAfter: w.GiveUpAfter, Concurrency: w.Concurrency, MaxAge: w.MaxAge,
			RecordDelivered: w.RecordDelivered, Off: !w.Enabled}
		if secrets && w.SecretFile != "" {
			more, err := secretFile(name, w)
			if err != nil {
				return nil, err
			}
			e.Secrets = append(slices.Clone(e.Secrets), more...)
		}
		out = append(out, e)
	}
	return out, nil
}

// secretFile reads the secrets of a file, one a line.
func secretFile(name string, w config.Webhook) ([]string, error) {
	text, err := os.ReadFile(w.SecretFile)
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, "webhooks", "make one with: echo whsec_$(openssl rand -base64 32)",
			"endpoint %s: secret_file: %w", name, err)
	}
	return strings.Fields(string(text)), nil
}

// checkWebhooks refuses what a start of the server would refuse.
func (a *app) checkWebhooks() error {
	list, err := a.endpoints(true)
	if err != nil {
		return err
	}
	return webhook.Check(list)
}

// openWebhooks opens the state of the endpoints beside the ledger. Where none is configured, what is left of earlier ones is only looked at.
func (a *app) openWebhooks(ctx context.Context, n *node, append ledger.Append) (*webhook.Hooks, error) {
	list, err := a.endpoints(true)
	if err != nil {
		return nil, err
	}
	return webhook.Open(ctx, webhooksDir(n), n.store, webhook.Options{LedgerID: ledgerID(n.keys), Endpoints: list,
		Append: append, Writable: n.disk.Writable, ReadOnly: len(list) == 0, Logger: a.logger()})
}

func webhooksDir(n *node) string { return filepath.Join(n.dir, "webhooks") }

// hookNeed is what a command about webhooks does with them.
type hookNeed int

const (
	looking  hookNeed = iota // at the state
	sending                  // a test
	changing                 // the state
)

// withWebhooks gives the endpoints of the holder, or opens them for the length of a function.
func (a *app) withWebhooks(ctx context.Context, command string, need hookNeed, do func(client.Webhooks) error) error {
	access := reading
	if need == changing {
		access = writing
	}
	return a.with(ctx, command, access, func(s *session) error {
		if s.remote != nil {
			return do(s.remote.Webhooks())
		}
		list, err := a.endpoints(need != looking)
		if err != nil {
			return err
		}
		h, err := webhook.Open(ctx, webhooksDir(s.node), s.source, webhook.Options{LedgerID: ledgerID(s.node.keys), Endpoints: list,
			ReadOnly: need != changing, Logger: a.logger()})
		if err != nil {
			return err
		}
		return errors.Join(do(h), h.Close())
	})
}
