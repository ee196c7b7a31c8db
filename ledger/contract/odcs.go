package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/baton-ledger/baton/ledger"
)

const opODCS = "ODCS"

// ODCSVersion is the version of the Open Data Contract Standard (bitol.io) that is written; 3.0 is read as well.
const ODCSVersion = "v3.1.0"

// The parts of an ODCS document that a contract fills in. What the standard has no member for is in customProperties, under names that
// begin with baton.
type odcsDocument struct {
	APIVersion  string           `yaml:"apiVersion"`
	Kind        string           `yaml:"kind"`
	ID          string           `yaml:"id"`
	Name        string           `yaml:"name"`
	Version     string           `yaml:"version"`
	Status      string           `yaml:"status"`
	Description *odcsDescription `yaml:"description,omitempty"`
	Schema      []odcsProperty   `yaml:"schema"`
	Team        *odcsTeam        `yaml:"team,omitempty"`
	SLA         []odcsSLA        `yaml:"slaProperties,omitempty"`
	Custom      []odcsCustom     `yaml:"customProperties,omitempty"`
}

type odcsDescription struct {
	Purpose string `yaml:"purpose"`
}

type odcsTeam struct {
	Name string `yaml:"name"`
}

type odcsProperty struct {
	Name           string         `yaml:"name,omitempty"`
	BusinessName   string         `yaml:"businessName,omitempty"`
	Description    string         `yaml:"description,omitempty"`
	LogicalType    string         `yaml:"logicalType,omitempty"`
	Options        map[string]any `yaml:"logicalTypeOptions,omitempty"`
	Required       bool           `yaml:"required,omitempty"`
	Classification string         `yaml:"classification,omitempty"`
	Examples       []any          `yaml:"examples,omitempty"`
	Items          *odcsProperty  `yaml:"items,omitempty"`
	Properties     []odcsProperty `yaml:"properties,omitempty"`
	Custom         []odcsCustom   `yaml:"customProperties,omitempty"`
}

type odcsSLA struct {
	Property string `yaml:"property"`
	Value    int64  `yaml:"value"`
	Unit     string `yaml:"unit"`
	Element  string `yaml:"element"`
}

type odcsCustom struct {
	Property string `yaml:"property"`
	Value    any    `yaml:"value"`
}

// envelopeObject is what the one object of an exported document is called.
const envelopeObject = "envelope"

// ODCS writes the contract as a document of the Open Data Contract Standard, YAML. status is one of the standard: proposed, draft, active,
// deprecated, retired. [ReadODCS] gives a contract of the same digest, which is tried before the document is handed out.
func (c *Contract) ODCS(status string) ([]byte, error) {
	same := *c
	same.defaults()
	c = &same
	object := odcsProperty{Name: envelopeObject, LogicalType: "object"}
	doc := odcsDocument{APIVersion: ODCSVersion, Kind: "DataContract", ID: c.Name, Name: c.Name, Version: fmt.Sprintf("%d.0.0", c.Version), Status: status}
	for i := range c.Fields {
		f := &c.Fields[i]
		object.Properties = append(object.Properties, f.odcs())
		if f.FreshFor != 0 {
			n, unit := inUnit(time.Duration(f.FreshFor))
			doc.SLA = append(doc.SLA, odcsSLA{"freshness", n, unit, envelopeObject + "." + f.Name})
		}
	}
	doc.Schema = []odcsProperty{object}
	if c.Description != "" {
		doc.Description = &odcsDescription{c.Description}
	}
	if c.Owner != "" {
		doc.Team = &odcsTeam{c.Owner}
	}
	doc.Custom = customOf([]member{{"batonTitle", c.Title, c.Title != ""}, {"batonConsumers", c.Consumers, len(c.Consumers) > 0}, {"batonPoints", c.Points, len(c.Points) > 0},
		{"batonMode", c.Mode, true}, {"batonReader", c.Reader, true}, {"batonCompatibility", c.Compatibility, true}, {"batonKeyInsight", c.KeyInsight, c.KeyInsight != nil},
		{"batonVariants", c.Variants, len(c.Variants) > 0}, {"batonUpcast", c.Upcast, c.Upcast != nil}})
	out, err := writeYAML(doc)
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInternal, opODCS, "", "write YAML: %w", err)
	}
	if again, _, err := ReadODCS(out); err != nil || again.Digest() != c.Digest() {
		return nil, ledger.Errorf(ledger.CodeUnsupported, opODCS, "export it as JSON instead", "the contract has texts or numbers that YAML does not keep: %v", err)
	}
	return out, nil
}

