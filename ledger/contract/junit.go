package contract

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// Suite is one <testsuite> of a JUnit report: one contract, one kind of check.
type Suite struct {
	Name  string
	Cases []Case
}

// Case is one <testcase>. GitLab and Jenkins show Class and Name as its title, and the rest where it failed.
type Case struct {
	Class, Name string
	File        string  // that the case is about; may be ""
	Seconds     float64 // it took
	Failure     string  // one line; "" where it passed
	Kind        string  // of failure: the rule, the type of violation
	Text        string  // more than the line
	Skipped     string  // why it was not run
	Output      string  // what is worth reading though it passed: warnings
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Time    string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure"`
	Skipped *junitSkipped `xml:"skipped"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

// WriteJUnit writes a report as JUnit XML, which GitLab, Jenkins and others read: testsuites, testsuite, testcase, failure. What XML cannot
// hold is replaced.
func WriteJUnit(w io.Writer, name string, suites []Suite) error {
	all := junitSuites{Name: name}
	total := 0.0
	for _, s := range suites {
		out, seconds := junitOf(&s)
		all.Suites = append(all.Suites, out)
		all.Tests, all.Failures, all.Skipped, total = all.Tests+out.Tests, all.Failures+out.Failures, all.Skipped+out.Skipped, total+seconds
	}
	all.Time = inSeconds(total)
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	return err
}

func junitOf(s *Suite) (out junitSuite, seconds float64) {
	out = junitSuite{Name: s.Name, Tests: len(s.Cases)}
	for _, c := range s.Cases {
		one := junitCase{Class: c.Class, Name: c.Name, File: c.File, Time: inSeconds(c.Seconds), Output: c.Output}
		switch {
		case c.Failure != "":
			one.Failure = &junitFailure{c.Failure, c.Kind, c.Text}
			out.Failures++
		case c.Skipped != "":
			one.Skipped = &junitSkipped{c.Skipped}
			out.Skipped++
		}
		seconds += c.Seconds
		out.Cases = append(out.Cases, one)
	}
	out.Time = inSeconds(seconds)
	return out, seconds
}

func inSeconds(s float64) string { return fmt.Sprintf("%.3f", s) }

// LintSuite reports findings: each error is a failure, each warning a case that passed and says so; a contract without findings is one
// case that passed.
func LintSuite(c *Contract, findings []Finding) Suite {
	s := Suite{Name: "lint " + Subject(c.Name, c.Version)}
	for _, f := range findings {
		one := Case{Class: c.Name, Name: strings.TrimSpace(f.Rule + " " + f.Field)}
		if f.Level == LevelError {
			one.Failure, one.Kind, one.Text = f.Message, f.Rule, f.Fix
		} else {
			one.Output = "warning: " + f.Message + "\n" + f.Fix
		}
		s.Cases = append(s.Cases, one)
	}
	if len(findings) == 0 {
		s.Cases = []Case{{Class: c.Name, Name: "lint"}}
	}
	return s
}

// BreakSuite reports what breaks: each is a failure, with its witness; a version that breaks nothing is one case that passed.
func BreakSuite(c *Contract, breaks []Break) Suite {
	s := Suite{Name: "compatibility " + Subject(c.Name, c.Version)}
	for _, b := range breaks {
		what := b.What
		if !b.Certain {
			what += " (cannot be told for certain)"
		}
		name := fmt.Sprintf("%s with v%d %s", b.Direction, b.Against, b.Field)
		text := "Breaks: " + b.Breaks + "\nFix: " + b.Fix
		if b.Witness != nil {
			text += "\nWitness: " + string(b.Witness)
		}
		s.Cases = append(s.Cases, Case{Class: c.Name, Name: strings.TrimSpace(name), Failure: what, Kind: string(b.Direction), Text: text})
	}
	if len(breaks) == 0 {
		s.Cases = []Case{{Class: c.Name, Name: "compatible"}}
	}
	return s
}
