package config

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// key is one row of the table. The type of the setting is the type of its default.
type key struct {
	name   string
	def    any               // string, bool, int, float64, time.Duration, []string, map[string]CustodyLimits, map[string]Webhook or map[string]EnrichSource
	field  func(*Config) any // pointer to the place of the setting
	rule   func(any) error   // nil: every value of the type will do; called with a value of the type
	secret bool              // may hold a password: never quoted in errors, redacted in entries
	doc    string
}

// keys is the one table of settings; everything else about them is derived from it.
var keys = []key{
	{name: "data", def: "./baton-data", field: func(c *Config) any { return &c.Data }, rule: notEmpty,
		doc: "Folder that holds the ledger, its read models and its keys."},
	{name: "listen", def: "127.0.0.1:8080", field: func(c *Config) any { return &c.Listen }, rule: hostPort,
		doc: "Address of the HTTP API, host:port; port 0 takes a free one. Beyond loopback it takes an API key and TLS."},
	{name: "listen_tls.cert", def: "", field: func(c *Config) any { return &c.ListenTLS.Cert },
		doc: "PEM file of the API's certificate and its chain. Empty serves without TLS."},
	{name: "listen_tls.key", def: "", field: func(c *Config) any { return &c.ListenTLS.Key },
		doc: "PEM file of the certificate's key."},
	{name: "insecure_listen", def: false, field: func(c *Config) any { return &c.InsecureListen },
		doc: "Listen beyond loopback without TLS, where something else encrypts: API keys travel in clear."},
	{name: "esdb_listen", def: "", field: func(c *Config) any { return &c.ESDBListen }, rule: hostPortOrNone,
		doc: "Address that EventStoreDB's clients find the ledger at, as 127.0.0.1:2113; the rules of listen hold. Empty is off."},
	{name: "hosts", def: []string{}, field: func(c *Config) any { return &c.Hosts }, rule: eachHost,
		doc: "Names that the API is asked for by, besides localhost, as ledger.example.org."},
	{name: "store", def: StorePebble, field: func(c *Config) any { return &c.Store }, rule: storeName, secret: true,
		doc: "Where the record is: pebble, embedded in the data folder, or an EventStoreDB cluster, as esdb://host:2113?tls=true."},

	{name: "nats.enabled", def: true, field: func(c *Config) any { return &c.NATS.Enabled },
		doc: "Fan committed events out to NATS JetStream."},
	{name: "nats.url", def: "", field: func(c *Config) any { return &c.NATS.URL }, rule: natsURL, secret: true,
		doc: "NATS servers, separated by commas. Empty starts an embedded server."},
	{name: "nats.port", def: -1, field: func(c *Config) any { return &c.NATS.Port }, rule: natsPort,
		doc: "Loopback port of the embedded NATS server; -1 takes a random free one."},
	{name: "nats.creds_file", def: "", field: func(c *Config) any { return &c.NATS.CredsFile },
		doc: "Credentials of a NATS user (JWT and seed) for nats.url, as nsc writes them."},
	{name: "nats.nkey_file", def: "", field: func(c *Config) any { return &c.NATS.NKeyFile },
		doc: "Seed of a NATS user's nkey for nats.url."},
	{name: "nats.tls.ca", def: "", field: func(c *Config) any { return &c.NATS.TLS.CA },
		doc: "PEM file of the CAs that NATS servers' certificates are signed by. Empty trusts the system's."},
	{name: "nats.tls.cert", def: "", field: func(c *Config) any { return &c.NATS.TLS.Cert },
		doc: "PEM file of the certificate to show to NATS servers, and its chain."},
	{name: "nats.tls.key", def: "", field: func(c *Config) any { return &c.NATS.TLS.Key },
		doc: "PEM file of that certificate's key."},
	{name: "nats.replicas", def: 1, field: func(c *Config) any { return &c.NATS.Replicas }, rule: within(1, 5),
		doc: "Least copies of the stream in a NATS cluster, 1 to 5: 3 bears the loss of one server. Never lowers what is there."},

	{name: "notary.key_file", def: "", field: func(c *Config) any { return &c.Notary.KeyFile },
		doc: "File of the key that signs checkpoints. Empty makes one in the data folder on first run."},
	{name: "notary.origin", def: "baton.local/ledger", field: func(c *Config) any { return &c.Notary.Origin }, rule: originLine,
		doc: "First line of every checkpoint: the name of this ledger, unique in the world."},
	{name: "notary.interval", def: time.Second, field: func(c *Config) any { return &c.Notary.Interval },
		rule: within(10*time.Millisecond, time.Second),
		doc:  "Longest time between an append and the signed checkpoint that covers it; at most 1s."},
	{name: "checkpoint.copies", def: []string{}, field: func(c *Config) any { return &c.Checkpoint.Copies }, rule: eachNotEmpty,
		doc: "Further files that get a copy of the newest checkpoint; best on another disk or machine."},

	{name: "pebble.cache_mb", def: 256, field: func(c *Config) any { return &c.Pebble.CacheMB }, rule: within(1, 1<<20),
		doc: "Block cache of the embedded engine, in MiB."},
	{name: "pebble.memtable_mb", def: 64, field: func(c *Config) any { return &c.Pebble.MemtableMB }, rule: within(1, 2048),
		doc: "Memtable of the embedded engine, in MiB."},
	{name: "pebble.min_free_mb", def: 64, field: func(c *Config) any { return &c.Pebble.MinFreeMB }, rule: within(0, 1<<30),
		doc: "Appends are refused while the disk has less free space than this, in MiB."},

	{name: "limits.rate", def: 0, field: func(c *Config) any { return &c.Limits.Rate }, rule: within(0, 1<<30),
		doc: "Requests a second that one API key, else one address, may make on average; 0 is no limit."},
	{name: "limits.burst", def: 100, field: func(c *Config) any { return &c.Limits.Burst }, rule: within(1, 1<<30),
		doc: "Requests that it may make at once all the same."},
	{name: "limits.requests", def: 256, field: func(c *Config) any { return &c.Limits.Requests }, rule: within(0, 1<<30),
		doc: "Requests of one API key, else one address, under way at once, streams aside; 0 is no limit."},
	{name: "limits.streams", def: 1000, field: func(c *Config) any { return &c.Limits.Streams }, rule: within(0, 1<<30),
		doc: "Tails and lists of records open at once, of all callers; 0 is no limit."},
	{name: "limits.stall", def: time.Minute, field: func(c *Config) any { return &c.Limits.Stall }, rule: within(100*time.Millisecond, time.Hour),
		doc: "A reader that takes nothing for this long is cut off."},
	{name: "metrics.public", def: false, field: func(c *Config) any { return &c.Metrics.Public },
		doc: "Serve /metrics to whoever asks; otherwise it takes a reader's key where keys are asked for."},

	{name: "custody.accept_within", def: 24 * time.Hour, field: func(c *Config) any { return &c.Custody.AcceptWithin },
		rule: positive, doc: "A handoff that nobody accepts for this long is late."},
	{name: "custody.orphan_after", def: 72 * time.Hour, field: func(c *Config) any { return &c.Custody.OrphanAfter },
		rule: positive, doc: "A handoff accepted and then without an act for this long is orphaned."},
	{name: "custody.points", def: map[string]CustodyLimits{}, field: func(c *Config) any { return &c.Custody.Points },
		doc: "Limits of single points: sender>receiver@channel (spaces as %20) to accept_within and orphan_after."},
	{name: "points.days", def: 30, field: func(c *Config) any { return &c.Points.Days }, rule: within(1, 3660),
		doc: "Days that the volume and the figures of handoff points are of."},
	{name: "points.per_day", def: 1000.0, field: func(c *Config) any { return &c.Points.PerDay }, rule: within(0.001, 1e9),
		doc: "Handoffs a day above which a point's volume is high."},
	{name: "points.lost_rate", def: 0.1, field: func(c *Config) any { return &c.Points.LostRate }, rule: within(0.0001, 1.0),
		doc: "Share of accepted handoffs with a lost re-ask above which fields are missing at a point."},
	{name: "points.human_share", def: 0.5, field: func(c *Config) any { return &c.Points.HumanShare }, rule: within(0.0001, 1.0),
		doc: "Share of handoffs between humans from which a point counts as human to human."},
	{name: "points.trained_share", def: 0.8, field: func(c *Config) any { return &c.Points.TrainedShare }, rule: within(0.0001, 1.0),
		doc: "Share of each team from which the users of a point count as trained."},
	{name: "points.least", def: 20, field: func(c *Config) any { return &c.Points.Least }, rule: within(1, 1<<30),
		doc: "Handoffs that a share at a point is worth something from."},
	{name: "points.monitored", def: 100, field: func(c *Config) any { return &c.Points.Monitored }, rule: within(1, 1<<30),
		doc: "Handoffs under its contract that a point is monitored from."},
	{name: "deadlines.enabled", def: true, field: func(c *Config) any { return &c.Deadlines.Enabled },
		doc: "A server records that time has run out: handoffs past custody.accept_within, and what says when it ends itself."},

	{name: "predict.model", def: []string{}, field: func(c *Config) any { return &c.Predict.Models }, rule: eachModelName,
		doc: "Names of the models that handoffs are put to, as baton predict train, actions or register registered them. Empty asks none."},
	{name: "predict.points", def: []string{}, field: func(c *Config) any { return &c.Predict.Points }, rule: eachPoint,
		doc: "Points that get suggestions, as sender>receiver@channel (spaces as %20); empty is all."},
	{name: "predict.budget", def: 20 * time.Millisecond, field: func(c *Config) any { return &c.Predict.Budget }, rule: within(time.Millisecond, time.Minute),
		doc: "Longest time to read and score one journey; what takes longer gets no suggestion and is counted."},
	{name: "predict.ttl", def: 24 * time.Hour, field: func(c *Config) any { return &c.Predict.TTL }, rule: positive,
		doc: "A suggestion is over after this long."},
	{name: "predict.explore", def: 0.1, field: func(c *Config) any { return &c.Predict.Explore }, rule: within(0.0, 1.0),
		doc: "Share of choices among actions that are drawn at random, so that what is logged can be learned from; 0 draws none."},
	{name: "predict.holdout", def: 0.1, field: func(c *Config) any { return &c.Predict.HoldOut }, rule: within(0.0, 0.9),
		doc: "Share of the handoffs whose suggestions are kept back at random, so that what they are worth can be measured."},
	{name: "predict.gate.outcomes", def: 100, field: func(c *Config) any { return &c.Predict.Gate.Outcomes }, rule: within(30, 1<<30),
		doc: "Least outcomes before a model is promoted; for default, with it shown and held out each."},
	{name: "predict.gate.ece", def: 0.1, field: func(c *Config) any { return &c.Predict.Gate.ECE }, rule: within(0.001, 1.0),
		doc: "Largest expected calibration error, its upper bound, of a model that is promoted, and of one that stays."},
	{name: "predict.gate.segments", def: []string{"channel", "receiver", "begun by", "kind"}, field: func(c *Config) any { return &c.Predict.Gate.Segments }, rule: eachNotEmpty,
		doc: "Features in none of whose values a model may do harm."},
	{name: "predict.monitor.every", def: 500, field: func(c *Config) any { return &c.Predict.Monitor.Every }, rule: within(0, 1<<30),
		doc: "Handoff moments between two looks at models that are shown; 0 never looks."},
	{name: "predict.monitor.window", def: 500, field: func(c *Config) any { return &c.Predict.Monitor.Window }, rule: within(100, 100_000),
		doc: "The last outcomes that such a look takes in."},
	{name: "predict.drift.floor", def: 0.1, field: func(c *Config) any { return &c.Predict.DriftFloor }, rule: within(0.0, 10.0),
		doc: "Least population stability index that counts as drift, however many moments there are."},

	{name: "trace.endpoint", def: "", field: func(c *Config) any { return &c.Trace.Endpoint }, rule: traceURL, secret: true,
		doc: "OTLP/HTTP collector that gets traces, as http://127.0.0.1:4318; empty makes none."},
	{name: "trace.sample", def: 1.0, field: func(c *Config) any { return &c.Trace.Sample }, rule: within(0.0, 1.0),
		doc: "Share of the traces begun here that are kept, 0 to 1; where a traceparent came in, its own flag decides."},

	{name: "webhooks", def: map[string]Webhook{}, field: func(c *Config) any { return &c.Webhooks }, secret: true,
		doc: "Endpoints that handoffs are delivered to: name to url, secrets or secret_file and more, see docs/webhooks.md."},

	{name: "context.deliver", def: false, field: func(c *Config) any { return &c.Context.Deliver },
		doc: "Record handoff.delivered for each offer when its sources have answered or the budget is over, where no system of the receiver's says so itself."},
	{name: "enrich.sources", def: map[string]EnrichSource{}, field: func(c *Config) any { return &c.Enrich.Sources }, secret: true,
		doc: "Systems that fill fields of a handoff's context: name to kind, fields and more, see docs/context.md."},
	{name: "enrich.budget.real_time", def: 300 * time.Millisecond, field: func(c *Config) any { return &c.Enrich.Budget.RealTime }, rule: within(0, time.Hour),
		doc: "How long a delivery waits for sources on real-time channels, from the offer on; 0 until all have answered. Only precomputed values are used there."},
	{name: "enrich.budget.near_real_time", def: 2 * time.Second, field: func(c *Config) any { return &c.Enrich.Budget.NearRealTime }, rule: within(0, time.Hour),
		doc: "The same on near-real-time channels; what answers later is recorded as late."},
	{name: "enrich.budget.async", def: time.Duration(0), field: func(c *Config) any { return &c.Enrich.Budget.Async }, rule: within(0, 24*time.Hour),
		doc: "The same on all other channels."},
	{name: "enrich.max_age", def: time.Hour, field: func(c *Config) any { return &c.Enrich.MaxAge }, rule: positive,
		doc: "Offers that occurred longer ago than this, as those of an import, are neither enriched nor delivered."},
	{name: "channels.real_time", def: []string{}, field: func(c *Config) any { return &c.Channels.RealTime }, rule: eachNotEmpty,
		doc: "Channels on which somebody waits, besides chat, phone, voice, video, call and in-person."},
	{name: "channels.near_real_time", def: []string{}, field: func(c *Config) any { return &c.Channels.NearRealTime }, rule: eachNotEmpty,
		doc: "Channels that answer within seconds, besides api, webhook, sms, push, messenger and crm-task."},
	{name: "channels.async", def: []string{}, field: func(c *Config) any { return &c.Channels.Async }, rule: eachNotEmpty,
		doc: "Channels that are neither, in spite of their names; all others are so anyway."},

	{name: "log.level", def: "info", field: func(c *Config) any { return &c.Log.Level },
		rule: oneOf("debug", "info", "warn", "error"), doc: "Least severe level that is logged: debug, info, warn or error."},
	{name: "log.format", def: "text", field: func(c *Config) any { return &c.Log.Format }, rule: oneOf("text", "json"),
		doc: "How a log line is written: text or json."},
}

