package rpc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
	batonv1 "github.com/baton-ledger/baton/server/rpc/baton/v1"
)

// TestAppend appends with an ordinary gRPC client: receipts are the ledger's, and refusals are the ledger's errors.
func TestAppend(t *testing.T) {
	n := start(t)
	cc, ctx := n.dial(), within(t)
	odd := event("1", "J/1 ö", `{"activity":"call",  "attributes":{"n":12345678901234567890}}`)
	odd.Time, odd.Attributes = "2010-04-08T12:30:00.5+02:00", map[string]string{"actor": "clerk", "shop": "7"}
	first, err := appendTo(ctx, cc, &batonv1.AppendRequest{Expect: proto.Int64(0), Events: []*batonv1.Event{odd}})
	must(t, err)
	r := first.GetReceipts()[0]
	if len(first.GetReceipts()) != 1 || r.GetPosition() != 1 || r.GetRevision() != 1 || r.GetStream() != "journey-J/1 ö" || len(r.GetLeafHash()) != 32 || r.GetDuplicate() {
		t.Errorf("the receipts are %v", first)
	}
	for rec, err := range n.store.Read(ctx, ledger.ReadOptions{}) {
		must(t, err)
		if string(rec.Data) != string(odd.GetData()) || rec.Actor != "clerk" || rec.Time.Format(time.RFC3339Nano) != odd.GetTime() ||
			!slices.Equal(rec.Ext, []ledger.Attr{{Name: "shop", Value: "7"}}) {
			t.Errorf("recorded is %+v", rec)
		}
	}
	again, err := appendTo(ctx, cc, &batonv1.AppendRequest{Expect: proto.Int64(0), Events: []*batonv1.Event{odd}})
	must(t, err)
	if a := again.GetReceipts()[0]; !a.GetDuplicate() || a.GetPosition() != 1 || !bytes.Equal(a.GetLeafHash(), r.GetLeafHash()) {
		t.Errorf("the same event again is answered %v", again)
	}
	_, err = appendTo(ctx, cc, &batonv1.AppendRequest{Expect: proto.Int64(7), Events: []*batonv1.Event{event("2", "J/1 ö", `{"activity":"a"}`)}})
	var stale *ledger.StaleRevision
	if !errors.Is(err, ledger.CodeStaleRevision) || !errors.As(err, &stale) || stale.Current != 1 || stale.Expected != 7 || ledger.HintOf(err) == "" {
		t.Errorf("a stale revision is answered %v (%s)", err, ledger.HintOf(err))
	}
	_, err = appendTo(ctx, cc, &batonv1.AppendRequest{Events: []*batonv1.Event{event("1", "J/1 ö", `{"activity":"other"}`)}})
	var conflict *ledger.IDConflict
	if !errors.As(err, &conflict) || conflict.Position != 1 || conflict.Stored == conflict.Offered || conflict.Stored.IsZero() {
		t.Errorf("a conflict is answered %v", err)
	}
}

// TestBatchesStandAlone sends good and bad batches in one call.
func TestBatchesStandAlone(t *testing.T) {
	n := start(t)
	cc, ctx := n.dial(), within(t)
	out, err := call[batonv1.AppendAllResponse](ctx, cc, "AppendAll", &batonv1.AppendAllRequest{Batches: []*batonv1.AppendRequest{
		{Events: steps("A", 3)},
		{Events: []*batonv1.Event{event("", "B", `{"activity":"a"}`)}},
		{Events: append(steps("C", 1), steps("D", 1)...)},
		{},
		{Stream: "journey-E", Events: append(steps("E", 1), steps("F", 1)...)},
	}})
	must(t, err)
	for i, want := range []struct {
		receipts int
		code     ledger.Code
		says     string
	}{{3, "", ""}, {0, ledger.CodeInvalid, "id is missing"}, {0, ledger.CodeInvalid, "journey-C"}, {0, ledger.CodeInvalid, "no events"}, {2, "", ""}} {
		r := out.GetResults()[i]
		err := r.GetProblem().Err()
		if len(r.GetReceipts()) != want.receipts || ledger.CodeOf(err) != want.code || want.says != "" && !strings.Contains(err.Error(), want.says) {
			t.Errorf("batch %d is answered %v", i, r)
		}
	}
	if h, err := n.store.Head(ctx); err != nil || h.Position != 5 {
		t.Errorf("the ledger ends at %d, %v", h.Position, err)
	}
}

