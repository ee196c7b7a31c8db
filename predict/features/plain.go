package features

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"unicode"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/table"
)

// longest is how many bytes a category has at most: what is longer is a text, or not readable.
const longest = 64

// plain reads a value of the context: a finite number as a number; a number, a short string without control characters or a bool as a category. Objects,
// arrays, long texts and what is encrypted are none of these.
func plain(raw json.RawMessage) (v table.Value, kind table.Kind, ok bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return v, "", false
	}
	switch raw[0] {
	case '"':
		var s string
		if len(raw) > 6*longest+2 || json.Unmarshal(raw, &s) != nil || s == "" || len(s) > longest {
			return v, "", false
		}
		for _, c := range s {
			if unicode.IsControl(c) {
				return v, "", false
			}
		}
		return table.Value{Text: s, Number: table.Missing}, table.Category, true
	case 't', 'f':
		return table.Value{Text: string(raw), Number: table.Missing}, table.Category, string(raw) == "true" || string(raw) == "false"
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		n, err := strconv.ParseFloat(string(raw), 64)
		if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
			return v, "", false
		}
		return table.Value{Number: n, Text: strconv.FormatFloat(n, 'g', -1, 64)}, table.Number, true
	}
	return v, "", false
}

// as is the value in a column of a kind; missing where it is not of that kind.
func as(raw json.RawMessage, want table.Kind) table.Value {
	v, _, ok := plain(raw)
	switch {
	case !ok && want == table.Number:
		return table.Value{Number: table.Missing}
	case !ok:
		return table.Value{}
	case want == table.Number:
		return table.Value{Number: v.Number}
	}
	return table.Value{Text: v.Text}
}

// fact says whether a field of the context may be used: predictions and summaries may not.
func fact(f ledger.Field) bool { return f.Class != "forward_looking" && f.Class != "key_insight" }
