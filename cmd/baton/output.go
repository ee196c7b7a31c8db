package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
)

// printJSON writes one document, indented.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// show prints v as JSON where that was asked for, and else as text.
func (a *app) show(v any, text func(io.Writer) error) error {
	if a.json {
		return a.printJSON(v)
	}
	return text(a.out)
}

// text is how replay's answers are laid out for this terminal.
func (a *app) text() replay.TextOptions {
	o := replay.TextOptions{Width: replay.Unlimited} // a file keeps every letter
	if f, ok := a.out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		o.Color = os.Getenv("NO_COLOR") == ""
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			o.Width = w
		}
	}
	return o
}

// table prints rows under a header, columns as wide as their widest cell, all but the last at most 60. A header that begins with ">" aligns its column right.
func table(w io.Writer, header []string, rows [][]string) error {
	widths, right := make([]int, len(header)), make([]bool, len(header))
	for i, h := range header {
		header[i], right[i] = strings.CutPrefix(h, ">")
		widths[i] = utf8.RuneCountInString(header[i])
	}
	for _, row := range rows {
		for i := range row {
			if row[i] = printable(row[i]); i < len(row)-1 {
				row[i] = shorten(row[i], 60)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	var b strings.Builder
	line := func(cells []string) {
		text := ""
		for i, c := range cells {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			if right[i] {
				text += pad + c + "  "
			} else {
				text += c + pad + "  "
			}
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	line(header)
	for _, row := range rows {
		line(row)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// pointText is a point for people: sender → receiver (channel).
func pointText(point string) string {
	from, rest, _ := strings.Cut(point, ">")
	to, channel, _ := strings.Cut(rest, "@")
	parts := [3]string{from, to, channel}
	for i, p := range parts {
		if plain, err := url.PathUnescape(p); err == nil {
			parts[i] = plain
		}
	}
	return parts[0] + " → " + parts[1] + " (" + parts[2] + ")"
}

func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// printable shows control characters instead of sending them: names come from producers, and a terminal obeys what it is sent.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) && r != '\n' }) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsGraphic(r) || r == '\n' {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "\\x%02x", r)
		}
	}
	return b.String()
}

// count writes a number with thousands apart: 65,533.
func count[N int | int64 | uint64](n N) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// span writes a duration for people: 3 d 4 h, 12 min, 40 s.
func span(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < 0:
		return "-" + span(-d)
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

func percent(part, whole int64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// badFlag is the error of a flag's value.
func badFlag(flag, hint, format string, args ...any) error {
	return ledger.Errorf(ledger.CodeInvalid, "--"+flag, hint, format, args...)
}

// badArg is a mistake in an argument.
func badArg(hint, format string, args ...any) error {
	return ledger.Errorf(ledger.CodeInvalid, "", hint, format, args...)
}