// TestRefusals sends what no client should: each answer has a code of gRPC and of the ledger, and a hint.
func TestRefusals(t *testing.T) {
	n := start(t)
	cc, ctx := n.dial(), within(t)
	with := func(change func(*batonv1.Event)) *batonv1.AppendRequest {
		e := event("1", "J", `{"activity":"a"}`)
		change(e)
		return &batonv1.AppendRequest{Events: []*batonv1.Event{e}}
	}
	for _, tt := range []struct {
		name, method string
		in           any
		code         connect.Code
		says         string
	}{
		{"no type", "Append", with(func(e *batonv1.Event) { e.Type = "" }), connect.CodeInvalidArgument, "type is missing"},
		{"time", "Append", with(func(e *batonv1.Event) { e.Time = "noon" }), connect.CodeInvalidArgument, "noon"},
		{"data", "Append", with(func(e *batonv1.Event) { e.Data = []byte("{") }), connect.CodeInvalidArgument, "JSON"},
		{"field as attribute", "Append", with(func(e *batonv1.Event) { e.Attributes = map[string]string{"subject": "K"} }), connect.CodeInvalidArgument, "subject"},
		{"name of an attribute", "Append", with(func(e *batonv1.Event) { e.Attributes = map[string]string{"Shop": "K"} }), connect.CodeInvalidArgument, "Shop"},
		{"large event", "Append", with(func(e *batonv1.Event) { e.Data = []byte(`"` + strings.Repeat("x", 1<<20) + `"`) }), connect.CodeInvalidArgument, "1048576"},
		{"large message", "Append", with(func(e *batonv1.Event) { e.Data = make([]byte, 17<<20) }), connect.CodeResourceExhausted, ""},
		{"no such procedure", "Nothing", &batonv1.JourneyRequest{}, connect.CodeUnimplemented, "Nothing"},
		{"no id", "Journey", &batonv1.JourneyRequest{}, connect.CodeInvalidArgument, "id is missing"},
		{"no such journey", "Journey", &batonv1.JourneyRequest{Id: "nobody"}, connect.CodeNotFound, "nobody"},
		{"position 0", "Journey", &batonv1.JourneyRequest{Id: "J", Moment: &batonv1.JourneyRequest_Position{}}, connect.CodeInvalidArgument, "position"},
		{"two moments", "Journey", &batonv1.JourneyRequest{Id: "J", Moment: &batonv1.JourneyRequest_Revision{Revision: 1}, KnownAt: timestamppb.Now()},
			connect.CodeInvalidArgument, "contradict"},
	} {
		err := cc.Invoke(ctx, "/baton.v1.HandoffService/"+tt.method, tt.in, &batonv1.AppendResponse{})
		got := batonv1.ErrorOf(err)
		if connect.Code(status.Code(err)) != tt.code || !strings.Contains(got.Error(), tt.says) || ledger.HintOf(got) == "" {
			t.Errorf("%s: answered %v; %v, try: %s", tt.name, err, got, ledger.HintOf(got))
		}
	}
	for _, in := range []*batonv1.TailRequest{{Filter: "event.family =="}, {Filter: "1 + 1"}} {
		if _, err := tail(ctx, cc, in)(); !errors.Is(err, ledger.CodeInvalid) {
			t.Errorf("the filter %q is answered %v", in.GetFilter(), err)
		}
	}
	if h, err := n.store.Head(ctx); err != nil || h.Position != 0 {
		t.Errorf("something was written: %+v, %v", h, err)
	}
}

