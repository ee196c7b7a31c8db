package contract

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// StageOptions are what the intake's stage needs besides the contracts.
type StageOptions struct {
	Registry *Registry
	Find     func(ctx context.Context, stream, source, id string) (ledger.Receipt, bool, error) // [ledger.Finder]'s; nil: retries are judged anew
	Checked  func(contract string, took time.Duration, broken bool)                             // told of each check; nil: nobody
	Logger   *slog.Logger
}

// Stage holds offers against their contracts on their way in. An offer that breaks its contract is recorded with a contract.violated
// beside it (observe, warn), kept whole in a quarantine stream, or refused with CodeViolation: as its contract's mode says. A batch is as bad
// as the worst of its events, since it is written whole. What is recorded already is acknowledged as it was, whatever contracts say now.
func Stage(o StageOptions) ledger.Stage {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return func(next ledger.Append) ledger.Append {
		return func(ctx context.Context, batches []ledger.Batch) []ledger.Result {
			if o.Registry.Empty() {
				return o.Registry.noticing(ctx, next, batches)
			}
			s := &checking{StageOptions: o, next: next}
			return s.append(ctx, batches)
		}
	}
}

// noticing appends, and reads contracts anew whose streams were written to: who publishes one has it in force when it is answered.
func (g *Registry) noticing(ctx context.Context, next ledger.Append, batches []ledger.Batch) []ledger.Result {
	results := next(ctx, batches)
	for i := range batches {
		if name, ok := nameOfStream(batches[i].Stream); ok && results[i].Err == nil {
			if err := g.Refresh(ctx, name); err != nil {
				results[i].Err = err // it is written, and a retry finds that out
			}
		}
	}
	return results
}

// checking is one call of the stage.
type checking struct {
	StageOptions
	next ledger.Append
}

// judged is one batch after its check.
type judged struct {
	notices []ledger.Notice
	worst   Mode // of the notices, "" without any
	away    bool // it goes to quarantine
}

func (s *checking) append(ctx context.Context, batches []ledger.Batch) []ledger.Result {
	results, on := make([]ledger.Result, len(batches)), make([]ledger.Batch, 0, len(batches))
	verdicts, at := make([]judged, len(batches)), make([]int, 0, len(batches))
	for i := range batches {
		v := s.judge(&batches[i])
		b := batches[i]
		if v.worst == Reject || v.worst == Quarantine {
			var err error
			if b, err = s.block(ctx, b, &v); err != nil {
				results[i] = ledger.Result{Err: err, Notices: v.notices}
				continue
			}
		}
		verdicts[i] = v
		on, at = append(on, b), append(at, i)
	}
	if len(on) == 0 {
		return results
	}
	for k, r := range s.Registry.noticing(ctx, s.next, on) {
		i := at[k]
		if verdicts[i].away && r.Err == nil {
			r.Receipts = r.Receipts[len(r.Receipts)-len(batches[i].Events):] // without that of the note
		}
		results[i] = r
	}
	s.record(ctx, batches, results, verdicts)
	return results
}

// judge checks the offers of a batch.
func (s *checking) judge(b *ledger.Batch) (v judged) {
	for i := range b.Events {
		e := &b.Events[i]
		if e.Type != offered {
			continue
		}
		began := time.Now()
		n, found := s.Registry.check(e)
		if found && s.Checked != nil {
			s.Checked(n.Contract, time.Since(began), len(n.Violations) > 0)
		}
		if len(n.Violations) == 0 && n.Deprecated.IsZero() {
			continue
		}
		v.notices = append(v.notices, n)
		if m := Mode(n.Mode); len(n.Violations) > 0 && slices.Index(Modes(), m) > slices.Index(Modes(), v.worst) {
			v.worst = m
		}
	}
	return v
}

var offered = ledger.Type("handoff", "offered")

// Check holds one offer against the contract it follows; ok is false where it follows none. It reads no clock and writes nothing.
func (g *Registry) Check(e *ledger.Event) (n ledger.Notice, ok bool) { return g.check(e) }

func (g *Registry) check(e *ledger.Event) (n ledger.Notice, ok bool) {
	point := ""
	if f := e.Facets; f != (ledger.Facets{}) {
		point = ledger.Point(f.Sender, f.Receiver, f.Channel)
	} else if _, _, named := ReadSchema(e.Schema); !named || len(g.now.Load().byPoint) > 0 {
		f, err := ledger.DeriveFacets(e.Data)
		if err != nil {
			return n, false // it is no event yet: Validate says why
		}
		point = ledger.Point(f.Sender, f.Receiver, f.Channel)
	}
	r, ok := g.Resolve(e.Schema, point)
	if !ok {
		return n, false
	}
	n = ledger.Notice{Event: e.ID, Source: e.Source, Contract: r.State.Name, Mode: string(Observe)}
	v := r.Version
	if v == nil {
		_, n.Version, _ = ReadSchema(e.Schema)
		if newest := r.State.Newest(); newest != nil {
			n.Mode = string(newest.Mode())
		}
		n.Violations = []ledger.Violation{{Type: ledger.UnplannedEvent, Path: "",
			Message: "the offer says it follows " + e.Schema + ", and " + r.Why + ": follow a version that is published, see `baton contracts show " + r.State.Name + "`"}}
		return n, true
	}
	n.Version, n.Mode = v.Contract.Version, string(v.Mode())
	if v.Status == Deprecated {
		n.Deprecated, n.Sunset, n.Successor = v.Since, v.Sunset, v.Successor
	}
	if v.compiled != nil {
		verdict := v.compiled.Check(e)
		n.Variant, n.Violations = verdict.Variant, verdict.Violations
	}
	return n, true
}

