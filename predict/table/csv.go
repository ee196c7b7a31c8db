package table

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// maxColumns bounds the columns of a file.
const maxColumns = 4096

// Text is a table as it stands in a file: cells column by column.
type Text struct {
	Header []string
	Cells  [][]string // [column][row], without spaces around
}

// OpenCSV reads a file with a header line, plain or gzipped, with comma, semicolon or tab between the columns.
// Errors are *ledger.Error with code CodeNotFound or CodeInvalid and name the line.
func OpenCSV(path string) (*Text, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeNotFound, "read table", "name a file that can be read", "%w", err)
	}
	defer f.Close() // read only
	in := bufio.NewReaderSize(f, 64<<10)
	if magic, _ := in.Peek(2); string(magic) == "\x1f\x8b" { // a shorter file is no gzip
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, ledger.Errorf(ledger.CodeInvalid, "read table", "fetch or export the file again", "%s: %w", path, err)
		}
		in = bufio.NewReaderSize(z, 64<<10)
	}
	return ReadCSV(in)
}

// ReadCSV reads a table from text.
func ReadCSV(in *bufio.Reader) (*Text, error) {
	if bom, _ := in.Peek(3); string(bom) == "\xef\xbb\xbf" {
		_, _ = in.Discard(3) // it was peeked
	}
	first, _ := in.Peek(32 << 10) // a shorter file is all there
	r := csv.NewReader(in)
	r.Comma, r.ReuseRecord = delimiter(string(first)), true
	t, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	for {
		record, err := r.Read()
		if err == io.EOF {
			return t, nil
		}
		if err != nil {
			return nil, ledger.Errorf(ledger.CodeInvalid, "read table", "export the file again as CSV, with values that hold the separator in quotes", "%w", err)
		}
		for i, cell := range record {
			t.Cells[i] = append(t.Cells[i], strings.Clone(strings.TrimSpace(cell)))
		}
	}
}

func readHeader(r *csv.Reader) (*Text, error) {
	header, err := r.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, ledger.Errorf(ledger.CodeInvalid, "read table", "begin the file with a line that names the columns", "the file is empty")
	case err != nil:
		return nil, ledger.Errorf(ledger.CodeInvalid, "read table", "export the file again as CSV", "%w", err)
	case len(header) > maxColumns:
		return nil, ledger.Errorf(ledger.CodeInvalid, "read table", "leave columns out", "there are %d columns, at most %d are read", len(header), maxColumns)
	}
	t, seen := &Text{Cells: make([][]string, len(header))}, map[string]bool{}
	for i, name := range header {
		name = strings.Clone(strings.TrimSpace(name))
		if name == "" {
			name = "column " + strconv.Itoa(i+1)
		}
		if seen[name] {
			return nil, ledger.Errorf(ledger.CodeInvalid, "read table", "rename one of them", "column %q stands twice in the header", name)
		}
		seen[name] = true
		t.Header = append(t.Header, name)
	}
	return t, nil
}

// delimiter is the one that stands most often in the first line.
func delimiter(text string) rune {
	line, _, _ := strings.Cut(text, "\n")
	best, most := ',', strings.Count(line, ",")
	for _, c := range ";\t" {
		if n := strings.Count(line, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}

// Frame makes columns of the cells, without those that are dropped. A column is of numbers where every cell that is not empty is one;
// NaN and infinities are numbers that are missing. The kind is looked up in all rows: it is the file's schema, not its content.
func (t *Text) Frame(drop ...string) *Frame {
	f := &Frame{}
	for i, name := range t.Header {
		f.Rows = len(t.Cells[i])
		if !contains(drop, name) {
			f.Columns = append(f.Columns, column(name, t.Cells[i]))
		}
	}
	return f
}

func contains(list []string, name string) bool {
	for _, s := range list {
		if s == name {
			return true
		}
	}
	return false
}

func column(name string, cells []string) Column {
	if numbers := numbersOf(cells); numbers != nil {
		return Column{Name: name, Kind: Number, Numbers: numbers}
	}
	c := Column{Name: name, Kind: Category, Codes: make([]int32, len(cells)), index: map[string]int32{}}
	for i, cell := range cells {
		c.Codes[i] = c.code(cell)
	}
	return c
}

// numbersOf reads all cells as numbers, or gives nil.
func numbersOf(cells []string) []float64 {
	numbers := make([]float64, len(cells))
	for i, cell := range cells {
		if cell == "" {
			numbers[i] = Missing
			continue
		}
		v, err := strconv.ParseFloat(cell, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return nil
		}
		numbers[i] = finite(v)
	}
	return numbers
}
