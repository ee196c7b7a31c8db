package replay

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract/expr"
)

// Limits of a condition, so that no expression can run away. Costs are CEL's own measure, about one for each operation.
const (
	maxCost      = 1_000_000  // of one evaluation
	maxTotalCost = 50_000_000 // of one bisection
)

// Condition is a compiled CEL expression over the state of a journey and the event that led to it. It is safe for concurrent use.
type Condition struct {
	text    string
	program cel.Program
}

// handoffVar is a handoff as expressions see it.
type handoffVar struct {
	ID            string    `cel:"id"`
	State         string    `cel:"state"`
	Open          bool      `cel:"open"`
	Point         string    `cel:"point"`
	Sender        string    `cel:"sender"`
	SenderParty   string    `cel:"sender_party"`
	Receiver      string    `cel:"receiver"`
	ReceiverParty string    `cel:"receiver_party"`
	Channel       string    `cel:"channel"`
	AcceptedBy    string    `cel:"accepted_by"`
	Outcome       string    `cel:"outcome"`
	Reason        string    `cel:"reason"`
	PingPong      string    `cel:"ping_pong"`
	OfferedAt     time.Time `cel:"offered_at"`
	AcceptedAt    time.Time `cel:"accepted_at"`
	EndedAt       time.Time `cel:"ended_at"`
}

// eventVar is the event that was applied last as expressions see it.
type eventVar struct {
	ID       string    `cel:"id"`
	Source   string    `cel:"source"`
	Type     string    `cel:"type"`
	Family   string    `cel:"family"`
	Verb     string    `cel:"verb"`
	Activity string    `cel:"activity"`
	Stage    string    `cel:"stage"`
	Party    string    `cel:"party"`
	Channel  string    `cel:"channel"`
	Status   string    `cel:"status"`
	Handoff  string    `cel:"handoff"`
	Outcome  string    `cel:"outcome"`
	Reason   string    `cel:"reason"`
	Actor    string    `cel:"actor"`
	Time     time.Time `cel:"time"`
	Recorded time.Time `cel:"recorded"`
	Position int64     `cel:"position"`
	Revision int64     `cel:"revision"`
	Overlay  bool      `cel:"overlay"`
	Late     bool      `cel:"late"`
}

// variable is one name an expression may use.
type variable struct {
	name string
	typ  *cel.Type
	read func(*scope) any
}

// variables are all of them. owner, owner_party and owner_kind say who holds the journey; stage, party, status, activity and channel are
// of the last interaction.
var variables = []variable{
	{"owner", cel.StringType, func(s *scope) any { return s.journey.Owner().Stage }},
	{"owner_party", cel.StringType, func(s *scope) any { return s.journey.Owner().Party }},
	{"owner_kind", cel.StringType, func(s *scope) any { return s.journey.Owner().Kind }},
	{"stage", cel.StringType, func(s *scope) any { return s.journey.Stage }},
	{"party", cel.StringType, func(s *scope) any { return s.journey.Party }},
	{"status", cel.StringType, func(s *scope) any { return s.journey.Status }},
	{"activity", cel.StringType, func(s *scope) any { return s.journey.Activity }},
	{"channel", cel.StringType, func(s *scope) any { return s.journey.Channel }},
	{"open", cel.BoolType, func(s *scope) any { return s.journey.IsOpen() }},
	{"outcome", cel.StringType, func(s *scope) any { return s.journey.Outcome }},
	{"revision", cel.IntType, func(s *scope) any { return int64(s.journey.Revision) }},
	{"position", cel.IntType, func(s *scope) any { return int64(s.journey.Position) }},
	{"events", cel.IntType, func(s *scope) any { return int64(s.journey.Events) }},
	{"started", cel.TimestampType, func(s *scope) any { return s.journey.Started }},
	{"last", cel.TimestampType, func(s *scope) any { return s.journey.Last }},
	{"handoffs", cel.ListType(cel.ObjectType("handoff")), func(s *scope) any { return s.handoffs }},
	{"anomalies", cel.ListType(cel.StringType), func(s *scope) any { return s.anomalies }},
	{"context", cel.MapType(cel.StringType, cel.DynType), func(s *scope) any { return s.values() }},
	{"event", cel.ObjectType("event"), func(s *scope) any { return s.event }},
}

