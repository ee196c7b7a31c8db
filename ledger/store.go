package ledger

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// Expect is what a writer believes of a stream: a revision, or one of the constants.
type Expect int64

// The beliefs that are not a revision. Revisions count from 1, so the revision 0 says that there is no stream yet.
const (
	Any          Expect = -1 // no belief
	StreamExists Expect = -2
	NoStream     Expect = 0
)

func (e Expect) String() string {
	switch e {
	case Any:
		return "any revision"
	case StreamExists:
		return "an existing stream"
	case NoStream:
		return "no stream"
	}
	return fmt.Sprintf("revision %d", int64(e))
}

// Holds reports whether a stream at revision current is as expected.
func (e Expect) Holds(current uint64) bool {
	switch {
	case e == Any:
		return true
	case e == StreamExists:
		return current > 0
	}
	return int64(e) == int64(current)
}

// Batch is what one append writes: events of one stream, all or none.
type Batch struct {
	Stream string
	Expect Expect
	Events []Event
}

// Result is the answer to one batch of an [Appender]'s call: a receipt for every event in order, or the error.
type Result struct {
	Receipts []Receipt
	Err      error
	Notices  []Notice // of contracts, for the sender
}

// Appender writes. When Append returns receipts the events survive power loss; when it returns an error, nothing of that batch was
// written, or (an error of the disk itself, CodeUnavailable) it is not known and a retry finds out.
//
// Promises, for every batch on its own: events are placed in order; a batch whose Expect does not hold is refused with
// CodeStaleRevision; a batch whose events (stream, source, id) are all there with the same content answers the first receipts
// whatever Expect says; other content is CodeIDConflict; a batch partly present is CodePartialBatch. The same id twice within
// one batch is CodeInvalid.
type Appender interface {
	// Append writes one batch.
	Append(ctx context.Context, b Batch) ([]Receipt, error)
	// AppendAll writes batches in order, sharing syncs where the engine can. Each batch stands on its own: results[i] is the answer to
	// batches[i], and one failing does not stop the others.
	AppendAll(ctx context.Context, batches []Batch) []Result
}

// ReadOptions bound a read. The zero value reads everything.
type ReadOptions struct {
	From       uint64 // first position or revision; 0 is 1
	To         uint64 // last one, included; 0 is the durable head when the read begins
	HeaderOnly bool   // leave Data and Record nil: folds need the header alone
}

// Reader reads what is durable. An iterator yields an error last, and never both an event and an error. Yielded values are the
// caller's to keep.
type Reader interface {
	// Read yields events by position.
	Read(ctx context.Context, o ReadOptions) iter.Seq2[Recorded, error]
	// ReadStream yields a stream's events by revision; nothing for a stream that does not exist.
	ReadStream(ctx context.Context, stream string, o ReadOptions) iter.Seq2[Recorded, error]
	// Head is the last durable place; the zero Head for an empty ledger.
	Head(ctx context.Context) (Head, error)
	// StreamHead is the state of one stream; the zero value with Stream set where it does not exist.
	StreamHead(ctx context.Context, stream string) (StreamHead, error)
	// Streams yields the heads of streams whose name begins with prefix and comes after the given name, by name.
	Streams(ctx context.Context, prefix, after string) iter.Seq2[StreamHead, error]
}

// Finder looks events up by what they are known by.
type Finder interface {
	// Find gives the receipt of the durable event that has this source and id in a stream; false where there is none.
	Find(ctx context.Context, stream, source, id string) (Receipt, bool, error)
}

// Tailer waits for what comes next.
type Tailer interface {
	// Wait returns the durable head as soon as its position is past after, or the context's error.
	Wait(ctx context.Context, after uint64) (Head, error)
}

// Store is a whole engine.
type Store interface {
	Appender
	Reader
	Tailer
	Capabilities() Capabilities
	Close() error
}

// Capabilities say what an engine promises beyond the interface's letter; storetest runs or skips by them.
type Capabilities struct {
	Engine           string // "pebble", "esdb"
	GaplessPositions bool   // positions are assigned at append; false: by the notary later, receipts carry 0
	ExactRetry       bool   // a retry is recognised however late, and its bytes are compared
	Leaves           bool   // leaf hashes are written in the same atomic step as the event
	Durable          bool   // survives power loss when Append returns
	Lanes            bool   // AppendAll keeps the order of batches within a journey alone, where others keep that of all
}

// Head is the end of the ledger.
type Head struct {
	Position     uint64    `json:"position"`
	RecordedTime time.Time `json:"recorded_time"`
}

// StreamHead is the end of one stream.
type StreamHead struct {
	Stream       string    `json:"stream"`
	Revision     uint64    `json:"revision"`       // 0: no such stream
	First        uint64    `json:"first_position"` // position of revision 1
	Last         uint64    `json:"last_position"`  // position of Revision
	RecordedTime time.Time `json:"recorded_time"`
	Head         Hash      `json:"head"` // chained head after Revision
}

// TreeStore keeps the interior of the Merkle tree beside the leaves the engine wrote, for the notary. Hashes are addressed by level and
// index: level 0 index n is the leaf hash of position n+1, level l index n covers leaves n<<l to (n+1)<<l - 1.
type TreeStore interface {
	// Hashes reads stored hashes. A missing one is CodeNotFound.
	Hashes(ctx context.Context, at []TreeIndex) ([]Hash, error)
	// Leaves yields the leaf hashes from index from up to but not including to.
	Leaves(ctx context.Context, from, to uint64) iter.Seq2[Hash, error]
	// PutTree writes, in one atomic step, interior hashes and named values (checkpoints, map nodes). It need not be synced: all of it
	// can be made again from the leaves.
	PutTree(ctx context.Context, nodes []TreeNode, values []NamedValue) error
	// Value reads a named value; nil where there is none.
	Value(ctx context.Context, name []byte) ([]byte, error)
	// Values yields named values whose name begins with prefix, by name.
	Values(ctx context.Context, prefix []byte) iter.Seq2[NamedValue, error]
}

// TreeIndex addresses a hash of the Merkle tree.
type TreeIndex struct {
	Level int
	Index uint64
}

// TreeNode is one interior hash.
type TreeNode struct {
	At   TreeIndex
	Hash Hash
}

// NamedValue is a small value the notary keeps beside the tree.
type NamedValue struct{ Name, Value []byte }

// Auditor is an engine that can read all of itself again, below the level of events: every block of its files, every index
// entry against its record.
type Auditor interface {
	// Audit yields one finding for each file and each index read, good ones with an empty Problem.
	Audit(ctx context.Context) iter.Seq2[Finding, error]
}

// RecordAuditor is an Auditor that can be given the records, by whoever reads all of them anyway: so they are read once.
type RecordAuditor interface {
	Auditor
	// AuditRecords is Audit with the records of positions 1 to to, each once and in order, with or without data. It takes them as they
	// come, whatever else there is to do, and not necessarily to the end.
	AuditRecords(ctx context.Context, records iter.Seq2[Recorded, error], to uint64) iter.Seq2[Finding, error]
}

// Finding is what an audit says of one file or index.
type Finding struct {
	Name     string `json:"name"`               // file name relative to the ledger's directory, or "index streams"
	Bytes    int64  `json:"bytes,omitempty"`    // read
	Entries  int64  `json:"entries,omitempty"`  // read
	Position uint64 `json:"position,omitempty"` // of the first bad entry, where one is known
	Problem  string `json:"problem,omitempty"`  // "" is good
}