// env is the environment variable of the key: nats.url gives BATON_NATS_URL.
func (k key) env() string { return envPrefix + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_")) }

// flag is the command-line flag of the key without its dashes: notary.key_file gives notary-key-file.
func (k key) flag() string { return strings.NewReplacer(".", "-", "_", "-").Replace(k.name) }

// assign stores a value of the key's own type. Maps and lists are copied, so that no two configurations share one.
func (k key) assign(c *Config, value any) {
	switch p := k.field(c).(type) {
	case *string:
		*p = value.(string)
	case *bool:
		*p = value.(bool)
	case *int:
		*p = value.(int)
	case *float64:
		*p = value.(float64)
	case *time.Duration:
		*p = value.(time.Duration)
	case *[]string:
		*p = slices.Clone(value.([]string))
	case *map[string]CustodyLimits:
		*p = maps.Clone(value.(map[string]CustodyLimits))
	case *map[string]Webhook:
		*p = maps.Clone(value.(map[string]Webhook))
	case *map[string]EnrichSource:
		*p = maps.Clone(value.(map[string]EnrichSource))
	}
}

// lookup finds a key by one of its names: key.env, key.flag or the dotted one.
func lookup(name string, of func(key) string) (key, bool) {
	i := slices.IndexFunc(keys, func(k key) bool { return of(k) == name })
	if i < 0 {
		return key{}, false
	}
	return keys[i], true
}

// names lists one of the names of every key.
func names(of func(key) string) []string {
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = of(k)
	}
	return list
}

func dotted(k key) string { return k.name }
