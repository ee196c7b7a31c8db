package enrich

import (
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// EventSource is the source of the events that this package writes.
const EventSource = "baton/enrichment"

// Kinds of sources.
const (
	HTTP     = "http"
	NATS     = "nats"
	Snapshot = "snapshot"
)

// Source is somebody to ask.
type Source struct {
	Name    string // unique; letters, digits, - and _
	Kind    string
	URL     string   // http: a POST for each handoff
	Token   string   // http: sent as a bearer token; "" sends none
	Subject string   // nats
	File    string   // snapshot: NDJSON, see [Row]
	Key     string   // snapshot: field whose value chooses the row
	Fields  []string // that it fills; it may say no others
	Needs   []string // known fields that it is sent; no others leave the ledger
	Points  []string // sender>receiver@channel; none: all
	Timeout time.Duration
}

// at reports whether the source applies to a point.
func (s *Source) at(point string) bool { return len(s.Points) == 0 || slices.Contains(s.Points, point) }

// Budgets are how long a delivery waits for sources, by class of channel; a class without one, or with 0, waits until all have answered or timed out.
type Budgets map[ledger.ChannelClass]time.Duration

// DefaultBudgets are those of depth.md, item 55.
func DefaultBudgets() Budgets {
	return Budgets{ledger.RealTime: 300 * time.Millisecond, ledger.NearRealTime: 2 * time.Second}
}

// Outcomes of asking a source, and the states that it goes through.
const (
	Waiting    = "waiting"    // nobody has asked yet
	Asked      = "asked"      // no answer yet
	Answered   = "answered"   // within the budget
	Late       = "late"       // after the budget
	Failed     = "failed"     // no answer that could be taken
	Skipped    = "skipped"    // not asked, and why
	Unanswered = "unanswered" // asked or waiting, and given up: nobody recorded an outcome in time
)

// Final reports whether a state does not change any more, unless somebody asks again.
func Final(state string) bool { return state != Waiting && state != Asked }
