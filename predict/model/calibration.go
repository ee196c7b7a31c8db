package model

import "math"

// Calibration turns raw outputs into probabilities that come true as often as they say. It is fitted on rows that the function was not
// trained on (package measure).
type Calibration struct {
	Method string    `json:"method"`      // none, platt, temperature, isotonic
	A      float64   `json:"a,omitempty"` // platt: logistic(A·log-odds + B); temperature: softmax(A·scores)
	B      float64   `json:"b,omitempty"`
	X      []float64 `json:"x,omitempty"` // isotonic: probabilities before, rising
	Y      []float64 `json:"y,omitempty"` // and after, straight in between
	Rows   int       `json:"rows"`        // it was fitted on
	// LossBefore and LossAfter are log losses on these rows, each half judged by the other half's fit.
	LossBefore float64 `json:"loss_before,omitempty"`
	LossAfter  float64 `json:"loss_after,omitempty"`
}

// The methods.
const (
	None        = "none"
	Platt       = "platt"
	Temperature = "temperature"
	Isotonic    = "isotonic"
)

// apply turns raw outputs into probabilities of classes in place.
func (c *Calibration) apply(f *Function, dst []float64) {
	switch {
	case f.Outputs == 1:
		p := c.Binary(f.Scale, dst[0])
		dst[0], dst[1] = 1-p, p
	case f.Scale == LogOdds:
		if c.Method == Temperature {
			for i := range dst {
				dst[i] *= c.A
			}
		}
		Softmax(dst)
	case c.Method == Temperature: // of a forest
		for i, p := range dst {
			dst[i] = c.A * math.Log(max(p, 1e-6))
		}
		Softmax(dst)
	}
}

// Binary gives the probability of the second class for a raw output.
func (c *Calibration) Binary(scale Scale, raw float64) float64 {
	if scale == Probability {
		switch c.Method {
		case Platt:
			return Logistic(c.A*Logit(raw) + c.B)
		case Isotonic:
			return c.isotonic(raw)
		}
		return raw
	}
	switch c.Method {
	case Platt:
		return Logistic(c.A*raw + c.B)
	case Isotonic:
		return c.isotonic(Logistic(raw))
	}
	return Logistic(raw)
}

func (c *Calibration) isotonic(p float64) float64 {
	at := search(c.X, p)
	switch {
	case at == 0:
		return c.Y[0]
	case at == len(c.X):
		return c.Y[at-1]
	}
	return c.Y[at-1] + (c.Y[at]-c.Y[at-1])*(p-c.X[at-1])/(c.X[at]-c.X[at-1])
}

// affine is what the calibration does to log-odds, where it does no more than a·v + b.
func (c *Calibration) affine(f *Function) (a, b float64) {
	if f.Scale != LogOdds || c.Method != Platt && c.Method != Temperature {
		return 1, 0
	}
	return c.A, c.B
}

// Logit is log(p/(1-p)), with p kept a millionth away from 0 and 1.
func Logit(p float64) float64 {
	p = min(max(p, 1e-6), 1-1e-6)
	return math.Log(p / (1 - p))
}
