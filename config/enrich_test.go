package config_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/config"
)

func TestSourcesReadAlikeFromEveryLayer(t *testing.T) {
	want := map[string]config.EnrichSource{
		"crm":   {Kind: "http", URL: "https://crm.example.org/in?k=v", Fields: []string{"tier"}, Needs: []string{"account_id"}, Points: []string{"a>b@mail"}, Timeout: time.Second},
		"tiers": {Kind: "snapshot", File: "tiers.ndjson", Key: "account_id", Fields: []string{"tier"}, Needs: []string{}, Points: []string{}, Timeout: 10 * time.Second},
	}
	const object = `{"crm":{"kind":"http","url":"https://crm.example.org/in?k=v","fields":["tier"],"needs":["account_id"],"points":["a>b@mail"],"timeout":"1s"},
		"tiers":{"kind":"snapshot","file":"tiers.ndjson","key":"account_id","fields":["tier"]}}`
	for name, g := range map[string]given{
		"env": env("BATON_ENRICH_SOURCES=" + object), "json": {name: "b.json", file: `{"enrich": {"sources": ` + object + `}}`},
		"yaml": yaml(`
enrich:
  sources:
    crm: {kind: http, url: "https://crm.example.org/in?k=v", fields: [tier], needs: [account_id], points: ["a>b@mail"], timeout: 1s}
    tiers: {kind: snapshot, file: tiers.ndjson, key: account_id, fields: [tier]}`),
	} {
		l, err := g.load(t)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !reflect.DeepEqual(l.Enrich.Sources, want) {
			t.Errorf("%s: got  %+v\nwant %+v", name, l.Enrich.Sources, want)
		}
		if err == nil && (!strings.Contains(entry(t, l, "enrich.sources").Value, "?xxxxx") || strings.Contains(entry(t, l, "enrich.sources").Value, "k=v")) {
			t.Errorf("%s: the query of a URL is shown: %s", name, entry(t, l, "enrich.sources").Value)
		}
	}
}

func TestSourcesThatCannotBeMeant(t *testing.T) {
	for text, want := range map[string]string{
		`{"crm":{"fields":["a"]}}`:                                                             "has no kind at crm",
		`{"crm":{"kind":"http","url":"https://x.example.org"}}`:                                "has no fields at crm",
		`{"crm":{"kind":"http","fields":["a"]}}`:                                               "has no url at crm",
		`{"crm":{"kind":"soap","fields":["a"]}}`:                                               "expected one of http, nats, snapshot",
		`{"crm":{"kind":"nats","subject":"a","url":"https://x.example.org","fields":["a"]}}`:   "has a url at crm; expected none",
		`{"crm":{"kind":"nats","subject":"a.*","fields":["a"]}}`:                               "without wildcards",
		`{"crm":{"kind":"snapshot","file":"f","fields":["a"]}}`:                                "has no key at crm",
		`{"crm":{"kind":"http","url":"http://crm.example.org","fields":["a"]}}`:                "expected https",
		`{"crm":{"kind":"http","url":"https://x.example.org","fields":["a","a"]}}`:             "twice",
		`{"crm":{"kind":"http","url":"https://x.example.org","fields":["a"],"time_out":"1s"}}`: "did you mean timeout",
		`{"-":{"kind":"nats"}}`:                                                                `has the source "-"`,
		`[]`:                                                                                   "is no map",
		`x`:                                                                                    "is no JSON",
	} {
		if _, err := env("BATON_ENRICH_SOURCES=" + text).load(t); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestClassOfChannel(t *testing.T) {
	l, err := env("BATON_CHANNELS_ASYNC=chat,letter", "BATON_CHANNELS_REAL_TIME=kiosk").load(t)
	if err != nil || l.Channels.ClassOf("chat") != "async" || l.Channels.ClassOf("kiosk") != "real_time" || l.Channels.ClassOf("phone") != "" {
		t.Errorf("%+v %v", l.Channels, err)
	}
}
