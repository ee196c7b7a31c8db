// Package registry says which models there are: the ledger does. A model is an event model.registered in the stream model-<name>, and a file
// <name>.<hash>.model that the event names by its hash. The file is worth nothing without the event, and the event cannot be
// scored with without the file.
package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
	"github.com/baton-ledger/baton/predict/model"
	"github.com/baton-ledger/baton/predict/policy"
	"github.com/baton-ledger/baton/predict/train"
)

// Source is the source of the events, and Prefix begins the names of their streams.
const (
	Source = "baton/predict"
	Prefix = "model-"
)

// Registered is the data of model.registered.
type Registered struct {
	Name      string        `json:"name"`
	Kind      string        `json:"kind,omitempty"`     // actions: it chooses actions (package policy); external: another program scores; empty: the file does
	External  *External     `json:"external,omitempty"` // of kind external
	Actions   []string      `json:"actions,omitempty"`  // that it chooses among
	Version   int           `json:"version"`            // of this name, from 1
	Hash      string        `json:"hash"`               // SHA-256 of the file
	File      string        `json:"file"`               // in the folder of models
	Bytes     int           `json:"bytes"`
	Target    string        `json:"target"`
	Says      string        `json:"says"` // what has the probability, in words
	Learner   string        `json:"learner"`
	Setting   string        `json:"setting"`
	Why       string        `json:"why"`
	Seed      uint64        `json:"seed"`
	Features  int           `json:"features"` // version
	Moments   []string      `json:"moments"`
	Data      Data          `json:"data"`
	Figures   train.Figures `json:"figures"`
	Calibrate string        `json:"calibration"`

	Position   uint64    `json:"position,omitempty"` // of the event; not in its data
	Revision   uint64    `json:"revision,omitempty"`
	Registered time.Time `json:"registered_at,omitzero"`
}

// Data says what a model was trained on.
type Data struct {
	From          time.Time `json:"from"`
	Cut           time.Time `json:"cut"` // the examples held out begin here
	To            time.Time `json:"to"`
	FirstPosition uint64    `json:"first_position"`
	LastPosition  uint64    `json:"last_position"`
	Events        int       `json:"events"`
	Journeys      int       `json:"journeys"`
	Examples      int       `json:"examples"`
	TrainRows     int       `json:"train_rows"`
	Unknown       int       `json:"unknown"`     // moments whose label was not known yet
	SelfCaused    int       `json:"self_caused"` // moments left out, because a suggestion was followed before the label was known
}

// CheckName refuses names that cannot be part of a stream's and of a file's name.
func CheckName(name string) error {
	if name == "" || len(name) > 64 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return ledger.Errorf(ledger.CodeInvalid, "model name", "use a-z, 0-9, - and _, at most 64", "%.80q is no name of a model", name)
	}
	return nil
}

// FileName is that of a model's file.
func FileName(name, hash string) string { return name + "." + hash + ".model" }

// Describe makes the data of a trained model's event, without its version.
func Describe(name string, r *train.Result) Registered {
	c := r.Model.Card
	target, _ := train.ParseTarget(c.Target) // it was trained with it
	return Registered{Name: name, Hash: r.Model.Hash(), File: FileName(name, r.Model.Hash()), Bytes: len(r.File), Target: c.Target, Says: target.Says(),
		Learner: c.Learner, Setting: c.Setting, Why: c.Why, Seed: c.Seed, Features: c.Reads.Features, Moments: c.Reads.Moments, Figures: r.Figures,
		Calibrate: r.Model.Calibration.Method, Data: Data{From: r.From.UTC(), Cut: r.Cut.UTC(), To: r.To.UTC(), FirstPosition: r.First, LastPosition: r.Last,
			Events: r.Events, Journeys: r.Journeys, Examples: r.Examples, TrainRows: r.TrainRows, Unknown: r.Unknown, SelfCaused: r.SelfCaused}}
}

// Register appends the event. A model that is registered already is given as it was, and there tells so.
func Register(ctx context.Context, r ledger.Reader, to ledger.Append, m Registered) (out Registered, there bool, err error) {
	for range 5 {
		head, err := r.StreamHead(ctx, Prefix+m.Name) // before the list: what comes between makes the append stale
		if err != nil {
			return m, false, err
		}
		list, err := Versions(ctx, r, m.Name)
		if err != nil {
			return m, false, err
		}
		if i := slices.IndexFunc(list, func(o Registered) bool { return o.Hash == m.Hash }); i >= 0 {
			return list[i], true, nil
		}
		m.Version = len(list) + 1
		data, err := json.Marshal(m)
		if err != nil {
			return m, false, ledger.Errorf(ledger.CodeInternal, "register model", "", "%w", err)
		}
		revision := uint64(0)
		if len(list) > 0 {
			revision = list[len(list)-1].Revision
		}
		revision = max(revision, head.Revision)
		e := ledger.Event{ID: "registered/" + m.Hash, Source: Source, Type: ledger.Type("model", "registered"), ContentType: "application/json", Data: data}
		result := to(ctx, []ledger.Batch{{Stream: Prefix + m.Name, Expect: ledger.Expect(revision), Events: []ledger.Event{e}}})[0]
		switch ledger.CodeOf(result.Err) {
		case "":
			place := result.Receipts[0]
			m.Position, m.Revision, m.Registered = place.Position, place.Revision, place.RecordedTime
			return m, false, nil
		case ledger.CodeStaleRevision: // another training was faster: its version counts first
		default:
			return m, false, result.Err
		}
	}
	return m, false, ledger.Errorf(ledger.CodeUnavailable, "register model", "run it again", "stream %s%s keeps changing", Prefix, m.Name)
}

