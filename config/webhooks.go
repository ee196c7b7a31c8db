package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Webhook is an endpoint that events are delivered to. Zero values are the defaults of docs/webhooks.md.
type Webhook struct {
	URL             string
	Secrets         []string
	SecretFile      string // one secret a line, read when the server starts
	Types           []string
	Receivers       []string
	Points          []string
	From            int
	Timeout         time.Duration
	MaxAttempts     int
	GiveUpAfter     time.Duration
	Concurrency     int
	MaxAge          time.Duration
	RecordDelivered bool
	Enabled         bool
}

// webhookFields is the table of an endpoint's members, each a key of its own kind within the endpoint.
var webhookFields = []struct {
	key
	field func(*Webhook) any
}{
	{key{name: "url", def: "", rule: webhookURL, secret: true}, func(w *Webhook) any { return &w.URL }},
	{key{name: "secrets", def: []string{}, rule: webhookSecrets, secret: true}, func(w *Webhook) any { return &w.Secrets }},
	{key{name: "secret_file", def: ""}, func(w *Webhook) any { return &w.SecretFile }},
	{key{name: "types", def: []string{}, rule: eachNotEmpty}, func(w *Webhook) any { return &w.Types }},
	{key{name: "receivers", def: []string{}, rule: eachNotEmpty}, func(w *Webhook) any { return &w.Receivers }},
	{key{name: "points", def: []string{}, rule: eachPoint}, func(w *Webhook) any { return &w.Points }},
	{key{name: "from", def: 0, rule: within(0, 1<<53)}, func(w *Webhook) any { return &w.From }},
	{key{name: "timeout", def: 15 * time.Second, rule: within(100*time.Millisecond, 5*time.Minute)}, func(w *Webhook) any { return &w.Timeout }},
	{key{name: "max_attempts", def: 15, rule: within(1, 1000)}, func(w *Webhook) any { return &w.MaxAttempts }},
	{key{name: "give_up_after", def: 24 * time.Hour, rule: positive}, func(w *Webhook) any { return &w.GiveUpAfter }},
	{key{name: "concurrency", def: 4, rule: within(1, 256)}, func(w *Webhook) any { return &w.Concurrency }},
	{key{name: "max_age", def: time.Duration(0), rule: within(0, 1000000*time.Hour)}, func(w *Webhook) any { return &w.MaxAge }},
	{key{name: "record_delivered", def: false}, func(w *Webhook) any { return &w.RecordDelivered }},
	{key{name: "enabled", def: true}, func(w *Webhook) any { return &w.Enabled }},
}

// toWebhooks reads the endpoints: a map from names, or the same as JSON.
func toWebhooks(raw any) (any, error) {
	if text, ok := raw.(string); ok {
		raw = nil
		if err := json.Unmarshal([]byte(text), &raw); err != nil {
			return nil, errors.New(`is no JSON; expected an object such as {"crm":{"url":"https://crm.example.org/in","secret_file":"crm.secret"}}`)
		}
	}
	table, ok := stringMap(raw)
	if !ok {
		return nil, errors.New("is no map; expected endpoints by name, each with url and secrets or secret_file")
	}
	hooks := make(map[string]Webhook, len(table))
	for _, name := range sortedKeys(table) {
		if err := webhookName(name); err != nil {
			return nil, err
		}
		w, err := toWebhook(name, table[name])
		if err != nil {
			return nil, err
		}
		hooks[name] = w
	}
	return hooks, nil
}

// toWebhook reads one endpoint.
func toWebhook(name string, raw any) (w Webhook, err error) {
	table, ok := stringMap(raw)
	if !ok {
		return w, fmt.Errorf("has no members for %s; expected url and secrets or secret_file", name)
	}
	left := maps.Clone(table)
	for _, f := range webhookFields {
		value := f.def
		if given, ok := table[f.name]; ok {
			if value, err = f.parse(given); err != nil {
				return w, fmt.Errorf("at %s.%s %w", name, f.name, err)
			}
		}
		delete(left, f.name)
		store(f.field(&w), value)
	}
	switch {
	case len(left) > 0:
		known := make([]string, len(webhookFields))
		for i, f := range webhookFields {
			known[i] = f.name
		}
		unknown := sortedKeys(left)[0]
		if near := nearest(unknown, known); near != "" {
			return w, fmt.Errorf("has the unknown member %s.%s; did you mean %s?", name, unknown, near)
		}
		return w, fmt.Errorf("has the unknown member %s.%s; expected %s", name, unknown, strings.Join(known, ", "))
	case w.URL == "":
		return w, fmt.Errorf("has no url at %s; expected https://host/path", name)
	case len(w.Secrets) == 0 && w.SecretFile == "":
		return w, fmt.Errorf("has no secret at %s; expected secrets or secret_file, whsec_ and the base64 of 24 to 64 bytes", name)
	}
	return w, nil
}

// store puts a parsed value where it belongs.
func store(field, value any) {
	switch p := field.(type) {
	case *string:
		*p = value.(string)
	case *bool:
		*p = value.(bool)
	case *int:
		*p = value.(int)
	case *time.Duration:
		*p = value.(time.Duration)
	case *[]string:
		*p = slices.Clone(value.([]string))
	}
}

// showWebhooks writes the endpoints as the environment would give them, members that say nothing left out. Secrets are
// replaced, and the query of a URL with them.
func showWebhooks(hooks map[string]Webhook) string {
	table := make(map[string]map[string]any, len(hooks))
	for name, w := range hooks {
		row := map[string]any{}
		for _, f := range webhookFields {
			switch p := f.field(&w).(type) {
			case *[]string:
				if len(*p) > 0 {
					row[f.name] = hideEach(*p, f.secret)
				}
			case *time.Duration:
				row[f.name] = showDuration(*p)
			case *string:
				if *p != "" {
					row[f.name] = hideQuery(*p, f.secret)
				}
			case *bool:
				row[f.name] = *p
			case *int:
				row[f.name] = *p
			}
		}
		table[name] = row
	}
	return compactJSON(table)
}

func hideEach(list []string, secret bool) []string {
	list = slices.Clone(list)
	for i := range list {
		if secret {
			list[i] = "xxxxx"
		}
	}
	return list
}

func hideQuery(address string, secret bool) string {
	if base, _, ok := strings.Cut(address, "?"); ok && secret {
		return base + "?xxxxx"
	}
	return address
}

// The rules of an endpoint's members. What may be a secret is not quoted.

func webhookName(name string) error {
	plain := !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r))
	})
	if !plain || name == "" || len(name) > 64 || strings.ContainsAny(name[:1], "-_.") {
		return fmt.Errorf("has the endpoint %q; expected a name of letters, digits, dots, dashes and underscores", name)
	}
	return nil
}

func webhookURL(v any) error {
	u, err := url.Parse(v.(string))
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("is no address; expected https://host/path")
	case u.User != nil:
		return errors.New("holds a user; expected none, since every request is signed")
	case u.Scheme == "http" && u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback():
		return errors.New("is http to another machine; expected https")
	}
	return nil
}

func webhookSecrets(v any) error {
	for _, s := range v.([]string) {
		if !strings.HasPrefix(s, "whsec_") {
			return errors.New("has one without the prefix whsec_; expected whsec_ and the base64 of 24 to 64 bytes")
		}
	}
	return nil
}

func eachPoint(v any) error {
	for _, p := range v.([]string) {
		if err := pointName(p); err != nil {
			return err
		}
	}
	return nil
}
