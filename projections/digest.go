package projections

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"iter"

	"github.com/baton-ledger/baton/ledger"
)

// Digest answers the state digest of the models and the position it is of: SHA-256 over, for every key in order, key length
// (uvarint), key, value length, value. Space 0 (bookkeeping) is left out.
func (m *Models) Digest(ctx context.Context) (position uint64, digest ledger.Hash, err error) {
	v, err := m.view(ctx)
	if err != nil {
		return 0, ledger.Hash{}, err
	}
	defer v.close()
	digest, err = v.digest(ctx)
	return v.position, digest, err
}

func (v *view) digest(ctx context.Context) (ledger.Hash, error) {
	h := sha256.New()
	buf := make([]byte, 0, 1<<16)
	for p, err := range v.state(ctx) {
		if err != nil {
			return ledger.Hash{}, err
		}
		buf = append(binary.AppendUvarint(buf, uint64(len(p.key))), p.key...)
		buf = append(binary.AppendUvarint(buf, uint64(len(p.value))), p.value...)
		if len(buf) > 1<<15 {
			h.Write(buf)
			buf = buf[:0]
		}
	}
	h.Write(buf)
	return ledger.Hash(h.Sum(nil)), nil
}

// state yields what the digest covers. No counter ever falls back to nothing, so there is no key that only some ways of folding leave.
func (v *view) state(ctx context.Context) iter.Seq2[pair, error] {
	return v.scan(ctx, nil, []byte{spaceMeta, 0xff}, false)
}

// difference finds the first key in order that two views do not agree on, nil where they do.
func difference(ctx context.Context, a, b *view) ([]byte, error) {
	next, stop := iter.Pull2(b.state(ctx))
	defer stop()
	for p, err := range a.state(ctx) {
		if err != nil {
			return nil, err
		}
		q, err, ok := next()
		switch {
		case err != nil:
			return nil, err
		case !ok || bytes.Compare(p.key, q.key) < 0:
			return bytes.Clone(p.key), nil
		case !bytes.Equal(p.key, q.key) || !bytes.Equal(p.value, q.value):
			return bytes.Clone(q.key), nil
		}
	}
	q, err, _ := next()
	return bytes.Clone(q.key), err
}
