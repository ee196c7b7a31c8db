package trust

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/registry"
)

// verb is the event that a step is.
func (s *Step) verb() string {
	switch {
	case s.To == Off:
		return "retired"
	case s.To.rank() > s.From.rank() && s.To.Shown():
		return "promoted"
	case s.To.rank() > s.From.rank():
		return "shadowed" // out of off
	}
	return "demoted"
}

// Write appends a step with the revision that the ladder was read at, so that of two who decided by the same ladder one writes. The id hangs on the model, the
// point, the level and that revision alone: the same step written again is the same event. Another's step in between is CodeStaleRevision.
func Write(ctx context.Context, to ledger.Append, l *Ladder, s Step) (ledger.Receipt, error) {
	s.Position, s.Revision = 0, 0
	data, err := json.Marshal(s)
	if err != nil {
		return ledger.Receipt{}, ledger.Errorf(ledger.CodeInternal, "change level", "", "%w", err)
	}
	e := ledger.Event{ID: fmt.Sprintf("%s/%.16s/%s/%d", s.verb(), s.Model.Hash, s.Point, l.Revision), Source: registry.Source, Actor: s.Actor,
		Type: ledger.Type("model", s.verb()), ContentType: "application/json", Data: data}
	r := to(ctx, []ledger.Batch{{Stream: registry.Prefix + l.Name, Expect: ledger.Expect(l.Revision), Events: []ledger.Event{e}}})[0]
	if r.Err != nil {
		return ledger.Receipt{}, r.Err
	}
	return r.Receipts[0], nil
}

// HeldOut draws whether a suggestion is kept back, so that what happens without it can be seen: the first 64 bits of SHA-256 over the model's hash, a zero byte and
// the handoff's id, as a part of 1, lie below the share. All moments of a handoff have one draw.
func HeldOut(hash, handoff string, share float64) bool {
	sum := sha256.Sum256([]byte(hash + "\x00" + handoff))
	return float64(binary.BigEndian.Uint64(sum[:]))/(1<<64) < share
}
