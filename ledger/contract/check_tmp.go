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

type Change struct{ Level, What string }

func Diff(old, new *Contract) []Change { return nil }
