package server

import (
	"bytes"
	"context"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/baton-ledger/baton/ledger"
)

// Limits of what is shared and of what one tail holds. A tail that is stalled keeps no more than one batch of its own.
const (
	recentEvents = 4096
	recentBytes  = 4 << 20
	batchEvents  = 512
	batchBytes   = 64 << 10 // of data; one event may have more
)

// recent holds the newest events as tails send them. Hundreds of tails wake for the same event: one of them reads it, and
// the first that sends it encodes it. There is no goroutine behind it, and nothing happens while nobody tails.
type recent struct {
	src     ledger.Reader
	filling sync.Mutex
	items   atomic.Pointer[[]*tailed] // of consecutive positions; never changed, only replaced
}

// tailed is one event and its frame.
type tailed struct {
	ledger.Recorded
	once  sync.Once
	bytes []byte
}

// after gives what is held past a position, nil where the next event is not. behind says that it was held once.
func (q *recent) after(position uint64) (items []*tailed, behind bool) {
	held := q.items.Load()
	if held == nil {
		return nil, false
	}
	first := (*held)[0].Position
	switch n := position + 1; {
	case n < first:
		return nil, true
	case n >= first+uint64(len(*held)):
		return nil, false
	default:
		return (*held)[n-first:], false
	}
}

// next gives events after a position, at least one; to is where a read may end, a durable position past it.
func (q *recent) next(ctx context.Context, position, to uint64) ([]*tailed, error) {
	items, behind := q.after(position)
	if items != nil {
		return items, nil
	}
	if behind || to-position > recentEvents { // it catches up: what it reads is of no use to those who are up to date
		return q.read(ctx, position, to)
	}
	q.filling.Lock()
	defer q.filling.Unlock()
	if items, _ = q.after(position); items != nil {
		return items, nil
	}
	items, err := q.read(ctx, position, to)
	if err == nil {
		q.add(items)
	}
	return items, err
}

func (q *recent) read(ctx context.Context, position, to uint64) ([]*tailed, error) {
	items, size := []*tailed(nil), 0
	for r, err := range q.src.Read(ctx, ledger.ReadOptions{From: position + 1, To: to}) {
		if err != nil {
			return nil, err
		}
		items = append(items, &tailed{Recorded: r})
		if size += len(r.Data); size >= batchBytes || len(items) == batchEvents {
			break
		}
	}
	if len(items) == 0 {
		return nil, ledger.Errorf(ledger.CodeCorrupt, "tail", "run `baton verify` to see how far the damage reaches",
			"the ledger's head is position %d, and reading ends at position %d", to, position)
	}
	return items, nil
}

// add puts events behind those held, or in their place where there is a gap between them.
func (q *recent) add(items []*tailed) {
	all := items
	if held := q.items.Load(); held != nil && (*held)[len(*held)-1].Position+1 == items[0].Position {
		all = append(append(make([]*tailed, 0, len(*held)+len(items)), *held...), items...)
	}
	from, size := len(all)-len(items), 0
	for _, e := range items {
		size += len(e.Record)
	}
	for from > 0 && len(all)-from < recentEvents && size+len(all[from-1].Record) <= recentBytes {
		from--
		size += len(all[from].Record)
	}
	all = all[from:]
	q.items.Store(&all)
}

// frame is the event as a server-sent event: its position as id, its CloudEvents JSON as data. Lines of data are joined again by the
// client with "\n"; data with "\r" would come back changed, and stands in base64 instead.
func (e *tailed) frame() []byte {
	e.once.Do(func() {
		render := ledger.AppendCloudEvent
		if bytes.IndexByte(e.Data, '\r') >= 0 {
			render = ledger.AppendCloudEventLine
		}
		e.bytes = appendFrame(make([]byte, 0, len(e.Data)+768), e.Position, "baton", render(nil, &e.Recorded))
	})
	return e.bytes
}

// appendFrame writes one server-sent event.
func appendFrame(buf []byte, id uint64, event string, data []byte) []byte {
	buf = append(strconv.AppendUint(append(buf, "id: "...), id, 10), "\nevent: "...)
	buf = append(buf, event...)
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		buf = append(append(buf, "\ndata: "...), line...)
	}
	return append(buf, "\n\n"...)
}
