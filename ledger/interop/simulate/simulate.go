package simulate

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Version of the generator: another version makes other bytes.
const Version = 1

// Options say what to simulate. Everything but Journeys and Truth is in the ids: other options make other journeys.
type Options struct {
	Seed     uint64
	Journeys int       // default 1000
	Flows    []string  // names of FlowNames; none is all
	Start    time.Time // first day on which journeys begin, UTC; default 5 January 2026
	Days     int       // on which journeys begin; default 90
	Drift    time.Time // when the world changes; zero: after two thirds of the days
	Truth    io.Writer // gets the truth, where given
}

// Counts of what was made so far.
type Counts struct {
	Journeys, Events, Handoffs int64 // journeys of customers who came back are counted too
}

// Simulation is one configuration.
type Simulation struct {
	o             Options
	arrivals      *arrivals
	drift         int64
	before, after []int // weights of flows
	base          uint64
	prefix        string // of journey ids
	counts        Counts
	arena         arena
	truthErr      error
}

// New checks the options.
func New(o Options) (*Simulation, error) {
	o.Start = cmp.Or(o.Start, time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)).UTC().Truncate(24 * time.Hour)
	o.Journeys, o.Days = cmp.Or(o.Journeys, 1000), cmp.Or(o.Days, 90)
	s := &Simulation{o: o}
	switch year := o.Start.Year(); {
	case o.Journeys < 1 || o.Journeys > 100_000_000:
		return nil, refuse("journeys", "ask for 1 to 100,000,000", "%d", o.Journeys)
	case o.Days < 1 || o.Days > 3660:
		return nil, refuse("days", "ask for 1 to 3660", "%d", o.Days)
	case year < 1971 || year > 2200:
		return nil, refuse("start", "name a day between 1971 and 2200, as 2026-01-05", "%s", o.Start.Format(time.DateOnly))
	}
	start := o.Start.UnixMilli()
	if s.drift = start + int64(o.Days)*day*2/3; !o.Drift.IsZero() {
		s.drift = o.Drift.UnixMilli()
	}
	if err := s.chooseFlows(o.Flows); err != nil {
		return nil, err
	}
	s.arrivals = newArrivals(start, o.Days)
	s.identify(start)
	return s, nil
}

func refuse(option, hint, format string, args ...any) error {
	return ledger.Errorf(ledger.CodeInvalid, "simulate", hint, option+" cannot be "+format, args...)
}

func (s *Simulation) chooseFlows(names []string) error {
	for _, name := range names {
		if !slices.Contains(FlowNames(), name) {
			return refuse("flows", "choose of "+strings.Join(FlowNames(), ", "), "%q", name)
		}
	}
	for i := range flows {
		before, after := flows[i].before, flows[i].after
		if len(names) > 0 && !slices.Contains(names, flows[i].name) {
			before, after = 0, 0
		}
		s.before, s.after = append(s.before, before), append(s.after, after)
	}
	return nil
}

// identify derives from everything that decides about the bytes what ids and dice begin with. The number of journeys is not among it:
// journey k is the same in every run that has it.
func (s *Simulation) identify(start int64) {
	h := fnv.New64a()
	for _, n := range []uint64{Version, s.o.Seed, uint64(start), uint64(s.o.Days), uint64(s.drift)} {
		_ = binary.Write(h, binary.BigEndian, n) // a hash takes everything
	}
	for i := range flows {
		_, _ = h.Write([]byte(flows[i].name + strconv.Itoa(s.before[i]) + ","))
	}
	s.base = mix(h.Sum64())
	s.prefix = "sim-" + strconv.FormatUint(s.o.Seed, 10) + "-" + hex.EncodeToString(binary.BigEndian.AppendUint64(nil, s.base))[:5] + "-"
}

func (s *Simulation) journeyID(k int) string {
	digits := strconv.Itoa(k + 1)
	return s.prefix + "000000"[:max(6-len(digits), 0)] + digits
}

