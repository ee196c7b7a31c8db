package interop

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/baton-ledger/baton/ledger"
)

// csvReader reads a table with a header line (RFC 4180, with comma, semicolon, tab or bar between the columns). It keeps one record.
type csvReader struct {
	src    *source
	csv    *csv.Reader
	header []string
	caseAt int
	row    row
}

// readCSV reads a table into a sink. The preset's columns are looked up in the header before the first row is read.
func readCSV(src *source, p *Preset, to sink) error {
	first, _ := src.text.Peek(64 << 10) // a shorter file is all there
	c := &csvReader{src: src, csv: csv.NewReader(src.text)}
	c.csv.Comma, c.csv.ReuseRecord = delimiter(string(first)), true
	if err := c.readHeader(p); err != nil {
		return err
	}
	for {
		record, err := c.csv.Read()
		if err == io.EOF && src.err == nil {
			return nil
		}
		if err != nil {
			return c.failure(err)
		}
		src.token()
		if err := c.take(record); err != nil {
			return err
		}
		if err := to.row(&c.row); err != nil {
			return err
		}
	}
}

// delimiter is the candidate that stands most often outside quotes in the first line.
func delimiter(text string) rune {
	count, quoted := map[rune]int{}, false
	best := ','
	for _, r := range text {
		switch {
		case r == '"':
			quoted = !quoted
		case r == '\n' && !quoted:
			return best
		case !quoted && strings.ContainsRune(",;\t|", r):
			if count[r]++; count[r] > count[best] {
				best = r
			}
		}
	}
	return best
}

func (c *csvReader) readHeader(p *Preset) error {
	header, err := c.csv.Read()
	if err == io.EOF && c.src.err == nil {
		return ledger.Errorf(ledger.CodeInvalid, "import", "begin the file with a line that names the columns", "the file is empty")
	}
	if err != nil {
		return c.failure(err)
	}
	c.src.token()
	if len(header) > maxColumns {
		return ledger.Errorf(ledger.CodeInvalid, "import", "leave columns out", "there are %d columns, at most %d are read", len(header), maxColumns)
	}
	seen := map[string]bool{}
	for i, name := range header {
		switch {
		case !utf8.ValidString(name):
			return ledger.Errorf(ledger.CodeInvalid, "import", "export the file as UTF-8", "the name of column %d is not valid UTF-8: %.60q", i+1, name)
		case name != "" && seen[name]:
			return ledger.Errorf(ledger.CodeInvalid, "import", "rename one of them", "column %q stands twice in the header", name)
		}
		seen[name] = true
		c.header = append(c.header, strings.Clone(name))
	}
	return c.findColumns(p, seen)
}

// findColumns refuses a preset whose columns the header does not have.
func (c *csvReader) findColumns(p *Preset, seen map[string]bool) error {
	sets := append([][]string{p.Case, p.Activity, p.Time}, p.required()...)
	for _, set := range sets {
		if found(set, seen) < 0 {
			return missingColumn(set, c.header)
		}
	}
	name := p.Case[found(p.Case, seen)]
	for i, h := range c.header {
		if h == name {
			c.caseAt = i
		}
	}
	return nil
}

func found(set []string, seen map[string]bool) int {
	for i, name := range set {
		if seen[name] {
			return i
		}
	}
	return -1
}

// missingColumn says which column a file lacks, and which ones it has.
func missingColumn(set, have []string) error {
	near := ""
	if len(set) == 1 {
		near = meant(set[0], have)
	}
	return ledger.Errorf(ledger.CodeInvalid, "import", "map the roles to columns that are there, as --map case=COLUMN,activity=COLUMN,time=COLUMN",
		"the file has no %s%s; there are %s", describe(set), near, quoteNames(have))
}

// take makes a row of a record. Empty cells are absent: CSV has no other way to say so.
func (c *csvReader) take(record []string) error {
	c.row.number++
	c.row.line, _ = c.csv.FieldPos(0)
	c.row.caseID, c.row.attrs = record[c.caseAt], c.row.attrs[:0]
	size := 0
	for i, value := range record {
		if !utf8.ValidString(value) {
			c.row.caseID = strings.ToValidUTF8(c.row.caseID, "?")
			return c.row.fail(ledger.CodeInvalid, "export the file as UTF-8, as with `iconv -t utf-8`", "column %q is not valid UTF-8: %.60q", c.header[i], value)
		}
		if size += len(c.header[i]) + len(value); value != "" && i != c.caseAt {
			c.row.attrs = append(c.row.attrs, attr{name: c.header[i], value: value})
		}
	}
	if c.row.caseID == "" {
		return c.row.fail(ledger.CodeInvalid, "fill it, or map another column: --map case=COLUMN", "column %q, the case, is empty", c.header[c.caseAt])
	}
	if size > ledger.MaxData {
		return c.row.tooLarge(c.row.attrs)
	}
	return nil
}

func (c *csvReader) failure(err error) error {
	if c.src.err != nil {
		return c.src.damaged(c.src.err)
	}
	at := row{number: c.row.number + 1}
	var bad *csv.ParseError
	if !errors.As(err, &bad) {
		return at.fail(ledger.CodeInvalid, "see that the file is CSV", "%w", err)
	}
	at.line = bad.StartLine
	if errors.Is(err, csv.ErrFieldCount) {
		return at.fail(ledger.CodeInvalid, "quote values that hold the separator, or export the file again",
			"the row has another number of columns than the header's %d", len(c.header))
	}
	return at.fail(ledger.CodeInvalid, "double the quotes inside quoted values", "column %d: %w", bad.Column, bad.Err)
}
