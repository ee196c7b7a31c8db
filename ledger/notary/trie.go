package notary

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"github.com/baton-ledger/baton/ledger"
)

// StreamState is what the map of streams commits to for one stream: how long it is and its chained head.
type StreamState struct {
	Tag      ledger.Hash `json:"tag"`      // ledger.StreamTag of its name
	Revision uint64      `json:"revision"` // of its last event
	Head     ledger.Hash `json:"head"`     // chained head after that event
}

// hash is SHA-256(0x00, tag, revision as 8 bytes big-endian, head).
func (s *StreamState) hash() ledger.Hash {
	var b [1 + stateBytes]byte
	s.append(b[:1])
	return sha256.Sum256(b[:])
}

const stateBytes = 32 + 8 + 32

func (s *StreamState) append(b []byte) []byte {
	b = append(b, s.Tag[:]...)
	b = binary.BigEndian.AppendUint64(b, s.Revision)
	return append(b, s.Head[:]...)
}

func parseState(b []byte) StreamState {
	return StreamState{Tag: ledger.Hash(b[:32]), Revision: binary.BigEndian.Uint64(b[32:40]), Head: ledger.Hash(b[40:stateBytes])}
}

// Limits of the trie: a tag has 64 nibbles, each chooses one of 16 children.
const (
	fanout = 16
	depths = 2 * sha256.Size
)

// MapNode is an interior node of the map: the hashes of its children, zero where there is none. Its hash is SHA-256(0x01, children).
type MapNode [fanout]ledger.Hash

func (n *MapNode) hash() ledger.Hash {
	var b [1 + fanout*sha256.Size]byte
	b[0] = 1
	for i, h := range n {
		copy(b[1+i*sha256.Size:], h[:])
	}
	return sha256.Sum256(b[:])
}

// emptyMap is the root of the map without streams: the root is an interior node always.
var emptyMap = new(MapNode).hash()

// nibble is the child that a tag chooses in a node of a depth.
func nibble(tag *ledger.Hash, depth int) int {
	b := tag[depth/2]
	if depth%2 == 0 {
		return int(b >> 4)
	}
	return int(b & 15)
}

// trieNode is an interior node as stored: what MapNode hashes, and the states of the streams that are its children, so that a
// stream costs no stored value of its own. A slot holds a stream if exactly one tag has its prefix, a node if several have, and
// nothing if none has: the shape depends on the set of tags, not on the order they came in.
type trieNode struct {
	streams [fanout]*StreamState
	nodes   MapNode // hashes of the children that are nodes
}

// children are the hashes of all children.
func (n *trieNode) children() *MapNode {
	c := n.nodes
	for i, s := range n.streams {
		if s != nil {
			c[i] = s.hash()
		}
	}
	return &c
}

// encode gives two 16-bit sets, of the slots that are streams and of those that are nodes, then the states and hashes by slot.
func (n *trieNode) encode() []byte {
	b := make([]byte, 4, 4+4*stateBytes+fanout*sha256.Size)
	var streams, nodes uint16
	for i := range fanout {
		switch {
		case n.streams[i] != nil:
			streams |= 1 << i
			b = n.streams[i].append(b)
		case n.nodes[i] != ledger.Hash{}:
			nodes |= 1 << i
			b = append(b, n.nodes[i][:]...)
		}
	}
	binary.BigEndian.PutUint16(b, streams)
	binary.BigEndian.PutUint16(b[2:], nodes)
	return b
}

func decodeNode(b []byte) (*trieNode, error) {
	n := new(trieNode)
	if len(b) < 4 {
		return nil, badNode(b)
	}
	streams, nodes := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	if streams&nodes != 0 || len(b) != 4+bits.OnesCount16(streams)*stateBytes+bits.OnesCount16(nodes)*sha256.Size {
		return nil, badNode(b)
	}
	rest := b[4:]
	for i := range fanout {
		switch {
		case streams>>i&1 == 1:
			s := parseState(rest)
			n.streams[i], rest = &s, rest[stateBytes:]
		case nodes>>i&1 == 1:
			n.nodes[i], rest = ledger.Hash(rest[:sha256.Size]), rest[sha256.Size:]
		}
	}
	return n, nil
}

func badNode(b []byte) error {
	return ledger.Errorf(ledger.CodeCorrupt, "read map of streams", verifyHint, "stored node of %d bytes cannot be read", len(b))
}

// nodeName names the stored node of a depth on a tag's path: "map/", the depth as a byte, the prefix with two nibbles a byte.
func nodeName(tag *ledger.Hash, depth int) []byte {
	name := append([]byte("map/"), byte(depth))
	name = append(name, tag[:(depth+1)/2]...)
	if depth%2 == 1 {
		name[len(name)-1] &= 0xf0
	}
	return name
}

// buildMap computes the map of a whole set of states, sorted by tag and without doubles, from nothing. It shows visit every node,
// children first, where visit is not nil. The verifier's way: it shares no storage with the notary's.
func buildMap(states []StreamState, depth int, visit func(name []byte, n *trieNode)) ledger.Hash {
	n := new(trieNode)
	first := states
	for len(states) > 0 {
		slot, end := nibble(&states[0].Tag, depth), 1
		for end < len(states) && nibble(&states[end].Tag, depth) == slot {
			end++
		}
		if end == 1 {
			n.streams[slot] = &states[0]
		} else {
			n.nodes[slot] = buildMap(states[:end], depth+1, visit)
		}
		states = states[end:]
	}
	if visit != nil && len(first) > 0 {
		visit(nodeName(&first[0].Tag, depth), n)
	}
	return n.children().hash()
}
