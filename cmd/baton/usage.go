package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/baton-ledger/baton/ledger"
)

// helpWidth is where lines of help end: a name, its flag's type and a sentence, on a screen split in two.
const helpWidth = 100

// narrow wraps the flags of every command's help; cobra leaves each on one line, however long.
func narrow(root *cobra.Command) {
	wrapped := fmt.Sprintf(".FlagUsagesWrapped %d ", helpWidth)
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages ", wrapped))
}

// wrap breaks a line at spaces; what follows the first line stands two deeper than it.
func wrap(line string) string {
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))] + "  "
	var b strings.Builder
	width := 0 // of the line that is being written
	for i, word := range strings.SplitAfter(line, " ") {
		if n := len([]rune(strings.TrimRight(word, " "))); i > 0 && width+n > helpWidth {
			b.WriteString("\n" + indent)
			width = len(indent)
		}
		b.WriteString(word)
		width += len([]rune(word))
	}
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

var quoted = regexp.MustCompile(`"([^"]+)"`)

// plainer says what cobra and pflag mean: they count arguments without naming them, and print what Go's parsers return.
func plainer(cmd *cobra.Command, err error) error {
	first, _, _ := strings.Cut(err.Error(), "\n")
	hint := "see `" + cmd.CommandPath() + " --help`"
	said := err
	var value *pflag.InvalidValueError
	switch {
	case errors.As(err, &value):
		said = fmt.Errorf("--%s: %q is %s", value.GetFlag().Name, value.GetValue(), wrongValue(value))
	case strings.HasPrefix(first, "required flag"):
		said = fmt.Errorf("--%s is missing", strings.Join(inQuotes(first), " and --"))
	case strings.Contains(first, "arg(s)"):
		said = fmt.Errorf("`%s` does not go with %d arguments", strings.TrimSuffix(cmd.UseLine(), " [flags]"), cmd.Flags().NArg())
	case strings.HasPrefix(first, "unknown command") && !cmd.HasSubCommands():
		said = fmt.Errorf("`%s` takes no arguments, and %q is one", cmd.CommandPath(), cmd.Flags().Arg(0))
	case strings.HasPrefix(first, "unknown command"):
		said, hint = errors.New(first), didYouMean(cmd, inQuotes(first)[0])+hint
	}
	return ledger.Errorf(ledger.CodeInvalid, "", hint, "%w", said)
}

func inQuotes(text string) (all []string) {
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

func didYouMean(cmd *cobra.Command, word string) string {
	cmd.SuggestionsMinimumDistance = 2
	near := cmd.SuggestionsFor(word)
	if len(near) == 0 {
		return ""
	}
	return "did you mean `" + cmd.CommandPath() + " " + near[0] + "`? Else "
}

func wrongValue(v *pflag.InvalidValueError) string {
	kind := v.GetFlag().Value.Type()
	switch {
	case errors.Is(v, strconv.ErrRange):
		return "too large or too small"
	case kind == "bool":
		return "neither true nor false"
	case kind == "uint" || kind == "uint64":
		return "no whole number from 0 on"
	case strings.HasPrefix(kind, "int"):
		return "no whole number"
	}
	return "no " + kind
}
