package esdb

import "time"

// RecordedOf is recorded, for fuzzing.
var RecordedOf = recorded

// GiveUpAfter changes how long a call is waited for.
func GiveUpAfter(d time.Duration) (restore func()) {
	was := answerTime
	answerTime = d
	return func() { answerTime = was }
}
