package replay

import (
	"io"
	"strings"
	"time"
)

// TextOptions say how text is laid out. The zero value is good: 120 columns, UTC, no colour.
type TextOptions struct {
	Width int            // columns of the terminal, 0 is 120; at least 40 are used; Unlimited cuts nothing
	Color bool           // ANSI colours
	Zone  *time.Location // times are shown in, nil is UTC
}

// Unlimited is the width of a file: nothing is cut.
const Unlimited = 1 << 16

func (o TextOptions) width() int {
	if o.Width == 0 {
		return 120
	}
	return max(40, o.Width)
}

// short is a time to the second, without an offset where it is UTC.
func (o TextOptions) short(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if o.Zone == nil || o.Zone == time.UTC {
		return t.UTC().Format("2006-01-02 15:04:05")
	}
	return t.In(o.Zone).Format("2006-01-02 15:04:05 -07")
}

// minute is a time to the minute.
func (o TextOptions) minute(t time.Time) string {
	s := o.short(t)
	return s[:min(len(s), len("2006-01-02 15:04"))]
}

// The colours: what is about a person's attention, not decoration.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (o TextOptions) paint(code, s string) string {
	if !o.Color || code == "" || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// page collects the text of one answer, and is written at once.
type page struct {
	TextOptions
	strings.Builder
}

func (p *page) line(parts ...string) {
	p.WriteString(strings.TrimRight(strings.Join(parts, ""), " "))
	p.WriteByte('\n')
}

// title begins a section.
func (p *page) title(s string) {
	p.line()
	p.line(p.paint(bold, s))
}

func (p *page) writeTo(w io.Writer) error {
	_, err := io.WriteString(w, p.String())
	return err
}

// cell is one text of a table and its colour. The text must be clean.
type cell struct{ text, color string }

func plain(s string) cell { return cell{text: clean(s)} }

// table is columns of aligned text. Where they do not fit, the widest is cut first, down to a few letters; columns of times, numbers
// and bars are cut last, for half a time is worth nothing.
type table struct {
	heads []string
	right map[int]bool // columns of numbers and durations
	whole map[int]bool // columns to cut last
	rows  [][]cell
}

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

const indent, gutter = "  ", "  "

func (t *table) write(p *page) {
	sizes := t.sizes(p.width() - len(indent))
	p.line(indent, p.paint(dim, strings.TrimRight(t.row(sizes, func(i int) string { return t.heads[i] }), " ")))
	for _, row := range t.rows {
		var b strings.Builder
		for i, size := range sizes {
			c := cell{}
			if i < len(row) {
				c = row[i]
			}
			text := fit(c.text, size)
			fill := strings.Repeat(" ", max(0, size-width(text)))
			if i > 0 {
				b.WriteString(gutter)
			}
			if t.right[i] {
				b.WriteString(fill)
				fill = ""
			}
			b.WriteString(p.paint(c.color, text))
			b.WriteString(fill)
		}
		p.line(indent, b.String())
	}
}

func (t *table) row(sizes []int, text func(int) string) string {
	cells := make([]string, len(sizes))
	for i, size := range sizes {
		cells[i] = pad(fit(text(i), size), size, t.right[i])
	}
	return strings.Join(cells, gutter)
}

// sizes are the columns' widths within a total.
func (t *table) sizes(total int) []int {
	sizes := make([]int, len(t.heads))
	sum := len(gutter) * (len(sizes) - 1)
	for i, head := range t.heads {
		sizes[i] = width(head)
		for _, row := range t.rows {
			if i < len(row) {
				sizes[i] = max(sizes[i], width(row[i].text))
			}
		}
		sum += sizes[i]
	}
	sum = t.shrink(sizes, sum, total, func(i int) bool { return !t.right[i] && !t.whole[i] })
	t.shrink(sizes, sum, total, func(int) bool { return true })
	return sizes
}

// leastColumn is what a column that is cut keeps at least.
const leastColumn = 6

// shrink takes from the widest of some columns until the sum is right, and gives the sum.
func (t *table) shrink(sizes []int, sum, total int, some func(i int) bool) int {
	for ; sum > total; sum-- {
		widest := -1
		for i, size := range sizes {
			if some(i) && size > max(leastColumn, width(t.heads[i])) && (widest < 0 || size > sizes[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		sizes[widest]--
	}
	return sum
}
