//go:build !cgo

package liblinear

import "errors"

// Available says whether this program was built with liblinear.
const Available = false

func fit(Request) ([][]float64, error) { return nil, errors.New("built without cgo") }
