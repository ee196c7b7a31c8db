package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

const (
	envPrefix = "BATON_"
	envFile   = "BATON_CONFIG" // names the configuration file, so it is no key itself
)

// setting is a parsed value and the source that gave it.
type setting struct {
	value  any
	source string
}

// layer holds the settings of one source by key.
type layer map[string]setting

func defaults() layer {
	l := layer{}
	for _, k := range keys {
		l[k.name] = setting{k.def, "default"}
	}
	return l
}

// put parses raw for k; written is the name the user knows the setting by in this source.
func (l layer) put(k key, raw any, written, source string) error {
	value, err := k.parse(raw)
	if err != nil {
		return &Error{Key: written, Source: source, Err: err, Fix: k.name + " means: " + k.doc}
	}
	l[k.name] = setting{value, source}
	return nil
}

// readEnv takes the BATON_ variables, and apart from them the file that BATON_CONFIG names.
func readEnv(environ []string) (l layer, file string, err error) {
	l = layer{}
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || value == "" {
			continue
		}
		if name == envFile {
			file = value
			continue
		}
		k, ok := lookup(name, key.env)
		if !ok {
			return nil, "", &Error{Key: name, Source: "env " + name, Err: errors.New("is no setting of Baton"),
				Fix: suggest("variables", name, append(names(key.env), envFile))}
		}
		if err := l.put(k, value, k.name, "env "+name); err != nil {
			return nil, "", err
		}
	}
	return l, file, nil
}

// readFlags takes the flags that were given and are named after a key.
func readFlags(flags *pflag.FlagSet) (layer, error) {
	l := layer{}
	if flags == nil {
		return l, nil
	}
	var first error
	flags.Visit(func(f *pflag.Flag) {
		k, ok := lookup(f.Name, key.flag)
		if !ok || first != nil {
			return
		}
		var raw any = f.Value.String()
		if list, ok := f.Value.(pflag.SliceValue); ok {
			raw = list.GetSlice()
		}
		first = l.put(k, raw, k.name, "flag --"+f.Name)
	})
	return l, first
}

// AddFlags gives flags one flag for each of the named keys, with the default and the documentation of the table. A list
// may be given as several flags. It panics on a name that is no key, which is a mistake in the program.
func AddFlags(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		k, ok := lookup(name, dotted)
		if !ok {
			panic("config: no key " + name)
		}
		var none Config
		k.assign(&none, k.def)
		switch def := k.def.(type) {
		case bool:
			flags.Bool(k.flag(), def, k.doc)
		case int:
			flags.Int(k.flag(), def, k.doc)
		case []string:
			flags.StringArray(k.flag(), def, k.doc)
		default: // durations too: Load's message for a wrong one names the key and the fix
			flags.String(k.flag(), k.show(&none), k.doc)
		}
	}
}

// readFile decodes the file with viper's codecs and walks the result, so that nothing in it goes unread.
func readFile(path string) (layer, error) {
	source := "file " + path
	text, err := os.ReadFile(path)
	if err != nil {
		fix := "check the path and that the file may be read"
		if errors.Is(err, fs.ErrNotExist) {
			fix = "check the path, or leave --config and " + envFile + " out to use the defaults"
		}
		return nil, &Error{Source: source, Err: err, Fix: fix}
	}
	format := strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), ".")
	if !slices.Contains([]string{"yaml", "yml", "toml", "json"}, format) {
		return nil, &Error{Source: source, Err: fmt.Errorf("has the extension %q", filepath.Ext(path)),
			Fix: "name the file .yaml, .yml, .toml or .json"}
	}
	decoder, err := viper.NewCodecRegistry().Decoder(format)
	tree := map[string]any{}
	if err == nil {
		err = decoder.Decode(text, tree)
	}
	if err != nil {
		return nil, &Error{Source: source, Err: fmt.Errorf("is no valid %s: %w", strings.ToUpper(format), err),
			Fix: "mend the line it names; every setting is written as key and value"}
	}
	l := layer{}
	return l, l.walk(tree, "", source)
}

// walk takes the settings below a section of a file; prefix is empty or ends in a dot.
func (l layer) walk(tree map[string]any, prefix, source string) error {
	for _, name := range sortedKeys(tree) {
		written := prefix + name
		if k, ok := lookup(strings.ToLower(written), dotted); ok {
			if _, twice := l[k.name]; twice {
				return &Error{Key: written, Source: source, Err: errors.New("is set twice"), Fix: "keep one of the two lines"}
			}
			if err := l.put(k, tree[name], written, source); err != nil {
				return err
			}
			continue
		}
		if err := l.section(tree[name], written, source); err != nil {
			return err
		}
	}
	return nil
}

// section descends into what must be a section of known keys, since it is no key itself.
func (l layer) section(raw any, written, source string) error {
	inside := slices.DeleteFunc(names(dotted), func(k string) bool {
		return !strings.HasPrefix(k, strings.ToLower(written)+".")
	})
	if len(inside) == 0 {
		return &Error{Key: written, Source: source, Err: errors.New("is no setting of Baton"),
			Fix: suggest("settings", written, append(names(dotted), sections()...))}
	}
	if raw == nil {
		return nil
	}
	tree, ok := stringMap(raw)
	if !ok {
		return &Error{Key: written, Source: source, Err: errors.New("is a section and takes no value"),
			Fix: "set one of " + strings.Join(inside, ", ")}
	}
	return l.walk(tree, written+".", source)
}

// sections lists the first words of the dotted keys.
func sections() []string {
	seen := map[string]bool{}
	for _, k := range keys {
		if section, _, ok := strings.Cut(k.name, "."); ok {
			seen[section] = true
		}
	}
	return sortedKeys(seen)
}

// stringMap accepts what the three decoders make of a table; YAML gives any-keyed maps where a key is no text.
func stringMap(raw any) (map[string]any, bool) {
	switch m := raw.(type) {
	case map[string]any:
		return m, true
	case map[any]any:
		texts := make(map[string]any, len(m))
		for k, v := range m {
			texts[fmt.Sprint(k)] = v
		}
		return texts, true
	}
	return nil, false
}

// nested spells a dotted key as the maps viper merges: nats.url gives {nats: {url: value}}.
func nested(name string, value any) map[string]any {
	head, rest, ok := strings.Cut(name, ".")
	if !ok {
		return map[string]any{name: value}
	}
	return map[string]any{head: nested(rest, value)}
}

// sortedKeys makes the first problem of a map the same one every time.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
