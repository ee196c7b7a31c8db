package projections

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/baton-ledger/baton/ledger"
)

// view is one consistent state of the models, of which a query makes its answer.
type view struct {
	*pebble.Snapshot
	gen      *generation
	position uint64
}

// view pins the models as they are now.
func (m *Models) view(ctx context.Context) (*view, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.gen == nil {
		return nil, closed()
	}
	m.gen.refs.Add(1)
	v := &view{Snapshot: m.gen.db.NewSnapshot(), gen: m.gen}
	var err error
	if _, v.position, err = bookkeeping(v); err != nil {
		return nil, errors.Join(err, v.close())
	}
	return v, nil
}

func (v *view) close() error { return errors.Join(v.Snapshot.Close(), v.gen.release()) }

// get reads one value, nil where there is none.
func (v *view) get(key []byte) ([]byte, error) {
	value, closer, err := v.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, failed(err)
	}
	defer closer.Close()
	return bytes.Clone(value), nil
}

// pair is one key and value; both are valid until the next one.
type pair struct{ key, value []byte }

// scan yields the pairs under a prefix, after a key where one is given, in order or backwards.
func (v *view) scan(ctx context.Context, prefix, after []byte, backwards bool) iter.Seq2[pair, error] {
	o := pebble.IterOptions{LowerBound: prefix, UpperBound: upperBound(prefix)}
	if after != nil && !backwards {
		o.LowerBound = append(bytes.Clone(after), 0)
	} else if after != nil {
		o.UpperBound = after
	}
	return func(yield func(pair, error) bool) {
		it, err := v.NewIterWithContext(ctx, &o)
		if err != nil {
			yield(pair{}, failed(err))
			return
		}
		defer it.Close()
		first, next := it.First, it.Next
		if backwards {
			first, next = it.Last, it.Prev
		}
		n := 0
		for ok := first(); ok; ok = next() {
			if n++; n&1023 == 0 && ctx.Err() != nil {
				yield(pair{}, ctx.Err())
				return
			}
			value, err := it.ValueAndErr()
			if err != nil {
				yield(pair{}, failed(err))
				return
			}
			if !yield(pair{it.Key(), value}, nil) {
				return
			}
		}
		if err := it.Error(); err != nil {
			yield(pair{}, failed(err))
		}
	}
}

// row reads a journey, nil where there is none.
func (v *view) row(id string) (*row, error) {
	value, closer, err := v.Get(textKey(spaceJourney, id))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, failed(err)
	}
	defer closer.Close()
	return decodeRow(value)
}

func (v *view) sums(key []byte) (sums, error) {
	value, err := v.get(key)
	if err != nil {
		return nil, err
	}
	return decodeSums(value)
}

// time reads the first or the last occurred time of a fact, zero for a ledger without facts.
func (v *view) time(key []byte) (time.Time, error) {
	value, err := v.get(key)
	if err != nil || value == nil {
		return time.Time{}, err
	}
	t, _, ok := readTime(value)
	if !ok {
		return time.Time{}, damaged(keyName(key))
	}
	return t, nil
}

// Journey answers one journey's state. An unknown one is CodeNotFound.
func (m *Models) Journey(ctx context.Context, id string) (ledger.Journey, error) {
	v, err := m.view(ctx)
	if err != nil {
		return ledger.Journey{}, err
	}
	defer v.close()
	r, err := v.row(id)
	if err != nil {
		return ledger.Journey{}, err
	}
	if r == nil {
		return ledger.Journey{}, ledger.Errorf(ledger.CodeNotFound, "journey", "list journeys with `baton journeys`", "there is no journey %q", id)
	}
	return r.Journey, nil
}
