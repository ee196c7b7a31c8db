package replay

import (
	"context"
	"time"

	"cel.dev/cel-go/cel"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract/expr"
)

// maxFilterCost is of one event: a filter looks at every event of a tail, and there may be hundreds of tails.
const maxFilterCost = 100_000

// Filter is a compiled CEL expression over single events. It is safe for concurrent use.
type Filter struct{ program cel.Program }

// recordedVar is an event as filters see it. Unlike a condition's event it knows nothing of what the journey was before.
type recordedVar struct {
	ID            string    `cel:"id"`
	Source        string    `cel:"source"`
	Type          string    `cel:"type"`
	Family        string    `cel:"family"`
	Verb          string    `cel:"verb"`
	Subject       string    `cel:"subject"`
	Journey       string    `cel:"journey"`
	Stream        string    `cel:"stream"`
	Overlay       bool      `cel:"overlay"`
	Position      int64     `cel:"position"`
	Revision      int64     `cel:"revision"`
	Time          time.Time `cel:"time"`
	Recorded      time.Time `cel:"recorded"`
	Actor         string    `cel:"actor"`
	Activity      string    `cel:"activity"`
	Stage         string    `cel:"stage"`
	Party         string    `cel:"party"`
	Kind          string    `cel:"kind"`
	Channel       string    `cel:"channel"`
	Status        string    `cel:"status"`
	Handoff       string    `cel:"handoff"`
	Point         string    `cel:"point"`
	Sender        string    `cel:"sender"`
	SenderParty   string    `cel:"sender_party"`
	Receiver      string    `cel:"receiver"`
	ReceiverParty string    `cel:"receiver_party"`
	Outcome       string    `cel:"outcome"`
	Reason        string    `cel:"reason"`
}

// filters is the language of [CompileFilter].
var filters = expr.Language{Op: "filter events", Noun: "filter", Example: `event.family == "handoff" && event.channel == "chat" && data.amount > 100`,
	Cost: maxFilterCost, Names: []string{"event", "data"},
	Options: []cel.EnvOption{expr.NativeType[recordedVar]("event"), cel.Variable("event", cel.ObjectType("event")), cel.Variable("data", cel.DynType)}}

// FilterHelp lists the variables of a filter, one for each line of help.
func FilterHelp() []string {
	return []string{"event: " + fieldNames[recordedVar](), "data: the event's JSON data"}
}

// CompileFilter checks an expression over event (its attributes, place and facets) and data (its JSON data). Errors are CodeInvalid and
// say where in the expression.
func CompileFilter(expression string) (*Filter, error) {
	program, err := filters.Compile(expression)
	if err != nil {
		return nil, err
	}
	return &Filter{program: program}, nil
}

// Match reports whether the expression holds for an event. An event for which it has no value (a member of data that is not there, or is
// of another type) does not match. Errors are the context's, and CodeInvalid where the expression costs too much or fails otherwise.
func (f *Filter) Match(ctx context.Context, r *ledger.Recorded) (bool, error) {
	value, _, err := f.program.ContextEval(ctx, &recordedScope{r: r})
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil && (expr.Undefined(err) || expr.Mistyped(err)):
		return false, nil
	case err != nil && expr.TooCostly(err):
		return false, filters.Bad("the filter is too costly for the event at position %d: more than %d steps", r.Position, maxFilterCost)
	case err != nil:
		return false, filters.Bad("the filter fails at position %d: %s", r.Position, clean(err.Error()))
	}
	holds, ok := value.Value().(bool)
	if !ok {
		return false, filters.Bad("the filter gives a %s at position %d, not true or false", value.Type().TypeName(), r.Position)
	}
	return holds, nil
}

// recordedScope implements CEL's activation: data is decoded only where the expression names it.
type recordedScope struct {
	r     *ledger.Recorded
	event *recordedVar
	data  any
}

// ResolveName gives the value of a variable.
func (s *recordedScope) ResolveName(name string) (any, bool) {
	switch name {
	case "event":
		if s.event == nil {
			s.event = newRecordedVar(s.r)
		}
		return s.event, true
	case "data":
		if s.data == nil {
			s.data = s.decoded()
		}
		return s.data, true
	}
	return nil, false
}

// decoded is the data, an empty map where it is no JSON.
func (s *recordedScope) decoded() any {
	if ledger.IsJSON(s.r.ContentType) {
		if v := expr.Decode(s.r.Data); v != nil {
			return v
		}
	}
	return map[string]any{}
}

// Parent is nil: there is no outer scope.
func (s *recordedScope) Parent() cel.Activation { return nil }

func newRecordedVar(r *ledger.Recorded) *recordedVar {
	family, verb := ledger.SplitType(r.Type)
	f := &r.Facets
	v := &recordedVar{ID: r.ID, Source: r.Source, Type: r.Type, Family: family, Verb: verb, Subject: r.Subject, Journey: ledger.JourneyOf(r.Stream),
		Stream: r.Stream, Overlay: ledger.InOverlay(r.Type), Position: int64(r.Position), Revision: int64(r.Revision), Time: r.Occurred(),
		Recorded: r.RecordedTime, Actor: r.Actor, Activity: f.Activity, Stage: f.Stage, Party: f.Party, Kind: f.Kind, Channel: f.Channel,
		Status: f.Status, Handoff: f.Handoff, Sender: f.Sender, SenderParty: f.SenderParty, Receiver: f.Receiver, ReceiverParty: f.ReceiverParty,
		Outcome: f.Outcome, Reason: f.Reason}
	if f.Sender != "" && f.Receiver != "" {
		v.Point = ledger.Point(f.Sender, f.Receiver, f.Channel)
	}
	return v
}
