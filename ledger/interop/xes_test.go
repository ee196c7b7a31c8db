package interop

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

func TestXESKeepsEveryAttribute(t *testing.T) {
	store := newStore(t)
	log := `<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment --><log xes.version="2.0" xmlns="http://www.xes-standard.org/">
<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
<global scope="event"><string key="concept:name" value="UNKNOWN"/></global>
<float key="statistics" value="1"><float key="nested" value="2"/></float>
<trace><string key="concept:name" value="c &amp; d"/><string key="channel" value="Web"><string key="via" value="app"/></string>
<event>
 <string key="concept:name" value="say &quot;hi&quot;&#10;"/>
 <date key="time:timestamp" value="2012-05-06T07:28:08.000+02:00"/>
 <string key="org:group" value=""/><string key="org:resource" value="R1"/>
 <int key="big" value="123456789012345678901234567890"/><int key="plus" value="+5"/>
 <float key="exact" value="0.10000000000000000000001"/><float key="odd" value="INF"/>
 <boolean key="yes" value="true"/><boolean key="one" value="1"/>
 <string key="digits" value="007"/><id key="uid" value="a-b"/><date key="due" value="2020-01-01T00:00:00Z"/>
 <list key="items"><values><int key="x" value="1"/><int key="x" value="2"/></values></list>
 <string key="tab" value="a&#9;b\c"/>
</event></trace></log>`
	log = strings.Replace(log, "&#10;", "", 1)
	if _, err := into(store, "xes", log); err != nil {
		t.Fatal(err)
	}
	want := `interaction.recorded 07:28 {"activity":"say \"hi\"","stage":"R1","party":"R1","attributes":{"org:group":"",` +
		`"big":123456789012345678901234567890,"plus":"+5","exact":0.10000000000000000000001,"odd":"INF","yes":true,"one":"1",` +
		`"digits":"007","uid":"a-b","due":"2020-01-01T00:00:00Z","items/x":1,"items/x#2":2,"tab":"a\tb\\c",` +
		`"case:channel":"Web","case:channel/via":"app"}}`
	if got := stream(t, store, "journey-c & d"); len(got) != 1 || got[0] != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

func TestXESWithoutGroupsUsesResources(t *testing.T) {
	event := func(group, resource string) string {
		return fmt.Sprintf(`<event><string key="org:group" value="%s"/><string key="org:resource" value="%s"/><string key="concept:name" value="a"/>`+
			`<date key="time:timestamp" value="2012-05-06T07:28:08"/></event>`, group, resource)
	}
	trace := func(name string, events ...string) string {
		return `<trace><string key="concept:name" value="` + name + `"/>` + strings.Join(events, "") + "</trace>"
	}
	s, err := count("xes", xesLog(
		trace("1", event("", "x"), event("", "y"), event("", "y")),    // one handoff between resources
		trace("2", event("g", "x"), event("g", "y"), event("h", "y")), // one between groups
		trace("3", event("g", "x"), event("", "y"), event("g", "z")),  // none: a row without a group hands nothing over
	), nil)
	if err != nil || s.Handoffs != 2 || s.Pairs != 2 || s.NeverAccepted != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestXESErrorsNameThePlace(t *testing.T) {
	const name, at = `<string key="concept:name" value="a"/>`, `<date key="time:timestamp" value="2012-05-06T07:28:08Z"/>`
	for text, words := range map[string][]string{
		"":                          {"no <log>"},
		"plain text":                {"no <log>"},
		"<html></html>":             {"<html>"},
		"<log><trace>":              {"ends inside <trace>"},
		"<log><trace></log>":        {"malformed XML", "line 1"},
		"<log>\n<trace a=b/></log>": {"malformed XML", "line 2"},
		"<log><trace>\n<event>" + name + at + "</event></trace></log>":                                                    {"line 1", `"concept:name"`, "before its first event"},
		"<log><trace>" + name + "<event>" + name + "</event></trace></log>":                                               {"row 1", `case "a"`, `"time:timestamp"`, "missing"},
		"<log><trace>" + name + "\n<event>" + at + "</event></trace></log>":                                               {"row 1", "line 2", `"concept:name"`, `"time:timestamp"`},
		"<log><trace>" + name + "<event>" + name + `<date key="time:timestamp" value="yesterday"/></event></trace></log>`: {"row 1", `"yesterday"`, "layouts"},
		"<log><trace>" + name + "<event>" + name + at + "</event>\n<event><string </trace></log>":                         {"line 2", `case "a"`, "row 2"},
		"<log><trace>" + name + "<event><string key=\"x\" value=\"\xff\"/></event></trace></log>":                         {"UTF-8", "row 1"},
		`<?xml version="1.0" encoding="EBCDIC"?><log/>`:                                                                   {"EBCDIC"},
		"<log>" + strings.Repeat("<extension>", 1000):                                                                     {"nested"},
		"<log><trace>" + name + "<event>" + strings.Repeat(`<list key="x">`, 100):                                         {"nested"},
		"<log><trace>" + name + "<event>" + strings.Repeat(`<string key="x" value="1"/>`, maxColumns+1):                   {"attributes", "row 1"},
	} {
		_, err := count("xes", text, nil)
		t.Logf("%v", err)
		if err != nil && strings.Contains(text, "</log>") && strings.Contains(text, "<trace></log>") {
			words = []string{"</log>"}
		}
		wantError(t, err, ledger.CodeInvalid, words[0])
		for _, w := range words[1:] {
			wantError(t, err, ledger.CodeInvalid, w)
		}
	}
}

// A column that the map or the preset's file names has to be somewhere in the first rows; nothing is written before that is known.
func TestXESMissingColumn(t *testing.T) {
	store := newStore(t)
	o := Options{Path: "log", Reader: strings.NewReader(xesLog(incident("1", "A Accepted Open"))), Preset: "xes", Map: Map{"stage": "org:grup"},
		Append: intake(store), Ledger: store}
	_, err := Import(t.Context(), o)
	wantError(t, err, ledger.CodeInvalid, `"org:grup"`, `did you mean "org:group"?`, `"impact"`, "--map")
	if got := contents(t, store); len(got) != 0 {
		t.Errorf("%d events were written", len(got))
	}
}

// A billion laughs: what a document type defines is not expanded, so the file says so in a few bytes of memory.
func TestXESEntityBomb(t *testing.T) {
	var dtd strings.Builder
	dtd.WriteString(`<?xml version="1.0"?><!DOCTYPE log [<!ENTITY lol "lol">`)
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&dtd, `<!ENTITY lol%d "%s">`, i, strings.Repeat(fmt.Sprintf("&lol%d;", i-1), 10))
	}
	dtd.WriteString("]>\n<log><trace>")
	_, err := count("xes", dtd.String()+`<string key="concept:name" value="&lol9;"/></trace></log>`, nil)
	wantError(t, err, ledger.CodeInvalid, "&lol9;", "line 2", "not expanded")
	if _, err := count("xes", dtd.String()+`</trace></log>`, nil); err != nil {
		t.Errorf("entities that nobody uses harm nobody: %v", err)
	}
	_, err = count("xes", `<!DOCTYPE log [<!ENTITY f SYSTEM "file:///etc/hostname">]><log><trace><string key="concept:name" value="&f;"/></trace></log>`, nil)
	wantError(t, err, ledger.CodeInvalid, "&f;")
}

