package deadlines

import (
	"cmp"
	"container/heap"
	"time"
)

// when is when an entry is to be looked at.
func (e *entry) when() time.Time {
	if e.again.After(e.at) {
		return e.again
	}
	return e.at
}

// queue is a heap of entries, the earliest first; of those due at one moment, the one that came first.
type queue []*entry

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return cmp.Or(q[i].when().Compare(q[j].when()), cmp.Compare(q[i].position, q[j].position)) < 0
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i]; q[i].place, q[j].place = i, j }
func (q *queue) Push(x any)   { e := x.(*entry); e.place = len(*q); *q = append(*q, e) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last], *q = nil, (*q)[:last]
	e.place = -1
	return e
}

// put adds an entry, in the place of one that is there.
func (d *Deadlines) put(e *entry) {
	d.drop(e.key)
	d.entries[e.key] = e
	heap.Push(&d.due, e)
}

// drop forgets an entry.
func (d *Deadlines) drop(k key) {
	if e := d.entries[k]; e != nil {
		delete(d.entries, k)
		if e.place >= 0 {
			heap.Remove(&d.due, e.place)
		}
	}
}
