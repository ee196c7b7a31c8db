package wire_test

import (
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestRefusedAppends: what is refused writes nothing and says what is wrong, and clients that look for trailers find them.
func TestRefusedAppends(t *testing.T) {
	s := serve(t)
	client := streams.NewStreamsClient(s.bare(t))
	mib := make([]byte, 1<<20)
	times := func(n int, m *streams.AppendReq) (list []*streams.AppendReq) {
		for range n {
			list = append(list, m)
		}
		return append([]*streams.AppendReq{toStream("s-1")}, list...)
	}
	meta := func(change func(p *streams.AppendReq_ProposedMessage)) []*streams.AppendReq {
		return []*streams.AppendReq{toStream("s-1"), proposed(nil, change)}
	}
	for name, c := range map[string]struct {
		send      []*streams.AppendReq
		code      codes.Code
		text      string
		exception string
	}{
		"nothing":         {nil, codes.InvalidArgument, "empty", ""},
		"no options":      {[]*streams.AppendReq{proposed(nil)}, codes.InvalidArgument, "options first", ""},
		"no expectation":  {[]*streams.AppendReq{{Content: &streams.AppendReq_Options_{Options: &streams.AppendReq_Options{}}}}, codes.InvalidArgument, "expected revision", ""},
		"no stream":       {[]*streams.AppendReq{toStream(""), proposed(nil)}, codes.InvalidArgument, "stream is missing", ""},
		"stream in bytes": {[]*streams.AppendReq{toStream("a\xff"), proposed(nil)}, codes.InvalidArgument, "UTF-8", ""},
		"category alone":  {[]*streams.AppendReq{toStream("order-"), proposed(nil)}, codes.InvalidArgument, "after its category", ""},
		"system stream":   {[]*streams.AppendReq{toStream("$x"), proposed(nil)}, codes.PermissionDenied, "system stream", "access-denied"},
		"metadata stream": {[]*streams.AppendReq{toStream("$$s-1"), proposed(nil)}, codes.PermissionDenied, "maxAge", "access-denied"},
		"no id":           {meta(func(p *streams.AppendReq_ProposedMessage) { p.Id = nil }), codes.InvalidArgument, "id is missing", ""},
		"bad id":          {meta(func(p *streams.AppendReq_ProposedMessage) { p.Id.Value = &shared.UUID_String_{String_: "7"} }), codes.InvalidArgument, "no UUID", ""},
		"zero id":         {meta(func(p *streams.AppendReq_ProposedMessage) { p.Id.Value = &shared.UUID_Structured_{} }), codes.InvalidArgument, "id is missing", ""},
		"no type":         {meta(func(p *streams.AppendReq_ProposedMessage) { delete(p.Metadata, "type") }), codes.InvalidArgument, "lacks type", "missing-required-metadata-property"},
		"no content type": {meta(func(p *streams.AppendReq_ProposedMessage) { delete(p.Metadata, "content-type") }), codes.InvalidArgument, "content-type", "missing-required-metadata-property"},
		"unknown type":    {meta(func(p *streams.AppendReq_ProposedMessage) { p.Metadata["type"] = "dev.baton.no.such.v1" }), codes.InvalidArgument, "dev.baton.no.such.v1", ""},
		"no JSON": {meta(func(p *streams.AppendReq_ProposedMessage) {
			p.Metadata["content-type"], p.Data = "application/json", []byte("{")
		}), codes.InvalidArgument, "JSON", ""},
		"large metadata":    {meta(func(p *streams.AppendReq_ProposedMessage) { p.CustomMetadata = make([]byte, 15<<10) }), codes.InvalidArgument, "at most 16384", ""},
		"huge metadata":     {meta(func(p *streams.AppendReq_ProposedMessage) { p.CustomMetadata = make([]byte, 40<<10) }), codes.InvalidArgument, "event 1 has", ""},
		"large event":       {times(1, proposed(make([]byte, 1<<20+1))), codes.InvalidArgument, "at most 1048576", ""},
		"large event of 16": {times(1, proposed(make([]byte, 16<<20))), codes.InvalidArgument, "8388608", "maximum-append-size-exceeded"},
		"large append":      {times(9, proposed(mib)), codes.InvalidArgument, "8388608", "maximum-append-size-exceeded"},
		"many events":       {times(1001, proposed(nil)), codes.InvalidArgument, "1000 events", "maximum-append-size-exceeded"},
		"endless":           {times(200, proposed(mib)), codes.InvalidArgument, "8388608", "maximum-append-size-exceeded"},
		"large message":     {times(1, proposed(make([]byte, 17<<20))), codes.ResourceExhausted, "larger than max", ""},
	} {
		call, err := client.Append(within(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range c.send {
			if call.Send(m) != nil { // the status says why
				break
			}
		}
		_, err = call.CloseAndRecv()
		if status.Code(err) != c.code || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s answers %v, want %v with %q", name, err, c.code, c.text)
		}
		if got := strings.Join(call.Trailer().Get("exception"), ""); got != c.exception {
			t.Errorf("%s has the exception %q, want %q", name, got, c.exception)
		}
	}
	if h, err := s.store.Head(t.Context()); err != nil || h.Position != 0 {
		t.Errorf("something was written: %+v, %v", h, err)
	}
	for name, err := range map[string]error{
		"delete":    func() error { _, err := s.DeleteStream(within(t), "s-1", esdb.DeleteStreamOptions{}); return err }(),
		"tombstone": func() error { _, err := s.TombstoneStream(within(t), "s-1", esdb.TombstoneStreamOptions{}); return err }(),
	} {
		if codeOf(err) != esdb.ErrorCodeAccessDenied || !strings.Contains(err.Error(), "immutable") {
			t.Errorf("%s answers %v", name, err)
		}
	}
	_, err := persistent.NewPersistentSubscriptionsClient(s.bare(t)).List(within(t), &persistent.ListReq{})
	if status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "PersistentSubscriptions/List") {
		t.Errorf("persistent subscriptions answer %v", err)
	}
}

func TestRefusedReads(t *testing.T) {
	s := serve(t)
	client := streams.NewStreamsClient(s.bare(t))
	for name, c := range map[string]struct {
		req  *streams.ReadReq
		code codes.Code
		text string
	}{
		"nothing": {&streams.ReadReq{}, codes.InvalidArgument, "what is to be read"},
		"empty stream": {allReq(func(o *streams.ReadReq_Options) {
			o.StreamOption = &streams.ReadReq_Options_Stream{Stream: &streams.ReadReq_Options_StreamOptions{}}
		}), codes.InvalidArgument, "what is to be read"},
		"empty filter": {allReq(filterBy(&streams.ReadReq_Options_FilterOptions_Expression{})), codes.InvalidArgument, "empty"},
		"look-ahead":   {allReq(filterBy(&streams.ReadReq_Options_FilterOptions_Expression{Regex: `^(?!\$)`})), codes.InvalidArgument, "RE2"},
		"long":         {allReq(filterBy(&streams.ReadReq_Options_FilterOptions_Expression{Regex: strings.Repeat("a", 5000)})), codes.InvalidArgument, "longer"},
		"costly":       {allReq(filterBy(&streams.ReadReq_Options_FilterOptions_Expression{Regex: strings.Repeat("(", 500) + "a" + strings.Repeat("{1000})", 500)})), codes.InvalidArgument, "longer"},
		"repeats":      {allReq(filterBy(&streams.ReadReq_Options_FilterOptions_Expression{Regex: "((a{100}){100}){100}"})), codes.InvalidArgument, "repeat"},
		"backwards":    {allReq(func(o *streams.ReadReq_Options) { o.ReadDirection = streams.ReadReq_Options_Backwards }), codes.InvalidArgument, "forwards"},
		"a system projection's": {allReq(func(o *streams.ReadReq_Options) {
			o.StreamOption = &streams.ReadReq_Options_Stream{Stream: &streams.ReadReq_Options_StreamOptions{StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte("$ce-order")}}}
		}), codes.Unimplemented, "by stream prefix"},
		"past the end": {allReq(func(o *streams.ReadReq_Options) {
			o.GetAll().AllOption = &streams.ReadReq_Options_AllOptions_Position{Position: &streams.ReadReq_Options_Position{CommitPosition: 7, PreparePosition: 7}}
		}), codes.InvalidArgument, "past the ledger's end"},
	} {
		call, err := client.Read(within(t), c.req)
		if err == nil {
			_, err = call.Recv()
		}
		if status.Code(err) != c.code || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s answers %v, want %v with %q", name, err, c.code, c.text)
		}
	}
}
