package interop

import (
	"embed"
	"encoding/csv"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger"
	"go.yaml.in/yaml/v3"
)

// The formats that can be imported.
const (
	FormatXES         = "xes"
	FormatCSV         = "csv"
	FormatCloudEvents = "cloudevents"
	FormatOCEL        = "ocel"
)

// Roles are what a column can be to Baton, in the order in which Preset lists them.
var Roles = []string{"case", "activity", "time", "party", "stage", "channel", "status"}

const (
	roleCase = iota
	roleActivity
	roleTime
	roleParty
	roleStage
	roleChannel
	roleStatus
	roleCount
)

// Columns are the names a column may have, best first. In YAML one name or a list.
type Columns []string

// UnmarshalYAML accepts a name or a list of names.
func (c *Columns) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*c = Columns{n.Value}
		return nil
	}
	return n.Decode((*[]string)(c))
}

// Preset maps one kind of log. Roles that name no column stay empty in every event; case, activity and time are required, save for
// cloudevents.
type Preset struct {
	Name     string   `yaml:"name"`   // part of the source, hence of every event's id
	Format   string   `yaml:"format"` // xes, csv, cloudevents, ocel; "" goes by the file's name
	Case     Columns  `yaml:"case"`
	Activity Columns  `yaml:"activity"`
	Time     Columns  `yaml:"time"`
	Party    Columns  `yaml:"party"`
	Stage    Columns  `yaml:"stage"`
	Channel  Columns  `yaml:"channel"`
	Status   Columns  `yaml:"status"`
	Optional []string `yaml:"optional"` // roles whose columns a file need not have
	Payload  []string `yaml:"payload"`  // columns kept in data.attributes; absent: all that no role names
	Layouts  []string `yaml:"layouts"`  // of the time column, as Go writes them; absent: RFC 3339 and its usual variants
	Prefix   string   `yaml:"prefix"`   // put before the case to make the journey's id
	Handoff  *Handoff `yaml:"handoff"`
	Close    *Close   `yaml:"close"`
}

// Handoff says when work changed hands.
type Handoff struct {
	On         string            `yaml:"on"`          // "stage": a change of stage is a handoff; "none": nothing is
	QueuedWhen map[string]string `yaml:"queued_when"` // column: value; a row that has all of them waits for its new stage to accept
	Channel    string            `yaml:"channel"`     // of the handoff, where the row has none
}

// Close says when a journey has ended: its last row has all of these values. The outcome is that row's status, else its activity.
type Close struct {
	When map[string]string `yaml:"when"`
}

//go:embed presets/*.yaml
var embedded embed.FS

// PresetNames lists the presets that come with Baton.
func PresetNames() []string {
	entries, _ := embedded.ReadDir("presets") // embedded at build time
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".yaml")
	}
	return names
}

// LoadPreset gives the embedded preset of a name, or reads a YAML file: what has a separator or ends in .yaml or .yml is a file.
// Errors name the unknown key and the key that was probably meant.
func LoadPreset(nameOrFile string) (*Preset, error) {
	if ext := filepath.Ext(nameOrFile); ext == ".yaml" || ext == ".yml" || strings.ContainsRune(nameOrFile, filepath.Separator) {
		text, err := os.ReadFile(nameOrFile)
		if err != nil {
			return nil, ledger.Errorf(ledger.CodeInvalid, "read preset", "name a file that can be read, or one of "+
				strings.Join(PresetNames(), ", "), "%w", err)
		}
		return ParsePreset(text, strings.TrimSuffix(filepath.Base(nameOrFile), ext))
	}
	text, err := embedded.ReadFile("presets/" + nameOrFile + ".yaml")
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, "read preset", "use one of "+strings.Join(PresetNames(), ", ")+", or name a .yaml file",
			"there is no preset %q%s", nameOrFile, meant(nameOrFile, PresetNames()))
	}
	return ParsePreset(text, nameOrFile)
}

// ParsePreset reads a preset's YAML. Name is what it is called where the text does not say.
func ParsePreset(text []byte, name string) (*Preset, error) {
	var p Preset
	if err := decodeStrict(text, &p); err != nil {
		keys, _ := yamlKeys(reflect.TypeFor[Preset]())
		return nil, ledger.Errorf(ledger.CodeInvalid, "read preset "+name, "the keys are "+strings.Join(keys, ", "), "%w", err)
	}
	if p.Name == "" {
		p.Name = name
	}
	if err := p.check(); err != nil {
		err.Op = "read preset " + name
		return nil, err
	}
	return &p, nil
}

