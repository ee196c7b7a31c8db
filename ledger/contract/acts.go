package contract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Act is one thing that is said of a version of a contract.
type Act struct {
	Verb string // drafted, prototyped, published, deprecated, retired, exception_granted, signed
	Said Said   // its data; name and version are required, and the document for drafted
	By   string // actor
}

// Acted is what became of it.
type Acted struct {
	Version  *Version       `json:"version"`
	Again    bool           `json:"again,omitempty"` // it was so before: nothing was written
	Receipt  ledger.Receipt `json:"receipt,omitzero"`
	Warnings []Finding      `json:"warnings,omitempty"`
}

// Do appends one act. An act that the version's state does not allow is CodeInvalid; publishing what Lint finds errors in, or what breaks the
// compatibility that the contract promises, is CodeInvalid until an exception for the rule is granted. The same act again writes nothing.
func Do(ctx context.Context, r ledger.Reader, to ledger.Append, a Act) (out Acted, err error) {
	for range 5 {
		s, err := ReadState(ctx, r, a.Said.Name, 0)
		if err != nil {
			return out, err
		}
		if v := s.Version(a.Said.Version); v != nil && v.is(&a) {
			return Acted{Version: v, Again: true}, nil
		}
		if out.Warnings, err = s.allow(ctx, r, &a); err != nil {
			return out, err
		}
		e, err := a.event(s.Revision + 1)
		if err != nil {
			return out, err
		}
		result := to(ctx, []ledger.Batch{{Stream: Stream(s.Name), Expect: ledger.Expect(s.Revision), Events: []ledger.Event{e}}})[0]
		if errors.Is(result.Err, ledger.CodeStaleRevision) || errors.Is(result.Err, ledger.CodeIDConflict) {
			continue // somebody was faster, perhaps with the same act of another name: decide again
		}
		if result.Err != nil {
			return out, result.Err
		}
		s.Apply(&ledger.Recorded{Event: e, Stream: Stream(s.Name), Position: result.Receipts[0].Position, Revision: result.Receipts[0].Revision,
			RecordedTime: result.Receipts[0].RecordedTime})
		out.Version, out.Receipt = s.Version(a.Said.Version), result.Receipts[0]
		return out, nil
	}
	return out, ledger.Errorf(ledger.CodeUnavailable, a.Verb, "run it again", "the contract %s keeps changing", a.Said.Name)
}

// is reports whether the version is as the act would make it.
func (v *Version) is(a *Act) bool {
	d := &a.Said
	switch a.Verb {
	case "drafted":
		return v.Status != Retired && d.Contract != nil && v.Digest == d.Contract.Digest() // it went on since, which a draft does not undo
	case "prototyped":
		return v.Status == Prototype && v.Cap == d.Cap
	case "published":
		return v.Status == Published && v.Sunset.Equal(d.Sunset)
	case "deprecated":
		return v.Status == Deprecated && v.Successor == d.Successor && (d.Sunset.IsZero() || v.Sunset.Equal(d.Sunset))
	case "retired":
		return v.Status == Retired
	case "exception_granted":
		return slices.Contains(v.Allowed(), d.Rule)
	case "signed":
		return slices.ContainsFunc(v.Signed, func(s Signature) bool { return s.Party == d.Party && s.Of == v.Digest })
	}
	return false
}

// allow judges an act by the state it meets, and completes its data.
func (s *State) allow(ctx context.Context, r ledger.Reader, a *Act) (warnings []Finding, err error) {
	d := &a.Said
	bad := func(hint, format string, args ...any) error {
		return ledger.Errorf(ledger.CodeInvalid, a.Verb+" "+Subject(d.Name, d.Version), hint, format, args...)
	}
	if !ValidName(d.Name) || d.Version < 1 {
		return nil, bad("name it as support/refund and count versions from 1", "%.80q version %d is no version of a contract", d.Name, d.Version)
	}
	v := s.Version(d.Version)
	if a.Verb == "drafted" {
		if v != nil && (v.Status == Published || v.Status == Deprecated || v.Status == Retired) {
			return nil, bad(fmt.Sprintf("make it version %d", s.Versions[len(s.Versions)-1].Contract.Version+1), "the version is %s, and what was agreed is never changed", v.Status)
		}
		if _, err := Compile(d.Contract); err != nil {
			return nil, err
		}
		return s.lint(d.Contract, nil), nil
	}
	if v == nil {
		return nil, bad("draft it first: `baton contracts draft FILE`", "there is no such version")
	}
	if step, ok := steps[a.Verb]; ok && !slices.Contains(step.from, v.Status) {
		return nil, bad("see `baton contracts show "+d.Name+"`", "a version that is %s cannot be %s", v.Status, a.Verb)
	}
	if d.Digest != nil && *d.Digest != v.Digest {
		return nil, bad("draft the document anew, or leave the digest out", "the version's document has another digest, %s", v.Digest)
	}
	d.Digest = &v.Digest
	switch a.Verb {
	case "published":
		return s.publishable(ctx, r, v, d)
	case "deprecated":
		if d.Successor != 0 && (s.Version(d.Successor) == nil || d.Successor == d.Version) {
			return nil, bad("name a version that is there", "successor: version %d", d.Successor)
		}
	case "exception_granted":
		if d.Why == "" {
			return nil, bad("say why with --why: an exception without a reason is a rule nobody keeps", "the reason is missing")
		}
		if !KnownRule(d.Rule) {
			return nil, bad("use one of the rules that `baton contracts lint` names, or "+RuleCompatibility, "rule %.80q is none", d.Rule)
		}
	case "signed":
		if d.Party != v.Contract.Owner && !slices.Contains(v.Contract.Consumers, d.Party) {
			return nil, bad("sign as its owner or one of its consumers", "party %.80q is neither", d.Party)
		}
	}
	return nil, nil
}

