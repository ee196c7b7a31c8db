package wire

import (
	"testing"
	"time"
)

// SetHoldTime makes subscriptions ask more often whether their callers still may.
func SetHoldTime(t testing.TB, d time.Duration) {
	old := holdTime
	holdTime = d
	t.Cleanup(func() { holdTime = old })
}
