// Package table turns columns of a log or a file into the numbers a model reads, the same way in training and in scoring.
//
// A [Frame] is what was read: columns of numbers, in which NaN stands for missing, and columns of categories. [Fit] learns an
// [Encoding] from training rows alone. It says which members the vector of a row has:
//
//   - a number as it is; what is not finite counts as missing and is NaN in the vector;
//   - a category as zeros and a one, for the most frequent ones up to a limit; a missing value is a category of its own;
//   - where a column has more categories than that, also how the target was distributed among the category's training rows, in
//     log-odds, smoothed towards the whole ([Encoding] has the formula), and how frequent the category was.
//
// Priors of training rows come from the other parts of a cross-fit, since a row whose own label is in its prior teaches a model to trust
// priors too much. A category that was not there in training has zeros and the prior of the whole.
//
// An Encoding is part of the model file. Encoding a row at scoring time allocates nothing.
package table

import (
	"math"
	"slices"

	"github.com/baton-ledger/baton/ledger"
)

// Kind is what a column holds.
type Kind string

// The kinds of columns.
const (
	Number   Kind = "number"
	Category Kind = "category"
)

// Column is a named column of a Frame: Numbers of a Number, Codes and Names of a Category.
type Column struct {
	Name    string
	Kind    Kind
	Numbers []float64 // one a row; NaN: missing
	Codes   []int32   // one a row: index into Names; -1: missing
	Names   []string  // distinct
	index   map[string]int32
}

// Frame is a table, column by column. All columns have Rows values.
type Frame struct {
	Columns []Column
	Rows    int
}

// Value is one cell of a row that is scored: the member that the column's kind asks for is read. Missing is NaN, or "".
type Value struct {
	Number float64
	Text   string
}

// Missing is a number that is not there.
var Missing = math.NaN()

// New makes a frame without rows, to which Append adds them.
func New(columns ...Column) *Frame {
	f := &Frame{Columns: columns}
	for i := range f.Columns {
		f.Columns[i].index = map[string]int32{}
	}
	return f
}

// Append adds a row, with one value a column. It must come from [New].
func (f *Frame) Append(row []Value) {
	for i := range f.Columns {
		c := &f.Columns[i]
		if c.Kind == Number {
			c.Numbers = append(c.Numbers, finite(row[i].Number))
			continue
		}
		c.Codes = append(c.Codes, c.code(row[i].Text))
	}
	f.Rows++
}

// code gives the number of a category, a new one where it was not seen.
func (c *Column) code(name string) int32 {
	if name == "" {
		return -1
	}
	code, ok := c.index[name]
	if !ok {
		code = int32(len(c.Names))
		c.Names, c.index[name] = append(c.Names, name), code
	}
	return code
}

// Read fills row with the values of row i; it has one member a column.
func (f *Frame) Read(i int, row []Value) {
	for j := range f.Columns {
		c := &f.Columns[j]
		switch {
		case c.Kind == Number:
			row[j] = Value{Number: c.Numbers[i]}
		case c.Codes[i] < 0:
			row[j] = Value{}
		default:
			row[j] = Value{Text: c.Names[c.Codes[i]]}
		}
	}
}

// Find gives the column of a name, or -1.
func (f *Frame) Find(name string) int {
	return slices.IndexFunc(f.Columns, func(c Column) bool { return c.Name == name })
}

// Names lists the columns.
func (f *Frame) Names() []string {
	names := make([]string, len(f.Columns))
	for i, c := range f.Columns {
		names[i] = c.Name
	}
	return names
}

// Check says whether all columns have as many values as the frame has rows.
func (f *Frame) Check() error {
	if len(f.Columns) == 0 || f.Rows == 0 {
		return ledger.Errorf(ledger.CodeInvalid, "table", "give it a header line, and rows below it", "the table has %d columns and %d rows", len(f.Columns), f.Rows)
	}
	for _, c := range f.Columns {
		if n := max(len(c.Numbers), len(c.Codes)); n != f.Rows {
			return ledger.Errorf(ledger.CodeInternal, "table", "", "column %q has %d of %d values", c.Name, n, f.Rows)
		}
	}
	return nil
}

// All lists the rows of a frame.
func (f *Frame) All() []int {
	rows := make([]int, f.Rows)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

func finite(v float64) float64 {
	if math.IsInf(v, 0) {
		return Missing
	}
	return v
}
