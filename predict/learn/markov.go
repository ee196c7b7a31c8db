package learn

import "strings"

// Markov is the baseline of sequences: what followed the last few activities, counted. A context that was not seen backs off to a
// shorter one.
type Markov struct {
	classes int
	counts  map[string][]float64
}

// NewMarkov begins to count.
func NewMarkov(classes int) *Markov {
	return &Markov{classes: classes, counts: map[string][]float64{}}
}

// Add counts a class that followed the activities, the last one first; "" stands before the beginning.
func (m *Markov) Add(last []string, class int32) {
	for n := range len(last) + 1 {
		key := backoffKey(last, n)
		if m.counts[key] == nil {
			m.counts[key] = make([]float64, m.classes)
		}
		m.counts[key][class]++
	}
}

// Predict gives the parts of the classes after the longest context that was seen, each drawn towards the shorter one's with the weight of half a
// row for the probabilities; the order of the most frequent class is the longest context's.
func (m *Markov) Predict(last []string) []float64 {
	p := make([]float64, m.classes)
	for k := range p {
		p[k] = 1 / float64(m.classes)
	}
	const weight = 0.5
	for n := range len(last) + 1 {
		counts := m.counts[backoffKey(last, n)]
		if counts == nil {
			break
		}
		rows := sum(counts)
		for k := range p {
			p[k] = (counts[k] + weight*p[k]) / (rows + weight)
		}
	}
	return p
}

func backoffKey(last []string, n int) string {
	return strings.Join(last[:n], "\x00") + "\x00" + string(rune('0'+n))
}
