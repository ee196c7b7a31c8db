package server

import (
	"testing"
	"time"
)

// QuickTails has tails say how far they are every few milliseconds.
func QuickTails(t *testing.T) {
	position, alive := positionTime, aliveTime
	positionTime, aliveTime = 10*time.Millisecond, 20*time.Millisecond
	t.Cleanup(func() { positionTime, aliveTime = position, alive })
}
