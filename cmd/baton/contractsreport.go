package main

import (
	"os"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
)

// junit writes a report for CI systems; path "" is none.
func junit(path, name string, suites []contract.Suite) error {
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err == nil {
		err = contract.WriteJUnit(f, name, suites)
		if closed := f.Close(); err == nil {
			err = closed
		}
	}
	if err != nil {
		return ledger.Errorf(ledger.CodeUnavailable, "--junit", "name a file that can be written", "%w", err)
	}
	return nil
}

func (out *testAnswer) report(path string) error {
	s := contract.Suite{Name: "test " + contract.Subject(out.Contract, out.Version)}
	for _, t := range out.Cases {
		one := contract.Case{Class: out.Contract, Name: t.File, File: t.File}
		switch {
		case t.Error != "":
			one.Failure, one.Kind = t.Error, "fixture"
		case !t.OK && t.Expect == "invalid":
			one.Failure, one.Kind = "it keeps the contract, and was to break it", "expectation"
		case !t.OK:
			one.Failure, one.Kind = t.Violations[0].Message, t.Violations[0].Type
			for _, v := range t.Violations {
				one.Text += v.Type + " at " + v.Path + ": " + v.Message + "\n"
			}
		}
		s.Cases = append(s.Cases, one)
	}
	return junit(path, "baton contracts test", []contract.Suite{s})
}

func (out *lintAnswer) report(path string) error {
	var suites []contract.Suite
	for _, f := range out.Files {
		s := contract.LintSuite(&contract.Contract{Name: f.Contract, Version: f.Version}, f.Findings)
		if f.Error != "" {
			s = contract.Suite{Name: "lint " + f.File, Cases: []contract.Case{{Class: f.File, Name: "read", File: f.File, Failure: f.Error, Kind: "document"}}}
		}
		suites = append(suites, s)
	}
	return junit(path, "baton contracts lint", suites)
}

func (out *diffAnswer) report(path string) error {
	of := out.Breaking(out.Compatibility)
	return junit(path, "baton contracts diff", []contract.Suite{contract.BreakSuite(&contract.Contract{Name: out.Name, Version: out.New}, of)})
}