func TestXESHugeAttribute(t *testing.T) {
	open := `<log><trace><string key="concept:name" value="7"/><event><string key="note" value="`
	_, err := count("xes", open+strings.Repeat("x", 2<<20)+`"/></event></trace></log>`, nil)
	wantError(t, err, ledger.CodeTooLarge, "row 1", `case "7"`, `"note"`, "2097152")
	endless := io.MultiReader(strings.NewReader(open), endlessReader{})
	_, err = Import(t.Context(), Options{Path: "log", Reader: endless, Preset: "xes"})
	wantError(t, err, ledger.CodeTooLarge, "single token")
}

// endlessReader never ends.
type endlessReader struct{}

func (endlessReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestXESLatin1(t *testing.T) {
	store := newStore(t)
	log := strings.Replace(xesLog(incident("1", "A Caf\xe9 Open")), "UTF-8", "ISO-8859-1", 1)
	if _, err := into(store, "bpi13", log); err != nil {
		t.Fatal(err)
	}
	if got := stream(t, store, "journey-1"); len(got) != 1 || !strings.Contains(got[0], `"activity":"Café"`) {
		t.Errorf("got %q", got)
	}
}

// Whatever the input, the reader answers; a log that it takes says the same twice.
func FuzzXES(f *testing.F) {
	f.Add(xesLog(incident("1", "A Accepted Open", "B Queued Open", "C Queued Open")))
	f.Add(`<log><trace><string key="concept:name" value="a"><int key="n" value="1"/></string><event/></trace></log>`)
	f.Add("<log")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := count("xes", text, nil)
		b, again := count("xes", text, nil)
		if (err == nil) != (again == nil) || said(a) != said(b) {
			t.Errorf("%+v, %v and then %+v, %v", a, err, b, again)
		}
		if err != nil && ledger.CodeOf(err) == ledger.CodeInternal {
			t.Errorf("an error without a code: %v", err)
		}
	})
}
