// Package relay fans a ledger out to NATS JetStream, finds and fills gaps there, and takes events in from NATS. The ledger is the
// record; the JetStream stream is a copy that may be deleted at any time and is then made again.
//
// # The message
//
// Every committed event becomes one message of the stream BATON, in the order of positions, on the subject
//
//	baton.v1.<partition>.<family>.<verb>.<point>
//
// partition is 0 to 63, by the journey id; family and verb are those of the type, "other" and the whole type for foreign types; point is
// sender>receiver@channel where the event's own data says it, else "_". The subject is a function of the event alone, so a repaired
// message has the subject of the lost one; a later event of a handoff that does not repeat from, to and channel has no point in
// its subject. Each token is cleaned by [ledger.SubjectToken]: no producer can add a token, a wildcard or a space.
//
// Headers follow CloudEvents binary mode: ce-specversion, ce-id, ce-source, ce-type and all other attributes, values percent-encoded as in
// the HTTP binding, with content-type beside ce-datacontenttype. ce-recordedtime, ce-stream, ce-position and ce-revision are
// the place. The payload is the data, byte for byte; where it is larger than the server takes, it is left out and
// Baton-Data-Omitted says how many bytes it has. Nats-Msg-Id is "<ledger id>:<position>".
//
// # Order, and stale relays
//
// Every message carries Nats-Expected-Last-Sequence: the sequence of the message before it, as this relay knows it; and inside a batch
// Nats-Expected-Last-Msg-Id: the id of the one before. A batch is so a chain in which each message is stored only directly after
// the one before, and the acknowledgement of the last one covers them all.
// When anything goes wrong (a message lost on the way, a server that restarted, a message of someone else in between, another relay),
// the rest of the chain is refused; nothing is stored out of order, nothing twice. The relay then asks the stream where
// it is and goes on from there. A relay that was paused while another took over has its writes refused for the same reason.
//
// In a cluster a stream may be without a leader for seconds. Nobody answers then, and what was sent is gone: so a question is asked again, and a chain that waits is
// given up when the stream has a new leader.
//
// Nothing else is kept: the relay's cursor is the ce-position of the stream's last message. So an operator may bound the stream by bytes or
// messages, but a stream emptied altogether (by age, by a purge) is filled again from position 1 when the relay next starts.
//
// # Repair
//
// JetStream cannot insert: a message that was removed in the middle is published again at the end, with the header Baton-Repair: true and, in
// Baton-Head, the position that the relay had reached. It comes late; consumers that need the order go by ce-position.
package relay
