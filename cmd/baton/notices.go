package main

import (
	"fmt"
	"io"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
)

// noticesText says what contracts have against events.
func noticesText(w io.Writer, notices []ledger.Notice) {
	for _, n := range notices {
		version := contract.Subject(n.Contract, n.Version)
		for _, v := range n.Violations {
			fmt.Fprintf(w, "  breaks %s: %s at %s: %s\n", printable(version), v.Type, printable(v.Path), printable(v.Message))
		}
		if !n.Deprecated.IsZero() {
			next, until := "another version", ""
			if n.Successor > 0 {
				next = contract.Subject(n.Contract, n.Successor)
			}
			if !n.Sunset.IsZero() {
				until = ", accepted until " + moment(n.Sunset)
			}
			fmt.Fprintf(w, "  %s is deprecated%s: follow %s\n", printable(version), until, printable(next))
		}
	}
}
