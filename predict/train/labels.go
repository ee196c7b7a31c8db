package train

import (
	"context"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Label is a handoff moment, and what came of it as far as it is known.
type Label struct {
	Position uint64
	At       time.Time
	Of       int32     // label; counts only where Known is set, and not for next-activity
	Next     string    // of next-activity: what came next
	Known    time.Time // zero: not by the position that was read up to
}

// Labels lists the moments of the target in the ledger up to a position, oldest position first, with the labels that were known by then: the same that training counts.
func Labels(ctx context.Context, r ledger.Reader, target string, moments []string, to uint64) (list []Label, err error) {
	t, err := ParseTarget(target)
	if err != nil {
		return nil, err
	}
	p := &pass{target: t, moments: map[string]bool{}}
	for _, m := range moments {
		p.moments[m] = true
	}
	if err := p.read(ctx, until{r, to}, func(uint64, uint64) {}); err != nil {
		return nil, err
	}
	for _, x := range p.examples {
		l := Label{Position: x.position, At: x.at}
		if !x.known.IsZero() && !x.known.After(p.last) {
			l.Of, l.Next, l.Known = x.label, x.next, x.known
		}
		list = append(list, l)
	}
	return list, nil
}

// until is a ledger whose head is at a position.
type until struct {
	ledger.Reader
	position uint64
}

func (u until) Head(context.Context) (ledger.Head, error) {
	return ledger.Head{Position: u.position}, nil
}
