package policy

import (
	"crypto/sha256"
	"encoding/binary"
)

// Draw is a number in [0, 1) that hangs on a model, a handoff event and what it is for, and on nothing else: the same ledger draws the same. It is
// the first 53 bits of SHA-256 over the three, each with its length before it.
func Draw(hash, handoffEventID, salt string) float64 {
	h := sha256.New()
	for _, s := range []string{hash, handoffEventID, salt} {
		h.Write(binary.AppendUvarint(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	var sum [sha256.Size]byte
	return float64(binary.BigEndian.Uint64(h.Sum(sum[:0]))>>11) / (1 << 53)
}

// Draws are the three numbers that a choice is made with.
type Draws struct{ Explore, Which, HoldOut float64 }

// DrawsOf draws them for a handoff event.
func DrawsOf(hash, handoffEventID string) Draws {
	return Draws{Draw(hash, handoffEventID, "explore"), Draw(hash, handoffEventID, "which"), Draw(hash, handoffEventID, "hold-out")}
}

// Selected is what is suggested, with the probability it was chosen by.
type Selected struct {
	Action     string
	Propensity float64
	HoldOut    bool // do not show it
}

// Select chooses at random, so that what is logged can be learned from: with probability explore one of the k supported actions, each as
// likely as the others, otherwise the decision's own. So
//
//	P(a) = explore/k + (1-explore)·[a is the decision's own]
//
// and a decision's own action that is not supported (none, where there is too little to say) counts among the k. Holding out is drawn beside it, with probability holdOut.
func Select(c Choice, explore, holdOut float64, d Draws) Selected {
	k, own := 0, false
	for _, s := range c.Scores {
		if s.Supported {
			k++
			own = own || s.Action == c.Action
		}
	}
	if !own {
		k++
	}
	s := Selected{Action: c.Action, HoldOut: d.HoldOut < holdOut}
	if d.Explore < explore {
		which := min(int(d.Which*float64(k)), k-1)
		for _, a := range c.Scores {
			if !a.Supported {
				continue
			}
			if which == 0 {
				s.Action = a.Action
			}
			which--
		}
	}
	s.Propensity = explore / float64(k)
	if s.Action == c.Action {
		s.Propensity += 1 - explore
	}
	return s
}
