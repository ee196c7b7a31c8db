package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Options say what to import, as what, and where to.
type Options struct {
	Path   string        // the file, plain or gzipped
	Reader io.Reader     // read instead of opening Path, which then only names it
	Preset string        // name of an embedded preset, or a YAML file; "" goes by the file's name
	Map    Map           // columns over the preset's
	Source string        // of the events; "" is import:<preset>. Never the file's name: see the package doc
	Append ledger.Append // the intake; nil reads and counts alone
	Ledger ledger.Reader // of the same ledger, for what is there already
	// Progress is called between two writes, from one goroutine, where given.
	Progress func(Progress)
}

// Import reads a log and appends what the ledger does not have yet. It is safe to run twice, and again after it was stopped or killed
// at any moment: the second run skips what is there. The file is parsed while the window before is written.
//
// The summary is valid, as far as the import went, with an error too. Errors are *ledger.Error: CodeInvalid and CodeTooLarge name the row and the
// column; CodeIDConflict, which comes at the end, the rows that differ from what was imported before. Windows before an error are in
// the ledger, and a journey is there whole or not at all, unless it has more than a thousand events or its rows are scattered
// over the file. When the context ends, the window that is being written is finished, and the error says that running
// it again continues.
func Import(ctx context.Context, o Options) (Summary, error) {
	start := time.Now()
	p, err := o.preset()
	if err != nil {
		return Summary{}, err
	}
	if o.Append == nil {
		o.Append = discard
	} else if o.Ledger == nil {
		return Summary{}, ledger.Errorf(ledger.CodeInternal, "import", "", "there is an intake and no reader of what it wrote")
	}
	run := &run{o: o, p: p, ctx: ctx, start: start, groups: make(chan group, 1), stop: make(chan struct{})}
	run.sum = Summary{Source: o.Source, Preset: p.Name, Format: p.Format}
	if run.sum.Source == "" {
		run.sum.Source = "import:" + p.Name
	}
	err = run.all()
	run.sum.Seconds = time.Since(start).Seconds()
	if err != nil {
		return run.sum, err
	}
	return run.sum, run.sum.conflictError()
}

// preset loads the preset, or the one of the file's format, and applies the map.
func (o *Options) preset() (*Preset, error) {
	format, err := "", error(nil)
	name := o.Preset
	if name == "" {
		if format, err = formatOf(o.Path); err != nil {
			return nil, err
		}
		name = format
	}
	p, err := LoadPreset(name)
	if err != nil {
		return nil, err
	}
	if p.Format == "" {
		if p.Format, err = formatOf(o.Path); err != nil {
			return nil, err
		}
	}
	p = p.With(o.Map)
	if p.Format == FormatCloudEvents {
		if len(o.Map) > 0 {
			return nil, ledger.Errorf(ledger.CodeInvalid, "import", "leave --map out", "CloudEvents say themselves what they are: there is nothing to map")
		}
		return p, nil
	}
	for role, columns := range p.roles() {
		if role <= roleTime && len(*columns) == 0 && (role != roleCase || p.Format != FormatOCEL) {
			return nil, ledger.Errorf(ledger.CodeInvalid, "import", "say --map "+Roles[role]+"=COLUMN", "preset %s names no column for %s", p.Name, Roles[role])
		}
	}
	return p, nil
}

// discard is the intake of an import that only counts.
func discard(_ context.Context, batches []ledger.Batch) []ledger.Result {
	return make([]ledger.Result, len(batches))
}

// run is one import. The parser runs in a goroutine of its own and hands windows over; it owns everything of the file, the writer everything of the
// ledger, and counts travel with the windows.
type run struct {
	o      Options
	p      *Preset
	ctx    context.Context
	start  time.Time
	src    *source
	groups chan group
	stop   chan struct{} // closed when the writer has given up
	sum    Summary
	seen   counts // up to the last window that was written
	final  counts // valid once groups is closed, as are pairs
	pairs  int
}

// errStopped ends the parser when nobody takes its windows any more.
var errStopped = errors.New("stopped")

