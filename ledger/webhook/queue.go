package webhook

import (
	"container/heap"
	"slices"
	"time"
)

// item is a pending delivery as the queue needs it; the rest is in the database.
type item struct {
	position uint64
	tries    int
	due      time.Time
	giveUp   time.Time
}

// waiting is the line of pending deliveries of one journey, by position. The first one alone is ever tried.
type waiting struct {
	name  string
	items []*item
	busy  bool // the first one is being tried
	at    int  // index in the heap, -1 while busy
}

// queue holds the pending deliveries of one endpoint: a heap of the lines that are not busy, by when their first one is due. It is not
// safe for concurrent use.
type queue struct {
	lines map[string]*waiting
	heap  byDue
	n     int
	busy  int
}

func newQueue() *queue { return &queue{lines: map[string]*waiting{}} }

// add puts an item at its place in its line; never before one that is being tried, for what was sent was sent.
func (q *queue) add(line string, it *item) {
	w := q.lines[line]
	if w == nil {
		w = &waiting{name: line, at: -1}
		q.lines[line] = w
	}
	i, _ := slices.BinarySearchFunc(w.items, it.position, func(a *item, p uint64) int {
		if a.position < p {
			return -1
		}
		return 1
	})
	if w.busy {
		i = max(i, 1)
	}
	w.items = slices.Insert(w.items, i, it)
	q.n++
	switch {
	case w.busy:
	case w.at < 0:
		heap.Push(&q.heap, w)
	default:
		heap.Fix(&q.heap, w.at)
	}
}

// first is the line whose head is due soonest, nil where none is free.
func (q *queue) first() *waiting {
	if len(q.heap) == 0 {
		return nil
	}
	return q.heap[0]
}

// probe is the free line whose head was tried least, the oldest of those.
func (q *queue) probe() (best *waiting) {
	for _, w := range q.heap {
		if best == nil || w.items[0].tries < best.items[0].tries ||
			w.items[0].tries == best.items[0].tries && w.items[0].position < best.items[0].position {
			best = w
		}
	}
	return best
}

// take marks a line as busy with its first item.
func (q *queue) take(w *waiting) *item {
	heap.Remove(&q.heap, w.at)
	w.busy = true
	q.busy++
	return w.items[0]
}

// giveBack ends what take began; done removes the item.
func (q *queue) giveBack(w *waiting, done bool) {
	w.busy = false
	q.busy--
	if done {
		w.items = w.items[1:]
		q.n--
	}
	if len(w.items) == 0 {
		delete(q.lines, w.name)
		return
	}
	heap.Push(&q.heap, w)
}

// hurry makes everything due, for an endpoint that has come back.
func (q *queue) hurry(now time.Time) {
	for _, w := range q.lines {
		for _, it := range w.items {
			if it.due.After(now) {
				it.due = now
			}
		}
	}
	heap.Init(&q.heap)
}

// byDue is a heap of lines.
type byDue []*waiting

func (h byDue) Len() int { return len(h) }
func (h byDue) Less(i, j int) bool {
	a, b := h[i].items[0], h[j].items[0]
	if a.due.Equal(b.due) {
		return a.position < b.position
	}
	return a.due.Before(b.due)
}
func (h byDue) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}
func (h *byDue) Push(x any) {
	w := x.(*waiting)
	w.at = len(*h)
	*h = append(*h, w)
}
func (h *byDue) Pop() any {
	w := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	w.at = -1
	return w
}
