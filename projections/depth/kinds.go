package depth

import (
	"bytes"

	"github.com/baton-ledger/baton/ledger/contract"
)

// Kinds of fields, which decide about tier and weight; the numbers are those of [contract.Kind].
const (
	identifier = iota
	metadata
	history
	predicted
)

var _ = [1]struct{}{}[predicted-int(contract.Predicted)] // compiles where the numbers are the same

var kindNames = [...]string{"identifier", "metadata", "history", "predicted"}

// weights of kinds in the depth score, in thousandths (definition 2 of the depth practices).
var weights = [...]int64{identifier: 1000, metadata: 2000, history: 3000, predicted: 3000}

// lives are how long a field of a kind is taken to stay fresh where its contract does not say, in milliseconds; 0 is for ever.
var lives = [...]int64{identifier: 0, metadata: 90 * dayMS, history: 30 * dayMS, predicted: 7 * dayMS}

const dayMS = 24 * 60 * 60 * 1000

// kindOf a field: by its class, its contract's weight, and then its name.
func kindOf(name string, class contract.Class, weight float64) int {
	return int(contract.KindOf(name, class, weight))
}

// Quick is how long a person needs at least to fill in a field, in milliseconds.
const Quick = 350

// Junk says whether a value looks as if it was entered only because something had to be: it is said to be a default, it took a time too short to type (fill
// in milliseconds, below zero where it is not known), or it is one of the values that people enter then.
func Junk(value []byte, method string, fill int64) bool {
	if method == "default" || fill >= 0 && fill < Quick {
		return true
	}
	value = bytes.TrimSpace(value)
	if len(value) > len(`"none given"`) {
		return false
	}
	var small [len(`"none given"`)]byte
	low := small[:copy(small[:], value)]
	for i, c := range low {
		if c >= 'A' && c <= 'Z' {
			low[i] = c + 'a' - 'A'
		}
	}
	switch string(low) {
	case "null", `""`, `" "`, `"-"`, `"n/a"`, `"na"`, `"none given"`, `"unknown"`, `"test"`, `"x"`, `"xxx"`, `"0"`, `"000"`, `"0000"`, `"tbd"`:
		return true
	}
	return false
}
