// Package notary proves a ledger: it keeps the interior of the Merkle tree over the ledger's leaves, commits to the end of every stream,
// signs checkpoints of both, and checks all of that again. Whoever has the public key can check a proof without Baton.
//
// # The tree
//
// Event number p (its position) is leaf p-1 of an RFC 6962 Merkle tree: leaf hash SHA-256(0x00, leaf), node hash SHA-256(0x01, left,
// right). The leaf's bytes are those of [ledger.Leaf]: a small commitment without personal data. The engine writes leaf hashes with the
// events; [Extend] adds the interior of complete subtrees behind it. [Inclusion] and [Consistency] prove, [CheckInclusion] and
// [CheckConsistency] verify, for this log and any other. The arithmetic is that of golang.org/x/mod/sumdb/tlog.
//
// # The map of streams
//
// A stream's chained head proves that nothing is missing inside the stream. That nothing is missing at its end is proven by a map from
// stream tag to last revision and head. It is a trie over the 64 nibbles of the tag: a slot holds a stream if exactly one tag has the
// prefix that leads there, a node of 16 slots if several have, nothing if none has; the root is a node always. So the shape, and the root,
// depend on the contents alone.
//
//	stream  SHA-256(0x00, tag, revision as 8 bytes big-endian, head)
//	node    SHA-256(0x01, 16 child hashes of 32 bytes, zero where there is none)
//
// [MapProof] proves that a tag has a state or that it has none; [CheckStream] holds a stream's leaves against it. The removal of the first, of a
// middle or of the last event each fails.
//
// # Checkpoints
//
// A [Checkpoint] is a C2SP tlog-checkpoint, a signed note (golang.org/x/mod/sumdb/note, Ed25519) of four lines: origin, size, root, and
// "streams <size> <count> <root>" for the map, which may lag behind under load. The newest one is kept in the database and outside of it, in
// D/checkpoint and in every configured copy; at least one a second is written while events come in, and one at every clean close.
// [Notary] says what a power loss leaves after each step.
//
// # Keeping and checking
//
//	LoadKeys  makes or reads the keys of a data directory
//	Guard     decides whether a ledger may be opened for writing: never behind, never beside a checkpoint outside of it
//	Open, Run, Checkpoint, Close   the worker
//	Prove, ProveStream             portable proofs for one event, for the end of one stream
//	Verify    reads everything and holds it against everything signed
//	Tile      serves the log in C2SP tlog-tiles layout to tools that know nothing of Baton
//
// # Stored names
//
//	tree/size              8 bytes: leaves whose interior nodes are stored
//	map/<depth><prefix>    a node: depth as one byte, the prefix with two nibbles a byte; see trieNode.encode
//	map/state              size and count as 8 bytes each, root
//	checkpoint             the newest signed note
//
// The map's nodes, its state and the checkpoint that states it move in one atomic step.
package notary
