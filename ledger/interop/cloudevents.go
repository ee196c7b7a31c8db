package interop

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// ndjsonReader takes CloudEvents as they are, one a line: nothing is mapped, no id is made. It remembers which journeys and open
// handoffs it has seen, to count them.
type ndjsonReader struct {
	out      *batcher
	counts   counts
	journeys map[string]bool
	offered  map[string]bool // handoffs that nobody has accepted so far
	pairs    map[[2]string]bool
	line     row
}

func newNDJSON(out *batcher) *ndjsonReader {
	out.inOrder = true
	return &ndjsonReader{out: out, journeys: map[string]bool{}, offered: map[string]bool{}, pairs: map[[2]string]bool{}}
}

// read reads lines up to the end of the file. Empty lines are passed over.
func (n *ndjsonReader) read(src *source) error {
	for {
		n.line.line++
		line, err := readLine(src)
		if src.err != nil {
			return src.damaged(src.err)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if err := n.take(line); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return n.out.flush(n.counts)
		}
		if err != nil {
			return err
		}
	}
}

// readLine gives one line, in memory of its own: events keep parts of it. The source bounds its length.
func readLine(src *source) ([]byte, error) {
	src.token()
	var line []byte
	for {
		part, err := src.text.ReadSlice('\n')
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func (n *ndjsonReader) take(line []byte) error {
	n.line.number++
	e, err := ledger.ParseCloudEvent(line)
	if err != nil {
		return n.line.fail(ledger.CodeOf(err), ledger.HintOf(err), "not a CloudEvent: %w", cause(err))
	}
	n.counts.rows++
	n.counts.events++
	if e.Subject != "" && !n.journeys[e.Subject] {
		n.journeys[strings.Clone(e.Subject)] = true
		n.counts.journeys++
	}
	if family, verb := ledger.SplitType(e.Type); family == "handoff" {
		if err := n.handoff(&e, verb); err != nil {
			return err
		}
	}
	return n.out.addNamed(ledger.StreamFor(&e), n.line.number, e, n.counts)
}

// handoff counts offers and their first acceptance.
func (n *ndjsonReader) handoff(e *ledger.Event, verb string) error {
	if verb != "offered" && verb != "accepted" {
		return nil
	}
	f, err := ledger.DeriveFacets(e.Data)
	if err != nil {
		return n.line.fail(ledger.CodeOf(err), ledger.HintOf(err), "event %.80q: %w", e.ID, cause(err))
	}
	if key := e.Subject + "\x00" + e.ID; verb == "offered" {
		n.counts.handoffs++
		n.offered[key] = true
		n.pairs[[2]string{f.Sender, f.Receiver}] = true
	}
	if key := e.Subject + "\x00" + f.Handoff; verb == "accepted" && n.offered[key] {
		n.counts.accepted++
		delete(n.offered, key)
	}
	return nil
}

// cause is what an error says without its operation.
func cause(err error) error {
	var e *ledger.Error
	if errors.As(err, &e) && e.Err != nil {
		return e.Err
	}
	return err
}
