package server

import (
	"testing"
	"time"
)

// QuickTails has tails say how far they are every few milliseconds.
func QuickTails(t *testing.T) {
	before := positionTime
	positionTime = 10 * time.Millisecond
	t.Cleanup(func() { positionTime = before })
}
