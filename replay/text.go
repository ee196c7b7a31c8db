package replay

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger/contract/expr"
)

// What is shown of the record and of expressions is made harmless in the same way.
func clean(s string) string { return expr.Clean(s) }
func quote(s string) string { return expr.Quote(s) }
func width(s string) int    { return expr.Width(s) }

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

// fit cuts text to n columns, with an ellipsis where something is left out.
func fit(s string, n int) string {
	if width(s) <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	used := 0
	for i, r := range s {
		if used += expr.RuneWidth(r); used > n-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// pad fills text up to n columns.
func pad(s string, n int, right bool) string {
	fill := strings.Repeat(" ", max(0, n-width(s)))
	if right {
		return fill + s
	}
	return s + fill
}

// stamp is a time in full.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// span is a duration as people say it: its two largest units.
func span(d time.Duration) string {
	if d < 0 {
		return "-" + span(-d)
	}
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d/time.Second))
	case d < time.Hour:
		return two(int(d/time.Minute), "m", int(d%time.Minute/time.Second), "s")
	case d < day:
		return two(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "m")
	}
	return two(int(d/day), "d", int(d%day/time.Hour), "h")
}

func two(a int, unitA string, b int, unitB string) string {
	if b == 0 {
		return strconv.Itoa(a) + unitA
	}
	return fmt.Sprintf("%d%s%d%s", a, unitA, b, unitB)
}
