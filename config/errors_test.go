package config_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/baton-ledger/baton/config"
)

func env(pairs ...string) given     { return given{env: pairs} }
func yaml(text string) given        { return given{name: "b.yaml", file: text} }
func flagged(flags ...string) given { return given{flags: flags} }

func TestErrorsNameTheSettingItsSourceAndTheFix(t *testing.T) {
	for _, c := range []struct {
		name              string
		given             given
		key, source       string
		message, hintPart string
	}{
		{"unknown key", yaml("nats: {ulr: x}"), "nats.ulr", "file ", "no setting", "did you mean nats.url?"},
		{"unknown key without its section", yaml("port: 4222"), "port", "file ", "no setting", "did you mean nats.port?"},
		{"unknown section", yaml("peble: {cache_mb: 1}"), "peble", "file ", "no setting", "did you mean pebble?"},
		{"nothing near", yaml("blockchain: true"), "blockchain", "file ", "no setting", "the settings are channels, "},
		{"below a key", yaml("data: {dir: x}"), "data", "file ", "is a section; expected text", "Folder"},
		{"section with a value", yaml("nats: x"), "nats", "file ", "takes no value", "nats.url"},
		{"set twice", yaml("nats.port: 1\nNATS: {port: 2}"), "nats.port", "file ", "set twice", "keep one"},
		{"unknown variable", env("BATON_NATS_ULR=x"), "BATON_NATS_ULR", "env BATON_NATS_ULR", "no setting", "did you mean BATON_NATS_URL?"},
		{"text in the file", yaml("listen: 8080"), "listen", "file ", "is 8080; expected text", "host:port"},
		{"nothing in the file", yaml("listen:"), "listen", "file ", "is empty; expected text", "host:port"},
		{"number", env("BATON_PEBBLE_CACHE_MB=lots"), "pebble.cache_mb", "env BATON_PEBBLE_CACHE_MB", `is "lots"; expected a whole number`, "MiB"},
		{"fraction", given{name: "b.json", file: `{"pebble": {"cache_mb": 1.5}}`}, "pebble.cache_mb", "file ", "is 1.5; expected a whole number", "MiB"},
		{"bool", yaml("nats: {enabled: 1}"), "nats.enabled", "file ", "is 1; expected true or false", ""},
		{"duration without unit", yaml("notary: {interval: 1}"), "notary.interval", "file ", "expected a duration with a unit", ""},
		{"list of numbers", yaml("checkpoint: {copies: [a, 1]}"), "checkpoint.copies", "file ", "has 1 as item 2", ""},
		{"list with a hole", env("BATON_CHECKPOINT_COPIES=a,,b"), "checkpoint.copies", "env ", "empty entry", ""},
		{"flag", flagged("--custody-accept-within=soon"), "custody.accept_within", "flag --custody-accept-within", `is "soon"; expected a duration`, ""},
		{"wrong below a later layer", given{env: []string{"BATON_LOG_LEVEL=loud"}, flags: []string{"--log-level=info"}},
			"log.level", "env BATON_LOG_LEVEL", "expected one of debug, info, warn, error", ""},
		{"empty flag", flagged("--data="), "data", "flag --data", "is empty", "Folder"},
		{"listen", flagged("--listen=localhost"), "listen", "flag --listen", "expected host:port", ""},
		{"listen port", flagged("--listen=localhost:99999"), "listen", "flag --listen", "expected host:port", ""},
		{"host with a port", yaml("hosts: ['a:80']"), "hosts", "file ", `has the entry "a:80"; expected names`, "besides localhost"},
		{"stall", yaml("limits: {stall: 1ms}"), "limits.stall", "file ", "is 1ms; expected 100ms to 1h", "cut off"},
		{"store of never", flagged("--store=oracle"), "store", "flag --store", "does not exist; expected pebble, or esdb://", ""},
		{"nats url", env("BATON_NATS_URL=http://h"), "nats.url", "env ", "nats://host:4222", ""},
		{"nats port", yaml("nats: {port: 0}"), "nats.port", "file ", "-1 for a random port", ""},
		{"nats replicas", yaml("nats: {replicas: 7}"), "nats.replicas", "file ", "is 7; expected 1 to 5", "loss of one server"},
		{"nats section in a section", yaml("nats: {tls: {CA: x, crt: y}}"), "nats.tls.crt", "file ", "no setting", "did you mean nats.tls.cert?"},
		{"collector", env("BATON_TRACE_ENDPOINT=collector:4318"), "trace.endpoint", "env ", "http://host:4318", ""},
		{"sample", flagged("--trace-sample=half"), "trace.sample", "flag --trace-sample", `is "half"; expected a number`, ""},
		{"sample above all", yaml("trace: {sample: 2}"), "trace.sample", "file ", "is 2; expected 0 to 1", ""},
		{"sample of nothing", env("BATON_TRACE_SAMPLE=NaN"), "trace.sample", "env ", "expected 0 to 1", ""},
		{"origin", yaml("notary: {origin: my ledger}"), "notary.origin", "file ", "without spaces", ""},
		{"interval above the guarantee", yaml("notary: {interval: 2s}"), "notary.interval", "file ", "is 2s; expected 10ms to 1s", ""},
		{"negative limit", yaml("custody: {orphan_after: -1h}"), "custody.orphan_after", "file ", "is -1h; expected a duration above zero", ""},
		{"point name", yaml("custody: {points: {bot: {}}}"), "custody.points", "file ", `the point "bot"; expected sender>receiver@channel`, ""},
		{"point with a space", yaml("custody: {points: {'a>tier 1@c': {}}}"), "custody.points", "file ", "written as %20", ""},
		{"point without a channel", yaml("custody: {points: {'a>b@': {}}}"), "custody.points", "file ", "expected sender>receiver@channel", ""},
		{"point with three parties", yaml("custody: {points: {'a>b>c@d': {}}}"), "custody.points", "file ", "expected sender>receiver@channel", ""},
		{"point with a bad escape", yaml("custody: {points: {'a%2>b@c': {}}}"), "custody.points", "file ", "expected sender>receiver@channel", ""},
		{"point limit name", yaml("custody: {points: {'a>b@c': {accept: 1h}}}"), "custody.points", "file ", "unknown limit a>b@c.accept", ""},
		{"point limit type", yaml("custody: {points: {'a>b@c': {accept_within: 1}}}"), "custody.points", "file ", "at a>b@c.accept_within is 1; expected a duration", ""},
		{"point limit zero", yaml("custody: {points: {'a>b@c': {accept_within: 0s}}}"), "custody.points", "file ", "above zero", ""},
		{"points no JSON", env("BATON_CUSTODY_POINTS=a>b@c"), "custody.points", "env ", "is no JSON", ""},
		{"points no map", yaml("custody: {points: [a]}"), "custody.points", "file ", "is no map", ""},
		{"YAML", yaml("a: [1"), "", "file ", "is no valid YAML", ""},
		{"TOML", given{name: "b.toml", file: "a = "}, "", "file ", "is no valid TOML", ""},
		{"JSON", given{name: "b.json", file: "{"}, "", "file ", "is no valid JSON", ""},
		{"extension", given{name: "b.ini", file: "a=1"}, "", "file ", `extension ".ini"`, ".yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.given.load(t)
			var wrong *config.Error
			if !errors.As(err, &wrong) {
				t.Fatalf("no *config.Error but %v", err)
			}
			if wrong.Key != c.key || !strings.HasPrefix(wrong.Source, c.source) {
				t.Errorf("key %q from %q, want %q from %q", wrong.Key, wrong.Source, c.key, c.source)
			}
			if !strings.Contains(err.Error(), c.message) || !strings.Contains(err.Error(), wrong.Source) {
				t.Errorf("message %q, want %q and the source in it", err, c.message)
			}
			if wrong.Hint() == "" || !strings.Contains(wrong.Hint(), c.hintPart) {
				t.Errorf("hint %q, want %q in it", wrong.Hint(), c.hintPart)
			}
		})
	}
}

func TestAFileThatIsMissingIsAnError(t *testing.T) {
	_, err := config.Load(config.Options{File: filepath.Join(t.TempDir(), "no.yaml"), Env: func() []string { return nil }})
	var wrong *config.Error
	if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &wrong) || wrong.Hint() == "" {
		t.Errorf("got %v", err)
	}
}

func TestEmptyVariablesAndForeignOnesDoNotCount(t *testing.T) {
	l, err := env("BATON_DATA=", "BATON_NO_SUCH=", "HOME=/x", "BATONS=2").load(t)
	if err != nil || l.Data != "./baton-data" {
		t.Errorf("data %q, error %v", l.Data, err)
	}
}

func TestListsComeFromRepeatedFlags(t *testing.T) {
	l, err := flagged("--checkpoint-copies=a,1", "--checkpoint-copies=b", "--nats-enabled=false").load(t)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(l.Checkpoint.Copies, "|"); got != "a,1|b" || l.NATS.Enabled {
		t.Errorf("copies %s, nats %v", got, l.NATS.Enabled)
	}
}

func TestAddFlagsRefusesAKeyThatDoesNotExist(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	config.AddFlags(pflag.NewFlagSet("test", pflag.ContinueOnError), "no.such")
}
