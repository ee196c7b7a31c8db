package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/table"
)

// The file:
//
//	8 bytes   "BATONMDL"
//	uint32    version of the file, little endian like all numbers
//	uint32    length of the header
//	          header: JSON, as header below
//	          arrays: each a uint64 count, then its members; floats are IEEE 754 of 64 bits, integers int32
//	32 bytes  SHA-256 of everything before
//
// Which arrays follow, and in which order, is the code of arrays below.
const (
	magic       = "BATONMDL"
	FileVersion = 1
	maxFile     = 1 << 30
)

// header is what of a model is not an array.
type header struct {
	Kind        Kind            `json:"kind"`
	Scale       Scale           `json:"scale"`
	Outputs     int             `json:"outputs"`
	Width       int             `json:"width"`
	Additive    bool            `json:"additive"`
	Trees       bool            `json:"trees"`
	Average     bool            `json:"average,omitempty"`
	Refits      int             `json:"refits,omitempty"` // their arrays follow those of the function, in its form
	Classes     []string        `json:"classes"`
	Calibration Calibration     `json:"calibration"`
	Card        Card            `json:"card"`
	Features    *table.Encoding `json:"features"`
}

// Bytes is the model's file, and sets its hash.
func (m *Model) Bytes() ([]byte, error) {
	f := m.Function
	h := header{Kind: f.Kind, Scale: f.Scale, Outputs: f.Outputs, Width: f.Width, Additive: f.Additive != nil, Trees: f.Trees != nil, Refits: len(m.Refits),
		Classes: m.Classes, Calibration: m.Calibration, Card: m.Card, Features: m.Features}
	if f.Trees != nil {
		h.Average = f.Trees.Average
	}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInternal, "write model", "", "%w", err)
	}
	w := &writer{}
	w.WriteString(magic)
	w.number(FileVersion)
	w.number(uint32(len(text)))
	w.Write(text)
	w.arrays(f)
	for _, refit := range m.Refits {
		w.arrays(refit)
	}
	sum := sha256.Sum256(w.Bytes())
	w.Write(sum[:])
	m.hash = sha256.Sum256(w.Bytes())
	return w.Bytes(), nil
}

// Save writes the file.
func (m *Model) Save(path string) error {
	data, err := m.Bytes()
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return ledger.Errorf(ledger.CodeUnavailable, "write model", "choose a path that can be written", "%w", err)
	}
	return nil
}

// Open reads a model's file; see [Parse] for its errors, and CodeNotFound where there is none.
func Open(path string) (*Model, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ledger.Errorf(ledger.CodeNotFound, "read model", "train one with `baton predict`", "%w", err)
	case err != nil:
		return nil, ledger.Errorf(ledger.CodeUnavailable, "read model", "see that the file can be read", "%w", err)
	}
	return Parse(data)
}

// Parse reads a model. Errors are *ledger.Error: CodeCorrupt for bytes that are not what was written, CodeUnsupported for another version
// of the file or of the features. A model that is given can be scored with any vector of its width without a panic.
func Parse(data []byte) (*Model, error) {
	const hint = "put the file back from a copy, or train the model again"
	if len(data) < len(magic)+8+sha256.Size || string(data[:len(magic)]) != magic || len(data) > maxFile {
		return nil, ledger.Errorf(ledger.CodeCorrupt, "read model", hint, "this is no model file")
	}
	body := data[:len(data)-sha256.Size]
	if version := binary.LittleEndian.Uint32(body[len(magic):]); version != FileVersion {
		return nil, ledger.Errorf(ledger.CodeUnsupported, "read model", "train the model again with this version",
			"the file has version %d, this version reads %d", version, FileVersion)
	}
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], data[len(body):]) {
		return nil, ledger.Errorf(ledger.CodeCorrupt, "read model", hint, "the model file is damaged: its checksum is not that of its content")
	}
	r := &reader{data: body[len(magic)+8:]}
	var h header
	if err := r.header(binary.LittleEndian.Uint32(body[len(magic)+4:]), &h); err != nil {
		return nil, err
	}
	m := &Model{Card: h.Card, Features: h.Features, Classes: h.Classes, Calibration: h.Calibration, hash: sha256.Sum256(data)}
	m.Function = r.function(&h)
	for i := 0; i < h.Refits && !r.failed; i++ {
		m.Refits = append(m.Refits, r.function(&h))
	}
	if r.failed || len(r.data) != 0 {
		return nil, ledger.Errorf(ledger.CodeCorrupt, "read model", hint, "the model file's arrays are not as long as they say")
	}
	if err := m.check(); err != nil {
		return nil, ledger.Errorf(ledger.CodeCorrupt, "read model", hint, "%w", err)
	}
	for _, f := range append([]*Function{m.Function}, m.Refits...) {
		if f.Trees != nil {
			f.Trees.Prepare()
		}
	}
	return m, nil
}

func (r *reader) header(length uint32, h *header) error {
	if uint64(length) > uint64(len(r.data)) {
		return ledger.Errorf(ledger.CodeCorrupt, "read model", "put the file back from a copy, or train the model again", "the model file's header is cut")
	}
	if err := json.Unmarshal(r.data[:length], h); err != nil {
		if ours := (*ledger.Error)(nil); errors.As(err, &ours) {
			return ours
		}
		return ledger.Errorf(ledger.CodeCorrupt, "read model", "train the model again", "the model file's header: %w", err)
	}
	r.data = r.data[length:]
	return nil
}
