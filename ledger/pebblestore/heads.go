package pebblestore

import (
	"container/list"

	"github.com/cockroachdb/pebble/v2"

	"github.com/baton-ledger/baton/ledger"
)

// Sizes of the head cache. A stream longer than maxPrints answers id look-ups from the index: its prints would cost more to load
// than the look-up saves.
const (
	maxHeads  = 1 << 16
	maxPrints = 1024
	allPrints = 1 << 21 // of all streams together, 16 MiB
)

// stream is the writer's view of one stream: its head, applied groups included, and 8-byte prints of its event ids, so that a new id
// is known to be new without touching the disk. The random look-up in a growing index is what an append would otherwise spend most
// of its time on; a stream's prints load with one short scan, since the id index is ordered by stream.
type stream struct {
	name   string
	tag    ledger.Hash
	head   head
	prints []uint64
	exact  bool // prints has all ids of the stream
	dirty  bool // changed by the group that is being built
}

// mayHave reports whether the stream may hold an id with this tag; false is certain.
func (s *stream) mayHave(t idTag) bool {
	if !s.exact {
		return s.head.revision > 0
	}
	p := t.print()
	for _, q := range s.prints {
		if p == q {
			return true
		}
	}
	return false
}

// heads is a cache of streams, least recently used out. It belongs to the writer's goroutine.
type heads struct {
	store  *Store
	byName map[string]*list.Element
	order  *list.List // front is newest
	prints int
}

func newHeads(s *Store) *heads {
	return &heads{store: s, byName: map[string]*list.Element{}, order: list.New()}
}

// get loads a stream, or makes the zero state of one that does not exist.
func (h *heads) get(name string) (*stream, error) {
	if e, ok := h.byName[name]; ok {
		h.order.MoveToFront(e)
		return e.Value.(*stream), nil
	}
	st := &stream{name: name, tag: ledger.StreamTag(h.store.opts.TagKey, name), exact: true}
	st.head.hash = ledger.SeedHead(st.tag)
	stored, err := h.store.loadHead(name)
	if err != nil {
		return nil, err
	}
	if stored.revision > 0 {
		st.head = stored
		if st.exact = stored.revision <= maxPrints; st.exact {
			if err := h.loadPrints(st); err != nil {
				return nil, err
			}
		}
	}
	h.prints += len(st.prints)
	h.byName[name] = h.order.PushFront(st)
	return st, nil
}

func (h *heads) loadPrints(st *stream) error {
	prefix := positionKey(nil, keyID, st.head.first)
	it, err := h.store.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: upper(prefix)})
	if err != nil {
		return h.store.readError(err)
	}
	defer it.Close()
	st.prints = make([]uint64, 0, st.head.revision+8)
	for ok := it.First(); ok; ok = it.Next() {
		if tag := it.Key()[len(prefix):]; len(tag) == len(idTag{}) {
			st.prints = append(st.prints, idTag(tag).print())
		}
	}
	return h.store.readError(it.Error())
}

// add notes an id that the writer has just placed.
func (h *heads) add(st *stream, t idTag) {
	switch {
	case !st.exact:
	case len(st.prints) >= maxPrints:
		h.prints -= len(st.prints)
		st.prints, st.exact = nil, false
	default:
		st.prints = append(st.prints, t.print())
		h.prints++
	}
}

// trim drops what is over the limits. It is called between groups: streams of the group being built stay.
func (h *heads) trim() {
	for h.order.Len() > maxHeads || h.prints > allPrints && h.order.Len() > 1 {
		e := h.order.Back()
		st := h.order.Remove(e).(*stream)
		delete(h.byName, st.name)
		h.prints -= len(st.prints)
	}
}
