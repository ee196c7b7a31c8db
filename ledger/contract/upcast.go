package contract

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

const opUpcast = "upcast"

// to gives the upcast with the version that it leads to, which its document says elsewhere.
func (u *Upcast) to(version int) *Upcast { return &Upcast{From: u.From, To: version, Steps: u.Steps} }

// Upcaster gives the contract's upcast, ready to be applied, nil where it has none. Errors are CodeInvalid and name the step.
func (c *Contract) Upcaster() (*Upcast, error) {
	if c.Upcast == nil {
		return nil, nil
	}
	u := c.Upcast.to(c.Version)
	return u, u.compile()
}

// Digest is what an upcast is known by: the SHA-256 of its canonical JSON with both versions.
func (u *Upcast) Digest() ledger.Hash {
	steps := make([]Step, len(u.Steps))
	for i, s := range u.Steps {
		if s.Set != nil {
			set := *s.Set
			set.Value = sorted(set.Value)
			s.Set = &set
		}
		steps[i] = s
	}
	out, err := json.Marshal(struct {
		From  int    `json:"from"`
		To    int    `json:"to"`
		Steps []Step `json:"steps"`
	}{u.From, u.To, steps})
	if err != nil {
		panic(err) // raw members were decoded from JSON
	}
	return sha256.Sum256(out)
}

// Apply makes an envelope of version To of one of version From. It never writes into its argument, asks no clock and draws nothing: the
// same envelope gives the same envelope. Values that a step makes have the method default (set) or inherited (derive), and the source
// "upcast v<from>>v<to>"; what is known of a renamed or moved field goes with it. Errors are CodeInvalid and name the step.
func (u *Upcast) Apply(e Envelope) (Envelope, error) {
	if u.derived == nil {
		ready := u.to(u.To)
		if err := ready.compile(); err != nil {
			return Envelope{}, err
		}
		u = ready
	}
	out := e
	out.Mandatory, out.Optional, out.ForwardLooking, out.Fields = maps.Clone(e.Mandatory), maps.Clone(e.Optional), maps.Clone(e.ForwardLooking), maps.Clone(e.Fields)
	for i := range u.Steps {
		if err := u.step(i, &out); err != nil {
			return Envelope{}, err
		}
	}
	return out, nil
}

func (u *Upcast) step(i int, e *Envelope) error {
	switch s := &u.Steps[i]; {
	case s.Rename != nil:
		return u.rename(i, e, s.Rename.From, s.Rename.To)
	case s.Move != nil:
		if v, _, ok := e.Find(s.Move.Field); ok {
			e.take(s.Move.Field)
			e.Put(s.Move.Class, s.Move.Field, v)
		}
	case s.Drop != "":
		e.take(s.Drop)
		delete(e.Fields, s.Drop)
	case s.Set != nil:
		if _, _, ok := e.Find(s.Set.Field); !ok {
			u.put(e, s.Set.Field, s.Set.Class, s.Set.Value, Meta{Method: "default"})
		}
	case s.Derive != nil:
		v, asked, err := u.derived[i].value(e)
		if err != nil {
			return u.bad(i, "mend the expression", "derive %s: %s", s.Derive.Field, err)
		}
		if v != nil {
			u.put(e, s.Derive.Field, s.Derive.Class, v, Meta{Method: "inherited", AssertedAt: oldest(e, asked)})
		}
	}
	return nil
}

// take removes a field's value from wherever it stands.
func (e *Envelope) take(field string) {
	for _, class := range Classes() {
		delete(e.In(class), field)
	}
}

func (u *Upcast) put(e *Envelope, field string, class Class, value json.RawMessage, m Meta) {
	e.take(field)
	e.Put(class, field, value)
	m.Source, m.Classification = u.source(), e.Fields[field].Classification
	if e.Fields == nil {
		e.Fields = map[string]Meta{}
	}
	e.Fields[field] = m
}

// source is what values that an upcast makes are said by.
func (u *Upcast) source() string {
	if u.To == 0 { // steps that lead to no other version mend an envelope
		return "repair"
	}
	return fmt.Sprintf("upcast v%d>v%d", u.From, u.To)
}

func (u *Upcast) rename(i int, e *Envelope, from, to string) error {
	if from == to {
		return nil
	}
	value, class, ok := e.Find(from)
	if ok {
		if _, _, taken := e.Find(to); taken {
			return u.bad(i, "drop one of them in an earlier step", "rename %s to %s: the envelope has both", from, to)
		}
		e.take(from)
		e.take(to)
		e.Put(class, to, value)
	}
	e.take(from) // a null says nothing
	if m, known := e.Fields[from]; known {
		delete(e.Fields, from)
		if ok {
			e.Fields[to] = m
		}
	}
	return nil
}

func (u *Upcast) bad(i int, hint, format string, args ...any) error {
	return ledger.Errorf(ledger.CodeInvalid, "", hint, "%s, steps[%d]: %w", u.source(), i, fmt.Errorf(format, args...))
}

// oldest is when the oldest of some fields was asserted; zero where one of them does not say it.
func oldest(e *Envelope, fields []string) (at time.Time) {
	for _, name := range fields {
		t := e.Fields[name].AssertedAt
		if t.IsZero() {
			return t
		}
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	return at
}

// words says what an upcast does.
func (u *Upcast) words() string {
	said := make([]string, len(u.Steps))
	for i, s := range u.Steps {
		switch {
		case s.Rename != nil:
			said[i] = s.Rename.From + " becomes " + s.Rename.To
		case s.Set != nil:
			said[i] = fmt.Sprintf("%s is %s where it is absent", s.Set.Field, clip(string(s.Set.Value)))
		case s.Move != nil:
			said[i] = s.Move.Field + " becomes " + spoken(s.Move.Class)
		case s.Drop != "":
			said[i] = s.Drop + " is dropped"
		case s.Derive != nil:
			said[i] = fmt.Sprintf("%s is %s", s.Derive.Field, clip(s.Derive.From))
		}
	}
	return strings.Join(said, ", ")
}

// Chain lists the upcasts that make an envelope of version from one of version to, in the order in which they are applied; none where the
// versions are the same. Errors are CodeNotFound where there is no way, and CodeInvalid for a step that cannot be.
func Chain(versions []*Contract, from, to int) ([]*Upcast, error) {
	var chain []*Upcast
	for at := to; at != from; {
		c := find(versions, at)
		if c == nil || c.Upcast == nil || at < from || c.Upcast.From >= at {
			return nil, ledger.Errorf(ledger.CodeNotFound, opUpcast, "give each version an upcast from the one before it", "no upcast leads from version %d to %d: version %d has none", from, to, at)
		}
		u, err := c.Upcaster()
		if err != nil {
			return nil, err
		}
		chain = append([]*Upcast{u}, chain...)
		at = u.From
	}
	return chain, nil
}

func find(versions []*Contract, version int) *Contract {
	for _, c := range versions {
		if c.Version == version {
			return c
		}
	}
	return nil
}