// TestJourney asks for a journey now and before, and gets what the replay of the same ledger says.
func TestJourney(t *testing.T) {
	n := start(t)
	cc, ctx := n.dial(), within(t)
	events := []*batonv1.Event{event("1", "J", `{"activity":"chat","stage":"bot","channel":"chat","attributes":{"amount":12345678901234567890}}`)}
	events = append(events, &batonv1.Event{Id: "h", Source: "test", Type: ledger.Type("handoff", "offered"), Subject: "J", Time: "2026-01-01T10:00:00+01:00",
		Data: []byte(`{"from":{"stage":"bot"},"to":{"stage":"sales"},"channel":"chat","envelope":{"mandatory":{"need":"x"}}}`)},
		&batonv1.Event{Id: "a", Source: "test", Type: ledger.Type("handoff", "accepted"), Subject: "J", Time: "2026-01-01T10:05:00+01:00",
			Data: []byte(`{"handoff":"h","stage":"sales","party":"Ann"}`)})
	_, err := appendTo(ctx, cc, &batonv1.AppendRequest{Events: events})
	must(t, err)
	now, err := call[batonv1.JourneyResponse](ctx, cc, "Journey", &batonv1.JourneyRequest{Id: "J"})
	must(t, err)
	want, err := replay.AsOf(ctx, n.store, "J", replay.Moment{})
	must(t, err)
	digest := replay.Digest(want)
	if now.GetOwner().GetStage() != "sales" || now.GetOwner().GetParty() != "Ann" || now.GetRevision() != 3 || now.GetEvents() != 3 || !bytes.Equal(now.GetDigest(), digest[:]) ||
		string(now.GetContext()["amount"].GetValue()) != "12345678901234567890" || string(now.GetContext()["need"].GetValue()) != `"x"` {
		t.Errorf("the journey is %v", now)
	}
	h := now.GetHandoffs()[0]
	if h.GetState() != "accepted" || h.GetPoint() != "bot>sales@chat" || !h.GetSenderHeld() || h.GetAccepted().AsTime().Sub(h.GetOffered().AsTime()) != 5*time.Minute || h.Ended != nil {
		t.Errorf("the handoff is %v", h)
	}
	for name, in := range map[string]*batonv1.JourneyRequest{
		"position": {Id: "J", Moment: &batonv1.JourneyRequest_Position{Position: 2}},
		"revision": {Id: "J", Moment: &batonv1.JourneyRequest_Revision{Revision: 2}},
		"at":       {Id: "J", Moment: &batonv1.JourneyRequest_At{At: timestamppb.New(time.Date(2026, 1, 1, 9, 4, 0, 0, time.UTC))}},
	} {
		then, err := call[batonv1.JourneyResponse](ctx, cc, "Journey", in)
		must(t, err)
		if then.GetOwner().GetStage() == "sales" || len(then.GetHandoffs()) != 1 || then.GetHandoffs()[0].GetState() != "offered" {
			t.Errorf("as of %s the journey is %v", name, then)
		}
	}
}

// TestTail reads a ledger that grows, through a connection that breaks after every event: nothing is lost, nothing comes twice.
func TestTail(t *testing.T) {
	n := start(t)
	cc, ctx := n.dial(), within(t)
	_, err := appendTo(ctx, cc, &batonv1.AppendRequest{Events: steps("A", 5)})
	must(t, err)
	after := uint64(0)
	for want := uint64(1); want <= 8; want++ {
		broken, cancel := context.WithCancel(ctx)
		next := tail(broken, cc, &batonv1.TailRequest{After: after})
		if want > 5 {
			_, err := appendTo(ctx, cc, &batonv1.AppendRequest{Events: steps("B", int(want-5))[want-6:]})
			must(t, err)
		}
		r, err := next()
		must(t, err)
		if e := r.GetEvent(); e.GetPosition() != want || r.GetPosition() != want || e.GetEvent().GetTime() != "" || e.GetEvent().GetAttributes() != nil || len(e.GetEvent().GetData()) == 0 {
			t.Fatalf("event %d comes as %v", want, r)
		}
		after = r.GetPosition()
		cancel()
	}
}

// TestTailFilter lets few events through, and says all the same how far it is.
func TestTailFilter(t *testing.T) {
	n := start(t)
	cc, ctx := n.dial(), within(t)
	for _, journey := range []string{"A", "B", "C"} {
		_, err := appendTo(ctx, cc, &batonv1.AppendRequest{Events: steps(journey, 600)})
		must(t, err)
	}
	next := tail(ctx, cc, &batonv1.TailRequest{Filter: `event.journey == "C" && data.activity == "step 7"`, HeaderOnly: true})
	var positions []uint64
	for {
		r, err := next()
		must(t, err)
		positions = append(positions, r.GetPosition())
		if e := r.GetEvent(); e != nil && (e.GetPosition() != 1208 || e.GetEvent().GetId() != "C-7" || e.GetEvent().GetData() != nil) {
			t.Fatalf("%v came through", r)
		}
		if r.GetPosition() == 1800 {
			break
		}
	}
	if !slices.Equal(positions, []uint64{1000, 1208, 1800}) {
		t.Errorf("it told of the positions %d", positions)
	}
	_, err := appendTo(ctx, cc, &batonv1.AppendRequest{Events: []*batonv1.Event{event("x", "C", `{"activity":"step 7"}`)}})
	must(t, err)
	if r, err := next(); err != nil || r.GetEvent().GetPosition() != 1801 {
		t.Errorf("the live event comes as %v, %v", r, err)
	}
}

