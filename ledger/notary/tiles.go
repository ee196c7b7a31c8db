package notary

import (
	"context"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// Tile addresses a resource of a C2SP tlog-tiles log: Width hashes of the tree's level 8*Level from index Index*256 on, or, where Level is
// [Entries], as many leaves. Tools that know that layout can read this log, and check it, without Baton.
type Tile struct {
	Level int
	Index uint64
	Width int // 256, or fewer at the right edge
}

// Entries is the level of the leaves themselves.
const Entries = -1

// A tile covers eight levels of the tree.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	maxTile    = 63 / tileHeight
)

// Path is the tile's path in that layout: tile/<level>/<index>[.p/<width>], tile/entries/<index>[.p/<width>]. The index is written in groups
// of three digits, all but the last with an x before them: 1234067 is x001/x234/067.
func (t Tile) Path() string {
	level := "entries"
	if t.Level != Entries {
		level = strconv.Itoa(t.Level)
	}
	n := three(t.Index % 1000)
	for rest := t.Index / 1000; rest > 0; rest /= 1000 {
		n = "x" + three(rest%1000) + "/" + n
	}
	path := "tile/" + level + "/" + n
	if t.Width != tileWidth {
		path += ".p/" + strconv.Itoa(t.Width)
	}
	return path
}

// Whole reports whether the tile is complete: its bytes never change then, and no wider one takes its place.
func (t Tile) Whole() bool { return t.Width == tileWidth }

// Within reports whether a tree of that many leaves has the tile.
func (t Tile) Within(size uint64) bool {
	return t.Index*tileWidth+uint64(t.Width) <= size>>(tileHeight*max(t.Level, 0))
}

func three(n uint64) string {
	s := "00" + strconv.FormatUint(n, 10)
	return s[len(s)-3:]
}

// ParseTilePath reads what Path makes, and nothing else. An index has at most 54 bits, so that leaves can be counted in 63.
func ParseTilePath(path string) (Tile, error) {
	t := Tile{Level: Entries, Width: tileWidth}
	bad := ledger.Errorf(ledger.CodeInvalid, "read tile path", "spell it tile/<level>/<index>[.p/<width>], as tile/0/x001/234", "%.120q is not a tile", path)
	rest, ok := strings.CutPrefix(path, "tile/")
	level, rest, cut := strings.Cut(rest, "/")
	if !ok || !cut {
		return t, bad
	}
	var err error
	if level != "entries" {
		if t.Level, err = strconv.Atoi(level); err != nil || t.Level < 0 || t.Level > maxTile {
			return t, bad
		}
	}
	index, width, partial := strings.Cut(rest, ".p/")
	if partial {
		if t.Width, err = strconv.Atoi(width); err != nil || t.Width < 1 || t.Width >= tileWidth {
			return t, bad
		}
	}
	digits := strings.NewReplacer("x", "", "/", "").Replace(index)
	if t.Index, err = strconv.ParseUint(digits, 10, 54); err != nil || t.Path() != path {
		return t, bad
	}
	return t, nil
}

// ReadTile gives a tile's bytes: 32 for each hash; for entries, each leaf after its length in 2 bytes, big-endian. CodeNotFound where
// the tree is not that large yet.
func ReadTile(ctx context.Context, store Source, tagKey []byte, t Tile) ([]byte, error) {
	if t.Level == Entries {
		return readEntries(ctx, store, tagKey, t)
	}
	level, from := tileHeight*t.Level, t.Index*tileWidth
	at := make([]ledger.TreeIndex, t.Width)
	for i := range at {
		at[i] = ledger.TreeIndex{Level: level, Index: from + uint64(i)}
	}
	hashes, err := store.Hashes(ctx, at)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(hashes)*len(ledger.Hash{}))
	for _, h := range hashes {
		out = append(out, h[:]...)
	}
	return out, nil
}

func readEntries(ctx context.Context, store ledger.Reader, tagKey []byte, t Tile) ([]byte, error) {
	first := t.Index*tileWidth + 1
	var out []byte
	n := 0
	for r, err := range store.Read(ctx, ledger.ReadOptions{From: first, To: first + uint64(t.Width) - 1}) {
		if err != nil {
			return nil, err
		}
		leaf := ledger.LeafOf(&r, ledger.StreamTag(tagKey, r.Stream))
		at := len(out)
		out = leaf.Append(append(out, 0, 0))
		binary.BigEndian.PutUint16(out[at:], uint16(len(out)-at-2))
		n++
	}
	if n != t.Width {
		return nil, ledger.Errorf(ledger.CodeNotFound, "read tile", "ask for a tile within the checkpoint's size", "%s is not complete yet", t.Path())
	}
	return out, nil
}
