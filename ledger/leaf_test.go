package ledger_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
)

var anyHash = rapid.Custom(func(t *rapid.T) ledger.Hash {
	return ledger.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
})

var anyLeaf = rapid.Custom(func(t *rapid.T) ledger.Leaf {
	return ledger.Leaf{Position: rapid.Uint64().Draw(t, "position"), Revision: rapid.Uint64().Draw(t, "revision"),
		RecordedTime: time.Unix(0, rapid.Int64().Draw(t, "recorded")).UTC(), StreamTag: anyHash.Draw(t, "tag"),
		Record: anyHash.Draw(t, "record"), Type: rapid.StringN(0, 60, 256).Draw(t, "type"), PrevHead: anyHash.Draw(t, "previous")}
})

// spelled writes a leaf from the words of the specification (docs/formats.md), not by the code under test.
func spelled(l ledger.Leaf) (withoutHead []byte) {
	var b bytes.Buffer
	b.WriteByte(1)
	for _, n := range []uint64{l.Position, l.Revision, uint64(l.RecordedTime.UnixNano())} {
		_ = binary.Write(&b, binary.BigEndian, n)
	}
	b.Write(l.StreamTag[:])
	b.Write(l.Record[:])
	_ = binary.Write(&b, binary.BigEndian, uint16(len(l.Type)))
	b.WriteString(l.Type)
	return b.Bytes()
}

func TestLeafAgainstTheSpecification(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := anyLeaf.Draw(t, "leaf")
		body := spelled(l)
		whole := append(bytes.Clone(body), l.PrevHead[:]...)
		if got := l.Append([]byte("before")); string(got) != "before"+string(whole) {
			t.Fatalf("encoded as %x, want %x", got, whole)
		}
		if back, err := ledger.ParseLeaf(whole); err != nil || back != l {
			t.Fatalf("%+v became %+v, %v", l, back, err)
		}
		scratch := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "scratch")
		leaf, head, _ := l.Hashes(scratch)
		if want := ledger.Hash(sha256.Sum256(append([]byte{0}, whole...))); leaf != want {
			t.Fatalf("leaf hash %v, want %v (RFC 6962: SHA-256 of 0x00 and the leaf)", leaf, want)
		}
		if want := ledger.Hash(sha256.Sum256(append(l.PrevHead[:], body...))); head != want {
			t.Fatalf("head %v, want %v", head, want)
		}
	})
}

// TestHeadChain: the head after three events follows from the tag and the leaves alone, and every one of them matters.
func TestHeadChain(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("journey-7"))
	tag := ledger.StreamTag(key, "journey-7")
	if !bytes.Equal(tag[:], mac.Sum(nil)) {
		t.Fatalf("tag %v is not HMAC-SHA-256 of the name", tag)
	}
	chain := func(leaves []ledger.Leaf) ledger.Hash {
		head := ledger.SeedHead(tag)
		var scratch []byte
		for _, l := range leaves {
			l.PrevHead = head
			_, head, scratch = l.Hashes(scratch)
		}
		return head
	}
	leaves := make([]ledger.Leaf, 3)
	want := sha256.Sum256(tag[:])
	for i := range leaves {
		leaves[i] = ledger.Leaf{Position: uint64(10 + i), Revision: uint64(i + 1), StreamTag: tag, Type: "t", RecordedTime: time.Unix(int64(i), 0)}
		want = sha256.Sum256(append(want[:], spelled(leaves[i])...))
	}
	if got := chain(leaves); got != want {
		t.Errorf("head %v, want %v", got, ledger.Hash(want))
	}
	for i := range leaves {
		if without := append(append([]ledger.Leaf(nil), leaves[:i]...), leaves[i+1:]...); chain(without) == want {
			t.Errorf("event %d can be removed without changing the head", i)
		}
	}
}

func TestParseLeafRefuses(t *testing.T) {
	good := (&ledger.Leaf{Type: "abc"}).Append(nil)
	for name, b := range map[string][]byte{
		"empty": nil, "version": append([]byte{2}, good[1:]...), "short": good[:len(good)-1], "long": append(bytes.Clone(good), 0),
		"no type length": good[:90],
	} {
		if l, err := ledger.ParseLeaf(b); !errors.Is(err, ledger.CodeCorrupt) {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
}

// TestFrozenLeaf: a failure means that the format changed, and that no proof made before it verifies any more.
func TestFrozenLeaf(t *testing.T) {
	stream, e := frozenEvent()
	record, err := ledger.EncodeRecord(stream, e)
	if err != nil {
		t.Fatal(err)
	}
	tag := ledger.StreamTag([]byte("0123456789abcdef0123456789abcdef"), stream)
	r := ledger.Recorded{Event: *e, Stream: stream, Position: 1 << 40, Revision: 513, RecordedTime: time.Unix(1333205982, 123456789),
		PrevHead: ledger.SeedHead(tag), Record: record}
	l := ledger.LeafOf(&r, tag)
	leaf, head, _ := l.Hashes(nil)
	golden(t, "leaf.hex", hex.Dump(l.Append(nil))+"leaf hash "+leaf.String()+"\nhead      "+head.String()+"\n")
}

func TestHashText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyHash.Draw(t, "hash")
		var back ledger.Hash
		b, err := json.Marshal(h)
		if err != nil || string(b) != `"`+hex.EncodeToString(h[:])+`"` {
			t.Fatalf("%s, %v", b, err)
		}
		if err := json.Unmarshal(b, &back); err != nil || back != h {
			t.Fatalf("%v became %v, %v", h, back, err)
		}
	})
	var h ledger.Hash
	for _, bad := range []string{"", "00", string(bytes.Repeat([]byte("0"), 66)), string(bytes.Repeat([]byte("g"), 64)), string(bytes.Repeat([]byte("0"), 65))} {
		if h.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q is read as a digest", bad)
		}
	}
}
