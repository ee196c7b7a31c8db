package interop

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/baton-ledger/baton/ledger"
)

// maxXESDepth bounds nested attributes.
const maxXESDepth = 64

// xesReader pulls a XES log, trace by trace. It reads raw tokens and checks the nesting itself, since Token does twice the work for
// namespaces that XES has no use for. Entities that a document type defines are never expanded: encoding/xml knows
// only the five of XML, so that a small file cannot become a large one.
type xesReader struct {
	src  *source
	xml  *xml.Decoder
	open []string // names of the open elements
	rows int64
	size int // of the attributes of the trace and of the event that is read
	base int // of those of the trace
	row  row
}

// readXES reads a log into a sink; caseKey lists the trace attributes that may name the case.
func readXES(src *source, caseKey Columns, to sink) error {
	x := &xesReader{src: src, xml: xml.NewDecoder(src.text)}
	x.xml.CharsetReader = charset
	start, err := x.child()
	if err != nil {
		return err
	}
	if start.Name.Local != "log" {
		return x.fail("import an XES log, or say --preset for what it is", "the file is not XES: it begins with <%s>", start.Name.Local)
	}
	return x.log(caseKey, to)
}

func (x *xesReader) log(caseKey Columns, to sink) error {
	for {
		start, err := x.child()
		switch {
		case err != nil || start == nil:
			return err
		case start.Name.Local == "trace":
			err = x.trace(caseKey, to)
		default:
			err = x.skip()
		}
		if err != nil {
			return err
		}
	}
}

// trace reads one trace: its attributes, which XES puts first, then its events.
func (x *xesReader) trace(caseKey Columns, to sink) error {
	x.row, x.size, x.base = row{}, 0, 0
	line, _ := x.xml.InputPos()
	for {
		start, err := x.child()
		if err != nil {
			return err
		}
		if start == nil {
			break
		}
		if start.Name.Local != "event" {
			if err := x.attribute(start, "case:", &x.row.outer); err != nil {
				return err
			}
			x.base = x.size
			continue
		}
		if x.row.caseID == "" {
			if x.row.caseID = x.nameCase(caseKey); x.row.caseID == "" {
				return ledger.Errorf(ledger.CodeInvalid, "import", "map it: --map case=ATTRIBUTE; there are "+quoteNames(x.row.names()),
					"the trace at line %d has no attribute %s before its first event", line, quoteNames(caseKey))
			}
		}
		if err := x.event(to); err != nil {
			return err
		}
	}
	if x.row.caseID == "" { // a trace without events is no journey
		return nil
	}
	return to.caseEnds(x.row.caseID)
}

// nameCase takes the case's id from the trace's attributes, where it then no longer stands.
func (x *xesReader) nameCase(caseKey Columns) string {
	for _, key := range caseKey {
		key = "case:" + strings.TrimPrefix(key, "case:")
		for i, a := range x.row.outer {
			if a.name == key && a.value != "" {
				x.row.outer = append(x.row.outer[:i:i], x.row.outer[i+1:]...)
				return a.value
			}
		}
	}
	return ""
}

func (x *xesReader) event(to sink) error {
	x.rows++
	x.row.number, x.row.attrs, x.size = x.rows, x.row.attrs[:0], x.base
	x.row.line, _ = x.xml.InputPos()
	for {
		start, err := x.child()
		if err != nil {
			return err
		}
		if start == nil {
			break
		}
		if err := x.attribute(start, "", &x.row.attrs); err != nil {
			return err
		}
	}
	return to.row(&x.row)
}

// room refuses what no event could hold before it is kept.
func (x *xesReader) room(name, value string, list []attr) error {
	if len(list) >= maxColumns {
		return x.fail("leave attributes out of the log", "there are more than %d attributes", maxColumns)
	}
	if x.size += len(name) + len(value); x.size > ledger.MaxData {
		return x.row.tooLarge(append(list, attr{name: name, value: value}))
	}
	return nil
}

