package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Enrich says who is asked for what a handoff's context lacks, and how long a delivery waits for it.
type Enrich struct {
	Sources map[string]EnrichSource // by name
	Budget  EnrichBudget
	MaxAge  time.Duration
}

// EnrichBudget is how long a delivery waits, by class of channel; 0 is until all have answered.
type EnrichBudget struct {
	RealTime     time.Duration
	NearRealTime time.Duration
	Async        time.Duration
}

// Channels put channels into another class than that of their name.
type Channels struct {
	RealTime     []string
	NearRealTime []string
	Async        []string
}

// EnrichSource is a system that fills fields of a context. See docs/context.md.
type EnrichSource struct {
	Kind      string
	URL       string
	TokenFile string // one token, read when the server starts
	Subject   string
	File      string
	Key       string
	Fields    []string
	Needs     []string
	Points    []string
	Timeout   time.Duration
}

var enrichMembers = []member[EnrichSource]{
	{key{name: "kind", def: "", rule: oneOf("http", "nats", "snapshot")}, func(s *EnrichSource) any { return &s.Kind }},
	{key{name: "url", def: "", rule: sourceURL, secret: true}, func(s *EnrichSource) any { return &s.URL }},
	{key{name: "token_file", def: ""}, func(s *EnrichSource) any { return &s.TokenFile }},
	{key{name: "subject", def: "", rule: subjectName}, func(s *EnrichSource) any { return &s.Subject }},
	{key{name: "file", def: ""}, func(s *EnrichSource) any { return &s.File }},
	{key{name: "key", def: ""}, func(s *EnrichSource) any { return &s.Key }},
	{key{name: "fields", def: []string{}, rule: fieldNames}, func(s *EnrichSource) any { return &s.Fields }},
	{key{name: "needs", def: []string{}, rule: fieldNames}, func(s *EnrichSource) any { return &s.Needs }},
	{key{name: "points", def: []string{}, rule: eachPoint}, func(s *EnrichSource) any { return &s.Points }},
	{key{name: "timeout", def: 10 * time.Second, rule: within(10*time.Millisecond, 10*time.Minute)}, func(s *EnrichSource) any { return &s.Timeout }},
}

// toSources reads the sources: a map from names, or the same as JSON.
func toSources(raw any) (any, error) {
	return toNamed(raw, `{"crm":{"kind":"http","url":"https://crm.example.org/context","fields":["tier"],"needs":["account_id"]}}`,
		"sources by name, each with kind and fields", toSource)
}

// toSource reads one source: each kind needs members that say nothing to the others.
func toSource(name string, raw any) (s EnrichSource, err error) {
	if err := entryName("source", name); err != nil {
		return s, err
	}
	const needs = "kind (http, nats or snapshot) and fields"
	if s, err = readMembers(name, raw, enrichMembers, needs); err != nil {
		return s, err
	}
	kinds := []struct {
		member, value, kind string
		needed              bool
	}{{"url", s.URL, "http", true}, {"token_file", s.TokenFile, "http", false}, {"subject", s.Subject, "nats", true}, {"file", s.File, "snapshot", true}, {"key", s.Key, "snapshot", true}}
	switch {
	case s.Kind == "":
		return s, fmt.Errorf("has no kind at %s; expected %s", name, needs)
	case len(s.Fields) == 0:
		return s, fmt.Errorf("has no fields at %s; expected the names of those that it fills", name)
	}
	for _, k := range kinds {
		switch {
		case k.kind == s.Kind && k.needed && k.value == "":
			return s, fmt.Errorf("has no %s at %s; expected one, since it is of kind %s", k.member, name, s.Kind)
		case k.kind != s.Kind && k.value != "":
			return s, fmt.Errorf("has a %s at %s; expected none, since it is of kind %s", k.member, name, s.Kind)
		}
	}
	return s, nil
}

func sourceURL(v any) error {
	if v.(string) == "" {
		return nil
	}
	return webhookURL(v)
}

func subjectName(v any) error {
	s := v.(string)
	if s != "" && (strings.ContainsAny(s, " \t*>") || slices.Contains(strings.Split(s, "."), "")) {
		return fmt.Errorf("is %q; expected a NATS subject without wildcards", s)
	}
	return nil
}

func fieldNames(v any) error {
	list := v.([]string)
	for i, name := range list {
		if strings.TrimSpace(name) == "" || len(name) > 256 {
			return errors.New("has an entry that is no field; expected names of fields")
		}
		if slices.Contains(list[:i], name) {
			return fmt.Errorf("has %q twice", name)
		}
	}
	return nil
}

// ClassOf is the class that the settings put a channel into, "" where they say nothing of it.
func (c *Channels) ClassOf(channel string) string {
	for _, class := range []struct {
		name string
		list []string
	}{{"real_time", c.RealTime}, {"near_real_time", c.NearRealTime}, {"async", c.Async}} {
		if slices.Contains(class.list, channel) {
			return class.name
		}
	}
	return ""
}