// Versions are the models of a name, oldest first.
func Versions(ctx context.Context, r ledger.Reader, name string) (list []Registered, err error) {
	for e, err := range r.ReadStream(ctx, Prefix+name, ledger.ReadOptions{}) {
		if err != nil {
			return nil, err
		}
		if m, ok := Parse(&e); ok {
			list = append(list, m)
		}
	}
	return list, nil
}

// Parse reads an event that was written by Register; false for others.
func Parse(e *ledger.Recorded) (m Registered, ok bool) {
	if e.Source != Source || e.Type != ledger.Type("model", "registered") || json.Unmarshal(e.Data, &m) != nil || e.Stream != Prefix+m.Name {
		return m, false
	}
	m.Position, m.Revision, m.Registered = e.Position, e.Revision, e.RecordedTime
	return m, true
}

// All yields the models of all names, each oldest first.
func All(ctx context.Context, r ledger.Reader) iter.Seq2[Registered, error] {
	return func(yield func(Registered, error) bool) {
		for head, err := range r.Streams(ctx, Prefix, "") {
			if err != nil {
				yield(Registered{}, err)
				return
			}
			list, err := Versions(ctx, r, strings.TrimPrefix(head.Stream, Prefix))
			if err != nil {
				yield(Registered{}, err)
				return
			}
			for _, m := range list {
				if !yield(m, nil) {
					return
				}
			}
		}
	}
}

// Find gives the newest model of a name, or the one whose hash begins as given. The error is CodeNotFound where there is none.
func Find(ctx context.Context, r ledger.Reader, name, hash string) (Registered, error) {
	list, err := Versions(ctx, r, name)
	if err != nil {
		return Registered{}, err
	}
	for _, m := range slices.Backward(list) {
		if strings.HasPrefix(m.Hash, hash) {
			return m, nil
		}
	}
	if hash != "" && len(list) > 0 {
		return Registered{}, ledger.Errorf(ledger.CodeNotFound, "predict", "list models with `baton predict models`", "model %q has no version with hash %s", name, hash)
	}
	return Registered{}, ledger.Errorf(ledger.CodeNotFound, "predict", "train one with `baton predict train --target handover-within:24h --name "+cmp.Or(name, "NAME")+"`",
		"no model %q is registered in the ledger", name)
}

// Save writes a model's file into the folder, whole or not at all.
func Save(dir string, m Registered, file []byte) (path string, err error) {
	path = filepath.Join(dir, m.File)
	fail := func(err error) (string, error) {
		return path, ledger.Errorf(ledger.CodeUnavailable, "write model", "see that the folder can be written", "%w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fail(err)
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(file)
	err = cmp.Or(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fail(err)
	}
	return path, nil
}

// Loaded is a model that journeys can be scored with.
type Loaded struct {
	Registered
	Model *model.Model
	Spec  *features.Spec
	Actor *policy.Actor // of a model that chooses actions, otherwise nil
}

// Load reads the file of a registered model. Errors say what is wrong with it: CodeNotFound (no file), CodeCorrupt (damaged, or not the one that was
// registered), CodeUnsupported (another version of the file or the features).
func Load(dir string, m Registered) (*Loaded, error) {
	if m.Kind == KindExternal {
		return nil, ledger.Errorf(ledger.CodeUnsupported, "read model", "look at the suggestions that it made, or name a model of `baton predict train`",
			"model %s is another program's, asked at %s: it has no file", m.Name, m.Setting)
	}
	loaded, err := Open(dir, m)
	if err != nil {
		return nil, err
	}
	if m.Kind == Actions {
		actor, err := policy.New(loaded)
		if err != nil {
			return nil, err
		}
		return &Loaded{m, loaded, actor.Spec, actor}, nil
	}
	reads := loaded.Card.Reads
	if reads == nil || reads.Features != features.Version {
		have := 0
		if reads != nil {
			have = reads.Features
		}
		return nil, ledger.Errorf(ledger.CodeUnsupported, "read model", "train the model again with `baton predict train`",
			"model %s has features of version %d, this version computes %d", m.Name, have, features.Version)
	}
	spec, err := features.SpecOf(loaded.Features)
	if err != nil {
		return nil, err
	}
	spec.Asked = reads.Asked
	if len(loaded.Classes) != 2 && m.Target != train.NextActivity {
		return nil, ledger.Errorf(ledger.CodeUnsupported, "read model", "train it with `baton predict train`", "model %s has %d classes", m.Name, len(loaded.Classes))
	}
	return &Loaded{m, loaded, spec, nil}, nil
}

// Actions is the kind of models that choose actions.
const Actions = "actions"

// Open reads the file of a registered model of any kind; its errors are those of Load about the file.
func Open(dir string, m Registered) (*model.Model, error) {
	loaded, err := model.Open(filepath.Join(dir, m.File))
	if err != nil {
		return nil, err
	}
	if loaded.Hash() != m.Hash {
		return nil, ledger.Errorf(ledger.CodeCorrupt, "read model", "put the file back from a copy, or train the model again",
			"the file of model %s is another one than was registered: its hash is %.16s…, not %.16s…", m.Name, loaded.Hash(), m.Hash)
	}
	return loaded, nil
}
