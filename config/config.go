// Package config reads Baton's settings.
//
// Every setting is one row of one table (keys.go): its key, default, documentation and rule. A setting takes the value
// of the last of these layers that gives one:
//
//		default < file < environment < flag
//
//	  - The file is YAML, TOML or JSON, told by its extension. Keys may be nested (nats: {url: …}) or dotted (nats.url: …),
//	    in any case. It is named by Options.File, else by BATON_CONFIG; there is no search for one.
//	  - The environment variable of a key is BATON_ and the key in capitals, with underscores for dots: BATON_NATS_URL.
//	    A variable that is set but empty counts as not given. Lists are separated by commas; custody.points,
//	    webhooks and enrich.sources are JSON.
//	  - The flag of a key is the key with dashes for dots and underscores: --nats-url. Only flags that were given count.
//
// Nothing is guessed: an unknown key or BATON_ variable, a value of the wrong type and a value out of range are each an
// *Error that names the setting, its source and the fix. Every layer is checked, also where a later one overrides it.
//
// Relative paths are relative to the working directory of the process, in every layer.
//
// The package imports nothing else of this module, so that every other package can be used without it.
package config

import (
	"os"
	"time"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// Config is the whole configuration, checked and with every default filled in.
type Config struct {
	Data           string
	Listen         string
	ListenTLS      ListenTLS
	InsecureListen bool
	ESDBListen     string
	Hosts          []string
	Store          string
	NATS           NATS
	Notary         Notary
	Checkpoint     Checkpoint
	Pebble         Pebble
	Limits         Limits
	Metrics        Metrics
	Custody        Custody
	Points         Points
	Deadlines      Deadlines
	Predict        Predict
	Webhooks       map[string]Webhook // endpoints by name
	Context        Context
	Enrich         Enrich
	Channels       Channels
	Trace          Trace
	Log            Log
}

// ListenTLS names the API's certificate and key, PEM files.
type ListenTLS struct {
	Cert string
	Key  string
}

// Limits say how much the API does for one caller, and at once.
type Limits struct {
	Rate     int // requests a second; 0: no limit
	Burst    int
	Requests int // at once; 0: no limit
	Streams  int // at once, of all callers; 0: no limit
	Stall    time.Duration
}

// Metrics says who sees them.
type Metrics struct {
	Public bool
}

// NATS says where committed events are fanned out to.
type NATS struct {
	Enabled bool
	URL     string // empty: an embedded server
	Port    int    // of the embedded server; -1: a random free port on loopback

	CredsFile string // at most one of the two
	NKeyFile  string
	TLS       NATSTLS
	Replicas  int
}

// NATSTLS names the files of TLS towards NATS servers, in PEM.
type NATSTLS struct {
	CA   string
	Cert string
	Key  string
}

// Notary says how checkpoints are signed.
type Notary struct {
	KeyFile  string // empty: made on first run below Config.Data
	Origin   string
	Interval time.Duration
}

// Checkpoint says where the newest checkpoint is written besides the data folder.
type Checkpoint struct {
	Copies []string
}

// Pebble sizes the embedded engine, in MiB.
type Pebble struct {
	CacheMB    int
	MemtableMB int
	MinFreeMB  int
}

// Custody holds the time limits of a handoff, in general and for single points.
type Custody struct {
	CustodyLimits
	Points map[string]CustodyLimits // by sender>receiver@channel, in the case it was written; no zero limits
}

// Points holds the thresholds of the checklist of handoff points and of their steps.
type Points struct {
	Days         int
	PerDay       float64
	LostRate     float64
	HumanShare   float64
	TrainedShare float64
	Least        int
	Monitored    int
}

// Deadlines says whether a server writes down that time has run out.
type Deadlines struct {
	Enabled bool
}

// Predict says what handoffs are scored with while a ledger is served.
type Predict struct {
	Models []string // none: nothing is scored
	Points []string // none: all
	Budget time.Duration
	TTL    time.Duration

	Explore    float64 // share of choices among actions that are drawn
	HoldOut    float64 // share of shown suggestions that are kept back
	Gate       Gate
	Monitor    Monitor
	DriftFloor float64 // least population stability index that counts
}

// Gate is what a model has to show before it goes up.
type Gate struct {
	Outcomes int
	ECE      float64
	Segments []string // features
}

// Monitor says when models that are shown are looked after.
type Monitor struct {
	Every  int // handoff moments; 0: never
	Window int // outcomes
}

// Context says what is recorded of contexts.
type Context struct {
	Deliver bool // handoff.delivered is recorded by Baton
}

// CustodyLimits are the time limits of one point.
type CustodyLimits struct {
	AcceptWithin time.Duration
	OrphanAfter  time.Duration
}

// For returns the limits of a point: its own, else the general ones.
func (c Custody) For(point string) CustodyLimits {
	if own, ok := c.Points[point]; ok {
		return own
	}
	return c.CustodyLimits
}

// fillPoints gives every point the general limit where it sets none of its own.
func (c *Custody) fillPoints() {
	for point, own := range c.Points {
		if own.AcceptWithin == 0 {
			own.AcceptWithin = c.AcceptWithin
		}
		if own.OrphanAfter == 0 {
			own.OrphanAfter = c.OrphanAfter
		}
		c.Points[point] = own
	}
}

// Trace says where OpenTelemetry traces go.
type Trace struct {
	Endpoint string // OTLP/HTTP base URL or the whole one; empty: no traces are made
	Sample   float64
}

// Log says what is logged and how.
type Log struct {
	Level  string
	Format string
}

// Options say where Load looks.
type Options struct {
	File  string          // empty: the file BATON_CONFIG names, else none
	Flags *pflag.FlagSet  // nil: no flags. Flags that are no key of ours are left alone
	Env   func() []string // "NAME=value" pairs; nil: os.Environ
}

// Loaded is a configuration together with where each value came from.
type Loaded struct {
	Config
	entries []Entry
}

// Entry is one setting in force. Value reads back as the same setting when given through the environment, except that
// the secret part of it is replaced by xxxxx.
type Entry struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Source string `json:"source"` // "default", "file PATH", "env BATON_X" or "flag --x"
	Doc    string `json:"doc"`
}