// TestStop ends the server under a tail that is read, and one whose reader takes nothing: both end, and the first is told to call again.
func TestStop(t *testing.T) {
	n := start(t)
	cc, ctx := n.dial(), within(t)
	stalled := n.dial()
	for i := range 8 {
		e := event(string(rune('a'+i)), "A", `{"activity":"a","attributes":{"x":"`+strings.Repeat("x", 900_000)+`"}}`)
		_, err := appendTo(ctx, cc, &batonv1.AppendRequest{Events: []*batonv1.Event{e}})
		must(t, err)
	}
	next := tail(ctx, cc, &batonv1.TailRequest{After: 7})
	if r, err := next(); err != nil || r.GetPosition() != 8 {
		t.Fatalf("the tail gives %v, %v", r, err)
	}
	idle := tail(ctx, stalled, &batonv1.TailRequest{})
	if r, err := idle(); err != nil || r.GetPosition() != 1 {
		t.Fatalf("the tail gives %v, %v", r, err)
	}
	begin := time.Now()
	must(t, n.stop())
	if took := time.Since(begin); took > 8*time.Second {
		t.Errorf("the server took %v to end", took)
	}
	if _, err := next(); !errors.Is(err, ledger.CodeUnavailable) {
		t.Errorf("the tail ended with %v", err)
	}
}

// TestDeadline gives a call less time than it would take.
func TestDeadline(t *testing.T) {
	n := start(t)
	cc := n.dial()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if r, err := tail(ctx, cc, &batonv1.TailRequest{})(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the tail ended with %v, %v", r, err)
	}
	// A client that sends its deadline and does not keep it itself: the server does.
	req, err := http.NewRequest(http.MethodPost, "http://"+n.addr+batonv1.HandoffServiceTailProcedure, bytes.NewReader([]byte{0, 0, 0, 0, 0}))
	must(t, err)
	req.Header = http.Header{"Content-Type": {"application/grpc-web+proto"}, "Grpc-Timeout": {"50m"}}
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	if !strings.Contains(strings.ToLower(string(body)), "grpc-status: 4") {
		t.Errorf("the answer ends with %q", body)
	}
}

// TestProtocols asks in all the ways the one handler understands.
func TestProtocols(t *testing.T) {
	n := start(t)
	ctx, base := within(t), "http://"+n.addr
	post := func(method, body string) (int, map[string]any) {
		t.Helper()
		resp, err := http.Post(base+"/baton.v1.HandoffService/"+method, "application/json", strings.NewReader(body))
		must(t, err)
		defer resp.Body.Close()
		var out map[string]any
		must(t, json.NewDecoder(resp.Body).Decode(&out))
		return resp.StatusCode, out
	}
	// {"activity":"call"} in base64
	event := `{"events":[{"id":"1","source":"test","type":"dev.baton.interaction.recorded.v1","subject":"J","data":"eyJhY3Rpdml0eSI6ImNhbGwifQ=="}],"expect":"0"}`
	if status, out := post("Append", event); status != 200 || out["receipts"] == nil {
		t.Errorf("JSON is answered with %d %v", status, out)
	}
	status, out := post("Append", strings.Replace(event, `"id":"1"`, `"id":"2"`, 1))
	if b, _ := json.Marshal(out["details"]); status != http.StatusConflict || out["code"] != "aborted" || !strings.Contains(string(b), `"current":"1"`) {
		t.Errorf("a stale revision is answered with %d %v", status, out)
	}
	resp, err := http.Get(base + "/baton.v1.HandoffService/Journey?connect=v1&encoding=json&message=%7B%22id%22%3A%22J%22%7D")
	must(t, err)
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), `"activity":"call"`) {
		t.Errorf("GET is answered with %s %s, %v", resp.Status, body, err)
	}
	for name, options := range map[string][]connect.ClientOption{"connect": nil, "gRPC-Web": {connect.WithGRPCWeb()}} {
		c := batonv1.NewHandoffServiceClient(http.DefaultClient, base, options...)
		j, err := c.Journey(ctx, &batonv1.JourneyRequest{Id: "J"})
		if err != nil || j.GetActivity() != "call" {
			t.Errorf("%s is answered with %v, %v", name, j, err)
		}
		if _, err := c.Journey(ctx, &batonv1.JourneyRequest{Id: "K"}); !errors.Is(batonv1.ErrorOf(err), ledger.CodeNotFound) {
			t.Errorf("%s: a journey that is not there is answered with %v", name, err)
		}
		stream, err := c.Tail(ctx, &batonv1.TailRequest{})
		must(t, err)
		if !stream.Receive() || stream.Msg().GetEvent().GetEvent().GetId() != "1" {
			t.Errorf("%s: the tail gives %v, %v", name, stream.Msg(), stream.Err())
		}
		stream.Close()
	}
}

