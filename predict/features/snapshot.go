package features

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/table"
)

// Snapshot is a row as it is written down. Numbers that are missing are null.
type Snapshot struct {
	Version  int            `json:"version"`
	Position uint64         `json:"position"` // of the last event that counts
	Revision uint64         `json:"revision"` // of the journey's stream
	Digest   string         `json:"digest"`
	Values   map[string]any `json:"values"`
}

// AsOf reads a journey up to a position of the ledger, 0 for its end, and gives the builder after it. The error is CodeNotFound where the journey
// has no event by then.
func (s *Spec) AsOf(ctx context.Context, r ledger.Reader, journey string, position uint64) (*Builder, error) {
	b := s.New()
	for e, err := range Events(ctx, r, journey, position) {
		if err != nil {
			return nil, err
		}
		b.Add(&e)
	}
	if b.journey.Events > 0 {
		return b, nil
	}
	if position > 0 {
		return nil, ledger.Errorf(ledger.CodeNotFound, "predict", "ask for a later position, or list journeys with `baton journeys`",
			"journey %q has no event up to position %d", journey, position)
	}
	return nil, ledger.Errorf(ledger.CodeNotFound, "predict", "list journeys with `baton journeys`", "journey %q is not in the ledger", journey)
}

// Snapshot writes the row down.
func (b *Builder) Snapshot(row []table.Value) Snapshot {
	s := Snapshot{Version: Version, Position: b.journey.Position, Revision: b.journey.Revision, Values: make(map[string]any, len(row))}
	columns := b.spec.Columns()
	for i, c := range columns {
		switch {
		case c.Kind == table.Category:
			s.Values[c.Name] = row[i].Text
		case math.IsNaN(row[i].Number):
			s.Values[c.Name] = nil
		default:
			s.Values[c.Name] = row[i].Number
		}
	}
	s.Digest = digest(columns, row)
	return s
}

func digest(columns []table.Column, row []table.Value) string {
	text := func(b []byte, s string) []byte { return append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	b := binary.AppendUvarint([]byte("baton/features\x00"), Version)
	for i, c := range columns {
		b = text(b, c.Name)
		if c.Kind == table.Category {
			b = text(append(b, 'c'), row[i].Text)
			continue
		}
		bits := math.Float64bits(row[i].Number)
		if math.IsNaN(row[i].Number) {
			bits = math.Float64bits(math.NaN())
		}
		b = binary.BigEndian.AppendUint64(append(b, 'n'), bits)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