// check refuses what can be seen to be wrong without a log.
func (p *Preset) check() *ledger.Error {
	formats := []string{FormatXES, FormatCSV, FormatCloudEvents, FormatOCEL}
	if p.Format != "" && !slices.Contains(formats, p.Format) {
		return ledger.Errorf(ledger.CodeInvalid, "", "use one of "+strings.Join(formats, ", "), "format: %q is not known%s", p.Format, meant(p.Format, formats))
	}
	for _, role := range p.Optional {
		if i := slices.Index(Roles, role); i < 0 || i <= roleTime {
			return ledger.Errorf(ledger.CodeInvalid, "", "use some of "+strings.Join(Roles[roleTime+1:], ", "), "optional: %q cannot be optional", role)
		}
	}
	if h := p.Handoff; h != nil && h.On != "stage" && h.On != "none" && !slices.Contains(p.Stage, h.On) {
		return ledger.Errorf(ledger.CodeInvalid, "", "say stage, or none", "handoff.on: %q is neither stage nor none", h.On)
	}
	if p.Close != nil && len(p.Close.When) == 0 {
		return ledger.Errorf(ledger.CodeInvalid, "", "add when: {column: value}", "close: when is missing")
	}
	return nil
}

// Map says which column plays a role, over what the preset says.
type Map map[string]string

// ParseMap reads "case=…,activity=…,time=…,party=…,stage=…". A name that has a comma is quoted as in CSV: "case=a,b",time=t.
func ParseMap(s string) (Map, error) {
	m := Map{}
	if strings.TrimSpace(s) == "" {
		return m, nil
	}
	fields, err := csv.NewReader(strings.NewReader(s)).Read()
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, "read --map", "write case=COLUMN,activity=COLUMN,time=COLUMN", "%q: %w", s, err)
	}
	for _, f := range fields {
		role, column, ok := strings.Cut(f, "=")
		role = strings.TrimSpace(role)
		switch {
		case !ok || column == "":
			return nil, ledger.Errorf(ledger.CodeInvalid, "read --map", "write case=COLUMN,activity=COLUMN,time=COLUMN", "%q names no column", f)
		case !slices.Contains(Roles, role) && role != "prefix":
			return nil, ledger.Errorf(ledger.CodeInvalid, "read --map", "use "+strings.Join(Roles, ", ")+" or prefix",
				"%q is not a role%s", role, meant(role, Roles))
		case m[role] != "":
			return nil, ledger.Errorf(ledger.CodeInvalid, "read --map", "name one column for it", "%s stands twice", role)
		}
		m[role] = column
	}
	return m, nil
}

// With gives a copy of the preset in which the map's roles have the map's columns, which the file then must have.
func (p *Preset) With(m Map) *Preset {
	out := *p
	out.Optional = slices.DeleteFunc(slices.Clone(p.Optional), func(role string) bool { return m[role] != "" })
	for i, c := range out.roles() {
		if column := m[Roles[i]]; column != "" {
			*c = Columns{column}
		}
	}
	if m["prefix"] != "" {
		out.Prefix = m["prefix"]
	}
	return &out
}

// roles lists the columns of every role, in the order of Roles.
func (p *Preset) roles() [roleCount]*Columns {
	return [...]*Columns{&p.Case, &p.Activity, &p.Time, &p.Party, &p.Stage, &p.Channel, &p.Status}
}

// required lists columns of roles beyond the first three that a file has to have, in sets: one of each set is enough.
func (p *Preset) required() (sets [][]string) {
	for i, c := range p.roles() {
		if i > roleTime && len(*c) > 0 && !slices.Contains(p.Optional, Roles[i]) {
			sets = append(sets, *c)
		}
	}
	if p.Handoff != nil && p.handsOver() {
		for column := range p.Handoff.QueuedWhen {
			sets = append(sets, []string{column})
		}
	}
	if p.Close != nil {
		for column := range p.Close.When {
			sets = append(sets, []string{column})
		}
	}
	for _, column := range p.Payload {
		sets = append(sets, []string{column})
	}
	slices.SortFunc(sets, slices.Compare)
	return sets
}

func (p *Preset) handsOver() bool { return p.Handoff != nil && p.Handoff.On != "none" }

// describe names what a set of columns was wanted for.
func describe(set []string) string {
	return `column "` + strings.Join(set, `" or "`) + `"`
}
