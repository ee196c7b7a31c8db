package pebblestore

import (
	"context"

	"github.com/baton-ledger/baton/ledger"
)

var _ ledger.Finder = (*Store)(nil)

// Find looks an event up by its id. Like every read it does not see what is not durable yet, though the index has it.
func (s *Store) Find(_ context.Context, name, source, id string) (ledger.Receipt, bool, error) {
	if err := s.enter(); err != nil {
		return ledger.Receipt{}, false, err
	}
	defer s.reads.Done()
	h, err := s.durableHead(name)
	if err != nil || h.revision == 0 {
		return ledger.Receipt{}, false, err
	}
	e := entry{event: &ledger.Event{ID: id, Source: source}, tag: tagOf(source, id)}
	r, record, err := s.firstReceipt(&stream{name: name, head: h}, &e)
	if err != nil || record == nil || r.Revision > h.revision {
		return ledger.Receipt{}, false, err
	}
	return r, true, nil
}