// eventID is a UUID of version 8 (RFC 9562), which leaves its bits to us: a mix of what identifies the simulation, the journey and
// the act. Two acts of one simulation cannot share one, since mix is a bijection.
func (s *Simulation) eventID(j *journey, number uint16) string {
	n := uint64(j.k)<<16 | uint64(number)
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], mix(s.base^mix(n)))
	binary.BigEndian.PutUint64(raw[8:], mix(s.base+n))
	raw[6], raw[8] = raw[6]&0x0f|0x80, raw[8]&0x3f|0x80
	var b [36]byte
	hex.Encode(b[:8], raw[:4])
	hex.Encode(b[9:13], raw[4:6])
	hex.Encode(b[14:18], raw[6:8])
	hex.Encode(b[19:23], raw[8:10])
	hex.Encode(b[24:], raw[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// Counts says what was made so far.
func (s *Simulation) Counts() Counts { return s.counts }

// Events makes the events of all journeys in the order of their times. It can be ranged over again, from the beginning; for one caller at
// a time.
func (s *Simulation) Events() iter.Seq2[ledger.Event, error] {
	return func(yield func(ledger.Event, error) bool) {
		s.counts, s.truthErr = Counts{}, nil
		truth := bufio.NewWriterSize(io.Discard, 64<<10)
		if s.o.Truth != nil {
			truth.Reset(s.o.Truth)
			_, s.truthErr = truth.Write(s.truthHeader(nil))
		}
		if !s.run(truth, yield) {
			return
		}
		if err := cmp.Or(s.truthErr, truth.Flush()); err != nil {
			yield(ledger.Event{}, ledger.Errorf(ledger.CodeUnavailable, "simulate", "see that the truth can be written", "truth: %w", err))
		}
	}
}

// run merges the journeys. It reports whether somebody still listens.
func (s *Simulation) run(truth *bufio.Writer, yield func(ledger.Event, error) bool) bool {
	var (
		active agenda
		free   []*journey
		line   []byte
	)
	for begins := range s.beginnings() {
		for len(active) > 0 && active[0].at <= begins.at {
			if !s.emit(&active, &free, yield) {
				return false
			}
		}
		j := &journey{}
		if n := len(free); n > 0 {
			j, free = free[n-1], free[:n-1]
		}
		s.plan(j, begins.k, begins.at)
		s.counts.Journeys++
		if s.o.Truth != nil {
			line = s.truth(line[:0], j)
			if _, s.truthErr = truth.Write(line); s.truthErr != nil {
				return true
			}
		}
		heap.Push(&active, due{j.acts[0].at, j.k, j})
	}
	for len(active) > 0 {
		if !s.emit(&active, &free, yield) {
			return false
		}
	}
	return true
}

// emit yields the next event of the journey that is due first.
func (s *Simulation) emit(active *agenda, free *[]*journey, yield func(ledger.Event, error) bool) bool {
	d := &(*active)[0]
	j := d.journey
	a := &j.acts[j.next]
	e := s.event(j, a)
	s.counts.Events++
	switch {
	case a.verb == vOffered:
		s.counts.Handoffs++
	case a.verb == vStarted && a.again:
		s.counts.Journeys++
	}
	switch j.next++; len(j.acts) - j.next {
	case 0:
		heap.Pop(active)
		if cap(j.acts) > 1 {
			*free = append(*free, j)
		}
		return yield(e, nil)
	case 1: // it comes a month later: what it needs is little
		d.journey = j.rest()
		*free = append(*free, j)
	}
	d.at = d.journey.acts[d.journey.next].at
	heap.Fix(active, 0)
	return yield(e, nil)
}

// rest is a journey with its last act alone.
func (j *journey) rest() *journey {
	return &journey{k: j.k, id: j.id, flow: j.flow, flowIndex: j.flowIndex, customer: j.customer, outcome: j.outcome, hands: slices.Clone(j.hands),
		suggestion: j.suggestion, acts: []act{j.acts[len(j.acts)-1]}}
}