func (r *run) all() (err error) {
	if r.p.Format == FormatOCEL && r.o.Reader != nil {
		path, remove, err := spool(r.o.Reader)
		if err != nil {
			return err
		}
		defer remove()
		r.o.Path, r.o.Reader = path, nil
	}
	if r.src, err = openSource(r.o.Path, r.o.Reader); err != nil {
		return err
	}
	defer func() {
		if cerr := r.src.close(); err == nil {
			err = cerr
		}
	}()
	parsed := make(chan error, 1)
	go func() {
		err := r.parse()
		close(r.groups)
		parsed <- err
	}()
	a := &appender{append: r.o.Append, reader: r.o.Ledger, refused: map[string]bool{}}
	written := r.write(a)
	close(r.stop)
	if written != nil && r.o.Reader != nil { // a pipe may never say another word: the parser is left to it
		r.count(a, r.seen, 0)
		return written
	}
	for range r.groups { // the parser may wait to hand one over
	}
	err = <-parsed
	r.count(a, r.final, r.pairs)
	if written != nil {
		return written
	}
	return err
}

// write takes windows until there are no more, or one fails. The context is looked at between windows alone: a window that has
// begun is finished, so that its answer is known.
func (r *run) write(a *appender) error {
	for {
		select {
		case <-r.ctx.Done():
			return r.interrupted(a)
		case g, more := <-r.groups:
			if !more {
				return nil
			}
			if r.ctx.Err() != nil {
				return r.interrupted(a)
			}
			if err := a.write(context.WithoutCancel(r.ctx), g); err != nil {
				return err
			}
			r.seen = g.counts
			r.report(a, g.counts)
		}
	}
}

func (r *run) interrupted(a *appender) error {
	return ledger.Errorf(ledger.CodeUnavailable, "import", "run the same command again: it skips what is there and continues",
		"stopped after writing %d events: %w", a.written, context.Cause(r.ctx))
}

func (r *run) report(a *appender, c counts) {
	if r.o.Progress == nil {
		return
	}
	seconds := time.Since(r.start).Seconds()
	r.o.Progress(Progress{Rows: c.rows, Journeys: c.journeys, Written: a.written, Skipped: a.skipped, Bytes: r.src.read.Load(), TotalBytes: r.src.total,
		Seconds: seconds, Rate: float64(c.rows) / max(seconds, 1e-9)})
}

func (r *run) count(a *appender, c counts, pairs int) {
	r.sum.Journeys, r.sum.Events, r.sum.Rows = c.journeys, c.events, c.rows
	r.sum.Handoffs, r.sum.NeverAccepted, r.sum.Pairs = c.handoffs, c.handoffs-c.accepted, int64(pairs)
	r.sum.Written, r.sum.Skipped, r.sum.Bytes = a.written, a.skipped, r.src.read.Load()
	r.sum.Conflicts, r.sum.ConflictList = int64(a.conflicts), a.first
}

// parse reads the whole file by its format.
func (r *run) parse() error {
	var c *converter
	out := newBatcher(func() error {
		if c == nil {
			return nil
		}
		return c.checkMissing()
	}, r.send)
	if r.p.Format == FormatCloudEvents {
		n := newNDJSON(out)
		err := n.read(r.src)
		r.final, r.pairs = n.counts, len(n.pairs)
		return r.drain(err)
	}
	c = newConverter(r.p, r.sum.Source, r.p.Format == FormatXES, out)
	err := r.rows(c)
	if err == nil {
		err = c.finish()
	}
	r.final, r.pairs = c.counts, len(c.pairs)
	return r.drain(err)
}

func (r *run) rows(c *converter) error {
	switch r.p.Format {
	case FormatXES:
		c.missing = r.p.required()
		return readXES(r.src, r.p.Case, c)
	case FormatCSV:
		return readCSV(r.src, r.p, c)
	}
	first, err := openSource(r.o.Path, nil)
	if err != nil {
		return err
	}
	o, err := newOCEL(first, r.p)
	if cerr := first.close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	c.missing = r.p.required()
	err = o.read(r.src, c)
	c.counts.events = o.related
	return err
}

// drain reads what is behind the log, so that damage at the end of a gzip file is found too.
func (r *run) drain(err error) error {
	if err != nil {
		return err
	}
	buf := make([]byte, 32<<10)
	for {
		r.src.token()
		switch _, err := r.src.text.Read(buf); err {
		case nil:
		case io.EOF:
			return nil
		default:
			return r.src.damaged(err)
		}
	}
}

// send hands a window to the writer.
func (r *run) send(g group) error {
	select {
	case r.groups <- g:
		return nil
	case <-r.stop:
		return errStopped
	}
}

// String is one line for a person.
func (s Summary) String() string {
	return fmt.Sprintf("%d journeys, %d events, %d handoffs between %d pairs (%d never accepted); %d written, %d already there",
		s.Journeys, s.Events, s.Handoffs, s.Pairs, s.NeverAccepted, s.Written, s.Skipped)
}
