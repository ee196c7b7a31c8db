package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

func TestFileGivesTheSameModelBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for name, m := range randomModels(rng, 6) {
		m.Card = Card{Name: name, Limits: []string{"drawn at random"}}
		path := filepath.Join(t.TempDir(), "m.baton-model")
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		back, err := Open(path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if back.Hash() != m.Hash() || back.Card.Name != name {
			t.Errorf("%s: came back as %s with hash %s, not %s", name, back.Card.Name, back.Hash(), m.Hash())
		}
		again, _ := back.Bytes()
		if first, _ := m.Bytes(); !bytes.Equal(first, again) {
			t.Errorf("%s: written again it is other bytes", name)
		}
		for range 20 {
			x, p, q := vector(rng, 6), make([]float64, len(m.Classes)), make([]float64, len(m.Classes))
			a, b := make([]float64, 6), make([]float64, 6)
			m.Score(p, x)
			back.Score(q, x)
			m.Explain(a, x, 1)
			back.Explain(b, x, 1)
			for i := range p {
				if p[i] != q[i] || a[i] != b[i] {
					t.Fatalf("%s: scores %v and %v, contributions %v and %v", name, p, q, a, b)
				}
			}
		}
	}
}

// TestDamageIsFound flips every byte of a model file, and cuts it everywhere.
func TestDamageIsFound(t *testing.T) {
	m := randomModels(rand.New(rand.NewPCG(1, 1)), 6)["boosted and additive"]
	data, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 0x40
		code := ledger.CodeOf(second(Parse(bad)))
		if want := ledger.CodeCorrupt; code != want && (code != ledger.CodeUnsupported || i < 8 || i >= 12) {
			t.Fatalf("byte %d flipped: %q", i, code)
		}
		if code := ledger.CodeOf(second(Parse(data[:i]))); code != ledger.CodeCorrupt {
			t.Fatalf("cut at byte %d: %q", i, code)
		}
	}
}

func second(_ *Model, err error) error { return err }

// TestWrongArraysAreFound signs files anew whose arrays would be scored out of range.
func TestWrongArraysAreFound(t *testing.T) {
	for name, spoil := range map[string]func(*Model){
		"a member that is not there":       func(m *Model) { m.Function.Trees.Nodes[0].Feature = 99 },
		"a child outside":                  func(m *Model) { m.Function.Trees.Nodes[0].Right = 1 << 20 },
		"a circle":                         func(m *Model) { m.Function.Trees.Nodes[0].Right = 0 },
		"a root outside":                   func(m *Model) { m.Function.Trees.Roots[0] = -1 },
		"too few values":                   func(m *Model) { m.Function.Trees.Value = m.Function.Trees.Value[1:] },
		"knots outside":                    func(m *Model) { m.Function.Additive.Shapes[1].Knots = 400 },
		"values outside":                   func(m *Model) { m.Function.Additive.Shapes[2].Values = 400 },
		"another form":                     func(m *Model) { m.Function.Additive.Shapes[2].Form = 9 },
		"a number that is not finite":      func(m *Model) { m.Function.Additive.Bias[0] = m.Function.Additive.Bias[0] / zero },
		"other classes than outputs":       func(m *Model) { m.Classes = []string{"a", "b", "c"} },
		"a calibration that nobody knows":  func(m *Model) { m.Calibration.Method = "magic" },
		"an isotonic one without steps":    func(m *Model) { m.Calibration.Method = Isotonic },
		"other features than the function": func(m *Model) { m.Function.Width = 5 },
	} {
		m := randomModels(rand.New(rand.NewPCG(1, 1)), 6)["boosted and additive"]
		m.Function.Trees.Nodes[0] = Split(1, 0.5, int(m.Function.Trees.Nodes[0].right()), false)
		spoil(m)
		data, err := m.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(data); ledger.CodeOf(err) != ledger.CodeCorrupt || ledger.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var zero float64

func TestOtherVersionsAreNamed(t *testing.T) {
	m := randomModels(rand.New(rand.NewPCG(1, 1)), 6)["additive"]
	m.Features.Version = 7
	data, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	var e *ledger.Error
	if _, err := Parse(data); !errors.As(err, &e) || e.Code != ledger.CodeUnsupported || e.Hint == "" {
		t.Errorf("features of version 7: %v", err)
	}
	m.Features.Version = 1
	data, _ = m.Bytes()
	binary.LittleEndian.PutUint32(data[8:], 2)
	sum := sha256.Sum256(data[:len(data)-32])
	copy(data[len(data)-32:], sum[:])
	if _, err := Parse(data); !errors.As(err, &e) || e.Code != ledger.CodeUnsupported {
		t.Errorf("file of version 2: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); ledger.CodeOf(err) != ledger.CodeNotFound {
		t.Errorf("no file: %v", err)
	}
}
