package notary

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/baton-ledger/baton/ledger"
)

// RestoredStream holds the events about the ledger itself, and RestoredType is that of a restore behind a checkpoint.
const RestoredStream = "ledger"

// RestoredType is the type of the event that records a loss.
var RestoredType = ledger.Type("ledger", "restored")

// Loss is the data of a ledger.restored event: the ledger was restored from a backup that ends before a checkpoint that its key has signed.
// The events between are lost, and the positions are given again to others. The signed note travels in the event: whoever holds it too can
// see what it was a promise of.
type Loss struct {
	BackupPosition  uint64      `json:"backup_position"` // where the backup ends
	BackupRoot      ledger.Hash `json:"backup_root"`
	KnownPosition   uint64      `json:"known_position"` // size of the newest known checkpoint
	KnownRoot       ledger.Hash `json:"known_root"`
	LostFrom        uint64      `json:"lost_from"`
	LostTo          uint64      `json:"lost_to"`
	KnownCheckpoint string      `json:"known_checkpoint"` // the signed note
	Reason          string      `json:"reason,omitempty"`
}

// NewLoss is the loss of restoring a ledger that ends at a position with a root, in the face of a checkpoint ahead of it.
func NewLoss(position uint64, root ledger.Hash, known Checkpoint, reason string) Loss {
	return Loss{BackupPosition: position, BackupRoot: root, KnownPosition: known.Size, KnownRoot: known.Root,
		LostFrom: position + 1, LostTo: known.Size, KnownCheckpoint: known.Note, Reason: reason}
}

// RecordedLoss is a loss as the ledger tells it.
type RecordedLoss struct {
	Position     uint64    `json:"position"` // of the event that records it
	RecordedTime time.Time `json:"recorded_time"`
	Loss
}

// String is one sentence for people.
func (l *RecordedLoss) String() string {
	return fmt.Sprintf("restored at position %d on %s: positions %d to %d of the checkpoint with root %s were lost (recorded at position %d)",
		l.BackupPosition, l.RecordedTime.UTC().Format(time.DateOnly), l.LostFrom, l.LostTo, encode64(l.KnownRoot), l.Position)
}

// losses reads what restores have recorded. Anybody who may append can write an event of this type, so only one that nobody else can make counts:
// it stands directly after the backup's end, and holds a note that was signed for that position before.
func losses(ctx context.Context, store Source, v note.Verifier) (list []RecordedLoss, err error) {
	for e, err := range store.ReadStream(ctx, RestoredStream, ledger.ReadOptions{}) {
		if err != nil {
			return list, ctx.Err() // damage is reported by those who read everything
		}
		l := RecordedLoss{Position: e.Position, RecordedTime: e.RecordedTime}
		if e.Type != RestoredType || json.Unmarshal(e.Data, &l.Loss) != nil || !l.holds(ctx, store, v) {
			continue
		}
		list = append(list, l)
	}
	return list, nil
}

func (l *RecordedLoss) holds(ctx context.Context, store Source, v note.Verifier) bool {
	cp, err := ParseCheckpoint([]byte(l.KnownCheckpoint), v)
	if err != nil || l.Position != l.BackupPosition+1 || cp.Size < l.Position {
		return false
	}
	root, err := Root(ctx, store, l.BackupPosition)
	return err == nil && l.Loss == NewLoss(l.BackupPosition, root, cp, l.Reason)
}
