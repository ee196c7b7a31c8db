package main

import (
	"context"
	"iter"

	"github.com/baton-ledger/baton/ledger"
)

// lazy is a session that is opened by the first append: what is refused before that makes no ledger. It is for one goroutine at a time
// until it is open.
type lazy struct {
	ledger.Reader // nil: an import reads streams alone
	open          func() (*session, error)
	session       *session
}

func (l *lazy) get() (*session, error) {
	if l.session == nil {
		s, err := l.open()
		if err != nil {
			return nil, err
		}
		l.session = s
	}
	return l.session, nil
}

// append opens the session and appends through its intake.
func (l *lazy) append(ctx context.Context, batches []ledger.Batch) []ledger.Result {
	s, err := l.get()
	if err == nil {
		return s.append(ctx, batches)
	}
	results := make([]ledger.Result, len(batches))
	for i := range results {
		results[i].Err = err
	}
	return results
}

// ReadStream reads the ledger that the session opened.
func (l *lazy) ReadStream(ctx context.Context, stream string, o ledger.ReadOptions) iter.Seq2[ledger.Recorded, error] {
	s, err := l.get()
	if err == nil {
		return s.source.ReadStream(ctx, stream, o)
	}
	return func(yield func(ledger.Recorded, error) bool) { yield(ledger.Recorded{}, err) }
}

// end closes the session, if there is one.
func (l *lazy) end(ctx context.Context, err error) error {
	if l.session == nil {
		return err
	}
	return l.session.end(ctx, err)
}