// ConditionHelp lists the variables of a condition with their types, one for each line of help.
func ConditionHelp() []string {
	var out []string
	for _, v := range variables {
		out = append(out, v.name+" "+typeName(v.typ.String()))
	}
	return append(out, "handoff: "+fieldNames[handoffVar](), "event: "+fieldNames[eventVar]())
}

// typeName spells a type as an expression does.
func typeName(s string) string {
	return strings.ReplaceAll(s, "google.protobuf.Timestamp", "timestamp")
}

// fieldNames lists the fields of a type of ours.
func fieldNames[T any]() string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		names = append(names, f.Tag.Get("cel"))
	}
	return strings.Join(names, ", ")
}

// conditions is the language of [Compile].
var conditions = func() expr.Language {
	l := expr.Language{Op: "bisect", Noun: "condition", Example: `owner == "Team B" && size(handoffs) > 2`, Cost: maxCost,
		Options: []cel.EnvOption{expr.NativeType[handoffVar]("handoff"), expr.NativeType[eventVar]("event")}}
	for _, v := range variables {
		l.Names = append(l.Names, v.name)
		l.Options = append(l.Options, cel.Variable(v.name, v.typ))
	}
	return l
}()

// Compile checks an expression. Errors are CodeInvalid, say where in the expression, and their hint lists the variables.
func Compile(expression string) (*Condition, error) {
	program, err := conditions.Compile(expression)
	if err != nil {
		return nil, err
	}
	return &Condition{text: expression, program: program}, nil
}

// undefinedError says why the condition has no value in this state.
type undefinedError struct{ error }

// holds evaluates the condition and gives its cost.
func (c *Condition) holds(ctx context.Context, s *scope) (bool, uint64, error) {
	value, details, err := c.program.ContextEval(ctx, s)
	cost := uint64(0)
	if details != nil && details.ActualCost() != nil {
		cost = *details.ActualCost()
	}
	switch {
	case ctx.Err() != nil:
		return false, cost, ctx.Err()
	case err != nil && expr.Undefined(err):
		return false, cost, undefinedError{errors.New(clean(err.Error()))}
	case err != nil && expr.TooCostly(err):
		return false, cost, s.bad("condition is too costly: more than %d steps", maxCost)
	case err != nil && expr.Mistyped(err):
		return false, cost, s.bad("condition compares or combines values of different types; put a type test such as type(context.x) == int before it")
	case err != nil:
		return false, cost, s.bad("condition fails: %s", clean(err.Error()))
	}
	b, ok := value.Value().(bool)
	if !ok {
		return false, cost, s.bad("condition gives a %s, not true or false", value.Type().TypeName())
	}
	return b, cost, nil
}

// scope is what a condition sees after one event. It implements CEL's activation: only what the expression names is made.
type scope struct {
	journey   *ledger.Journey
	context   ledger.Context
	event     *eventVar
	handoffs  []handoffVar
	anomalies []string
	decoded   map[string]any
	decodedAt map[string]uint64
}

// ResolveName gives the value of a variable.
func (s *scope) ResolveName(name string) (any, bool) {
	i := slices.IndexFunc(variables, func(v variable) bool { return v.name == name })
	if i < 0 {
		return nil, false
	}
	return variables[i].read(s), true
}

// Parent is nil: there is no outer scope.
func (s *scope) Parent() cel.Activation { return nil }

func (s *scope) bad(format string, args ...any) error {
	return conditions.Bad("after position %d: %s", s.event.Position, fmt.Sprintf(format, args...))
}
