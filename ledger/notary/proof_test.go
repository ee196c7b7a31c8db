package notary_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
)

// naiveRoot is MTH of RFC 6962, 2.1, word for word.
func naiveRoot(leaves []ledger.Hash) ledger.Hash {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	default:
		k := 1
		for 2*k < n {
			k *= 2
		}
		left, right := naiveRoot(leaves[:k]), naiveRoot(leaves[k:])
		return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
	}
}

// rfcLeaves and rfcRoots are the test vectors that Certificate Transparency implementations share: inputs, and the root after each.
var (
	rfcLeaves = []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	rfcRoots  = []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
)

func TestRFC6962Vectors(t *testing.T) {
	tree := newLeaves(t)
	for i := range rfcRoots {
		root, err := notary.Extend(t.Context(), tree, uint64(i))
		must(t, err)
		if root.String() != rfcRoots[i] {
			t.Errorf("root of %d leaves is %s, published is %s", i, root, rfcRoots[i])
		}
		if i < len(rfcLeaves) {
			b, err := hex.DecodeString(rfcLeaves[i])
			must(t, err)
			tree.add(notary.LeafHash(b))
		}
	}
}

// TestForeignLog verifies a record of the Go checksum database: a proof that this code had no part in.
func TestForeignLog(t *testing.T) {
	var f struct {
		Key, Record, Checkpoint, Older string
		Index                          uint64
		Inclusion, Consistency         [][]byte
	}
	must(t, json.Unmarshal([]byte(readFile(t, "testdata/sumdb.json")), &f))
	v, err := note.NewVerifier(f.Key)
	must(t, err)
	cp, err := notary.ParseCheckpoint([]byte(f.Checkpoint), v)
	must(t, err)
	older, err := notary.ParseCheckpoint([]byte(f.Older), v)
	must(t, err)
	if cp.Origin != "go.sum database tree" || cp.Size != 70991285 || cp.Streams != (notary.MapRoot{}) {
		t.Errorf("checkpoint %+v", cp)
	}
	leaf := notary.LeafHash([]byte(f.Record))
	must(t, notary.CheckInclusion(hashes(f.Inclusion), cp.Size, cp.Root, f.Index, leaf))
	must(t, notary.CheckConsistency(hashes(f.Consistency), older.Size, older.Root, cp.Size, cp.Root))

	wantCode(t, notary.CheckInclusion(hashes(f.Inclusion), cp.Size, cp.Root, f.Index+1, leaf), ledger.CodeCorrupt)
	wantCode(t, notary.CheckInclusion(hashes(f.Inclusion), older.Size, older.Root, f.Index, leaf), ledger.CodeInvalid)
	wantCode(t, notary.CheckInclusion(hashes(f.Inclusion)[1:], cp.Size, cp.Root, f.Index, leaf), ledger.CodeCorrupt)
	wantCode(t, notary.CheckConsistency(hashes(f.Consistency), older.Size+1, older.Root, cp.Size, cp.Root), ledger.CodeCorrupt)
	_, err = notary.ParseCheckpoint([]byte(f.Checkpoint[:21]+"8"+f.Checkpoint[22:]), v)
	wantCode(t, err, ledger.CodeCorrupt)
}

func hashes(raw [][]byte) []ledger.Hash {
	out := make([]ledger.Hash, len(raw))
	for i, b := range raw {
		out[i] = ledger.Hash(b)
	}
	return out
}

// TestTreeAgainstDefinition compares roots with the recursive definition, and has transparency-dev/merkle verify the proofs.
func TestTreeAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tree := newLeaves(t)
		for i := range rapid.IntRange(1, 300).Draw(rt, "leaves") {
			tree.add(notary.LeafHash([]byte{byte(i), byte(i >> 8)}))
		}
		n := uint64(len(tree.leaves))
		stored := rapid.Uint64Range(0, n).Draw(rt, "stored")
		_, err := notary.Extend(t.Context(), tree, stored)
		must(t, err)
		size := rapid.Uint64Range(0, n).Draw(rt, "size")
		root, err := notary.Root(t.Context(), tree, size)
		must(t, err)
		if root != naiveRoot(tree.leaves[:size]) {
			rt.Fatalf("root at %d with nodes to %d is %s", size, stored, root)
		}
		newest, err := notary.Extend(t.Context(), tree, n)
		must(t, err)
		if newest != naiveRoot(tree.leaves) {
			rt.Fatalf("root at %d after extending from %d is %s", n, stored, newest)
		}
		checkProofs(t, rt, tree, size, root, n, newest)
	})
}

func checkProofs(t *testing.T, rt *rapid.T, tree *leaves, size uint64, root ledger.Hash, n uint64, newest ledger.Hash) {
	p, err := notary.Consistency(t.Context(), tree, size, n)
	must(t, err)
	must(t, notary.CheckConsistency(p, size, root, n, newest))
	if size > 0 { // the foreign verifier asks for no proof of the empty tree
		must(t, proof.VerifyConsistency(rfc6962.DefaultHasher, size, n, raw(p), root[:], newest[:]))
	}
	other := newest
	other[0]++
	if notary.CheckConsistency(p, size, root, n, other) == nil && size > 0 {
		rt.Fatalf("consistency of %d and %d is proven for another root", size, n)
	}
	index := rapid.Uint64Range(0, n-1).Draw(rt, "index")
	leaf := tree.leaves[index]
	if p, err = notary.Inclusion(t.Context(), tree, index, n); err != nil {
		rt.Fatal(err)
	}
	must(t, notary.CheckInclusion(p, n, newest, index, leaf))
	must(t, proof.VerifyInclusion(rfc6962.DefaultHasher, index, n, leaf[:], raw(p), newest[:]))
	leaf[31] ^= 1
	if notary.CheckInclusion(p, n, newest, index, leaf) == nil {
		rt.Fatalf("a leaf that is not there is proven at %d of %d", index, n)
	}
}

