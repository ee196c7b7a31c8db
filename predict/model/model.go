// Package model is what was learned, in the form it is scored from: flat arrays, one file, one checksum.
//
// A [Model] holds the features (how a row becomes a vector), a [Function] (how a vector becomes raw outputs), a [Calibration] (how
// raw outputs become probabilities) and a [Card] (where all of it comes from and what it is worth). Learners in package learn make functions;
// nothing here learns.
//
// # Raw outputs
//
// Two classes have one output, for the second class; more have one each. On the scale LogOdds the outputs go through the logistic
// function or softmax; on the scale Probability they are probabilities already, as means over a forest's leaves.
//
//	linear, additive   bias + Σ shape of each member of the vector
//	boosted            bias + Σ leaves of trees up to three deep; may have an additive part besides
//	forest             mean of the leaves' class distributions
//
// # Explanations
//
// [Model.Explain] gives a contribution for each member of the vector, and a base. Base plus the sum of contributions is the
// raw output for the class, on the function's scale, up to rounding: in log-odds for linear, additive and boosted models, in
// probability for a forest. Platt's and temperature's calibrations of log-odds are applied to base and contributions too, so that the sum is the log-odds (for
// more classes: the softmax score) of the calibrated probability. For a forest, and under isotonic calibration, the contributions add up to the
// uncalibrated output. Additive shapes count against their mean over the training rows; trees up to three deep are explained by
// path-dependent Shapley values (TreeSHAP), deeper ones by what each split on the way changes.
//
// Nothing allocates while scoring or explaining, and a Model does not change: any number of goroutines may use one.
package model

import (
	"encoding/hex"
	"math"

	"github.com/baton-ledger/baton/predict/table"
)

// Kind names what a function is made of.
type Kind string

// The kinds of functions.
const (
	Linear       Kind = "linear"
	AdditiveKind Kind = "additive"
	Boosted      Kind = "boosted"
	Forest       Kind = "forest"
)

// Scale is that of raw outputs.
type Scale string

// The scales.
const (
	LogOdds     Scale = "log-odds"
	Probability Scale = "probability"
)

// Function turns vectors into raw outputs. Its parts add up; a part may be missing.
type Function struct {
	Kind     Kind
	Scale    Scale
	Outputs  int
	Width    int // members of a vector
	Additive *Additive
	Trees    *Trees
}

// Model is a function with all that is needed to use and to judge it.
type Model struct {
	Card        Card
	Features    *table.Encoding
	Classes     []string
	Function    *Function
	Refits      []*Function // the same learner on rows drawn again: how sure a difference between two vectors is; of the function's form, mostly none
	Calibration Calibration

	hash [32]byte
}

// Hash is the SHA-256 of the model's file, in hexadecimal; it names the model.
func (m *Model) Hash() string { return hex.EncodeToString(m.hash[:]) }

// Outputs is how many raw outputs that many classes have.
func Outputs(classes int) int {
	if classes == 2 {
		return 1
	}
	return classes
}

// Raw writes the raw outputs for a vector; dst has Outputs members.
func (f *Function) Raw(dst, x []float64) {
	clear(dst[:f.Outputs])
	if f.Additive != nil {
		f.Additive.add(dst, x)
	}
	if f.Trees != nil {
		f.Trees.add(dst, x)
	}
}

// Probabilities writes the probability of each class before calibration; dst has one member a class.
func (f *Function) Probabilities(dst, x []float64) {
	f.Raw(dst, x)
	if f.Scale == LogOdds {
		f.toProbabilities(dst)
	} else if f.Outputs == 1 {
		dst[1], dst[0] = dst[0], 1-dst[0]
	}
}

// toProbabilities turns raw log-odds into probabilities in place.
func (f *Function) toProbabilities(dst []float64) {
	if f.Outputs == 1 {
		p := Logistic(dst[0])
		dst[0], dst[1] = 1-p, p
		return
	}
	Softmax(dst[:f.Outputs])
}

// Score writes the calibrated probability of each class for a vector; dst has one member a class.
func (m *Model) Score(dst, x []float64) {
	m.Function.Raw(dst, x)
	m.Calibration.apply(m.Function, dst)
}

// Calibrate turns raw outputs into calibrated probabilities in place; v has one member a class.
func (m *Model) Calibrate(v []float64) { m.Calibration.apply(m.Function, v) }

// Explain writes the contribution of each member of a vector to the raw output for a class, and gives the base; dst has
// Features.Width members. With two classes, class 0 gives the contributions of class 1 with the opposite sign (in log-odds) or
// those to its own probability.
func (m *Model) Explain(dst, x []float64, class int) (base float64) {
	f := m.Function
	clear(dst)
	output, sign := class, 1.0
	if f.Outputs == 1 {
		output = 0
		if class == 0 {
			sign = -1
		}
	}
	if f.Additive != nil {
		base += f.Additive.explain(dst, x, output)
	}
	if f.Trees != nil {
		base += f.Trees.explain(dst, x, output)
	}
	a, b := m.Calibration.affine(f)
	base = sign * (a*base + b)
	if sign < 0 && f.Scale == Probability {
		base++
	}
	if a *= sign; a != 1 {
		for i := range dst {
			dst[i] *= a
		}
	}
	return base
}

// Logistic is 1/(1+exp(-v)), without overflow.
func Logistic(v float64) float64 {
	if v >= 0 {
		return 1 / (1 + math.Exp(-v))
	}
	e := math.Exp(v)
	return e / (1 + e)
}

// Softmax turns scores into probabilities in place.
func Softmax(v []float64) {
	top := v[0]
	for _, s := range v {
		top = max(top, s)
	}
	sum := 0.0
	for i, s := range v {
		v[i] = math.Exp(s - top)
		sum += v[i]
	}
	for i := range v {
		v[i] /= sum
	}
}
