package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A rule's error completes the sentence "KEY …" and ends with what was expected.

func notEmpty(v any) error {
	if v.(string) == "" {
		return errors.New("is empty; expected some text")
	}
	return nil
}

func eachNotEmpty(v any) error {
	if slices.Contains(v.([]string), "") {
		return errors.New("has an empty entry; expected a list of file paths")
	}
	return nil
}

// modelName is a name that a stream and a file can have, or none.
func eachModelName(v any) error {
	seen := map[string]bool{}
	for _, name := range v.([]string) {
		if name == "" || len(name) > 64 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return fmt.Errorf("has the entry %q; expected names of a-z, 0-9, - and _, one each: a list in the file, or the flag again", name)
		}
		if seen[name] {
			return fmt.Errorf("has %q twice", name)
		}
		seen[name] = true
	}
	return nil
}

// eachHost wants bare names: a list that a Host header is looked up in.
func eachHost(v any) error {
	for _, name := range v.([]string) {
		if name == "" || strings.ContainsAny(name, ":/@* \t") {
			return fmt.Errorf("has the entry %q; expected names such as ledger.example.org, without scheme and port", name)
		}
	}
	return nil
}

func positive(v any) error {
	if d := v.(time.Duration); d <= 0 {
		return fmt.Errorf("is %s; expected a duration above zero such as 24h", showDuration(d))
	}
	return nil
}

func within[T cmp.Ordered](low, high T) func(any) error {
	return func(v any) error {
		if n := v.(T); !(n >= low && n <= high) { // NaN is in no range
			return fmt.Errorf("is %v; expected %v to %v", n, low, high)
		}
		return nil
	}
}

func oneOf(words ...string) func(any) error {
	return func(v any) error {
		if !slices.Contains(words, v.(string)) {
			return fmt.Errorf("is %q; expected one of %s", v, strings.Join(words, ", "))
		}
		return nil
	}
}

func hostPort(v any) error {
	_, port, err := net.SplitHostPort(v.(string))
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("is %q; expected host:port such as 127.0.0.1:8080", v)
	}
	return nil
}

func hostPortOrNone(v any) error {
	if v.(string) == "" {
		return nil
	}
	return hostPort(v)
}

// StorePebble is the setting store of the embedded engine. Every other one is the connection string of an EventStoreDB cluster.
const StorePebble = "pebble"

var clusterSchemes = []string{"esdb", "esdb+discover", "kurrentdb", "kurrentdb+discover"}

func storeName(v any) error {
	scheme, _, isURL := strings.Cut(v.(string), "://")
	switch {
	case v.(string) == StorePebble, isURL && slices.Contains(clusterSchemes, scheme):
		return nil
	default:
		return errors.New("names an engine that does not exist; expected pebble, or esdb://host:2113 for an EventStoreDB cluster")
	}
}

// natsURL checks what the NATS client would only find out when it connects. Nothing of the value is quoted.
func natsURL(v any) error {
	if v.(string) == "" {
		return nil
	}
	for _, server := range strings.Split(v.(string), ",") {
		server = strings.TrimSpace(server)
		if !strings.Contains(server, "://") {
			server = "nats://" + server
		}
		u, err := url.Parse(server)
		if err != nil || u.Hostname() == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
			return errors.New("is no NATS address; expected nats://host:4222, also with tls, ws or wss, several separated by commas")
		}
	}
	return nil
}

// traceURL quotes nothing of the value: it may hold a collector's password.
func traceURL(v any) error {
	if v.(string) == "" {
		return nil
	}
	u, err := url.Parse(v.(string))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("is no address of a collector; expected http://host:4318, or https")
	}
	return nil
}

func natsPort(v any) error {
	if n := v.(int); n != -1 && (n < 1 || n > 65535) {
		return fmt.Errorf("is %d; expected -1 for a random port, or 1 to 65535", n)
	}
	return nil
}

// originLine keeps to what a C2SP checkpoint and the name of a note key may be: one line without spaces or plus signs.
func originLine(v any) error {
	s := v.(string)
	if s == "" || strings.ContainsRune(s, '+') || strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}) {
		return fmt.Errorf("is %q; expected a name such as ledger.example.org/baton, without spaces or plus signs", s)
	}
	return nil
}

// pointName accepts sender>receiver@channel the way the ledger names a point, where spaces, controls and the characters
// > @ % inside a name are percent-encoded: any other spelling would match no handoff and say nothing.
func pointName(point string) error {
	parts := strings.FieldsFunc(point, func(r rune) bool { return r == '>' || r == '@' })
	separators := strings.Map(func(r rune) rune {
		if r == '>' || r == '@' {
			return r
		}
		return -1
	}, point)
	plain := strings.ContainsFunc(point, func(r rune) bool { return r <= ' ' || r == 0x7f })
	_, escapes := url.PathUnescape(point)
	if separators != ">@" || len(parts) != 3 || plain || escapes != nil {
		return fmt.Errorf("has the point %q; expected sender>receiver@channel with a space written as %%20", point)
	}
	return nil
}
