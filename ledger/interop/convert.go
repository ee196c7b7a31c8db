package interop

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// counts are what a file says, whatever the ledger knows of it already.
type counts struct {
	rows, events, journeys, handoffs, accepted int64
}

// converter makes events of rows. Of each case it keeps what the handoff rule and the ordinals need, and nothing of its rows.
type converter struct {
	p       *Preset
	columns [roleCount]*Columns
	source  string
	layouts []string
	grouped bool // the rows of a case follow each other: its state goes when it ends
	cases   map[string]*caseState
	order   []*caseState // as they came; of scattered rows alone
	pairs   map[[2]string]bool
	counts  counts
	missing [][]string      // sets of columns that the preset names and no row has had so far
	seen    map[string]bool // columns, while any is missing
	out     *batcher
	idBuf   []byte
	arena   []byte
}

// caseState is what is kept of a case between its rows.
type caseState struct {
	id, journey  string
	rows         int
	picks        [roleCount]int8 // which of a role's columns this case has, from 1; its first row with one of them decides
	stage, party string          // of the last row that had a stage
	open         *offer          // the handoff that waits for its stage to accept
	completed    bool            // the last row fits the close rule
	last         time.Time
	outcome      string
	row          int64
}

// offer is a handoff that has been offered.
type offer struct {
	id, channel string
	from, to    ledger.Party
}

// reading is what a row says by its roles.
type reading struct {
	activity, party, stage, channel, status string
	at                                      time.Time
	queued                                  bool
}

func newConverter(p *Preset, source string, grouped bool, out *batcher) *converter {
	c := &converter{p: p, columns: p.roles(), source: source, layouts: p.Layouts, grouped: grouped, out: out,
		cases: map[string]*caseState{}, pairs: map[[2]string]bool{}, seen: map[string]bool{}}
	if len(c.layouts) == 0 {
		c.layouts = usualLayouts
	}
	return c
}

// row is one row of the log: its custody events, then its interaction.
func (c *converter) row(r *row) error {
	c.look(r)
	s := c.state(r.caseID)
	v, err := c.read(r, s)
	if err != nil {
		return err
	}
	s.rows++
	c.counts.rows++
	c.counts.events++
	events := c.custody(s, &v, make([]ledger.Event, 0, 4))
	events = append(events, c.interaction(s, &v, r))
	s.row, s.last = r.number, v.at
	if c.p.Close != nil {
		s.completed = holds(c.p.Close.When, r)
		own(&s.outcome, cmp.Or(v.status, v.activity))
	}
	if err := c.out.add(ledger.JourneyStream(s.journey), s.id, r.number, events, c.counts); err != nil {
		return err
	}
	if c.grouped {
		return nil
	}
	return c.out.boundary(c.counts)
}

// caseEnds closes a journey whose last row says that it is over.
func (c *converter) caseEnds(id string) error {
	s := c.cases[id]
	if s == nil {
		return nil
	}
	delete(c.cases, id)
	return c.end(s)
}

// finish ends the cases whose end no reader could know.
func (c *converter) finish() error {
	for _, s := range c.order {
		if err := c.end(s); err != nil {
			return err
		}
	}
	if err := c.checkMissing(); err != nil {
		return err
	}
	return c.out.flush(c.counts)
}

func (c *converter) end(s *caseState) error {
	if s.completed {
		data := append(c.begin(), '{')
		data = append(appendMember(data, "outcome", s.outcome), '}')
		e := c.event(s, "closed", ledger.Type("journey", "closed"), s.last, data)
		if err := c.out.add(ledger.JourneyStream(s.journey), s.id, s.row, []ledger.Event{e}, c.counts); err != nil {
			return err
		}
	}
	return c.out.boundary(c.counts)
}

func (c *converter) state(id string) *caseState {
	s := c.cases[id]
	if s == nil {
		id = strings.Clone(id)
		s = &caseState{id: id, journey: id}
		if c.p.Prefix != "" {
			s.journey = c.p.Prefix + id
		}
		c.cases[id] = s
		c.counts.journeys++
		if !c.grouped {
			c.order = append(c.order, s)
		}
	}
	return s
}

// read takes the roles' values out of a row.
func (c *converter) read(r *row, s *caseState) (v reading, err error) {
	var values [roleCount]string
	for role := roleActivity; role < roleCount; role++ {
		values[role] = c.value(r, s, role)
		if values[role] == "" && role <= roleTime {
			return v, r.fail(ledger.CodeInvalid, "fill it, or map another column: --map "+Roles[role]+"=COLUMN; the row has "+quoteNames(r.names()),
				"column %s, the %s, is missing or empty", quoteNames(*c.columns[role]), Roles[role])
		}
	}
	v = reading{activity: values[roleActivity], party: values[roleParty], stage: values[roleStage], channel: values[roleChannel],
		status: values[roleStatus]}
	if v.at, err = parseTime(values[roleTime], c.layouts); err != nil {
		return v, r.fail(ledger.CodeInvalid, `say how it is written, as layouts: ["02/01/2006 15:04"] in a preset file`,
			"column %q, the time, holds %.60q, which is none of %s", (*c.columns[roleTime])[s.picks[roleTime]-1], values[roleTime], quoteNames(c.layouts))
	}
	v.queued = c.p.handsOver() && len(c.p.Handoff.QueuedWhen) > 0 && holds(c.p.Handoff.QueuedWhen, r)
	return v, nil
}

// value gives a role's value: of the column that this case was first seen to have, so that one case never mixes two columns.
func (c *converter) value(r *row, s *caseState, role int) string {
	columns := *c.columns[role]
	if pick := s.picks[role]; pick > 0 {
		return r.get(columns[pick-1])
	}
	for i, name := range columns {
		if v := r.get(name); v != "" {
			s.picks[role] = int8(i + 1)
			return v
		}
	}
	return ""
}

// look strikes the columns of a row off the list of those that no row has had.
func (c *converter) look(r *row) {
	if len(c.missing) == 0 {
		return
	}
	for _, name := range r.names() {
		c.seen[name] = true
	}
	c.missing = slices.DeleteFunc(c.missing, func(set []string) bool { return found(set, c.seen) >= 0 })
}

// checkMissing is asked before anything is written: a column that none of the first few thousand rows has is a mistake.
func (c *converter) checkMissing() error {
	if len(c.missing) == 0 || c.counts.rows == 0 {
		return nil
	}
	var have []string
	for name := range c.seen {
		have = append(have, name)
	}
	slices.Sort(have)
	return missingColumn(c.missing[0], have)
}

func holds(when map[string]string, r *row) bool {
	for column, value := range when {
		if r.get(column) != value {
			return false
		}
	}
	return true
}
