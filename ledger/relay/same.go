package relay

import (
	"context"

	"github.com/baton-ledger/baton/ledger"
)

// restoredHint is the next step where stream and ledger are two histories.
const restoredHint = "run `baton verify`; if the ledger was restored from a backup on purpose, set the stream aside (embedded: move the folder nats out of the " +
	"data directory; else remove the stream BATON once nobody needs what it holds): the ledger is then published again from its first event"

// same requires that the newest message of this ledger in the stream is what the ledger holds at its position. A ledger that was restored from
// an older backup and has grown past the stream's end since is not behind it any more: only this tells that they went different ways.
func (s stream) same(ctx context.Context, src ledger.Reader) error {
	m, err := s.newest(ctx)
	if m == nil || err != nil {
		return err
	}
	position := positionOf(s.ledgerID, m.header)
	for e, err := range src.Read(ctx, ledger.ReadOptions{From: position, To: position, HeaderOnly: true}) {
		if err != nil {
			return err
		}
		ours := message(s.ledgerID, &e, s.nc.MaxPayload()).Header
		for _, name := range []string{"id", "source", "stream", "recordedtime"} {
			if theirs := m.header.Get(attributePrefix + name); theirs != ours.Get(attributePrefix+name) {
				return ledger.Errorf(ledger.CodeCorrupt, "relay", restoredHint, "the NATS stream holds another event at position %d than the ledger: its %s is %.200q, the ledger's %.200q",
					position, name, theirs, ours.Get(attributePrefix+name))
			}
		}
	}
	return nil
}

// newest is the last message of this ledger, nil where there is none.
func (s stream) newest(ctx context.Context) (*stored, error) {
	info, err := s.info(ctx)
	if info == nil || err != nil {
		return nil, err
	}
	m, err := s.get(ctx, map[string]any{"last_by_subj": AllSubjects})
	for m != nil && err == nil && positionOf(s.ledgerID, m.header) == 0 {
		m, err = s.before(ctx, m.sequence, info.State.FirstSeq)
	}
	return m, err
}