// RuleCompatibility is the rule that an exception lets a version break which is not as compatible as its contract promises.
const RuleCompatibility = "compatibility"

// lint is Lint with what the state knows.
func (s *State) lint(c *Contract, exceptions []string) []Finding {
	return Lint(c, LintOptions{Previous: s.before(c.Version), Exceptions: exceptions, Compile: func(c *Contract) error { _, err := Compile(c); return err }})
}

// before is the document of the version before, as agreed on.
func (s *State) before(version int) (c *Contract) {
	for _, v := range s.Versions {
		if v.Contract.Version < version && v.Status != Drafted {
			c = v.Contract
		}
	}
	return c
}

// agreed are the documents of earlier versions that were published once, ascending.
func (s *State) agreed(version int) (list []*Contract) {
	for _, v := range s.Versions {
		if v.Contract.Version < version && !v.Published.IsZero() {
			list = append(list, v.Contract)
		}
	}
	return list
}

// publishable lets a version through that its own rules let through.
func (s *State) publishable(ctx context.Context, r ledger.Reader, v *Version, d *Said) (warnings []Finding, err error) {
	c := v.Contract
	for _, f := range s.lint(c, v.Allowed()) {
		if f.Level == LevelError {
			return nil, ledger.Errorf(ledger.CodeInvalid, "publish "+Subject(s.Name, c.Version), "mend it ("+f.Fix+"), or have an exception granted: `baton contracts except "+Subject(s.Name, c.Version)+
				" --rule "+f.Rule+" --why …`", "%s: %s", f.Rule, f.Message)
		}
		warnings = append(warnings, f)
	}
	for _, b := range Satisfies(s.agreed(c.Version), c, c.Compatibility, c.Reader) {
		if !slices.Contains(v.Allowed(), RuleCompatibility) {
			return nil, ledger.Errorf(ledger.CodeInvalid, "publish "+Subject(s.Name, c.Version), b.Fix+"; or have an exception granted: `baton contracts except "+Subject(s.Name, c.Version)+
				" --rule "+RuleCompatibility+" --why …`", "it is to be %s and is not, against version %d: %s; %s", c.Compatibility, b.Against, b.What, b.Breaks)
		}
		d.Breaks = append(d.Breaks, fmt.Sprintf("version %d: %s", b.Against, b.What))
	}
	if c.Upcast != nil {
		digest := c.Upcast.to(c.Version).Digest()
		d.Upcast = &digest
	}
	return warnings, s.pointsFree(ctx, r, c)
}

// pointsFree refuses a point that another contract has: an offer there could not know what it follows.
func (s *State) pointsFree(ctx context.Context, r ledger.Reader, c *Contract) error {
	if len(c.Points) == 0 {
		return nil
	}
	g, err := Load(ctx, r, 0)
	if err != nil {
		return err
	}
	for _, p := range c.Points {
		if other := g.now.Load().byPoint[p]; other != nil && other.Name != s.Name {
			return ledger.Errorf(ledger.CodeInvalid, "publish "+Subject(s.Name, c.Version), "take the point out of one of the two", "points: %s follows contract %s already", p, other.Name)
		}
	}
	return nil
}

// event makes the act's event; its id is that of the place it takes in the stream.
func (a *Act) event(revision uint64) (ledger.Event, error) {
	data, err := json.Marshal(&a.Said)
	if err != nil {
		return ledger.Event{}, ledger.Errorf(ledger.CodeInvalid, a.Verb, "write values as JSON", "%w", err)
	}
	subject := Subject(a.Said.Name, a.Said.Version)
	return ledger.Event{ID: ledger.Shortened(fmt.Sprintf("%s/%s@%d", a.Verb, subject, revision)), Source: Source, Type: ledger.Type("contract", a.Verb),
		Subject: subject, ContentType: "application/json", Actor: a.By, Schema: Schema(a.Said.Name, a.Said.Version), Data: data}, nil
}

// Overdue lists versions whose sunset has passed and that are not retired: nobody runs deadlines.
func (s *State) Overdue(now time.Time) (list []*Version) {
	for _, v := range s.Versions {
		if v.Accepted() && !v.Sunset.IsZero() && v.Sunset.Before(now) {
			list = append(list, v)
		}
	}
	return list
}

// rules are those that lint knows and an exception may be granted for.
var rules = []string{RuleCompatibility, "default-in-enum", "does-not-compile", "duplicate-point", "duplicate-variant", "forward-looking-mandatory", "long-key-insight",
	"mandatory-from-model", "no-consumer", "no-freshness", "no-key-insight", "no-mandatory", "no-owner", "no-purpose", "no-subject", "no-upcast", "placeholder-default",
	"schema-accepts-anything", "sunset-past", "too-many-mandatory", "too-many-new-fields", "unknown-classification", "upcast-does-not-compile", "upcast-fails", "upcast-makes-invalid", "upcast-unknown-field",
	"upcast-wrong-class",
	"variant-never", "variant-no-mandatory", "version-gap"}

// KnownRule reports whether lint, or the comparison with earlier versions, has a rule of that name.
func KnownRule(rule string) bool { return slices.Contains(rules, rule) }
