package config_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/config"
)

func TestWebhooksReadAlikeFromEveryLayer(t *testing.T) {
	want := config.Webhook{URL: "https://crm.example.org/in", Secrets: []string{"whsec_a", "whsec_b"}, Types: []string{"dev.baton.handoff.*"},
		Receivers: []string{"Tier 2"}, Points: []string{}, From: 1, Timeout: 2 * time.Second, MaxAttempts: 3, GiveUpAfter: 24 * time.Hour,
		Concurrency: 4, RecordDelivered: true, Enabled: true}
	const object = `{"CRM-1": {"url": "https://crm.example.org/in", "secrets": ["whsec_a", "whsec_b"], "types": ["dev.baton.handoff.*"],
		"receivers": ["Tier 2"], "from": 1, "timeout": "2s", "max_attempts": 3, "record_delivered": true}}`
	for name, g := range map[string]given{
		"yaml": yaml(`
webhooks:
  CRM-1:
    url: https://crm.example.org/in
    secrets: [whsec_a, whsec_b]
    types: [dev.baton.handoff.*]
    receivers: [Tier 2]
    from: 1
    timeout: 2s
    max_attempts: 3
    record_delivered: true`),
		"toml": {name: "b.toml", file: `
[webhooks.CRM-1]
url = "https://crm.example.org/in"
secrets = "whsec_a,whsec_b"
types = ["dev.baton.handoff.*"]
receivers = ["Tier 2"]
from = 1
timeout = "2s"
max_attempts = 3
record_delivered = true`},
		"json": {name: "b.json", file: `{"webhooks": ` + object + `}`},
		"env":  env("BATON_WEBHOOKS=" + object),
	} {
		l, err := g.load(t)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !reflect.DeepEqual(l.Webhooks, map[string]config.Webhook{"CRM-1": want}) {
			t.Errorf("%s: got  %+v\nwant %+v", name, l.Webhooks["CRM-1"], want)
		}
	}
}

func TestWebhookSecretsAreNeverShown(t *testing.T) {
	const text = `{"crm": {"url": "https://crm.example.org/in?token=hunter2", "secrets": ["whsec_hunter2"], "enabled": false}}`
	l, err := env("BATON_WEBHOOKS=" + text).load(t)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"crm":{"concurrency":4,"enabled":false,"from":0,"give_up_after":"24h","max_age":"0s","max_attempts":15,"record_delivered":false,"secrets":["xxxxx"],` +
		`"timeout":"15s","url":"https://crm.example.org/in?xxxxx"}}`
	if e := entry(t, l, "webhooks"); e.Value != want || l.Webhooks["crm"].Secrets[0] != "whsec_hunter2" {
		t.Errorf("shown as %s", e.Value)
	}
	l, err = yaml(`webhooks: {crm: {url: "http://127.0.0.1:9/in", secret_file: crm.secret, points: ["a>b@c"]}}`).load(t)
	if err != nil {
		t.Fatal(err)
	}
	again, err := env("BATON_WEBHOOKS=" + entry(t, l, "webhooks").Value).load(t)
	if err != nil || !reflect.DeepEqual(again.Webhooks, l.Webhooks) {
		t.Errorf("read back as %+v, error %v", again.Webhooks, err)
	}
}

func TestWrongWebhooksAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		`["crm"]`:                               "is no map",
		`{"a/b": {}}`:                           `has the endpoint "a/b"`,
		`{"crm": "https://h/"}`:                 "has no members for crm",
		`{"crm": {"secrets": "whsec_hunter2"}}`: "has no url at crm",
		`{"crm": {"url": "https://h/"}}`:        "has no secret at crm",
		`{"crm": {"url": "https://h/", "secrets": ["hunter2"]}}`:                              "at crm.secrets has one without the prefix whsec_",
		`{"crm": {"url": "https://h/", "secrets": [7]}}`:                                      "at crm.secrets has 7 as item 1",
		`{"crm": {"url": "http://h/?hunter2", "secret_file": "f"}}`:                           "at crm.url is http to another machine; expected https",
		`{"crm": {"url": "https://ann:hunter2@h/", "secret_file": "f"}}`:                      "at crm.url holds a user",
		`{"crm": {"url": "ftp://h/hunter2", "secret_file": "f"}}`:                             "at crm.url is no address",
		`{"crm": {"url": "https://h/", "secret_file": "f", "adress": 1}}`:                     "has the unknown member crm.adress",
		`{"crm": {"url": "https://h/", "secret_file": "f", "max_attempt": 1}}`:                "did you mean max_attempts?",
		`{"crm": {"url": "https://h/", "secret_file": "f", "timeout": "1h"}}`:                 "at crm.timeout is 1h0m0s; expected 100ms to 5m0s",
		`{"crm": {"url": "https://h/", "secret_file": "f", "points": ["a>b"]}}`:               "at crm.points has the point",
		`{"crm": {"url": "https://h/", "secret_file": "f", "concurrency": 0}}`:                "at crm.concurrency is 0; expected 1 to 256",
		`{"crm": {"url": "https://h/", "secret_file": "f", "record_delivered": "certainly"}}`: "at crm.record_delivered is",
	} {
		_, err := env("BATON_WEBHOOKS=" + text).load(t)
		var wrong *config.Error
		if !errors.As(err, &wrong) || wrong.Key != "webhooks" || !strings.Contains(err.Error(), want) || wrong.Hint() == "" {
			t.Errorf("%s: %v", text, err)
		} else if strings.Contains(err.Error()+wrong.Hint(), "hunter2") {
			t.Errorf("the secret is in %v", err)
		}
	}
}
