package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parse turns what a layer holds into a value of the key's type and applies the key's rule. Text is accepted for every
// type, since the environment and flags have nothing else.
func (k key) parse(raw any) (any, error) {
	value, err := k.convert(raw)
	if err == nil && k.rule != nil {
		err = k.rule(value)
	}
	return value, err
}

func (k key) convert(raw any) (any, error) {
	switch k.def.(type) {
	case string:
		if s, ok := raw.(string); ok {
			return s, nil
		}
		return nil, k.wrongType(raw, "text")
	case bool:
		return k.toBool(raw)
	case int:
		return k.toInt(raw)
	case float64:
		return k.toNumber(raw)
	case time.Duration:
		return k.toDuration(raw)
	case []string:
		return k.toList(raw)
	case map[string]Webhook:
		return toWebhooks(raw)
	case map[string]EnrichSource:
		return toSources(raw)
	default:
		return toPoints(raw)
	}
}

// wrongType does not quote what may be a secret.
func (k key) wrongType(raw any, expected string) error {
	if k.secret {
		return fmt.Errorf("has the wrong type; expected %s", expected)
	}
	return fmt.Errorf("is %s; expected %s", describe(raw), expected)
}

func describe(raw any) string {
	switch raw.(type) {
	case nil:
		return "empty"
	case []any:
		return "a list"
	case map[string]any, map[any]any:
		return "a section"
	}
	return fmt.Sprintf("%#v", raw)
}

func (k key) toBool(raw any) (any, error) {
	if b, ok := raw.(bool); ok {
		return b, nil
	}
	if s, ok := raw.(string); ok {
		if b, err := strconv.ParseBool(s); err == nil {
			return b, nil
		}
	}
	return nil, k.wrongType(raw, "true or false")
}

func (k key) toInt(raw any) (any, error) {
	switch n := raw.(type) {
	case int:
		return n, nil
	case int64:
		return int(n), nil
	case float64: // JSON knows no other number
		if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return int(n), nil
		}
	case string:
		if i, err := strconv.Atoi(n); err == nil {
			return i, nil
		}
	}
	return nil, k.wrongType(raw, "a whole number")
}

func (k key) toNumber(raw any) (any, error) {
	switch n := raw.(type) {
	case float64:
		return n, nil
	case int:
		return float64(n), nil
	case int64:
		return float64(n), nil
	case string:
		if f, err := strconv.ParseFloat(n, 64); err == nil {
			return f, nil
		}
	}
	return nil, k.wrongType(raw, "a number")
}

func (k key) toDuration(raw any) (any, error) {
	if s, ok := raw.(string); ok {
		if d, err := time.ParseDuration(s); err == nil {
			return d, nil
		}
	}
	return nil, k.wrongType(raw, "a duration with a unit, such as 500ms, 1s or 24h")
}

func (k key) toList(raw any) (any, error) {
	switch list := raw.(type) {
	case []string:
		return list, nil
	case string:
		if list == "" {
			return []string{}, nil
		}
		return strings.Split(list, ","), nil
	case []any:
		texts := make([]string, len(list))
		for i, item := range list {
			s, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("has %s as item %d; expected a list of texts", describe(item), i+1)
			}
			texts[i] = s
		}
		return texts, nil
	}
	return nil, k.wrongType(raw, "a list of texts")
}

// pointLimits names the limits of one point, with their general counterparts in the table.
var pointLimits = []string{"accept_within", "orphan_after"}

// toPoints reads custody.points. A limit that is left out stays zero until Custody.fillPoints.
func toPoints(raw any) (any, error) {
	if text, ok := raw.(string); ok {
		raw = nil
		if err := json.Unmarshal([]byte(text), &raw); err != nil {
			return nil, errors.New(`is no JSON; expected an object such as {"bot>agent@chat":{"accept_within":"1h"}}`)
		}
	}
	table, ok := stringMap(raw)
	if !ok {
		return nil, errors.New("is no map; expected points, each with accept_within and orphan_after")
	}
	points := make(map[string]CustodyLimits, len(table))
	for _, point := range sortedKeys(table) {
		limits, err := toLimits(point, table[point])
		if err != nil {
			return nil, err
		}
		points[point] = limits
	}
	return points, nil
}

func toLimits(point string, raw any) (limits CustodyLimits, err error) {
	if err := pointName(point); err != nil {
		return limits, err
	}
	table, ok := stringMap(raw)
	if !ok {
		return limits, fmt.Errorf("is %s for %s; expected accept_within and orphan_after", describe(raw), point)
	}
	for _, name := range sortedKeys(table) {
		if !slices.Contains(pointLimits, name) {
			return limits, fmt.Errorf("has the unknown limit %s.%s; expected accept_within or orphan_after", point, name)
		}
		general, _ := lookup("custody."+name, dotted)
		value, err := general.parse(table[name])
		if err != nil {
			return limits, fmt.Errorf("at %s.%s %w", point, name, err)
		}
		if name == "accept_within" {
			limits.AcceptWithin = value.(time.Duration)
		} else {
			limits.OrphanAfter = value.(time.Duration)
		}
	}
	return limits, nil
}

// show writes the setting the way the environment would give it, without its secrets.
func (k key) show(c *Config) string {
	switch p := k.field(c).(type) {
	case *time.Duration:
		return showDuration(*p)
	case *[]string:
		return strings.Join(*p, ",")
	case *map[string]CustodyLimits:
		return showPoints(*p)
	case *map[string]Webhook:
		return showNamed(*p, webhookFields)
	case *map[string]EnrichSource:
		return showNamed(*p, enrichMembers)
	case *string:
		if k.secret {
			return redact(*p)
		}
		return *p
	case *bool:
		return strconv.FormatBool(*p)
	case *float64:
		return strconv.FormatFloat(*p, 'g', -1, 64)
	default:
		return strconv.Itoa(*p.(*int))
	}
}

func showPoints(points map[string]CustodyLimits) string {
	if len(points) == 0 {
		return "{}"
	}
	table := make(map[string]map[string]string, len(points))
	for point, limits := range points {
		table[point] = map[string]string{
			"accept_within": showDuration(limits.AcceptWithin), "orphan_after": showDuration(limits.OrphanAfter),
		}
	}
	return compactJSON(table)
}

func compactJSON(table any) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // a point has a > in its name
	_ = encoder.Encode(table)    // maps of texts and numbers always encode
	return strings.TrimSuffix(out.String(), "\n")
}

// showDuration drops the zero units of 24h0m0s.
func showDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// redact hides the password of user:password@host and the whole of token@host, in each address of a list.
func redact(addresses string) string {
	list := strings.Split(addresses, ",")
	for i, address := range list {
		start := 0
		if at := strings.Index(address, "://"); at >= 0 {
			start = at + len("://")
		}
		end := strings.LastIndexByte(address, '@')
		if end < start {
			continue
		}
		shown := "xxxxx"
		if user, _, hasPassword := strings.Cut(address[start:end], ":"); hasPassword {
			shown = user + ":xxxxx"
		}
		list[i] = address[:start] + shown + address[end:]
	}
	return strings.Join(list, ",")
}
