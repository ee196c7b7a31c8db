package replay

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"

	"github.com/baton-ledger/baton/ledger"
)

// Digest is the SHA-256 of a view's state (journey and context, not the moment it was asked for) as canonical JSON: members
// sorted by name, no white space, UTF-8 unescaped where JSON allows, numbers digit for digit as the producer wrote them. Two views
// with the same digest are the same state.
func Digest(v View) ledger.Hash {
	text, err := json.Marshal(struct {
		Journey ledger.Journey `json:"journey"`
		Context ledger.Context `json:"context"`
	}{v.Journey, v.Context})
	if err != nil { // no value of these types fails to encode but a context value that is not JSON, and the fold takes only JSON
		panic(err)
	}
	return sha256.Sum256(canonical(text))
}

// Canonical is JSON as [Digest] has it: equal values have equal bytes. Text that is not JSON is given back as it is.
func Canonical(text []byte) []byte { return canonical(text) }

// canonical rewrites JSON so that equal values have equal bytes. Text that is not JSON is given back as it is.
func canonical(text []byte) []byte {
	var value any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&value) != nil {
		return text
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(value) != nil {
		return text
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// toJSON encodes one part of a state, canonically.
func toJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return canonical(text)
}