func writeYAML(v any) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// inUnit writes a span as a whole number of the largest unit.
func inUnit(d time.Duration) (n int64, unit string) {
	for _, u := range spanUnits {
		if d%u.span == 0 {
			return int64(d / u.span), u.name
		}
	}
	return int64(d), "ns"
}

// spanUnits are the units of service levels, the largest first; the first name of each is written.
var spanUnits = []struct {
	name string
	span time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}, {"ns", 1}, {"day", 24 * time.Hour}, {"days", 24 * time.Hour},
	{"hour", time.Hour}, {"hours", time.Hour}, {"min", time.Minute}, {"minute", time.Minute}, {"minutes", time.Minute}, {"second", time.Second}, {"seconds", time.Second},
	{"week", 7 * 24 * time.Hour}, {"weeks", 7 * 24 * time.Hour}}

// member is one that the standard lacks.
type member struct {
	name  string
	value any
	there bool
}

func customOf(members []member) (out []odcsCustom) {
	for _, m := range members {
		if m.there {
			raw, err := json.Marshal(m.value)
			if err != nil {
				panic(err) // raw members were decoded from JSON
			}
			out = append(out, odcsCustom{m.name, yamlValue(raw)})
		}
	}
	return out
}

// yamlValue gives a JSON value as YAML writes it, so that people can read it; or as a text of JSON where YAML would not keep every digit.
// A text stays a text.
func yamlValue(raw json.RawMessage) any {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return string(raw)
	}
	if s, ok := v.(string); ok {
		return s
	}
	text, err := writeYAML(map[string]any{"value": v})
	if err != nil {
		return string(raw)
	}
	var back struct{ Value json.RawMessage }
	if asText, err := asJSON(text); err != nil || json.Unmarshal(asText, &back) != nil || !bytes.Equal(sorted(back.Value), sorted(raw)) {
		return string(raw)
	}
	return v
}

// odcs writes a field. Its schema is in the standard's own words, and once more as it is where those do not say all of it.
func (f *Field) odcs() odcsProperty {
	p := odcsProperty{}
	if len(f.Schema) > 0 {
		p = logical(readSchema(f.Schema))
	}
	exact := bytes.Equal(sorted(p.physical()), sorted(f.Schema))
	p.Name, p.BusinessName, p.Description, p.Classification, p.Required = f.Name, f.Title, f.Description, f.Classification, f.Class == Mandatory
	p.Custom = customOf([]member{{"batonClass", f.Class, true}, {"batonPurpose", f.Purpose, len(f.Purpose) > 0}, {"batonSubject", f.Subject, f.Subject != ""},
		{"batonSource", f.Source, f.Source != ""}, {"batonMethod", f.Method, f.Method != ""}, {"batonWeight", f.Weight, f.Weight != 0},
		{"batonSchema", f.Schema, !exact}})
	if len(f.Default) > 0 {
		p.Custom = append(p.Custom, odcsCustom{"batonDefault", string(f.Default)})
	}
	return p
}

// physical gives the schema that a property says, after it went through YAML; nothing where it says none.
func (p odcsProperty) physical() json.RawMessage {
	text, err := writeYAML(p)
	if err != nil {
		return nil
	}
	raw, err := asJSON(text)
	if err != nil {
		return nil
	}
	v, _ := decode(raw)
	m, _ := v.(map[string]any)
	s := physical(&taker{m: m, left: new([]string)})
	if s == nil {
		return nil
	}
	return json.RawMessage(canonicalText(s))
}
