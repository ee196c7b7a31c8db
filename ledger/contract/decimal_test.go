package contract

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// TestDecimal: order, wholeness and multiples are those of exact fractions.
func TestDecimal(t *testing.T) {
	text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,3}|10{0,22}|9{18,22})(\.[0-9]{1,3}|\.0{1,3}[0-9]?)?([eE][+-]?[0-9]{1,2})?`)
	fraction := func(s string) *big.Rat {
		r, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatal(s)
		}
		return r
	}
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			a, b := text.Draw(t, "a"), text.Draw(t, "b")
			x, y, da, db := fraction(a), fraction(b), readDecimal([]byte(a)), readDecimal([]byte(b))
			if got, want := da.compare(db), x.Cmp(y); got != want {
				t.Fatalf("%s against %s: %d, want %d", a, b, got, want)
			}
			if da.whole() != x.IsInt() {
				t.Fatalf("%s: whole %v", a, da.whole())
			}
			if y.Sign() <= 0 {
				continue
			}
			if d, ok := newDivisor(db); ok && da.multiple(d) != new(big.Rat).Quo(x, y).IsInt() {
				t.Fatalf("%s a multiple of %s: %v", a, b, da.multiple(d))
			}
		}
	})
	for _, c := range []struct {
		a, b string
		want int
	}{{"1e99999999999999999999", "9e9", 1}, {"-1e99999999999999999999", "0", -1}, {"1e-99999999999999999999", "0", 1}, {"1e-99999999999999999999", "1e-9", -1}, {"0e99999", "-0", 0},
		{"0.09", "0.5", -1}, {"0.99", "1", -1}} {
		if got := readDecimal([]byte(c.a)).compare(readDecimal([]byte(c.b))); got != c.want {
			t.Errorf("%s against %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
