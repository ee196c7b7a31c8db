package points

import (
	"context"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Options are the numbers that checklist and classification go by. Zero values are the defaults.
type Options struct {
	Now          time.Time                      // in the last day of the window: the ledger's last offer
	Days         int                            // window of volume and figures, up to Now: 30
	PerDay       float64                        // handoffs a day above which volume is high: 1000
	LostRate     float64                        // handoffs with a lost re-ask, of those accepted, above which fields are missing: 0.1
	HumanShare   float64                        // handoffs between humans from which a point counts as human to human: 0.5
	TrainedShare float64                        // of each team, from which users count as trained: 0.8
	Least        int                            // handoffs that a share is worth something from; below, the answer is unknown: 20
	Monitored    int                            // handoffs under the contract that a point is monitored from: 100
	Journeys     int                            // journeys that are read, with their data, for one answer; the newest: 2000
	Channels     map[string]ledger.ChannelClass // of channels whose class is another than ledger.ClassOfChannel's
	Aliases      map[string]string              // names that fields had before: what a question asks for by the first may have been said under the second

	Compile  func(expression string) (Match, error) // the language of evidence queries; nil: none but the short forms
	Progress func(done, of int)                     // told of journeys that were read
}

// Over lays what these options set over others.
func (o Options) Over(base Options) Options {
	for _, n := range []struct {
		to   *float64
		says float64
	}{{&base.PerDay, o.PerDay}, {&base.LostRate, o.LostRate}, {&base.HumanShare, o.HumanShare}, {&base.TrainedShare, o.TrainedShare}} {
		if n.says != 0 {
			*n.to = n.says
		}
	}
	for _, n := range []struct {
		to   *int
		says int
	}{{&base.Days, o.Days}, {&base.Least, o.Least}, {&base.Monitored, o.Monitored}, {&base.Journeys, o.Journeys}} {
		if n.says != 0 {
			*n.to = n.says
		}
	}
	if !o.Now.IsZero() {
		base.Now = o.Now
	}
	return base
}

// Match reports whether an expression holds for an event.
type Match func(ctx context.Context, r *ledger.Recorded) (bool, error)

func (o Options) withDefaults() Options {
	for _, n := range []struct {
		to *float64
		v  float64
	}{{&o.PerDay, 1000}, {&o.LostRate, 0.1}, {&o.HumanShare, 0.5}, {&o.TrainedShare, 0.8}} {
		if *n.to == 0 {
			*n.to = n.v
		}
	}
	for _, n := range []struct {
		to *int
		v  int
	}{{&o.Days, 30}, {&o.Least, 20}, {&o.Monitored, 100}, {&o.Journeys, 2000}} {
		if *n.to == 0 {
			*n.to = n.v
		}
	}
	return o
}

// ClassOf is a channel's class.
func (o *Options) ClassOf(channel string) ledger.ChannelClass {
	if c, ok := o.Channels[channel]; ok {
		return c
	}
	return ledger.ClassOfChannel(channel)
}
