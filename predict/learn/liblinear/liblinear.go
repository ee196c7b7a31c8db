// Package liblinear has liblinear, as golearn brings it, fit logistic regressions in a process of their own.
//
// golearn's bindings hand Go pointers to C in a way that the runtime refuses unless GODEBUG says cgocheck=0, which a program cannot say of itself once it
// runs; what liblinear allocates is never freed; and it talks on standard output. So this program starts itself again for each request, with an environment
// variable that makes [Fit]'s other half run in place of main, and takes the weights from a pipe of their own.
//
// It needs cgo and a C++ compiler when it is built; [Available] says whether it was.
package liblinear

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// childVariable makes a program that links this package the child.
const childVariable = "BATON_LIBLINEAR_CHILD"

// Row is a row's members that are not 0: Member[j] has Value[j].
type Row struct {
	Member []int32
	Value  []float64
}

// Request is what is fitted: rows with their class 0 or 1, members 0 to Width-1, and a penalty λ for each fit (C = 1/λ: ½·λ·Σ w² beside the sum of log
// losses, as liblinear's L2R_LR has it). The intercept is the weight of a member that is 1 in each row, and penalised as the others are.
type Request struct {
	Rows      []Row
	Y         []int32
	Width     int
	Penalties []float64
}

// response has, for each penalty, the intercept and then the weight of each member.
type response struct {
	Weights [][]float64
	Problem string
}

// Fit gives, for each penalty, Width+1 weights: the intercept, then those of the members. The error is the context's, CodeUnsupported where this program has
// no liblinear, or CodeInternal with what the child said.
func Fit(ctx context.Context, r Request) ([][]float64, error) {
	if !Available {
		return nil, ledger.Errorf(ledger.CodeUnsupported, "liblinear", "build with CGO_ENABLED=1 and a C++ compiler", "this program was built without liblinear")
	}
	var in, out, complaint bytes.Buffer
	if err := gob.NewEncoder(&in).Encode(r); err != nil {
		return nil, failed("%w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, failed("%w", err)
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), childVariable+"=1", "GODEBUG=cgocheck=0")
	cmd.Stdin, cmd.Stderr = &in, &complaint
	cmd.WaitDelay = time.Second
	reads, writes, err := os.Pipe()
	if err != nil {
		return nil, failed("%w", err)
	}
	defer reads.Close()
	cmd.ExtraFiles = []*os.File{writes} // descriptor 3
	err = cmd.Start()
	writes.Close()
	if err == nil {
		_, copied := out.ReadFrom(reads)
		err = errors.Join(cmd.Wait(), copied)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var answer response
	if err == nil {
		err = gob.NewDecoder(&out).Decode(&answer)
	}
	if err == nil && answer.Problem != "" {
		err = errors.New(answer.Problem)
	}
	if err != nil {
		return nil, failed("the process that fits: %w: %.300s", err, complaint.String())
	}
	return answer.Weights, nil
}

func failed(format string, args ...any) error {
	return ledger.Errorf(ledger.CodeInternal, "liblinear", "", format, args...)
}

// init is the other half of Fit: it never comes back in the child.
func init() {
	if os.Getenv(childVariable) == "" {
		return
	}
	os.Exit(child(os.Stdin, os.NewFile(3, "answer")))
}

func child(in io.Reader, out io.Writer) int {
	var r Request
	var a response
	if err := gob.NewDecoder(in).Decode(&r); err != nil {
		a.Problem = err.Error()
	} else if a.Weights, err = fit(r); err != nil {
		a.Problem = err.Error()
	}
	if gob.NewEncoder(out).Encode(a) != nil {
		return 1
	}
	return 0
}
