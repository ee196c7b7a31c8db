package config

import (
	"fmt"
	"slices"
	"strings"
)

// Error says which setting is wrong, where it came from and what was expected.
type Error struct {
	Key    string // the key as it was written by the user; empty when the whole source is at fault
	Source string // "default", "file PATH", "env BATON_X" or "flag --x"
	Err    error  // what is wrong; never holds the value of a secret
	Fix    string // what a person should do next, without a leading "Try:"
}

func (e *Error) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("%s: %v", e.Source, e.Err)
	}
	return fmt.Sprintf("%s: %s %v", e.Source, e.Key, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Hint is what a person should do next.
func (e *Error) Hint() string { return e.Fix }

// nearest returns the candidate a person most likely meant, or "" when none is close: one that ends in the same
// word (port for nats.port), else the one with the smallest edit distance if that is at most a third of the word.
func nearest(word string, candidates []string) string {
	word = strings.ToLower(word)
	var tail []string
	for _, c := range candidates {
		if strings.HasSuffix(strings.ToLower(c), "."+word) {
			tail = append(tail, c)
		}
	}
	if len(tail) == 1 {
		return tail[0]
	}
	best, bestDistance := "", max(2, len(word)/3)+1
	for _, c := range candidates {
		if d := editDistance(word, strings.ToLower(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// editDistance is the optimal string alignment distance in bytes: insertions, deletions, substitutions and swaps of
// neighbours cost one each (Damerau 1964).
func editDistance(a, b string) int {
	before, last := []int{}, make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// suggest words the hint for a name that nobody knows.
func suggest(what, word string, candidates []string) string {
	if near := nearest(word, candidates); near != "" {
		return "did you mean " + near + "?"
	}
	known := slices.Clone(candidates)
	slices.Sort(known)
	return "the " + what + " are " + strings.Join(known, ", ")
}
