package contract

import "math/bits"

// decimal is a number as JSON writes it: every digit is kept and none converted, so that comparisons are exact at any size and cost nothing.
type decimal struct {
	neg    bool
	exp    int    // power of ten of the first digit
	digits []byte // from the first digit that is not 0 to the end of the mantissa, perhaps with a point in it; empty for zero
}

// maxExponent is where exponents end. The digits of a number are far fewer, so that order among such numbers does not suffer.
const maxExponent = 1 << 40

// readDecimal reads a number of JSON's grammar.
func readDecimal(b []byte) (d decimal) {
	if len(b) > 0 && b[0] == '-' {
		d.neg, b = true, b[1:]
	}
	end, point, first := len(b), -1, -1
	for i, c := range b {
		switch {
		case c == 'e' || c == 'E':
			end = i
			d.exp = readExponent(b[i+1:])
		case c == '.':
			point = i
			continue
		case first < 0 && c != '0':
			first = i
			continue
		}
		if end == i {
			break
		}
	}
	if first < 0 || first >= end {
		return decimal{}
	}
	if point < 0 {
		point = end
	}
	if d.exp += point - first; first < point {
		d.exp--
	}
	d.digits = b[first:end]
	return d
}

func readExponent(b []byte) (e int) {
	neg := len(b) > 0 && b[0] == '-'
	for _, c := range b {
		if c >= '0' && c <= '9' && e < maxExponent {
			e = 10*e + int(c-'0')
		}
	}
	if e = min(e, maxExponent); neg {
		return -e
	}
	return e
}

// compare gives -1, 0 or +1, as d is less than, equal to or greater than o.
func (d decimal) compare(o decimal) int {
	switch {
	case d.sign() != o.sign():
		if d.sign() < o.sign() {
			return -1
		}
		return 1
	case d.neg:
		return o.magnitude(d)
	}
	return d.magnitude(o)
}

func (d decimal) sign() int {
	switch {
	case len(d.digits) == 0:
		return 0
	case d.neg:
		return -1
	}
	return 1
}

// magnitude compares without the signs.
func (d decimal) magnitude(o decimal) int {
	switch {
	case len(d.digits) == 0 || len(o.digits) == 0:
		return min(len(d.digits), 1) - min(len(o.digits), 1)
	case d.exp < o.exp:
		return -1
	case d.exp > o.exp:
		return 1
	}
	for i, j := 0, 0; i < len(d.digits) || j < len(o.digits); {
		var a, b byte
		a, i = nextDigit(d.digits, i)
		b, j = nextDigit(o.digits, j)
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		}
	}
	return 0
}

// nextDigit gives the digit at a place, 0 after the end, and the place after it.
func nextDigit(digits []byte, i int) (byte, int) {
	if i < len(digits) && digits[i] == '.' {
		i++
	}
	if i < len(digits) {
		return digits[i] - '0', i + 1
	}
	return 0, i
}

// last gives the number of digits up to the last that is not 0.
func (d decimal) last() (n int) {
	seen := 0
	for _, c := range d.digits {
		if c == '.' {
			continue
		}
		if seen++; c != '0' {
			n = seen
		}
	}
	return n
}

// whole reports whether it is an integer; 1.0 and 10e-1 are.
func (d decimal) whole() bool { return d.exp-d.last()+1 >= 0 }

// divisor is a number that others are to be multiples of: factor × 10^exp.
type divisor struct {
	factor uint64 // below 2^32, so that products stay exact
	exp    int
}

// newDivisor gives ok false for numbers with too many digits.
func newDivisor(d decimal) (out divisor, ok bool) {
	n := d.last()
	for i, at := 0, 0; i < n; i++ {
		var c byte
		c, at = nextDigit(d.digits, at)
		if out.factor = 10*out.factor + uint64(c); out.factor >= 1<<32 {
			return out, false
		}
	}
	out.exp = d.exp - n + 1
	return out, out.factor > 0
}

// multiple reports whether d is a whole number of divisors, exactly.
func (d decimal) multiple(of divisor) bool {
	n := d.last()
	zeros := d.exp - of.exp - n + 1 // after the last digit, once the divisor is a whole number
	if n == 0 {
		return true
	}
	if zeros < 0 {
		return false
	}
	rest := uint64(0)
	for i, at := 0, 0; i < n; i++ {
		var c byte
		c, at = nextDigit(d.digits, at)
		rest = (10*rest + uint64(c)) % of.factor
	}
	return rest*power(10%of.factor, uint64(zeros), of.factor)%of.factor == 0
}

// power is base^e modulo m, by squaring.
func power(base, e, m uint64) uint64 {
	out := 1 % m
	for i := bits.Len64(e) - 1; i >= 0; i-- {
		out = out * out % m
		if e>>i&1 == 1 {
			out = out * base % m
		}
	}
	return out
}
