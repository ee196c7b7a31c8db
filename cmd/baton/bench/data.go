package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// dataBytes is the size of each event's data, alive the number of journeys under way at a time, and steps the events of one.
const (
	dataBytes = 512
	alive     = 200
	steps     = 50
)

// Env is what the cases of a run share: ledgers that are made once.
type Env struct {
	Options
	ledgers map[int]string
	stream  *jetStream
}

func (e *Env) close() {
	if e.stream != nil {
		e.stream.close()
	}
}

// traffic makes events: journeys of fifty, two hundred of them under way at a time. In each, work is done, offered to the next stage and
// accepted there, again and again. Data is JSON of 512 bytes, ids are random as version 4 UUIDs are.
type traffic struct {
	rng    *rand.Rand
	n      int
	filler string
}

func newTraffic(seed uint64) *traffic {
	return &traffic{rng: rand.New(rand.NewPCG(seed, 7)), filler: strings.Repeat("The customer asked again what had been answered before. ", 12)}
}

var began = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

func journeyName(n int) string { return fmt.Sprintf("%08x-%d", uint32(n)*2654435761, n) }

// next makes one event of its journey's stream.
func (t *traffic) next() ledger.Batch {
	block, in := t.n/(alive*steps), t.n%(alive*steps)
	journey, step := block*alive+in%alive, in/alive
	e := ledger.Event{ID: fmt.Sprintf("%016x%016x", t.rng.Uint64(), t.rng.Uint64()), Source: "https://desk.example/queue/7",
		Subject: journeyName(journey), Time: began.Add(time.Duration(t.n) * time.Second)}
	stage := func(k int) string { return fmt.Sprintf("stage-%d", (journey+k)%12) }
	leg := step / 5
	var data string
	switch handoff := fmt.Sprintf("%s/%d", e.Subject, leg); step % 5 {
	case 3:
		e.ID, e.Type = handoff, ledger.Type("handoff", "offered")
		data = fmt.Sprintf(`{"from":{"stage":%q},"to":{"stage":%q},"channel":"chat",`, stage(leg), stage(leg+1))
	case 4:
		e.Type = ledger.Type("handoff", "accepted")
		data = fmt.Sprintf(`{"handoff":%q,"stage":%q,"party":"agent-%d",`, handoff, stage(leg+1), journey%200)
	default:
		e.Type = ledger.Type("interaction", "recorded")
		data = fmt.Sprintf(`{"activity":"step %d","stage":%q,"party":"agent-%d","channel":"chat",`, step, stage(leg), journey%200)
	}
	e.Data = fmt.Appendf(nil, `%s"note":"%s"}`, data, t.filler[:dataBytes-len(data)-len(`"note":""}`)])
	t.n++
	return ledger.Batch{Stream: ledger.JourneyStream(e.Subject), Expect: ledger.Any, Events: []ledger.Event{e}}
}

func (t *traffic) batches(n int) []ledger.Batch {
	out := make([]ledger.Batch, n)
	for i := range out {
		out[i] = t.next()
	}
	return out
}

// opened is a ledger as a server holds it: engine and notary.
type opened struct {
	dir    string
	keys   notary.Keys
	store  *pebblestore.Store
	notary *notary.Notary
}

func engine(keys notary.Keys) pebblestore.Options {
	return pebblestore.Options{TagKey: keys.TagKey, MinFreeMB: -1}
}

func open(ctx context.Context, dir string) (*opened, error) {
	keys, err := notary.LoadKeys(dir, "", "")
	if err != nil {
		return nil, err
	}
	o := &opened{dir: dir, keys: keys}
	if o.store, err = pebblestore.Open(ctx, filepath.Join(dir, "ledger"), engine(keys)); err != nil {
		return nil, err
	}
	if o.notary, err = notary.Open(ctx, notary.Options{Store: o.store, Keys: keys, Dir: dir}); err != nil {
		return nil, errors.Join(err, o.store.Close())
	}
	return o, nil
}

// empty opens a new ledger in a directory of its own, which its user removes.
func (e *Env) empty(ctx context.Context) (*opened, error) {
	dir, err := e.scratch()
	if err != nil {
		return nil, err
	}
	return open(ctx, dir)
}

func (o *opened) close() error {
	return errors.Join(o.notary.Close(context.Background()), o.store.Close())
}

// intake is the way every event takes.
func (o *opened) intake() ledger.Append { return ledger.Intake(o.store.AppendAll, ledger.Validate) }

func accepted(results []ledger.Result) error {
	for _, r := range results {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

// ledger makes a closed ledger of n events in a data directory, once a run.
func (e *Env) ledger(ctx context.Context, n int) (string, error) {
	if dir, ok := e.ledgers[n]; ok {
		return dir, nil
	}
	dir := filepath.Join(e.Dir, fmt.Sprintf("ledger-%d", n))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	o, err := open(ctx, dir)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(e.Say, "      making a ledger of %d events\n", n)
	t, appendAll := newTraffic(1), o.intake()
	for t.n < n && err == nil {
		err = accepted(appendAll(ctx, t.batches(min(2000, n-t.n))))
	}
	if err == nil {
		_, err = o.notary.Checkpoint(ctx)
	}
	if err := errors.Join(err, o.close()); err != nil {
		return "", err
	}
	if e.ledgers == nil {
		e.ledgers = map[int]string{}
	}
	e.ledgers[n] = dir
	return dir, nil
}

// reading opens a ledger that ledger has made, for reading, with an empty cache of its own.
func reading(ctx context.Context, dir string) (*pebblestore.Store, notary.Keys, error) {
	keys, err := notary.LoadKeys(dir, "", "")
	if err != nil {
		return nil, keys, err
	}
	s, err := pebblestore.OpenReadOnly(ctx, filepath.Join(dir, "ledger"), engine(keys))
	return s, keys, err
}
