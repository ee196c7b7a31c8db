package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/baton-ledger/baton/config"
)

// given is one way of configuring: the text of a file, an environment and a command line.
type given struct {
	name, file string // file's name tells its format; without one there is no file
	env        []string
	flags      []string
}

var allKeys = []string{
	"data", "listen", "store", "nats.enabled", "nats.url", "nats.port", "nats.creds_file", "nats.replicas", "notary.key_file", "notary.origin",
	"notary.interval", "checkpoint.copies", "pebble.cache_mb", "pebble.memtable_mb", "pebble.min_free_mb",
	"custody.accept_within", "custody.orphan_after", "custody.points", "predict.model", "predict.points", "predict.budget", "predict.ttl", "webhooks", "trace.endpoint", "trace.sample", "log.level", "log.format",
}

func (g given) load(t *testing.T) (*config.Loaded, error) {
	t.Helper()
	o := config.Options{Env: func() []string { return g.env }, Flags: pflag.NewFlagSet("test", pflag.ContinueOnError)}
	if g.name != "" {
		o.File = filepath.Join(t.TempDir(), g.name)
		if err := os.WriteFile(o.File, []byte(g.file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config.AddFlags(o.Flags, allKeys...)
	o.Flags.Bool("json", false, "a flag that is no setting")
	if err := o.Flags.Parse(g.flags); err != nil {
		t.Fatal(err)
	}
	return config.Load(o)
}

func entry(t *testing.T, l *config.Loaded, key string) config.Entry {
	t.Helper()
	entries := l.Entries()
	i := slices.IndexFunc(entries, func(e config.Entry) bool { return e.Key == key })
	if i < 0 {
		t.Fatalf("no entry for %s", key)
	}
	return entries[i]
}

func TestDefaults(t *testing.T) {
	l, err := given{}.load(t)
	if err != nil {
		t.Fatal(err)
	}
	day := config.CustodyLimits{AcceptWithin: 24 * time.Hour, OrphanAfter: 72 * time.Hour}
	want := config.Config{
		Data: "./baton-data", Listen: "127.0.0.1:8080", Hosts: []string{}, Store: "pebble",
		NATS:       config.NATS{Enabled: true, Port: -1, Replicas: 1},
		Notary:     config.Notary{Origin: "baton.local/ledger", Interval: time.Second},
		Checkpoint: config.Checkpoint{Copies: []string{}},
		Pebble:     config.Pebble{CacheMB: 256, MemtableMB: 64, MinFreeMB: 64},
		Limits:     config.Limits{Burst: 100, Requests: 256, Streams: 1000, Stall: time.Minute},
		Custody:    config.Custody{CustodyLimits: day, Points: map[string]config.CustodyLimits{}},
		Points:     config.Points{Days: 30, PerDay: 1000, LostRate: 0.1, HumanShare: 0.5, TrainedShare: 0.8, Least: 20, Monitored: 100},
		Channels:   config.Channels{RealTime: []string{}, NearRealTime: []string{}, Async: []string{}},
		Deadlines:  config.Deadlines{Enabled: true}, Predict: config.Predict{Points: []string{}, Budget: 20 * time.Millisecond, TTL: 24 * time.Hour,
			Models: []string{}, Explore: 0.1, HoldOut: 0.1, Gate: config.Gate{Outcomes: 100, ECE: 0.1, Segments: []string{"channel", "receiver", "begun by", "kind"}}, Monitor: config.Monitor{Every: 500, Window: 500}, DriftFloor: 0.1},
		Webhooks: map[string]config.Webhook{}, Channels: config.Channels{RealTime: []string{}, NearRealTime: []string{}, Async: []string{}},
		Enrich: config.Enrich{Sources: map[string]config.EnrichSource{}, Budget: config.EnrichBudget{RealTime: 300 * time.Millisecond, NearRealTime: 2 * time.Second}, MaxAge: time.Hour},
		Trace:  config.Trace{Sample: 1},
		Log:    config.Log{Level: "info", Format: "text"},
	}
	if !reflect.DeepEqual(l.Config, want) {
		t.Errorf("got  %+v\nwant %+v", l.Config, want)
	}
	for _, e := range l.Entries() {
		if e.Source != "default" || e.Doc == "" {
			t.Errorf("%s: source %q, doc %q", e.Key, e.Source, e.Doc)
		}
	}
}

func TestEveryLayerOverridesTheOneBefore(t *testing.T) {
	g := given{}
	for _, step := range []struct {
		add    func()
		port   int
		source string
	}{
		{func() {}, -1, "default"},
		{func() { g.name, g.file = "b.yaml", "nats: {port: 1001}" }, 1001, "file "},
		{func() { g.env = []string{"BATON_NATS_PORT=1002"} }, 1002, "env BATON_NATS_PORT"},
		{func() { g.flags = []string{"--nats-port=1003", "--json"} }, 1003, "flag --nats-port"},
	} {
		step.add()
		l, err := g.load(t)
		if err != nil {
			t.Fatal(err)
		}
		if e := entry(t, l, "nats.port"); l.NATS.Port != step.port || !strings.HasPrefix(e.Source, step.source) {
			t.Errorf("port %d from %q, want %d from %q", l.NATS.Port, e.Source, step.port, step.source)
		}
		if e := entry(t, l, "nats.url"); e.Source != "default" {
			t.Errorf("a neighbour of the overridden key came from %q", e.Source)
		}
	}
}

func TestAFlagThatRepeatsTheDefaultStillWins(t *testing.T) {
	l, err := given{env: []string{"BATON_LOG_LEVEL=debug"}, flags: []string{"--log-level", "info"}}.load(t)
	if err != nil {
		t.Fatal(err)
	}
	if e := entry(t, l, "log.level"); l.Log.Level != "info" || e.Source != "flag --log-level" {
		t.Errorf("level %s from %s", l.Log.Level, e.Source)
	}
}

func TestFileFormatsReadAlike(t *testing.T) {
	for name, text := range map[string]string{
		"nested.yaml": `
Data: /srv/baton
nats: {enabled: false}
log:
pebble:
  cache_mb: 512
checkpoint: {copies: [a, b]}
custody:
  accept_within: 12h
  points:
    "Bot>Tier%201@Web.chat": {accept_within: 90s}`,
		"dotted.yml": `
data: /srv/baton
nats.enabled: false
pebble.cache_mb: 512
checkpoint.copies: [a, b]
custody.accept_within: 12h
custody.points: {"Bot>Tier%201@Web.chat": {accept_within: 90s}}`,
		"b.toml": `
data = "/srv/baton"
nats.enabled = false
checkpoint.copies = ["a", "b"]
[pebble]
cache_mb = 512
[custody]
accept_within = "12h"
[custody.points."Bot>Tier%201@Web.chat"]
accept_within = "90s"`,
		"b.json": `{"data": "/srv/baton", "nats": {"enabled": false}, "pebble": {"cache_mb": 512},
			"checkpoint": {"copies": ["a", "b"]}, "custody": {"accept_within": "12h",
			"points": {"Bot>Tier%201@Web.chat": {"accept_within": "90s"}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			l, err := given{name: name, file: text}.load(t)
			if err != nil {
				t.Fatal(err)
			}
			if l.Data != "/srv/baton" || l.NATS.Enabled || l.Pebble.CacheMB != 512 ||
				!slices.Equal(l.Checkpoint.Copies, []string{"a", "b"}) {
				t.Errorf("got %+v", l.Config)
			}
			// The point keeps its case and its dot, and inherits the limit it leaves out.
			want := config.CustodyLimits{AcceptWithin: 90 * time.Second, OrphanAfter: 72 * time.Hour}
			if got := l.Custody.For("Bot>Tier%201@Web.chat"); got != want {
				t.Errorf("own limits %+v, want %+v", got, want)
			}
			if got := l.Custody.For("bot>tier%201@web.chat").AcceptWithin; got != 12*time.Hour {
				t.Errorf("general limit %s, want 12h", got)
			}
		})
	}
}

func TestBATON_CONFIGNamesTheFileUnlessOptionsDo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "env.yaml")
	if err := os.WriteFile(path, []byte("data: /from/env"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := given{env: []string{"BATON_CONFIG=" + path}}
	l, err := g.load(t)
	if err != nil || l.Data != "/from/env" {
		t.Errorf("data %q, error %v", l.Data, err)
	}
	g.name, g.file = "option.yaml", "data: /from/option"
	if l, err = g.load(t); err != nil || l.Data != "/from/option" {
		t.Errorf("data %q, error %v", l.Data, err)
	}
}

// Every entry, given back through the environment, must mean the same setting: that is what makes `config print` useful.
func TestEntriesReadBack(t *testing.T) {
	first, err := given{name: "b.yaml", file: `
listen: "[::1]:0"
listen_tls: {cert: c.pem, key: k.pem}
insecure_listen: true
hosts: [ledger.example.org, b]
limits: {rate: 5, burst: 7, requests: 9, streams: 11, stall: 90s}
metrics: {public: true}
nats: {enabled: false, url: "nats://a:4222,tls://b", port: 4222}
notary: {interval: 250ms, key_file: k, origin: ledger.example.org}
checkpoint: {copies: [x, y]}
pebble: {min_free_mb: 0}
custody: {orphan_after: 1h30m, points: {"a>b@c": {orphan_after: 48h}, "b>a@c": {}}}`}.load(t)
	if err != nil {
		t.Fatal(err)
	}
	var env []string
	for _, e := range first.Entries() {
		name := "BATON_" + strings.ToUpper(strings.ReplaceAll(e.Key, ".", "_"))
		env = append(env, name+"="+e.Value)
	}
	second, err := given{env: env}.load(t)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(first.Config, second.Config) {
		t.Errorf("got  %+v\nwant %+v", second.Config, first.Config)
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	const secret = "hunter2"
	for value, want := range map[string]string{
		"nats://ann:hunter2@h:4222":             "nats://ann:xxxxx@h:4222",
		"nats://hunter2@h":                      "nats://xxxxx@h",
		"ann:hunter2@h":                         "ann:xxxxx@h",
		"nats://a:4222,tls://ann:hunter2@b:443": "nats://a:4222,tls://ann:xxxxx@b:443",
	} {
		l, err := given{env: []string{"BATON_NATS_URL=" + value}}.load(t)
		if err != nil {
			t.Fatal(err)
		}
		if e := entry(t, l, "nats.url"); e.Value != want || l.NATS.URL != value {
			t.Errorf("shown as %s, want %s", e.Value, want)
		}
	}
	for _, g := range []given{
		{env: []string{"BATON_NATS_URL=nats://ann:hunter2"}},
		{env: []string{"BATON_NATS_URL=http://ann:hunter2@h"}},
		{env: []string{"BATON_STORE=mongodb://admin:hunter2@h"}},
		{name: "b.yaml", file: "nats: {url: [nats://ann:hunter2@h]}"},
	} {
		_, err := g.load(t)
		var wrong *config.Error
		if !errors.As(err, &wrong) {
			t.Errorf("%v: no *config.Error but %v", g, err)
		} else if strings.Contains(err.Error()+wrong.Hint(), secret) {
			t.Errorf("the secret is in %v / %s", err, wrong.Hint())
		}
	}
}
