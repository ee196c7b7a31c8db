package projections

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/baton-ledger/baton/ledger"
)

// always are the rows that a custody report has even where nothing was found.
var always = []string{AnomalyPingPongDirect, AnomalyPingPongIndirect, ledger.AnomalyZombie, ledger.AnomalyDoubled}

// anomalies makes a row of every name that was found, and of those that are always shown.
func (c *custodian) anomalies(ctx context.Context) ([]CustodyRow, error) {
	rows := make([]CustodyRow, len(always))
	for i, name := range always {
		rows[i] = CustodyRow{Kind: name, Examples: []CustodyExample{}}
	}
	for p, err := range c.scan(ctx, []byte{spaceAnomaly}, nil, false) {
		if err != nil {
			return nil, err
		}
		name, _, ok := readText(p.key[1:])
		s, err := decodeSums(p.value)
		if err != nil || !ok {
			return nil, damaged(keyName(p.key))
		}
		row := CustodyRow{Kind: name, Count: s.get(countInstances), Journeys: s.get(countInJourneys)}
		if row.Examples, err = c.instances(ctx, name); err != nil {
			return nil, err
		}
		if i := slices.Index(always, name); i >= 0 {
			rows[i] = row
		} else {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// instances gives the first few of an anomaly, by journey.
func (c *custodian) instances(ctx context.Context, name string) ([]CustodyExample, error) {
	out := []CustodyExample{}
	prefix := textKey(spaceInstance, name)
	for p, err := range c.scan(ctx, prefix, nil, false) {
		if err != nil {
			return nil, err
		}
		journey, rest, ok := readText(p.key[len(prefix):])
		if !ok || len(rest) != 8 {
			return nil, damaged(keyName(p.key))
		}
		e, err := c.instance(name, journey, binary.BigEndian.Uint64(rest))
		if err != nil {
			return nil, err
		}
		if out = append(out, e); len(out) == c.o.Top {
			break
		}
	}
	return out, nil
}

// instance fills in what the journey says of one.
func (c *custodian) instance(name, journey string, position uint64) (CustodyExample, error) {
	e := CustodyExample{Journey: journey, Position: position}
	r, err := c.row(journey)
	if err != nil || r == nil {
		return e, err
	}
	for i := range r.Journey.Anomalies {
		if a := &r.Journey.Anomalies[i]; a.Position == position && a.Name == name {
			e.Handoff, e.Stage = a.Handoff, a.Stage
		}
	}
	for i := range r.Journey.Handoffs {
		h := &r.Journey.Handoffs[i]
		if pingPongName(h) == name && h.Position == position {
			e.Handoff, e.Stage = h.ID, h.Sender.Stage
		}
		if e.Handoff == h.ID {
			e.Point = h.Point()
		}
	}
	return e, nil
}