// attribute reads one attribute and, below its name, those nested in it.
func (x *xesReader) attribute(start *xml.StartElement, prefix string, into *[]attr) error {
	if len(x.open) > maxXESDepth {
		return x.fail("flatten the log", "attributes are nested more than %d deep", maxXESDepth)
	}
	var key, value string
	var valued bool
	for i := range start.Attr {
		switch a := &start.Attr[i]; a.Name.Local {
		case "key":
			key = a.Value
		case "value":
			value, valued = a.Value, true
		}
	}
	name := prefix + key
	if valued && key != "" {
		if err := x.room(name, value, *into); err != nil {
			return err
		}
		*into = add(*into, typed(name, value, start.Name.Local))
	}
	if key != "" {
		prefix = name + "/"
	}
	for {
		child, err := x.child()
		if err != nil || child == nil {
			return err
		}
		if err := x.attribute(child, prefix, into); err != nil {
			return err
		}
	}
}

// typed keeps the text of a value; as JSON where its declared type and its text allow it.
func typed(name, value, kind string) attr {
	number := (kind == "int" || kind == "float") && isJSONNumber(value)
	boolean := kind == "boolean" && (value == "true" || value == "false")
	return attr{name: name, value: value, verbatim: number || boolean}
}

// child gives the next element inside the open one, nil at its end.
func (x *xesReader) child() (*xml.StartElement, error) {
	for {
		t, err := x.xml.RawToken()
		if err != nil {
			return nil, x.failure(err)
		}
		x.src.token()
		switch t := t.(type) {
		case xml.StartElement:
			if len(x.open) >= 2*maxXESDepth { // also of elements that are passed over: a small file could open millions
				return nil, x.fail("flatten the log", "elements are nested more than %d deep", 2*maxXESDepth)
			}
			x.open = append(x.open, t.Name.Local)
			return &t, nil
		case xml.EndElement:
			n := len(x.open) - 1
			if n < 0 || x.open[n] != t.Name.Local {
				return nil, x.fail("export the log again", "</%s> closes an element that is not open", t.Name.Local)
			}
			x.open = x.open[:n]
			return nil, nil
		}
	}
}

// skip reads to the end of the open element.
func (x *xesReader) skip() error {
	for depth := len(x.open); len(x.open) >= depth; {
		if _, err := x.child(); err != nil {
			return err
		}
	}
	return nil
}

// failure explains an error of the XML parser: where it is, in which case, and what to do.
func (x *xesReader) failure(err error) error {
	var syntax *xml.SyntaxError
	switch {
	case x.src.err != nil:
		return x.src.damaged(x.src.err)
	case errors.Is(err, io.EOF) && len(x.open) == 0:
		return x.fail("export the log again", "the file has no <log> element")
	case errors.Is(err, io.EOF):
		return x.fail("export the log again: its end is missing", "the file ends inside <%s>", x.open[len(x.open)-1])
	case errors.As(err, &syntax) && strings.Contains(syntax.Msg, "entity"):
		return x.fail("write the text itself: entities that a document defines are not expanded", "malformed XML: %s", syntax.Msg)
	case errors.As(err, &syntax) && strings.Contains(syntax.Msg, "UTF-8"):
		return x.fail("export the log as UTF-8", "malformed XML: %s", syntax.Msg)
	case errors.As(err, &syntax):
		return x.fail("mend the file there, or export the log again", "malformed XML: %s", syntax.Msg)
	}
	return x.fail("export the log as UTF-8", "%w", err)
}

func (x *xesReader) fail(hint, format string, args ...any) error {
	at := x.row
	at.number = x.rows
	at.line, _ = x.xml.InputPos()
	return at.fail(ledger.CodeInvalid, hint, format, args...)
}

// charset reads the one old encoding that logs still come in.
func charset(label string, input io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "us-ascii", "ascii":
		return input, nil
	case "iso-8859-1", "latin1", "latin-1":
		return latin1{input}, nil
	}
	return nil, errors.New("the file is encoded in " + label + ", which is not read")
}

// latin1 turns ISO 8859-1 into UTF-8: each byte is its own code point, of at most two bytes.
type latin1 struct{ r io.Reader }

func (l latin1) Read(p []byte) (int, error) {
	raw := make([]byte, max(1, len(p)/2))
	n, err := l.r.Read(raw)
	out := p[:0]
	for _, b := range raw[:n] {
		out = utf8.AppendRune(out, rune(b))
	}
	return len(out), err
}