func raw(hashes []ledger.Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}

func TestProofsOutsideTheTree(t *testing.T) {
	tree := newLeaves(t)
	tree.add(notary.LeafHash(nil))
	_, err := notary.Extend(t.Context(), tree, 1)
	must(t, err)
	_, err = notary.Extend(t.Context(), tree, 2)
	wantCode(t, err, ledger.CodeCorrupt)
	_, err = notary.Inclusion(t.Context(), tree, 1, 1)
	wantCode(t, err, ledger.CodeNotFound)
	_, err = notary.Consistency(t.Context(), tree, 2, 1)
	wantCode(t, err, ledger.CodeNotFound)
	wantCode(t, notary.CheckConsistency(nil, 2, ledger.Hash{}, 1, ledger.Hash{}), ledger.CodeInvalid)
	wantCode(t, notary.CheckConsistency(nil, 0, ledger.Hash{}, 1, ledger.Hash{}), ledger.CodeCorrupt)
}

// TestCheckpointText holds our notes against the C2SP format's own reader, and our reader against malformed ones.
func TestCheckpointText(t *testing.T) {
	w := newWorld(t)
	cp := w.sealed(9, 4)
	other, rest, n, err := log.ParseCheckpoint([]byte(cp.Note), notary.DefaultOrigin, w.keys.Verifier)
	must(t, err)
	if other.Size != 9 || ledger.Hash(other.Hash) != cp.Root || len(n.Sigs) != 1 || len(rest) == 0 {
		t.Errorf("as others read it: %+v, rest %q", other, rest)
	}
	again, err := notary.ParseCheckpoint([]byte(cp.Note), w.keys.Verifier)
	must(t, err)
	if again != cp || cp.Streams.Size != 9 || cp.Streams.Count != 4 {
		t.Errorf("read back %+v, written %+v", again, cp)
	}
	root := base64.StdEncoding.EncodeToString(cp.Root[:])
	unset := base64.StdEncoding.EncodeToString(make([]byte, 31))
	for _, text := range []string{
		"o\n1\n", "\n1\n" + root + "\n", "o\n01\n" + root + "\n", "o\n+1\n" + root + "\n", "o\n-1\n" + root + "\n", "o\n9223372036854775808\n" + root + "\n",
		"o\n1\n" + unset + "\n", "o\n1\n" + root[:43] + "\n", "o\n1\n" + root + " \n", "o\n1\n" + root + "\n\nx\n",
		"o\n1\n" + root + "\nstreams 1 1\n", "o\n1\n" + root + "\nstreams 2 1 " + root + "\n", "o\n3\n" + root + "\nstreams 2 3 " + root + "\n",
		"o\n1\n" + root + "\nstreams 1 1 " + root + " x\n", "o\n1\n" + root + "\nstreams  1 1 " + root + "\n",
		"o\n1\n" + root + "\nstreams 1 1 " + root + "\nstreams 1 1 " + root + "\n",
	} {
		signed, err := note.Sign(&note.Note{Text: text}, w.keys.Signer)
		must(t, err)
		if c, err := notary.ParseCheckpoint(signed, w.keys.Verifier); err == nil {
			t.Errorf("%q is read as %+v", text, c)
		}
	}
	signed, err := note.Sign(&note.Note{Text: "o\n1\n" + root + "\nof another log\n"}, w.keys.Signer)
	must(t, err)
	if c, err := notary.ParseCheckpoint(signed, w.keys.Verifier); err != nil || c.Size != 1 || c.Root != cp.Root {
		t.Errorf("checkpoint with a foreign extension line: %+v, %v", c, err)
	}
}

func TestProve(t *testing.T) {
	w := newWorld(t)
	cp := w.sealed(300, 7)
	for _, position := range []uint64{1, 2, 255, 256, 300} {
		p, err := notary.Prove(t.Context(), w.store, w.keys.TagKey, cp, position)
		must(t, err)
		text, err := json.Marshal(p)
		must(t, err)
		var far notary.Proof
		must(t, json.Unmarshal(text, &far))
		leaf, got, err := far.Verify(w.keys.Verifier)
		must(t, err)
		event := w.events()[position-1]
		if leaf.Position != position || leaf.Revision != event.Revision || got != cp {
			t.Errorf("proof of position %d proves %+v", position, leaf)
		}
		must(t, notary.CheckRecord(leaf, event.Record))
		wantCode(t, notary.CheckRecord(leaf, event.Record[1:]), ledger.CodeCorrupt)

		far.Leaf[40]++
		_, _, err = far.Verify(w.keys.Verifier)
		wantCode(t, err, ledger.CodeCorrupt)
	}
	w.write(1, 1)
	for _, position := range []uint64{0, 301, 302} {
		_, err := notary.Prove(t.Context(), w.store, w.keys.TagKey, cp, position)
		wantCode(t, err, ledger.CodeNotFound)
	}
	changed := &tampered{Store: w.store, record: func(r *ledger.Recorded) { r.Record = r.Record[1:] }}
	_, err := notary.Prove(t.Context(), changed, w.keys.TagKey, cp, 5)
	wantCode(t, err, ledger.CodeCorrupt)
}