// block refuses a batch, or makes it one for quarantine. One that is recorded already goes on as it is.
func (s *checking) block(ctx context.Context, b ledger.Batch, v *judged) (ledger.Batch, error) {
	first := &b.Events[0]
	if there, err := s.there(ctx, b.Stream, first); there || err != nil {
		v.notices, v.worst = nil, ""
		return b, err
	}
	if v.worst == Reject {
		return b, refusal(v.notices)
	}
	bad := slices.IndexFunc(v.notices, func(n ledger.Notice) bool { return len(n.Violations) > 0 })
	i := slices.IndexFunc(b.Events, func(e ledger.Event) bool { return e.ID == v.notices[bad].Event && e.Source == v.notices[bad].Source })
	broken := &b.Events[i]
	id := itemID(b.Stream, broken)
	away := ledger.Batch{Stream: ledger.CategoryQuarantine + "-" + broken.Source + "~" + id[:16], Expect: ledger.Any, Events: b.Events}
	v.away = true
	if there, err := s.there(ctx, away.Stream, broken); there || err != nil {
		return away, err // sent again: what was said of it then stands
	}
	if len(b.Events) == ledger.MaxBatchEvents {
		return b, ledger.Errorf(ledger.CodeTooLarge, "append", "send fewer events at once", "event %q breaks its contract, and a batch of %d leaves no room to say so",
			v.notices[bad].Event, len(b.Events))
	}
	note, err := quarantineNote(&b, id, v.notices)
	away.Events = slices.Concat([]ledger.Event{note}, b.Events)
	return away, err
}

func (s *checking) there(ctx context.Context, stream string, e *ledger.Event) (bool, error) {
	if s.Find == nil {
		return false, nil
	}
	_, there, err := s.Find(ctx, stream, e.Source, e.ID)
	return there, err
}

// record writes contract.violated beside what was recorded, and tells senders what they are to know.
func (s *checking) record(ctx context.Context, batches []ledger.Batch, results []ledger.Result, verdicts []judged) {
	var beside []ledger.Batch
	for i, v := range verdicts {
		if results[i].Err != nil {
			continue
		}
		for _, n := range v.notices {
			if Mode(n.Mode) != Observe || len(n.Violations) == 0 {
				results[i].Notices = append(results[i].Notices, n)
			}
			if v.away || len(n.Violations) == 0 {
				continue // the note says it, or there is nothing to say
			}
			k := slices.IndexFunc(batches[i].Events, func(e ledger.Event) bool { return e.ID == n.Event && e.Source == n.Source })
			e := violatedEvent(&batches[i].Events[k], n)
			beside = append(beside, ledger.Batch{Stream: ledger.StreamFor(&e), Expect: ledger.Any, Events: []ledger.Event{e}})
		}
	}
	if len(beside) == 0 {
		return
	}
	for i, r := range s.next(context.WithoutCancel(ctx), beside) {
		if code := ledger.CodeOf(r.Err); code != "" && code != ledger.CodeIDConflict { // said before, under another version
			s.Logger.Error("a violation could not be recorded", "stream", beside[i].Stream, "id", beside[i].Events[0].ID, "error", r.Err)
		}
	}
}

// Violated is the data of contract.violated.
type Violated struct {
	Handoff    string             `json:"handoff"`
	Contract   string             `json:"contract"`
	Version    int                `json:"version"`
	Variant    string             `json:"variant,omitempty"`
	Mode       string             `json:"mode"`
	Violations []ledger.Violation `json:"violations"`
}

func violatedEvent(e *ledger.Event, n ledger.Notice) ledger.Event {
	data, _ := json.Marshal(Violated{Handoff: e.ID, Contract: n.Contract, Version: n.Version, Variant: n.Variant, Mode: n.Mode, Violations: n.Violations})
	return ledger.Event{ID: violatedID(e), Source: Source, Type: ledger.Type("contract", "violated"), Subject: e.Subject, Time: e.Time,
		ContentType: "application/json", Schema: Schema(n.Contract, max(n.Version, 1)), DataSubject: e.DataSubject, CausationID: e.ID, Data: data}
}

// refusal is the error of an append that contracts do not let through.
func refusal(notices []ledger.Notice) error {
	broken := slices.DeleteFunc(slices.Clone(notices), func(n ledger.Notice) bool { return Mode(n.Mode) != Reject || len(n.Violations) == 0 })
	return &ledger.Error{Code: ledger.CodeViolation, Op: "append", Hint: "send what the contract asks for: `baton contracts show " + broken[0].Contract + "`",
		Err: &ledger.Broken{Notices: broken}}
}

// nameOfStream is the contract that a stream is about.
func nameOfStream(stream string) (string, bool) {
	category, name := ledger.SplitStream(stream)
	return name, category == "contract" && name != ""
}

// violatedID is the same for the same event: two sources may give their events one id.
func violatedID(e *ledger.Event) string {
	sum := sha256.Sum256([]byte(e.Source))
	return ledger.Shortened("violated/" + e.ID + "@" + hex.EncodeToString(sum[:4]))
}
