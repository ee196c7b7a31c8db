package simulate

// verb is the kind of an act; verbs says which event it becomes.
type verb uint8

const (
	vStarted verb = iota
	vActed
	vOffered
	vDelivered
	vViewed
	vAccepted
	vDeclined
	vExpired
	vWithdrawn
	vFailed
	vReturned
	vCompleted
	vAsked
	vAnswered
	vFeedback
	vEnrichmentRequested
	vEnrichmentCompleted
	vEnrichmentLate
	vEnrichmentFailed
	vSuggested
	vShown
	vTaken
	vDismissed
	vSuggestionOutcome
	vClosed
	vChurn
	vLinked
	verbCount
)

// act is one event to be. Its place among the acts before they are ordered by time is its number, which its id is made of.
type act struct {
	at           int64
	number       uint16
	verb         verb
	stage, party uint8
	hand         int8   // which handoff, -1 for none
	what         int16  // an activity, a field or a reason
	cause        int16  // number of the act that led to it, -1 for none
	again        bool   // it belongs to the journey of a customer who came back
	fields       set    // captured, viewed or used
	size         uint32 // milliseconds
}

// handoff is what the plan decided about one handoff.
type handoff struct {
	hop                int
	number             uint16 // of its offered act
	from, to           uint8
	fromParty, toParty uint8
	channel            string
	detour             bool // it is not the channel that was planned
	accepted           bool
	version            int
	fate               string
	prepared           uint32 // milliseconds of the sender's time
	salt               uint64 // what the metadata of its fields is made of
	missing            set    // mandatory, and not in the envelope because nobody knows it
	envelope           set
	left, cut          set // known and left out of the envelope; in it and not delivered
	gamed              set // hold junk
	delivered          set
}

// reask is a question to which the journey has the answer already.
type reask struct {
	hand  int
	field int
	class string
}

// anomaly is a planted breach of custody.
type anomaly struct {
	name string
	hand int // -1: none
}

// suggestion is what the overlay proposed, and what came of it.
type suggestion struct {
	there, holdOut, taken bool
	hand                  int
	number                uint16
	action                int
	propensity            int // per mille
}

// journey is one plan. Its memory is used again.
type journey struct {
	k          int
	id         string
	flow       *flow
	flowIndex  int
	start      int64
	drifted    bool
	segment    int
	tenure     int // months
	prior      int
	category   string
	salt       uint64
	acts       []act
	next       int
	hands      []handoff
	reasks     []reask
	anomalies  []anomaly
	suggestion suggestion
	x          [featureCount]float64
	noise      [2]float64 // of success and churn
	p, visible [2]float64 // probability of success and churn: the true one, and for somebody who does not see the noise
	outcome    [2]bool
	actionP    [actionCount]float64
	recontact  bool
	lost       string // how the journey ended without an end
	closedAt   int64
	known      set
	knownAt    [len(catalogue)]int64
	waited     int64 // milliseconds between offers and acceptances
	customer   uint64
}
