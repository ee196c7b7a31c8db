package projections

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"iter"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// Query says which journeys to list, and in what order: by the instances of an anomaly where one is named, else by the stage that owns
// them where one is named, else by when they came to the ledger where Newest is set, else by id. The zero value lists all.
type Query struct {
	After   string // cursor of the last journey seen; "" begins
	Limit   int    // at most that many, 0 is all
	State   string // "open", "closed" or "" for both
	Stage   string // stage of the present owner
	Anomaly string // name of an anomaly that the journey has, ping_pong_direct and ping_pong_indirect among them
	Prefix  string // beginning of the id
	Newest  bool   // newest first
}

// Listed is a journey in a list. Cursor continues the list after it: nothing is left out and nothing comes twice, unless the journey
// itself changed what it is listed by.
type Listed struct {
	Cursor  string         `json:"cursor"`
	Journey ledger.Journey `json:"journey"`
}

// Journeys yields the journeys of a query, all as they were when it began.
func (m *Models) Journeys(ctx context.Context, q Query) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		err := m.journeys(ctx, &q, func(l Listed) bool { return yield(l, nil) })
		if err != nil {
			yield(Listed{}, err)
		}
	}
}

func (m *Models) journeys(ctx context.Context, q *Query, yield func(Listed) bool) error {
	if q.State != "" && q.State != "open" && q.State != "closed" {
		return invalid("state", "say open, closed or nothing", q.State)
	}
	prefix, id := q.index()
	after, err := readCursor(q.After, prefix)
	if err != nil {
		return err
	}
	v, err := m.view(ctx)
	if err != nil {
		return err
	}
	defer v.close()
	n, last := 0, ""
	for p, err := range v.scan(ctx, prefix, after, q.Newest && prefix[0] == spaceFirst) {
		if err != nil {
			return err
		}
		name, ok := id(p)
		if !ok {
			return damaged(keyName(p.key))
		}
		if name == last || !strings.HasPrefix(name, q.Prefix) {
			continue
		}
		last = name
		r, err := v.row(name)
		if err != nil {
			return err
		}
		if r == nil {
			return damaged("journey " + name)
		}
		if !q.wants(&r.Journey) {
			continue
		}
		r.Journey.Anomalies = listed(r.Journey.Anomalies)
		r.Journey.Custody, r.Journey.Handoffs = listed(r.Journey.Custody), listed(r.Journey.Handoffs)
		if !yield(Listed{writeCursor(q.cursor(p.key, name)), r.Journey}) {
			return nil
		}
		if n++; n == q.Limit {
			return nil
		}
	}
	return nil
}

// index chooses the keys to go through, and how a journey's id is read off one.
func (q *Query) index() (prefix []byte, id func(pair) (string, bool)) {
	skip := 1
	switch {
	case q.Anomaly != "":
		prefix = textKey(spaceInstance, q.Anomaly)
		skip = len(prefix)
	case q.Stage != "":
		prefix = textKey(spaceStage, q.Stage)
		skip = len(prefix)
	case q.Newest:
		return []byte{spaceFirst}, func(p pair) (string, bool) { return string(p.value), true }
	default:
		prefix = []byte{spaceJourney}
	}
	id = func(p pair) (string, bool) {
		s, _, ok := readText(p.key[skip:])
		return s, ok
	}
	if prefix[0] != spaceFirst && strings.IndexByte(q.Prefix, 0) < 0 {
		prefix = append(prefix, q.Prefix...)
	}
	return prefix, id
}

// cursor is the key to go on after; a journey's further instances of one anomaly are passed over with the first.
func (q *Query) cursor(key []byte, journey string) []byte {
	if key[0] == spaceInstance {
		return binary.BigEndian.AppendUint64(textKey(spaceInstance, q.Anomaly, journey), ^uint64(0))
	}
	return key
}

func (q *Query) wants(j *ledger.Journey) bool {
	switch {
	case q.State == "open" && !j.IsOpen(), q.State == "closed" && j.IsOpen():
		return false
	}
	return q.Stage == "" || j.Owner().Stage == q.Stage
}

// A cursor is the key of the last item, base64url.
func writeCursor(key []byte) string { return base64.RawURLEncoding.EncodeToString(key) }

func readCursor(cursor string, prefix []byte) ([]byte, error) {
	if cursor == "" {
		return nil, nil
	}
	key, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || !strings.HasPrefix(string(key), string(prefix)) {
		return nil, invalid("after", "send a cursor that the same query answered, or none to begin", cursor)
	}
	return key, nil
}

func invalid(field, hint, value string) error {
	return ledger.Errorf(ledger.CodeInvalid, "query", hint, "%s %.80q is not valid", field, value)
}

// listed gives an empty list for nil: in JSON none is [], not null.
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
