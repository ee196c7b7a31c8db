package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
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
var webhookFields = []member[Webhook]{
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
	return toNamed(raw, `{"crm":{"url":"https://crm.example.org/in","secret_file":"crm.secret"}}`, "endpoints by name, each with url and secrets or secret_file", toWebhook)
}

// toWebhook reads one endpoint.
func toWebhook(name string, raw any) (w Webhook, err error) {
	if err := entryName("endpoint", name); err != nil {
		return w, err
	}
	w, err = readMembers(name, raw, webhookFields, "url and secrets or secret_file")
	switch {
	case err != nil:
		return w, err
	case w.URL == "":
		return w, fmt.Errorf("has no url at %s; expected https://host/path", name)
	case len(w.Secrets) == 0 && w.SecretFile == "":
		return w, fmt.Errorf("has no secret at %s; expected secrets or secret_file, whsec_ and the base64 of 24 to 64 bytes", name)
	}
	return w, nil
}

// The rules of an endpoint's members. What may be a secret is not quoted.

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
