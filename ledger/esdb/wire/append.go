package wire

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
)

// maxDrain is how much of an append that is too large is read and thrown away. A client that is cut off while it sends never reads why,
// so it is let finish; one that goes on for ever is not.
const maxDrain = 8 * maxMessage

// Append receives options and then events, and answers when they are on disk.
func (s *Server) Append(stream streams.Streams_AppendServer) error {
	leave, err := enter(s.writes)
	if err != nil {
		drain(stream)
		return err
	}
	defer leave()
	a := &appending{s: s, actor: callerOf(stream.Context()).Name}
	options, err := a.receive(stream)
	if err != nil {
		return err
	}
	defer s.beginAppend()()
	out, err := a.run(context.WithoutCancel(stream.Context())) // begun is finished, though the client goes
	if err != nil {
		return err
	}
	return stream.SendAndClose(appendResp(options, out))
}

// receive reads an append to its end.
func (a *appending) receive(stream streams.Streams_AppendServer) (*streams.AppendReq_Options, error) {
	first, err := stream.Recv()
	if err != nil {
		return nil, received(err)
	}
	options := first.GetOptions()
	if options == nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, "append", "send the options first, then the events", "the first message of the append has no options")
	}
	a.stream = string(options.GetStreamIdentifier().GetStreamName())
	if a.expect, err = expectation(options); err == nil {
		err = checkWritable(a.stream)
	}
	size, all := 0, 0
	for {
		m, recvErr := stream.Recv()
		if errors.Is(recvErr, io.EOF) {
			return options, err
		}
		if recvErr != nil {
			return nil, received(recvErr)
		}
		p := m.GetProposedMessage()
		size += len(p.GetData())
		if all += proto.Size(m); all > maxDrain {
			return nil, err
		}
		if err == nil {
			err = a.add(p, size)
		}
		if err != nil {
			a.proposed, a.events = nil, nil
		}
	}
}

// received is the error of a message that did not come.
func received(err error) error {
	if errors.Is(err, io.EOF) {
		return ledger.Errorf(ledger.CodeInvalid, "append", "send options and events", "the append is empty")
	}
	return err
}

// add takes one more event in. What passes the limits of a batch is not collected first.
func (a *appending) add(p *streams.AppendReq_ProposedMessage, size int) error {
	n := len(a.proposed) + 1
	if n > ledger.MaxBatchEvents || size > ledger.MaxBatchBytes {
		return &ledger.Error{Code: ledger.CodeTooLarge, Op: "append", Hint: "split the append",
			Err: tooMuch{ledger.Errorf(ledger.CodeTooLarge, "", "", "one append takes at most %d events and %d bytes of data", ledger.MaxBatchEvents, ledger.MaxBatchBytes)}}
	}
	// Beside data there is what becomes a header: ours in base64 is a third larger. What can be none is not collected.
	if beside := proto.Size(p) - len(p.GetData()); beside > 2*ledger.MaxHeader {
		return ledger.Errorf(ledger.CodeTooLarge, "append", "shorten the metadata, or put it into the data", "event %d has %d bytes of metadata and type, at most %d become its header",
			n, beside, ledger.MaxHeader)
	}
	s, err := a.proposal(p)
	if err != nil {
		return &ledger.Error{Code: ledger.CodeInvalid, Op: "append", Err: err, Hint: "send id, type and content-type with every event"}
	}
	a.proposed = append(a.proposed, s)
	a.events = append(a.events, eventOf(&s, a.actor))
	return nil
}

func (a *appending) proposal(p *streams.AppendReq_ProposedMessage) (s esdb.Stored, err error) {
	s = esdb.Stored{Stream: a.stream, Type: p.GetMetadata()["type"], ContentType: esdb.Binary, Metadata: p.GetCustomMetadata(), Data: p.GetData()}
	if s.ID, err = parseUUID(p.GetId()); err != nil {
		return s, err
	}
	if s.ID == uuid.Nil {
		return s, errors.New("the event's id is missing")
	}
	for _, name := range []string{"type", "content-type"} {
		if p.GetMetadata()[name] == "" {
			return s, &missingMetadata{name}
		}
	}
	if p.GetMetadata()["content-type"] == esdb.JSON {
		s.ContentType = esdb.JSON
	}
	return s, nil
}

// expectation translates what a client believes of the stream. Its revision n is the ledger's n+1.
func expectation(o *streams.AppendReq_Options) (ledger.Expect, error) {
	switch e := o.GetExpectedStreamRevision().(type) {
	case *streams.AppendReq_Options_Any:
		return ledger.Any, nil
	case *streams.AppendReq_Options_NoStream:
		return ledger.NoStream, nil
	case *streams.AppendReq_Options_StreamExists:
		return ledger.StreamExists, nil
	case *streams.AppendReq_Options_Revision:
		return ledger.Expect(min(e.Revision, math.MaxInt64-1) + 1), nil // no stream is that long: wrong version
	}
	return 0, ledger.Errorf(ledger.CodeInvalid, "append", "send a revision, any, no_stream or stream_exists", "the append says nothing of the expected revision")
}

var empty = &shared.Empty{}

func appendResp(o *streams.AppendReq_Options, out answer) *streams.AppendResp {
	if out.wrong {
		return &streams.AppendResp{Result: &streams.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: wrongVersion(o, out.revision)}}
	}
	success := &streams.AppendResp_Success{PositionOption: &streams.AppendResp_Success_NoPosition{NoPosition: empty}}
	if out.position > 0 {
		success.PositionOption = &streams.AppendResp_Success_Position{Position: &streams.AppendResp_Position{CommitPosition: out.position, PreparePosition: out.position}}
	}
	if out.revision > 0 {
		success.CurrentRevisionOption = &streams.AppendResp_Success_CurrentRevision{CurrentRevision: out.revision - 1}
	} else {
		success.CurrentRevisionOption = &streams.AppendResp_Success_NoStream{NoStream: empty}
	}
	return &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: success}}
}

// wrongVersion says what the stream is at and what was expected, for clients of every age.
func wrongVersion(o *streams.AppendReq_Options, revision uint64) *streams.AppendResp_WrongExpectedVersion {
	w := &streams.AppendResp_WrongExpectedVersion{
		CurrentRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_NoStream_20_6_0{NoStream_20_6_0: empty},
		CurrentRevisionOption:        &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: empty},
	}
	if revision > 0 {
		w.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_CurrentRevision_20_6_0{CurrentRevision_20_6_0: revision - 1}
		w.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: revision - 1}
	}
	switch e := o.GetExpectedStreamRevision().(type) {
	case *streams.AppendReq_Options_Any:
		w.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_Any_20_6_0{Any_20_6_0: empty}
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedAny{ExpectedAny: empty}
	case *streams.AppendReq_Options_StreamExists:
		w.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_StreamExists_20_6_0{StreamExists_20_6_0: empty}
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: empty}
	case *streams.AppendReq_Options_NoStream:
		w.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: math.MaxUint64}
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: empty}
	case *streams.AppendReq_Options_Revision:
		w.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: e.Revision}
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: e.Revision}
	}
	return w
}
