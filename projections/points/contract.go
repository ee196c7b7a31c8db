package points

import (
	"context"
	"maps"
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

// AliasesOf are the names that fields had before, by the renames of a contract's upcasts.
func AliasesOf(versions []*contract.Contract) map[string]string {
	out := map[string]string{}
	for _, c := range versions {
		if c.Upcast == nil {
			continue
		}
		for _, s := range c.Upcast.Steps {
			if s.Rename != nil {
				out[s.Rename.To] = s.Rename.From
			}
		}
	}
	return out
}

// aliases are those of the options and of the contract that the point names.
func (d *Desk) aliases(ctx context.Context, p *Point, o Options) (Options, error) {
	if d.Documents == nil || p.Contract == "" {
		return o, nil
	}
	versions, err := d.Documents(ctx, p.Contract)
	if err != nil {
		return o, err
	}
	known := AliasesOf(versions)
	maps.Copy(known, o.Aliases)
	o.Aliases = known
	return o, nil
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
