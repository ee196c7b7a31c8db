package contract

import "github.com/baton-ledger/baton/ledger"

type Compiled struct{ c *Contract }
type Verdict struct {
	Variant    string
	Violations []ledger.Violation
}

func Compile(c *Contract) (*Compiled, error)          { return &Compiled{c}, nil }
func (k *Compiled) Contract() *Contract               { return k.c }
func (k *Compiled) Check(e *ledger.Event) (v Verdict) { return }

func (u *Upcast) apply(e Envelope) (Envelope, error) { return e, nil }

type Finding struct{ Rule, Level, Field, Message, Fix string }
type LintOptions struct {
	Previous   *Contract
	Exceptions []string
	Compile    func(*Contract) error
}

const LevelError = "error"

func Lint(c *Contract, o LintOptions) []Finding { return nil }
func KnownRule(rule string) bool                { return true }

type Break struct {
	Against                  int
	What, Breaks, Fix, Field string
}

func Satisfies(h []*Contract, c *Contract, k Compatibility, r Reader) []Break { return nil }
func (u *Upcast) Digest() ledger.Hash                                         { return ledger.Hash{} }
