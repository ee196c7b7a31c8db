package interop

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/baton-ledger/baton/ledger"
)

// tokenLimit is how many bytes of a file one token, record or line may take. The parsers hold a token whole, so this bounds their
// memory against a file that is one endless attribute.
const tokenLimit = 16 << 20

// source is an open log: plain text behind optional gzip, counted and bounded.
type source struct {
	name  string
	total int64        // size of the file, 0 where it is not known
	read  atomic.Int64 // bytes of it so far
	file  io.Reader
	text  *bufio.Reader
	left  int   // of tokenLimit
	err   error // what ended the text, where that was not its end
	close func() error
}

// errToken says that tokenLimit was passed.
var errToken = errors.New("one token is larger than the importer reads")

// openSource opens a path, or wraps a reader. Gzip is told by its first bytes, not by the name.
func openSource(path string, r io.Reader) (*source, error) {
	s := &source{name: path, file: r, left: tokenLimit, close: func() error { return nil }}
	if r == nil {
		f, err := os.Open(path)
		if err != nil {
			return nil, ledger.Errorf(ledger.CodeNotFound, "import", "name a file that can be read", "%w", err)
		}
		s.file, s.close = f, f.Close
	}
	if f, ok := s.file.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			s.total = info.Size()
		} else if err == nil && info.IsDir() {
			_ = s.close() // the error below is the one that helps
			return nil, ledger.Errorf(ledger.CodeInvalid, "import", "name one file of it", "%s is a folder", path)
		}
	}
	if err := s.unpack(); err != nil {
		_ = s.close() // as above
		return nil, err
	}
	return s, nil
}

// unpack puts gzip between the file and the text where the file begins as gzip does.
func (s *source) unpack() error {
	packed := bufio.NewReaderSize(counted{s}, 64<<10)
	var plain io.Reader = packed
	if magic, _ := packed.Peek(2); string(magic) == "\x1f\x8b" { // a short file is no gzip, and its text is read below
		z, err := gzip.NewReader(packed)
		if err != nil {
			return s.damaged(err)
		}
		plain = z
	}
	s.text = bufio.NewReaderSize(bounded{s, plain}, 64<<10)
	if bom, _ := s.text.Peek(3); string(bom) == "\xef\xbb\xbf" {
		_, _ = s.text.Discard(3) // it was peeked: it is there
	}
	return nil
}

// token tells the source that a token has been read: the next one may be as large.
func (s *source) token() { s.left = tokenLimit }

// counted reads the file and counts.
type counted struct{ s *source }

func (c counted) Read(p []byte) (int, error) {
	n, err := c.s.file.Read(p)
	c.s.read.Add(int64(n))
	return n, err
}

// bounded reads the text and remembers why it ended: parsers replace that error by their own.
type bounded struct {
	s     *source
	plain io.Reader
}

func (b bounded) Read(p []byte) (int, error) {
	if b.s.left <= 0 {
		b.s.err = errToken
		return 0, errToken
	}
	n, err := b.plain.Read(p)
	b.s.left -= n
	if err != nil && err != io.EOF {
		b.s.err = err
	}
	return n, err
}

// damaged turns what ended the text into an error that says what to do; nil where it ended as it should.
func (s *source) damaged(err error) error {
	fail := func(code ledger.Code, hint, format string, args ...any) error {
		return ledger.Errorf(code, "import", hint, format, args...)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errToken):
		return fail(ledger.CodeTooLarge, "look for an attribute or a quote that is never closed",
			"a single token of the file has more than %d bytes", tokenLimit)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fail(ledger.CodeInvalid, "fetch or export the file again; what was imported stays and will be skipped",
			"the gzip file ends early, after %d bytes", s.read.Load())
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), strings.Contains(err.Error(), "flate"):
		return fail(ledger.CodeInvalid, "fetch or export the file again; what was imported stays and will be skipped",
			"the gzip file is damaged at byte %d: %w", s.read.Load(), err)
	}
	return fail(ledger.CodeUnavailable, "see that the file can be read to its end and import again", "reading failed: %w", err)
}

// formatOf tells the format by the name of a file.
func formatOf(name string) (string, error) {
	lower := strings.TrimSuffix(strings.ToLower(name), ".gz")
	for _, f := range []struct{ suffix, format string }{
		{".xes", FormatXES}, {".csv", FormatCSV}, {".tsv", FormatCSV}, {".ndjson", FormatCloudEvents}, {".jsonl", FormatCloudEvents},
		{".jsonocel", FormatOCEL}, {".ocel.json", FormatOCEL}, {".json", FormatOCEL},
	} {
		if strings.HasSuffix(lower, f.suffix) {
			return f.format, nil
		}
	}
	return "", ledger.Errorf(ledger.CodeInvalid, "import", "say --preset "+strings.Join(PresetNames(), ", --preset "),
		"%s does not tell its format", fmt.Sprintf("%q", name))
}
