// Package shift is the mathematics of change: has a rate, a share or a distribution moved between a time that is taken as normal and a later one, since
// when, and how sure can one be at the size of the sample. It knows numbers alone: no events, no clock, and no randomness but that of a seed.
package shift
