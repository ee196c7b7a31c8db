package notary

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/baton-ledger/baton/ledger"
)

// Checkpoint is a signed statement of the whole ledger at a size: a C2SP tlog-checkpoint with one extension line for the map of
// streams. Its text is four lines:
//
//	baton.local/ledger
//	1204
//	<root of the tree of 1204 leaves, base64>
//	streams 1200 310 <root of the map at size 1200 with 310 streams, base64>
//
// Under load the map may lag behind the tree, hence a size of its own.
type Checkpoint struct {
	Origin  string      `json:"origin"`
	Size    uint64      `json:"size"` // events covered: positions 1 to Size
	Root    ledger.Hash `json:"root"`
	Streams MapRoot     `json:"streams"`
	Note    string      `json:"note"` // the signed note as written
}

// MapRoot is the committed state of the map of streams.
type MapRoot struct {
	Size  uint64      `json:"size"`  // positions 1 to Size are in it
	Count uint64      `json:"count"` // streams
	Root  ledger.Hash `json:"root"`
}

// streamsWord begins the extension line.
const streamsWord = "streams"

// text is what is signed.
func (c *Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n%s %d %d %s\n", c.Origin, c.Size, encode64(c.Root),
		streamsWord, c.Streams.Size, c.Streams.Count, encode64(c.Streams.Root))
}

// sign makes the note.
func (c *Checkpoint) sign(s note.Signer) error {
	msg, err := note.Sign(&note.Note{Text: c.text()}, s)
	if err != nil {
		return ledger.Errorf(ledger.CodeInternal, "sign checkpoint", "", "%w", err)
	}
	c.Note = string(msg)
	return nil
}

// ParseCheckpoint opens a signed note with the log's public key and reads it strictly: numbers and base64 in their one canonical
// form. Checkpoints of other logs are read too: without the extension line, or with other ones, Streams is zero.
func ParseCheckpoint(signed []byte, v note.Verifier) (Checkpoint, error) {
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return Checkpoint{}, noteError(signed, v, err)
	}
	c, err := parseText(n.Text)
	if err != nil {
		return Checkpoint{}, ledger.Errorf(ledger.CodeCorrupt, "read checkpoint", "restore the checkpoint from a copy", "%w", err)
	}
	c.Note = string(signed)
	return c, nil
}

// noteError says whether a note is damaged or of another key.
func noteError(signed []byte, v note.Verifier, err error) error {
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) {
		return ledger.Errorf(ledger.CodeCorrupt, "read checkpoint", "restore the checkpoint from a copy", "%w", err)
	}
	keys := make([]string, 0, len(unverified.Note.UnverifiedSigs))
	for _, s := range unverified.Note.UnverifiedSigs {
		keys = append(keys, fmt.Sprintf("%s+%08x", s.Name, s.Hash))
	}
	origin, _, _ := bytes.Cut(signed, []byte("\n"))
	return ledger.Errorf(ledger.CodeInvalid, "read checkpoint", "use the key that this ledger was made with, or the data directory that belongs to this key",
		"checkpoint of %q is signed by %s, not by key %s+%08x", origin, strings.Join(keys, ", "), v.Name(), v.KeyHash())
}

func parseText(text string) (Checkpoint, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if !strings.HasSuffix(text, "\n") || len(lines) < 3 || lines[0] == "" {
		return Checkpoint{}, fmt.Errorf("a checkpoint has at least an origin, a size and a root line, this one is %.200q", text)
	}
	c := Checkpoint{Origin: lines[0]}
	var err error
	if c.Size, err = parseSize("size", lines[1]); err != nil {
		return c, err
	}
	if c.Root, err = decode64("root", lines[2]); err != nil {
		return c, err
	}
	seen := false
	for _, line := range lines[3:] {
		word, rest, _ := strings.Cut(line, " ")
		if line == "" || word == streamsWord && seen {
			return c, fmt.Errorf("extension line %.80q is empty or stands twice", line)
		}
		if word == streamsWord {
			seen = true
			if c.Streams, err = parseStreams(rest); err != nil {
				return c, err
			}
		}
	}
	if c.Streams.Size > c.Size || c.Streams.Count > c.Streams.Size {
		return c, fmt.Errorf("streams line (size %d, count %d) does not fit %d events", c.Streams.Size, c.Streams.Count, c.Size)
	}
	return c, nil
}

func parseStreams(s string) (m MapRoot, err error) {
	f := strings.Split(s, " ")
	if len(f) != 3 {
		return m, fmt.Errorf("streams line %.120q does not hold size, count and root", s)
	}
	if m.Size, err = parseSize("streams size", f[0]); err != nil {
		return m, err
	}
	if m.Count, err = parseSize("streams count", f[1]); err != nil {
		return m, err
	}
	m.Root, err = decode64("streams root", f[2])
	return m, err
}

// parseSize reads a decimal in its canonical form, at most 2^63-1: what tlog can count.
func parseSize(field, s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("%s is not a decimal number: %.40q", field, s)
	}
	return n, nil
}

func encode64(h ledger.Hash) string { return base64.StdEncoding.EncodeToString(h[:]) }

func decode64(field, s string) (ledger.Hash, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(ledger.Hash{}) || base64.StdEncoding.EncodeToString(b) != s {
		return ledger.Hash{}, fmt.Errorf("%s is not the base64 of 32 bytes: %.80q", field, s)
	}
	return ledger.Hash(b), nil
}

// checkpointName is the named value that holds the newest signed note.
var checkpointName = []byte("checkpoint")

// Stored is the newest checkpoint that the ledger itself holds; CodeNotFound where there is none.
func Stored(ctx context.Context, store ledger.TreeStore, v note.Verifier) (Checkpoint, error) {
	b, err := store.Value(ctx, checkpointName)
	if err != nil {
		return Checkpoint{}, err
	}
	if b == nil {
		return Checkpoint{}, ledger.Errorf(ledger.CodeNotFound, "read checkpoint", "start `baton serve` once: it writes the first checkpoint",
			"this ledger holds no checkpoint yet")
	}
	return ParseCheckpoint(b, v)
}
