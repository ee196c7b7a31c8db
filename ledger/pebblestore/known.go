package pebblestore

import (
	"context"

	"github.com/baton-ledger/baton/ledger"
)

// Known answers a batch as far as that can be done without writing: the first receipts where all of its events are there, nil where none
// is, and the revision of the stream, which was read before the ids were looked up: a stream that is still at that revision has
// none of them. Expect is not looked at. Errors are those of Append: CodeIDConflict, CodePartialBatch, CodeInvalid for an id that
// stands twice in the batch.
func (s *Store) Known(ctx context.Context, b ledger.Batch) (receipts []ledger.Receipt, revision uint64, err error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	r, err := newRequest(&b)
	if err != nil {
		return nil, 0, err
	}
	h, err := s.durableHead(b.Stream)
	if err != nil || h.revision == 0 {
		return nil, 0, err
	}
	if err := s.enter(); err != nil {
		return nil, 0, err
	}
	defer s.reads.Done()
	st, present := &stream{name: b.Stream, head: h}, 0
	receipts = make([]ledger.Receipt, len(r.entries))
	for i := range r.entries {
		e := &r.entries[i]
		first, record, err := s.firstReceipt(st, e)
		switch {
		case err != nil:
			return nil, 0, err
		case record == nil || first.Revision > h.revision: // it came after the head was read
			continue
		case !ledger.SameContent(record, st.name, e.event):
			return nil, 0, conflict(st, e, first, record)
		}
		first.Duplicate = true
		receipts[i], present = first, present+1
	}
	switch present {
	case 0:
		return nil, h.revision, nil
	case len(receipts):
		return receipts, h.revision, nil
	}
	return nil, h.revision, partial(r, receipts, present)
}