// TestGuards keeps web pages out here too.
func TestGuards(t *testing.T) {
	n := start(t)
	for header, value := range map[string]string{"Host": "pages.example", "Origin": "https://pages.example"} {
		req, err := http.NewRequest(http.MethodPost, "http://"+n.addr+batonv1.HandoffServiceAppendProcedure, strings.NewReader(`{}`))
		must(t, err)
		req.Header.Set("Content-Type", "application/json")
		if req.Header.Set(header, value); header == "Host" {
			req.Host = value
		}
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if must(t, err); resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), `"code":"invalid_argument"`) {
			t.Errorf("%s %s is answered %s %s", header, value, resp.Status, body)
		}
	}
	cc, err := grpc.NewClient(n.addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("pages.example"))
	must(t, err)
	defer cc.Close()
	_, err = appendTo(within(t), cc, &batonv1.AppendRequest{Events: steps("A", 1)})
	if !errors.Is(err, ledger.CodeInvalid) || !strings.Contains(err.Error(), "pages.example") || ledger.HintOf(err) == "" {
		t.Errorf("a call to another host is answered %v (%s)", err, ledger.HintOf(err))
	}
}

// TestHandoff hands over in one call, twice the same, and says what became of it.
func TestHandoff(t *testing.T) {
	n := start(t)
	cc, ctx := n.dial(), within(t)
	in := &batonv1.HandoffRequest{Id: "h1", Journey: "J", From: &batonv1.Party{Stage: "bot"}, To: &batonv1.Party{Stage: "sales", Party: "Ann"}, Channel: "chat",
		Time: "2026-01-01T10:00:00+01:00", Envelope: `{"mandatory":{"need":"x"},  "key_insight":"k"}`, Data: map[string]string{"weight": "12345678901234567890"}}
	first, err := call[batonv1.HandoffResponse](ctx, cc, "Handoff", in)
	must(t, err)
	if first.GetHandoff() != "h1" || first.GetPoint() != "bot>sales@chat" || first.GetState() != "accepted" || first.GetOwner().GetParty() != "Ann" || len(first.GetReceipts()) != 2 {
		t.Errorf("the handoff is answered %v", first)
	}
	again, err := call[batonv1.HandoffResponse](ctx, cc, "Handoff", in)
	must(t, err)
	for i, r := range again.GetReceipts() {
		r.Duplicate = !r.Duplicate
		if !proto.Equal(r, first.GetReceipts()[i]) {
			t.Errorf("receipt %d of the retry is %v", i, r)
		}
	}
	moved, err := call[batonv1.HandoffResponse](ctx, cc, "MoveHandoff", &batonv1.MoveHandoffRequest{Journey: "J", Handoff: "h1", Verb: "completed", Outcome: "won"})
	must(t, err)
	if moved.GetState() != "completed" || len(moved.GetAnomalies()) != 0 {
		t.Errorf("the move is answered %v", moved)
	}
	if _, err := call[batonv1.HandoffResponse](ctx, cc, "MoveHandoff", &batonv1.MoveHandoffRequest{Journey: "J", Handoff: "h2", Verb: "completed"}); !errors.Is(err, ledger.CodeNotFound) {
		t.Errorf("a handoff that is not there is answered %v", err)
	}
	if _, err := call[batonv1.HandoffResponse](ctx, cc, "Handoff", &batonv1.HandoffRequest{Journey: "J", Envelope: "{"}); !errors.Is(err, ledger.CodeInvalid) {
		t.Errorf("a handoff from nobody is answered %v", err)
	}
	j, err := call[batonv1.JourneyResponse](ctx, cc, "Journey", &batonv1.JourneyRequest{Id: "J"})
	must(t, err)
	if h := j.GetHandoffs()[0]; h.GetOutcome() != "won" || !h.GetEnded().IsValid() || j.GetContext()["need"].GetValue() != `"x"` {
		t.Errorf("the journey is %v", j)
	}
}
