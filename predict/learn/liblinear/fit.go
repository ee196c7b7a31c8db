//go:build cgo

package liblinear

// The C++ runtime goes into the program: it must start where there is none.

// #cgo linux LDFLAGS: -static-libstdc++ -static-libgcc
import "C"

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sjwhitworth/golearn/linear_models"
)

// Available says whether this program was built with liblinear.
const Available = true

// tolerance is liblinear's stopping criterion: a tenth of its own default for this solver.
const tolerance = 0.001

// fit runs in the child alone: the problem's memory is C's business from here on.
func fit(r Request) ([][]float64, error) {
	x, y := make([][]float64, len(r.Rows)), make([]float64, len(r.Rows))
	for i, row := range r.Rows {
		x[i], y[i] = make([]float64, r.Width+1), float64(2*r.Y[i]-1)
		for j, m := range row.Member {
			x[i][m] = row.Value[j]
		}
		x[i][r.Width] = 1
	}
	problem := linear_models.NewProblem(x, y, -1)
	dir, err := os.MkdirTemp("", "baton-liblinear-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var out [][]float64
	for _, penalty := range r.Penalties {
		m := linear_models.Train(problem, linear_models.NewParameter(linear_models.L2R_LR, 1/penalty, tolerance))
		file := filepath.Join(dir, "model")
		if err := linear_models.Export(m, file); err != nil {
			return nil, err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		w, err := weights(string(text), r.Width)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

// weights reads the text form of a model: lines of names with values, "w", then a weight a line. They are those of the class that label names first.
func weights(text string, width int) ([]float64, error) {
	head, body, ok := strings.Cut(text, "\nw\n")
	_, labels, labelled := strings.Cut(head, "\nlabel ")
	lines := strings.Fields(body)
	if !ok || !labelled || len(lines) < width+1 {
		return nil, fmt.Errorf("a model of %d weights for %d members", len(lines), width+1)
	}
	sign := -1.0
	if strings.HasPrefix(labels, "1 ") {
		sign = 1
	}
	w := make([]float64, width+1)
	for i := range w {
		v, err := strconv.ParseFloat(lines[i], 64)
		if err != nil {
			return nil, err
		}
		w[(i+1)%(width+1)] = sign * v // the constant member comes last there and first here
	}
	return w, nil
}