// Entries lists every setting in the order of the table.
func (l *Loaded) Entries() []Entry { return append([]Entry(nil), l.entries...) }

// Load reads and checks every layer. Its error is an *Error for the first problem: in the environment by name, then in
// the file by key, then in the flags.
func Load(o Options) (*Loaded, error) {
	if o.Env == nil {
		o.Env = os.Environ
	}
	env, file, err := readEnv(o.Env())
	if err != nil {
		return nil, err
	}
	if o.File != "" {
		file = o.File
	}
	layers := []layer{defaults()}
	if file != "" {
		fromFile, err := readFile(file)
		if err != nil {
			return nil, err
		}
		layers = append(layers, fromFile)
	}
	flags, err := readFlags(o.Flags)
	if err != nil {
		return nil, err
	}
	return resolve(append(layers, env, flags))
}

// resolve lets viper pick the winner of every key. Values reach viper parsed and typed, because it lower-cases the keys
// of any map it can look into, and the names in custody.points have a case.
func resolve(layers []layer) (*Loaded, error) {
	v := viper.New()
	source := map[string]string{}
	for i, l := range layers {
		for name, s := range l {
			source[name] = s.source
			switch i {
			case 0:
				v.SetDefault(name, s.value)
			case len(layers) - 1:
				v.Set(name, s.value)
			default:
				if err := v.MergeConfigMap(nested(name, s.value)); err != nil {
					return nil, &Error{Key: name, Source: s.source, Err: err}
				}
			}
		}
	}
	loaded := &Loaded{}
	for _, k := range keys {
		k.assign(&loaded.Config, v.Get(k.name))
	}
	loaded.Custody.fillPoints()
	for _, k := range keys {
		loaded.entries = append(loaded.entries, Entry{k.name, k.show(&loaded.Config), source[k.name], k.doc})
	}
	return loaded, nil
}
