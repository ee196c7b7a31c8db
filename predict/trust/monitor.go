package trust

// Monitor says how models that are shown are looked after.
type Monitor struct {
	Every int // moments between two looks; 0 is 500
}

// Each is how many moments lie between two looks.
func (m Monitor) Each() int { return max(m.Every, 1) }
