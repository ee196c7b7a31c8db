package points

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/baton-ledger/baton/ledger"
)

// maxFile bounds a file of points.
const maxFile = 4 << 20

// file is a file of points, YAML or JSON.
type file struct {
	Points []entry `yaml:"points"`
}

// entry is a point as a file has it.
type entry struct {
	Point       string   `yaml:"point"`
	Owner       string   `yaml:"owner"`
	Description string   `yaml:"description"`
	Data        []string `yaml:"data"`
	Style       string   `yaml:"style"`
	Tier        string   `yaml:"tier"`
	Direction   string   `yaml:"direction"`
	SLA         string   `yaml:"sla"`
	Contract    string   `yaml:"contract"`
	Criticality string   `yaml:"criticality"`
	Why         string   `yaml:"why"` // of the criticality
	Value       string   `yaml:"value"`
	Complexity  string   `yaml:"complexity"`
	Pains       []struct {
		ID       string   `yaml:"id"`
		Text     string   `yaml:"text"`
		Evidence string   `yaml:"evidence"`
		Fields   []string `yaml:"fields"`
		Decision string   `yaml:"decision"`
		Why      string   `yaml:"why"`
	} `yaml:"pain_points"`
	Training []struct {
		Team  string  `yaml:"team"`
		Share float64 `yaml:"share"`
		Held  string  `yaml:"held"`
	} `yaml:"training"`
}

// ParseFile reads a file of points as the changes that it asks for, in order. Errors are CodeInvalid and name the entry.
func ParseFile(document []byte) ([]Change, error) {
	if len(document) > maxFile {
		return nil, ledger.Errorf(ledger.CodeTooLarge, op, "split the file", "the file has %d bytes, at most %d are allowed", len(document), maxFile)
	}
	var f file
	d := yaml.NewDecoder(bytes.NewReader(document))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, refuse("see docs/points.md for the members; quote texts with : or #", "the file cannot be read: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(f.Points) == 0 {
		return nil, refuse("begin it with points: and a list of point: sender>receiver@channel", "the file names no point")
	}
	var out []Change
	seen := map[string]int{}
	for i := range f.Points {
		e := &f.Points[i]
		name, err := Canonical(e.Point)
		if err == nil && seen[name] > 0 {
			err = refuse("put both into one", "%s stands there as number %d too", name, seen[name])
		}
		if err == nil {
			seen[name] = i + 1
			out, err = e.changes(out, name)
		}
		if err != nil {
			return nil, ledger.Errorf(ledger.CodeInvalid, op, ledger.HintOf(err), "points, number %d: %w", i+1, plain(err))
		}
	}
	return out, nil
}

// changes are those that an entry asks for.
func (e *entry) changes(out []Change, name string) ([]Change, error) {
	first := len(out)
	out = append(out, Change{Point: name, Verb: "mapped", Mapping: Mapping{Owner: e.Owner, Description: e.Description, Data: e.Data, Style: e.Style, Tier: e.Tier,
		Direction: e.Direction, SLA: e.SLA, Contract: e.Contract}})
	if e.Criticality != "" || e.Why != "" || e.Value != "" || e.Complexity != "" {
		out = append(out, Change{Point: name, Verb: "classified", Criticality: e.Criticality, Why: e.Why, Value: e.Value, Complexity: e.Complexity})
	}
	for _, p := range e.Pains {
		out = append(out, Change{Point: name, Verb: "pain_recorded", Pain: p.ID, Text: p.Text, Evidence: p.Evidence, Fields: p.Fields})
		if p.Decision != "" {
			out = append(out, Change{Point: name, Verb: "pain_decided", Pain: p.ID, Decision: p.Decision, Why: p.Why})
		} else if p.Why != "" {
			return nil, refuse("say decision: yes, no or undecided", "pain point %s: why is there, and no decision", p.ID)
		}
	}
	for _, t := range e.Training {
		out = append(out, Change{Point: name, Verb: "trained", Team: t.Team, Share: &t.Share, Held: t.Held})
	}
	for i := range out[first:] {
		if err := out[first+i].check(); err != nil {
			return nil, fmt.Errorf("%w", err)
		}
	}
	return out, nil
}

// plain is an error without the name of what it was found by, which the error around it has.
func plain(err error) error {
	var e *ledger.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
