package points

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
)

// Contract is what a contract's stream says of its versions.
type Contract struct {
	Name     string            `json:"name,omitempty"`
	Versions []ContractVersion `json:"versions"`
}

// ContractVersion is a version and the last verb about it: drafted, published, deprecated, retired.
type ContractVersion struct {
	Version int       `json:"version"`
	State   string    `json:"state"`
	Since   time.Time `json:"since"`
	Drafted time.Time `json:"first_at"` // the first event about it
}

// ReadContract folds a contract's stream, headers alone. One without events, or without a name, has no versions.
func ReadContract(ctx context.Context, r ledger.Reader, name string) (Contract, error) {
	c := Contract{Name: name, Versions: []ContractVersion{}}
	if name == "" {
		return c, nil
	}
	at := map[int]int{}
	for e, err := range r.ReadStream(ctx, contract.Stream(name), ledger.ReadOptions{HeaderOnly: true}) {
		if err != nil {
			return c, err
		}
		family, verb := ledger.SplitType(e.Type)
		text, ok := strings.CutPrefix(e.Subject, name+"/v")
		version, err := strconv.Atoi(text)
		if family != "contract" || verb == "violated" || !ok || err != nil {
			continue
		}
		i, seen := at[version]
		if !seen {
			i = len(c.Versions)
			at[version] = i
			c.Versions = append(c.Versions, ContractVersion{Version: version, Drafted: e.Occurred().UTC()})
		}
		c.Versions[i].State, c.Versions[i].Since = verb, e.Occurred().UTC()
	}
	return c, nil
}

// Published reports whether a version is published and not retired; a deprecated one still is.
func (c *Contract) Published() bool {
	for _, v := range c.Versions {
		if v.State == "published" || v.State == "deprecated" {
			return true
		}
	}
	return false
}

// newer reports whether a version came after a moment.
func (c *Contract) newer(than time.Time) bool {
	for _, v := range c.Versions {
		if v.Drafted.After(than) {
			return true
		}
	}
	return false
}
