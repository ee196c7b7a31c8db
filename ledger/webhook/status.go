package webhook

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"strconv"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Status is how one endpoint does.
type Status struct {
	Name            string    `json:"name"`
	URL             string    `json:"url,omitempty" doc:"without its query"`
	State           string    `json:"state" enum:"ok,failing,down,paused,gone,off,unconfigured"`
	Reason          string    `json:"reason,omitempty"`
	Types           []string  `json:"types"`
	Receivers       []string  `json:"receivers"`
	Points          []string  `json:"points"`
	RecordDelivered bool      `json:"record_delivered"`
	Cursor          uint64    `json:"position" doc:"deliveries were made of everything up to here"`
	Lag             uint64    `json:"lag" doc:"events of the ledger after it"`
	Pending         int       `json:"pending"`
	Delivered       int64     `json:"delivered" doc:"ever"`
	Dead            int64     `json:"dead" doc:"waiting for a replay"`
	Attempts        int64     `json:"attempts" doc:"ever"`
	Failures        int       `json:"failures" doc:"attempts that failed since the last success"`
	LastSuccess     time.Time `json:"last_success_at,omitzero"`
	LastFailure     time.Time `json:"last_failure_at,omitzero"`
	LastError       string    `json:"last_error,omitempty"`
	Until           time.Time `json:"until,omitzero" doc:"of down and paused: nothing is tried before"`
}

// Status lists the endpoints in the order of the configuration, and after them those that state is left of.
func (h *Hooks) Status(ctx context.Context) ([]Status, error) {
	head, err := h.src.Head(ctx)
	if err != nil {
		return nil, err
	}
	out := []Status{}
	for _, f := range h.followers {
		out = append(out, f.status(head.Position))
	}
	return h.appendLeft(out, head.Position)
}

// appendLeft adds the endpoints that are in the state alone.
func (h *Hooks) appendLeft(out []Status, head uint64) ([]Status, error) {
	it, err := h.state.db.NewIter(nil)
	if err != nil {
		return nil, failed(err)
	}
	defer it.Close()
	for ok := it.SeekGE(accountKey("")); ok && bytes.HasPrefix(it.Key(), accountKey("")); ok = it.Next() {
		name := string(it.Key()[1:])
		if h.find(name) != nil {
			continue
		}
		var a account
		if _, err := get(h.state.db, it.Key(), &a); err != nil {
			return nil, err
		}
		s := a.status(name, head)
		s.State, s.Reason = "unconfigured", "it is not in the configuration any more"
		out = append(out, s)
	}
	return out, failed(it.Error())
}

func (a *account) status(name string, head uint64) Status {
	return Status{Name: name, Cursor: a.Cursor, Lag: head - min(head, a.Cursor), Delivered: a.Delivered, Dead: a.Dead, Attempts: a.Attempts,
		Failures: a.Failures, LastSuccess: a.LastSuccess, LastFailure: a.LastFailure, LastError: a.LastError,
		Types: []string{}, Receivers: []string{}, Points: []string{}}
}

func (f *Follower) status(head uint64) Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.account.status(f.e.Name, head)
	s.URL, s.Types, s.RecordDelivered, s.Pending = shownURL(f.e.URL), f.e.Types, f.e.RecordDelivered, f.queue.n
	s.Receivers, s.Points = append(s.Receivers, f.e.Receivers...), append(s.Points, f.e.Points...)
	switch shut := f.gate.until.After(time.Now()); {
	case f.e.Off:
		s.State, s.Reason = "off", "it is switched off in the configuration"
	case f.account.Gone != "":
		s.State, s.Reason = "gone", f.account.Gone
	case f.gate.round > 0:
		s.State, s.Reason = "down", "different deliveries failed in a row; one at a time is tried"
	case shut:
		s.State, s.Reason = "paused", "the receiver asked to wait"
	case f.account.Failures > 0:
		s.State = "failing"
	default:
		s.State = "ok"
	}
	if s.State == "down" || s.State == "paused" {
		s.Until = f.gate.until
	}
	return s
}

// Query says which deliveries to list. The zero value lists all that are kept, by position.
type Query struct {
	State  State  // "": any
	After  string // id of the last one seen
	Limit  int    // at most that many, 0 is all
	Newest bool   // newest first
}

// Deliveries yields deliveries of one endpoint without their attempts.
func (h *Hooks) Deliveries(ctx context.Context, name string, q Query) iter.Seq2[Delivery, error] {
	return func(yield func(Delivery, error) bool) {
		if err := h.deliveries(ctx, name, q, func(d Delivery) bool { return yield(d, nil) }); err != nil {
			yield(Delivery{}, err)
		}
	}
}

func (h *Hooks) deliveries(ctx context.Context, name string, q Query, yield func(Delivery) bool) error {
	if _, err := h.named(name); err != nil {
		return err
	}
	prefix := append(append([]byte{'d'}, name...), 0)
	if q.State != "" {
		if _, ok := stateByte[q.State]; !ok {
			return ledger.Errorf(ledger.CodeInvalid, "webhooks", "say pending, delivered or dead", "state %q", q.State)
		}
		prefix = indexPrefix(name, q.State)
	}
	after, err := parseID(q.After, true)
	if err != nil {
		return err
	}
	n := 0
	for position, err := range h.state.positions(prefix, after, q.Newest) {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		d, found, err := h.state.delivery(name, position)
		if err != nil {
			return err
		}
		if !found || q.State != "" && d.State != q.State { // it moved on since the list began
			continue
		}
		d.Log = nil
		if n++; !yield(d) || n == q.Limit {
			return nil
		}
	}
	return nil
}

// Delivery answers one delivery with its attempts.
func (h *Hooks) Delivery(_ context.Context, name, id string) (Delivery, error) {
	if _, err := h.named(name); err != nil {
		return Delivery{}, err
	}
	position, err := parseID(id, false)
	if err != nil {
		return Delivery{}, err
	}
	d, found, err := h.state.delivery(name, position)
	if err == nil && !found {
		err = unknownDelivery(name, id)
	}
	return d, err
}

func unknownDelivery(name, id string) error {
	return ledger.Errorf(ledger.CodeNotFound, "webhooks",
		"list them with `baton webhooks deliveries "+name+"`, or replay the position with --from and --to",
		"endpoint %s has no delivery %q", name, id)
}

func parseID(id string, empty bool) (uint64, error) {
	if id == "" && empty {
		return 0, nil
	}
	position, err := strconv.ParseUint(id, 10, 64)
	if err != nil || position == 0 {
		return 0, ledger.Errorf(ledger.CodeInvalid, "webhooks", "an id is the event's position, as lists show it", "id %q of a delivery", id)
	}
	return position, nil
}
