package projections

import (
	"errors"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/baton-ledger/baton/ledger"
)

// folder folds events into journeys in memory and, when told to flush, writes what has changed: rows and index entries as they are now,
// counters as differences. It is for one goroutine. Folders that share a database must not share a journey.
type folder struct {
	db    *pebble.DB
	cache cache
	// written, where it is not nil, knows which journeys may be in the database: the others are not looked up.
	written written

	dirty   []*entry
	pending int // estimated bytes of the dirty entries
	totals  sums
	counts  map[string]*sums // by key
	first   time.Time        // earliest and latest occurred time of facts since the last flush
	last    time.Time
	scratch []byte
	row     []byte

	out changes // of the flush that runs
	err error   // first error of that flush
}

func newFolder(db *pebble.DB, cacheBytes int) *folder {
	return &folder{db: db, cache: newCache(cacheBytes), counts: make(map[string]*sums)}
}

// event folds one event.
func (f *folder) event(r *ledger.Recorded) error {
	f.totals.add(countEvents, 1)
	id := ledger.JourneyOf(r.Stream)
	if id == "" {
		return nil
	}
	e, err := f.entry(id)
	if err != nil {
		return err
	}
	if !e.dirty {
		e.begin()
		f.dirty = append(f.dirty, e)
		f.pending += 512
	}
	f.apply(e, r)
	return nil
}

// entry finds a journey in memory or in the database, or begins it.
func (f *folder) entry(id string) (*entry, error) {
	if e := f.cache.get(id); e != nil {
		return e, nil
	}
	e := new(entry)
	e.row.Journey.ID = strings.Clone(id)
	if f.written.has(id) {
		if err := f.load(&e.row); err != nil {
			return nil, err
		}
	}
	e.size = estimate(&e.row.Journey)
	f.cache.put(e)
	return e, nil
}

// load reads a journey's row where the database has one.
func (f *folder) load(r *row) error {
	f.scratch = appendText(append(f.scratch[:0], spaceJourney), r.Journey.ID)
	value, closer, err := f.db.Get(f.scratch)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return failed(err)
	}
	defer closer.Close()
	stored, err := decodeRow(value)
	if err == nil {
		*r = *stored
	}
	return err
}

func (f *folder) apply(e *entry, r *ledger.Recorded) {
	j := &e.row.Journey
	family, verb := ledger.SplitType(r.Type)
	e.touchFor(r, family, verb)
	if j.Events == 0 {
		e.row.First = r.Position
	}
	handoffs, anomalies := len(j.Handoffs), len(j.Anomalies)
	change := j.Apply(r)
	f.pending += 32 + 1024*(len(j.Handoffs)-handoffs) + 128*(len(j.Anomalies)-anomalies)
	if strings.HasPrefix(r.Stream, ledger.CategoryJourney) {
		f.fact(e, r, &change)
	}
	if family == "interaction" {
		f.totals.add(countInteractions, 1)
		if change.PrevStage != "" && j.Stage != "" {
			f.network(levelGroup, change.PrevStage, j.Stage)
		}
		if change.PrevParty != "" && j.Party != "" {
			f.network(levelResource, change.PrevParty, j.Party)
		}
	}
}

// fact notes the time of a fact: machines and readers, who write to the overlay, neither make a journey busy nor move the report's now.
func (f *folder) fact(e *entry, r *ledger.Recorded, change *ledger.Change) {
	at := r.Occurred()
	if at.After(e.row.LastAct) && !against(change.Anomalies) {
		e.row.LastAct = at
	}
	if f.first.IsZero() || at.Before(f.first) {
		f.first = at
	}
	if at.After(f.last) {
		f.last = at
	}
}

// counter finds the counters under a key made of texts.
func (f *folder) counter(space byte, parts ...string) *sums {
	f.scratch = append(f.scratch[:0], space)
	for _, p := range parts {
		f.scratch = appendText(f.scratch, p)
	}
	return f.counterAt(f.scratch)
}

func (f *folder) counterAt(key []byte) *sums {
	s := f.counts[string(key)]
	if s == nil {
		s = new(sums)
		f.counts[string(key)] = s
	}
	return s
}

// network counts one handover of work.
func (f *folder) network(level byte, from, to string) {
	f.scratch = appendText(appendText(append(f.scratch[:0], spaceNetwork, level), from), to)
	f.counterAt(f.scratch).add(0, 1)
}

func (f *folder) anomaly(name, journey string, position uint64, firstInJourney bool) {
	key := textKey(spaceInstance, name, journey)
	f.set(append(key, positionKey(0, position)[1:]...), nil)
	s := f.counter(spaceAnomaly, name)
	s.add(countInstances, 1)
	if firstInJourney {
		s.add(countInJourneys, 1)
	}
}

// flush writes everything that has changed. No key comes twice.
func (f *folder) flush(out changes) error {
	f.out, f.err = out, nil
	for _, e := range f.dirty {
		size := e.size
		e.write(f)
		if f.written != nil {
			f.written.add(e.row.Journey.ID)
		}
		f.cache.grow(e.size - size)
	}
	f.writeCounts()
	clear(f.dirty)
	f.dirty, f.pending, f.out = f.dirty[:0], 0, nil
	f.cache.trim()
	return f.err
}

func (f *folder) writeCounts() {
	for key, s := range f.counts {
		f.merge([]byte(key), s.encode(nil))
	}
	clear(f.counts)
	f.merge(keyTotals, f.totals.encode(nil))
	f.totals = f.totals[:0]
	if !f.first.IsZero() {
		f.merge(keyFirstAt, appendTime(nil, f.first))
		f.merge(keyLastAt, appendTime(nil, f.last))
	}
	f.first, f.last = time.Time{}, time.Time{}
}

// forget drops all that is in memory, after a flush that failed: the database is the truth.
func (f *folder) forget() { *f = *newFolder(f.db, f.cache.limit) }

func (f *folder) set(key, value []byte) {
	if f.err == nil {
		f.err = f.out.Set(key, value, nil)
	}
}

func (f *folder) delete(key []byte) {
	if f.err == nil {
		f.err = f.out.Delete(key, nil)
	}
}

func (f *folder) merge(key, value []byte) {
	if f.err == nil && len(value) > 0 {
		f.err = f.out.Merge(key, value, nil)
	}
}
