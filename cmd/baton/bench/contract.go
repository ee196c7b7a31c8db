package bench

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"runtime"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
)

// The contract of twenty fields that checks are timed with, and an offer that keeps it: 3.7 kB, each value described.
var (
	//go:embed contract/refund.yaml
	refundContract []byte
	//go:embed contract/refund.json
	refundOffer []byte
)

// checks is how many a round makes; the library makes a tenth.
const checks = 20_000

func contractCases() []Case {
	return []Case{
		{Name: "contract", What: "an offer of 20 described fields is checked against its contract, p50", Unit: "us", Less: true, Goal: 10,
			Sides: checkSides(func(n int, check func() error) (float64, error) {
				took := make([]time.Duration, n)
				for i := range took {
					begin := time.Now()
					if err := check(); err != nil {
						return 0, err
					}
					took[i] = time.Since(begin)
				}
				return quantile(took, 0.5) * 1000, nil
			})},
		{Name: "contract-allocations", What: "allocations of the same check", Unit: "allocations", Less: true, Goal: 20, Sides: checkSides(allocations)},
	}
}

// allocations of one call, on average. Nothing else runs in this process meanwhile.
func allocations(n int, check func() error) (float64, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		if err := check(); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(n), nil
}

// checkSides holds the check against the library with the contract written as one JSON Schema: from the bytes on, as the check does, and with the
// JSON decoded already.
func checkSides(measure func(n int, check func() error) (float64, error)) func(context.Context, *Env) ([]Side, func() error, error) {
	return func(context.Context, *Env) ([]Side, func() error, error) {
		c, err := contract.Parse(refundContract)
		if err != nil {
			return nil, nil, err
		}
		compiled, err := contract.Compile(c)
		if err != nil {
			return nil, nil, err
		}
		schema, err := asSchema(c)
		if err != nil {
			return nil, nil, err
		}
		decoded, err := envelope(refundOffer)
		if err != nil {
			return nil, nil, err
		}
		e := &ledger.Event{Data: refundOffer}
		side := func(name string, n int, check func() error) Side {
			return Side{Name: name, Run: func(context.Context) (float64, error) { return measure(n, check) }}
		}
		return []Side{
			side("baton", checks, func() error {
				if v := compiled.Check(e); !v.Valid() {
					return errors.New(v.Violations[0].Message)
				}
				return nil
			}),
			side("jsonschema/v6, from the bytes", checks/10, func() error {
				v, err := envelope(refundOffer)
				if err != nil {
					return err
				}
				return schema.Validate(v)
			}),
			side("jsonschema/v6, JSON decoded before", checks/10, func() error { return schema.Validate(decoded) }),
		}, nil, nil
	}
}

func envelope(data []byte) (any, error) {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return v.(map[string]any)["envelope"], nil
}

// asSchema compiles a contract's envelope as the library does.
func asSchema(c *contract.Contract) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.JSONSchema("")))
	if err != nil {
		return nil, err
	}
	const url = "baton:///bench"
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(url, doc); err != nil {
		return nil, err
	}
	return compiler.Compile(url)
}
