package depth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// AlertSource is the source of the events that say that a drift came on, or cleared.
const AlertSource = "baton/drift"

// WatchOptions of a [Watch].
type WatchOptions struct {
	Live       *Live
	Append     ledger.Append
	Every      int // offers between two looks
	Drift      DriftOptions
	Thresholds Thresholds
	Looked     func() // told after each look; nil: nobody
	Logger     *slog.Logger
}

// Watch looks at drift now and then, and writes contract.drift_detected when one comes on and contract.drift_cleared when it is over, into the stream
// drift-<point>: webhooks and NATS carry them like all others. When it looks is counted in offers, never by a clock; what it says is a function of
// the ledger up to the position that its event names.
type Watch struct{ o WatchOptions }

// NewWatch makes one.
func NewWatch(o WatchOptions) *Watch {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Watch{o}
}

// Run looks when the follower has caught up, and then every so many offers, until the context ends. What cannot be written is logged, and found again
// at the next look.
func (w *Watch) Run(ctx context.Context) error {
	l := w.o.Live
	for {
		if err := l.CaughtUp(ctx); err != nil { // what it said of the past would be taken back
			return err
		}
		report, err := l.Drift(ctx, w.o.Drift)
		if err != nil {
			return err
		}
		if err := w.tell(ctx, report); err != nil && ctx.Err() == nil {
			w.o.Logger.Warn("drift could not be told, looking again later", "error", err, "hint", ledger.HintOf(err))
		}
		if w.o.Looked != nil {
			w.o.Looked()
		}
		l.mu.RLock()
		last := l.offers
		l.mu.RUnlock()
		if err := l.wait(ctx, func() bool { return l.offers >= last+uint64(w.o.Every) || l.offers < last }); err != nil {
			return err
		}
	}
}

// tell writes what changed since the last look, as the ledger has it.
func (w *Watch) tell(ctx context.Context, report DriftReport) error {
	before, revisions, err := on(ctx, w.o.Live.src)
	if err != nil {
		return err
	}
	raised, cleared := Changes(before, Alerts(report, w.o.Thresholds))
	for _, a := range raised {
		if err := w.write(ctx, "drift_detected", a, revisions); err != nil {
			return err
		}
	}
	for _, a := range cleared {
		a.Position = report.Position
		if err := w.write(ctx, "drift_cleared", a, revisions); err != nil {
			return err
		}
	}
	return nil
}

// write appends an event with the revision that was decided on: of two who look at the same time one writes.
func (w *Watch) write(ctx context.Context, verb string, a Alert, revisions map[string]uint64) error {
	data, err := json.Marshal(a)
	if err != nil {
		return ledger.Errorf(ledger.CodeInternal, verb, "", "%w", err)
	}
	sum := sha256.Sum256([]byte(a.Key))
	e := ledger.Event{ID: verb + "/" + hex.EncodeToString(sum[:8]) + "/" + strconv.FormatUint(a.Position, 10), Source: AlertSource, Type: ledger.Type("contract", verb),
		Subject: a.Point, ContentType: "application/json", Data: data}
	stream := alertPrefix + a.Point
	r := w.o.Append(ctx, []ledger.Batch{{Stream: stream, Expect: ledger.Expect(revisions[stream]), Events: []ledger.Event{e}}})[0]
	if r.Err == nil {
		revisions[stream] = r.Receipts[0].Revision
	}
	return r.Err
}

const alertPrefix = "drift-"

// On lists the alerts that are on, as the ledger has them.
func On(ctx context.Context, r ledger.Reader) ([]Alert, error) {
	out, _, err := on(ctx, r)
	return out, err
}

// on gives the revision of each stream besides, as it was read.
func on(ctx context.Context, r ledger.Reader) (out []Alert, revisions map[string]uint64, err error) {
	revisions = map[string]uint64{}
	for head, err := range r.Streams(ctx, alertPrefix, "") {
		if err != nil {
			return nil, nil, err
		}
		on := map[string]Alert{}
		var order []string
		for e, err := range r.ReadStream(ctx, head.Stream, ledger.ReadOptions{}) {
			if err != nil {
				return nil, nil, err
			}
			revisions[head.Stream] = e.Revision
			var a Alert
			if e.Source != AlertSource || json.Unmarshal(e.Data, &a) != nil || a.Key == "" {
				continue
			}
			if strings.HasSuffix(e.Type, ".drift_cleared"+ledger.TypeSuffix) {
				delete(on, a.Key)
				continue
			}
			if _, known := on[a.Key]; !known {
				order = append(order, a.Key)
			}
			on[a.Key] = a
		}
		for _, key := range order {
			if a, still := on[key]; still {
				out = append(out, a)
				delete(on, key)
			}
		}
	}
	return out, revisions, nil
}
