package table

import (
	"encoding/json"
	"math"

	"github.com/baton-ledger/baton/ledger"
)

// Version is that of the encoding's form. A model with another one is refused.
const Version = 1

// Encoding says what a row's vector is. It is made by [Fit], or read with a model, and does not change: any number of goroutines
// may encode with it.
//
// The prior of category c for class k, with n rows of c of which n_k have the class, is
//
//	p = (n_k + m·g_k) / (n + m)
//
// where g_k is the class's part of all training rows and m the smoothing (Micci-Barreca, A Preprocessing Scheme for High-Cardinality Categorical
// Attributes, 2001, with a constant m). The members are log(p/(1-p)) of the classes in PriorOf: of two classes the second, of more the most
// frequent ones.
type Encoding struct {
	Version int              `json:"version"`
	Classes int              `json:"classes"`
	PriorOf []int            `json:"prior_of"` // classes, rising
	Columns []ColumnEncoding `json:"columns"`
	Names   []string         `json:"names"`  // of the vector's members
	Source  []int            `json:"source"` // the column each member comes from
}

// ColumnEncoding is what one column adds to the vector, at At.
type ColumnEncoding struct {
	Name       string      `json:"name"`
	Kind       Kind        `json:"kind"`
	At         int         `json:"at"`
	OneHot     []string    `json:"one_hot,omitempty"`    // categories with a member of their own; "" is the missing value
	Priors     bool        `json:"priors,omitempty"`     // whether priors and frequency follow
	Categories []string    `json:"categories,omitempty"` // those with a prior
	Prior      [][]float64 `json:"prior,omitempty"`      // [category][member]; the last row is of any other category
	Frequency  []float64   `json:"frequency,omitempty"`  // log(1 + rows) a category; 0 for any other

	hot   map[string]int32 // category → place in OneHot
	known map[string]int32 // category → row of Prior
}

// Width is how many members the vector has.
func (e *Encoding) Width() int { return len(e.Names) }

// Encode writes the vector of a row. Dst has Width members, row one value a column of the encoding. Numbers that are not finite
// become NaN. It allocates nothing.
func (e *Encoding) Encode(dst []float64, row []Value) {
	for i := range e.Columns {
		c := &e.Columns[i]
		if c.Kind == Number {
			dst[c.At] = finite(row[i].Number)
			continue
		}
		c.encode(dst[c.At:], row[i].Text)
	}
}

func (c *ColumnEncoding) encode(dst []float64, category string) {
	clear(dst[:len(c.OneHot)])
	if place, ok := c.hot[category]; ok {
		dst[place] = 1
	}
	if !c.Priors {
		return
	}
	at := len(c.OneHot)
	prior, frequency := c.prior(category)
	at += copy(dst[at:], prior)
	dst[at] = frequency
}

// prior gives the priors and the frequency of a category.
func (c *ColumnEncoding) prior(category string) (prior []float64, frequency float64) {
	if at, ok := c.known[category]; ok {
		return c.Prior[at], c.Frequency[at]
	}
	return c.Prior[len(c.Categories)], 0
}

// width is how many members the column adds.
func (c *ColumnEncoding) width(priors int) int {
	switch {
	case c.Kind == Number:
		return 1
	case c.Priors:
		return len(c.OneHot) + priors + 1
	}
	return len(c.OneHot)
}

// link fills the look-ups.
func (c *ColumnEncoding) link() {
	c.hot, c.known = make(map[string]int32, len(c.OneHot)), make(map[string]int32, len(c.Categories))
	for i, name := range c.OneHot {
		c.hot[name] = int32(i)
	}
	for i, name := range c.Categories {
		c.known[name] = int32(i)
	}
}

// ByColumn adds up what belongs to the members of one column: contributions of a vector's members become those of the row's columns.
// Dst has one member a column.
func (e *Encoding) ByColumn(dst, members []float64) {
	clear(dst)
	for i, v := range members {
		dst[e.Source[i]] += v
	}
}

// UnmarshalJSON reads an encoding and checks that it is whole. Errors have code CodeUnsupported for another version and CodeCorrupt else.
func (e *Encoding) UnmarshalJSON(text []byte) error {
	type plain Encoding
	if err := json.Unmarshal(text, (*plain)(e)); err != nil {
		return ledger.Errorf(ledger.CodeCorrupt, "read features", "train the model again", "%w", err)
	}
	if e.Version != Version {
		return ledger.Errorf(ledger.CodeUnsupported, "read features", "train the model again with this version",
			"the model has features of version %d, this version reads %d", e.Version, Version)
	}
	return e.check()
}

func (e *Encoding) check() error {
	fail := func(format string, args ...any) error {
		return ledger.Errorf(ledger.CodeCorrupt, "read features", "train the model again", format, args...)
	}
	at := 0
	for i := range e.Columns {
		c := &e.Columns[i]
		if c.At != at || c.Kind != Number && c.Kind != Category {
			return fail("column %q is %q at %d, expected at %d", c.Name, c.Kind, c.At, at)
		}
		if c.Priors && (len(c.Prior) != len(c.Categories)+1 || len(c.Frequency) != len(c.Categories)) {
			return fail("column %q has %d priors for %d categories", c.Name, len(c.Prior), len(c.Categories))
		}
		for _, p := range c.Prior {
			if len(p) != len(e.PriorOf) {
				return fail("column %q has priors of %d classes", c.Name, len(p))
			}
		}
		at += c.width(len(e.PriorOf))
		c.link()
	}
	if at != len(e.Names) || at != len(e.Source) {
		return fail("the columns have %d members, %d have names", at, len(e.Names))
	}
	for _, s := range e.Source {
		if s < 0 || s >= len(e.Columns) {
			return fail("a member comes from column %d of %d", s, len(e.Columns))
		}
	}
	return nil
}

// logOdds is log(p/(1-p)), with p kept a billionth away from 0 and 1.
func logOdds(p float64) float64 {
	p = min(max(p, 1e-9), 1-1e-9)
	return math.Log(p / (1 - p))
}
