package interop

import (
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Row is one row of a log for callers that do not import it: what stands in it, by the names of columns or attributes. It is valid until
// the next row is read.
type Row struct{ r *row }

// Case is the case of the row.
func (r Row) Case() string { return r.r.caseID }

// Get gives a value as text, "" where there is none; attributes of an XES trace are named case:name.
func (r Row) Get(name string) string { return r.r.get(name) }

// Columns lists the names of what stands in the row, in order.
func (r Row) Columns() []string { return r.r.names() }

// Time reads a value as a moment, in RFC 3339 or its usual variants; without an offset it is UTC. The error names the row.
func (r Row) Time(name string) (time.Time, error) {
	text := r.Get(name)
	t, err := parseTime(text, usualLayouts)
	if err != nil {
		return t, r.r.fail(ledger.CodeInvalid, "write it as 2026-01-31T14:03:00Z", "%s %.60q is no time", name, text)
	}
	return t, nil
}

// Fail is an error about the row.
func (r Row) Fail(hint, format string, args ...any) error {
	return r.r.fail(ledger.CodeInvalid, hint, format, args...)
}

// Rows reads a XES or CSV file, plain or gzipped, row by row, in the file's order. Errors are as those of [Import], or yield's.
func Rows(path, caseColumn string, yield func(Row) error) (err error) {
	format, err := formatOf(path)
	if err != nil {
		return err
	}
	if format != FormatXES && format != FormatCSV {
		return ledger.Errorf(ledger.CodeUnsupported, "read log", "export it as XES or CSV", "%s is no XES and no CSV file", path)
	}
	src, err := openSource(path, nil)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := src.close(); err == nil {
			err = cerr
		}
	}()
	to := rowSink(yield)
	if format == FormatXES {
		err = readXES(src, Columns{caseColumn}, to)
	} else {
		column := Columns{caseColumn}
		err = readCSV(src, &Preset{Case: column, Activity: column, Time: column}, to)
	}
	return err
}

// rowSink hands rows to a caller.
type rowSink func(Row) error

func (s rowSink) row(r *row) error      { return s(Row{r}) }
func (s rowSink) caseEnds(string) error { return nil }
