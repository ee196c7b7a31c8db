package main

import (
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// fitted prints a table that goes into so many columns of a terminal: the columns named in drop go first, one after another, and then the first
// column is cut, and the last.
func fitted(w io.Writer, width int, header []string, rows [][]string, drop ...string) error {
	for {
		over := tableWidth(header, rows) - width
		if over <= 0 {
			break
		}
		at := -1
		for at < 0 && len(drop) > 0 {
			at, drop = slices.Index(header, drop[0]), drop[1:]
		}
		if at < 0 {
			first := max(min(16, columnWidth(header, rows, 0)), columnWidth(header, rows, 0)-over)
			for _, row := range rows {
				row[0] = shorten(row[0], first)
			}
			last := len(header) - 1
			room := max(8, columnWidth(header, rows, last)-max(0, tableWidth(header, rows)-width))
			for _, row := range rows {
				row[last] = shorten(row[last], room)
			}
			break
		}
		header = slices.Delete(slices.Clone(header), at, at+1)
		for i := range rows {
			rows[i] = slices.Delete(rows[i], at, at+1)
		}
	}
	return table(w, header, rows)
}

func tableWidth(header []string, rows [][]string) (sum int) {
	for i := range header {
		sum += columnWidth(header, rows, i) + 2
	}
	return sum - 2
}

func columnWidth(header []string, rows [][]string, i int) int {
	widest := utf8.RuneCountInString(strings.TrimPrefix(header[i], ">"))
	for _, row := range rows {
		cell := printable(row[i])
		if i < len(row)-1 {
			cell = shorten(cell, 60)
		}
		widest = max(widest, utf8.RuneCountInString(cell))
	}
	return widest
}

// spark draws values as one letter each, the highest as a full block; what is zero is a dot.
func spark(values []float64) string {
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	var b strings.Builder
	for _, v := range values {
		if v <= 0 || most == 0 {
			b.WriteRune('·')
			continue
		}
		b.WriteRune([]rune("▁▂▃▄▅▆▇█")[min(7, int(v/most*8))])
	}
	return b.String()
}

// wrapped breaks a text at spaces, each line after an indent.
func wrapped(text, indent string, width int) string {
	var b strings.Builder
	used := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case used == 0:
			b.WriteString(indent)
			used = len(indent)
		case used+1+n > width:
			b.WriteString("\n" + indent)
			used = len(indent)
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}
