package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// TailOptions choose the events of a tail; everything that is given must hold.
type TailOptions struct {
	From    uint64   // first position, 1 is everything; 0 is what comes from now on
	Stream  string   // events of this stream
	Journey string   // events of this journey, its overlay included
	Types   []string // events of one of these types
	Point   string   // events whose own data names this point, as ledger.Point spells it
	Filter  string   // CEL expression, as event.channel == "chat" && data.amount > 100

	Away time.Duration // how long the server may be out of reach before Tail ends with that error; 0 is a minute, less is for ever
}

// The server says that it lives every 15 seconds: one that is silent for silence has gone.
const (
	silence   = 45 * time.Second
	longest   = 5 * time.Second // between two attempts
	frameSize = 8 << 20         // the largest event in base64 with its attributes is a quarter of that
)

// Tail yields events as they are recorded, in order and without a gap: those that are there from a position on, then those to come, until the
// context ends, whose error is the last that it yields. When the connection breaks or the server starts again, it goes on
// after the last event that it had, none lost and none twice. Events have what CloudEvents JSON holds: no Record, PrevHead or Facets.
//
// Errors: CodeInvalid for a filter that does not compile (its detail says where), and for a position past the end of the
// ledger; CodeUnavailable when the server cannot be reached at first, or for longer than Away.
func (c *Client) Tail(ctx context.Context, o TailOptions) iter.Seq2[ledger.Recorded, error] {
	return func(yield func(ledger.Recorded, error) bool) {
		if o.Away == 0 {
			o.Away = time.Minute
		}
		t := &tail{c: c, o: o, yield: yield}
		var lost time.Time // since when the server is out of reach
		for attempt := 0; ; attempt++ {
			err := t.connection(ctx)
			if t.ended {
				return
			}
			if t.heard {
				lost, attempt, t.heard = time.Time{}, 0, false
			}
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			if lost.IsZero() {
				lost = time.Now()
			}
			if ctx.Err() != nil || !t.begun || !passing(err) || o.Away > 0 && time.Since(lost) > o.Away {
				yield(ledger.Recorded{}, err)
				return
			}
			pause(ctx, attempt)
		}
	}
}

// passing reports whether to ask again may help: the server is being started, or asks to be left alone for a while.
func passing(err error) bool {
	return errors.Is(err, ledger.CodeUnavailable) || errors.Is(err, ledger.CodeClosed) || errors.Is(err, ledger.CodeTooMany)
}

// pause waits longer each time, and not as long as all the others: they lost the server at the same moment.
func pause(ctx context.Context, attempt int) {
	most := min(longest, 100*time.Millisecond<<min(attempt, 10))
	timer := time.NewTimer(most/2 + rand.N(most/2))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// tail is one tail over as many connections as it takes.
type tail struct {
	c     *Client
	o     TailOptions
	yield func(ledger.Recorded, error) bool
	id    string // of the last event
	begun bool   // a server has answered once
	heard bool   // on this connection
	ended bool   // the caller has had enough
}

// connection reads one answer to its end, which is never a good one.
func (t *tail) connection(parent context.Context) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	query := values("stream", t.o.Stream, "journey", t.o.Journey, "point", t.o.Point, "filter", t.o.Filter, "last-event-id", t.id)
	query["type"] = t.o.Types
	if t.id == "" && t.o.From > 0 {
		query.Set("from", strconv.FormatUint(t.o.From, 10))
	}
	quiet := time.AfterFunc(silence, cancel)
	defer quiet.Stop()
	resp, err := t.c.send(ctx, http.MethodGet, "/v1/tail", query, nil)
	if errors.Is(err, context.Canceled) {
		return unreachable(parent, err) // it was silent
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	t.begun, t.heard = true, true
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, frameSize)
	for f := (frame{}); lines.Scan(); {
		quiet.Reset(silence)
		if !f.line(lines.Bytes()) {
			continue
		}
		if err := t.take(&f); err != nil || t.ended {
			return err
		}
		f = frame{data: f.data[:0]}
	}
	err = lines.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return unreachable(parent, err)
}

// take passes a whole event on.
func (t *tail) take(f *frame) error {
	switch f.event {
	case "baton":
		r, err := ledger.ParseRecordedCloudEvent(bytes.TrimSuffix(f.data, []byte("\n")))
		if err != nil {
			return err
		}
		t.ended = !t.yield(r, nil)
	case "problem":
		var p Problem
		if err := json.Unmarshal(f.data, &p); err != nil {
			return ledger.Errorf(ledger.CodeInternal, "tail", "", "the server ends the tail with %.200q", f.data)
		}
		return p.Ledger()
	}
	if f.id != "" {
		t.id = f.id
	}
	return nil
}

// frame is one server-sent event as it comes in.
type frame struct {
	id, event string
	data      []byte
}

// line takes one line; true when it ends the event.
func (f *frame) line(b []byte) bool {
	name, value, _ := bytes.Cut(bytes.TrimSuffix(b, []byte("\r")), []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "id":
		f.id = string(value)
	case "event":
		f.event = string(value)
	case "data":
		f.data = append(append(f.data, value...), '\n')
	}
	return len(b) == 0
}
