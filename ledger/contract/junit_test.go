package contract

import (
	"encoding/xml"
	"strings"
	"testing"
)

// TestJUnit reads the report as GitLab and Jenkins do: by names of elements and attributes, and by counts.
func TestJUnit(t *testing.T) {
	old, now := parse(t, orderV1), parse(t, orderV2)
	suites := []Suite{
		LintSuite(now, []Finding{{"too-many-mandatory", LevelError, "", "6 are mandatory <&>\x00\x1b", "fewer"}, {"no-owner", LevelWarning, "", "nobody", "set it"}}),
		BreakSuite(now, Satisfies([]*Contract{old}, now, Backward, "")),
		LintSuite(now, nil), BreakSuite(now, nil),
		{Name: "test", Cases: []Case{{Class: "x", Name: "good", Seconds: 0.25, File: "a.json"}, {Class: "x", Name: "later", Skipped: "no contract"}}},
	}
	var b strings.Builder
	if err := WriteJUnit(&b, "baton contracts", suites); err != nil {
		t.Fatal(err)
	}
	var report struct {
		XMLName  xml.Name `xml:"testsuites"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Skipped  int      `xml:"skipped,attr"`
		Time     float64  `xml:"time,attr"`
		Suites   []struct {
			Name     string `xml:"name,attr"`
			Tests    int    `xml:"tests,attr"`
			Failures int    `xml:"failures,attr"`
			Cases    []struct {
				Name    string  `xml:"name,attr"`
				Class   string  `xml:"classname,attr"`
				Time    float64 `xml:"time,attr"`
				Failure *struct {
					Message string `xml:"message,attr"`
					Type    string `xml:"type,attr"`
					Text    string `xml:",chardata"`
				} `xml:"failure"`
				Skipped *struct{} `xml:"skipped"`
				Out     string    `xml:"system-out"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(b.String()), &report); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	tests, failures, skipped := 0, 0, 0
	for _, s := range report.Suites {
		if s.Tests != len(s.Cases) {
			t.Errorf("%s counts %d of %d", s.Name, s.Tests, len(s.Cases))
		}
		for _, c := range s.Cases {
			tests++
			if c.Failure != nil {
				failures++
			}
			if c.Skipped != nil {
				skipped++
			}
		}
	}
	if report.Tests != tests || report.Failures != failures || report.Skipped != skipped || skipped != 1 || failures < 3 || report.Time != 0.25 {
		t.Errorf("%+v", report)
	}
	lint := report.Suites[0].Cases
	if f := lint[0].Failure; f == nil || f.Message != "6 are mandatory <&>\ufffd\ufffd" || f.Type != "too-many-mandatory" || lint[1].Failure != nil || !strings.Contains(lint[1].Out, "nobody") {
		t.Errorf("%+v", lint)
	}
	if f := report.Suites[1].Cases[0].Failure; f == nil || !strings.Contains(f.Text, `Witness: {"mandatory"`) {
		t.Errorf("%+v", f)
	}
}
