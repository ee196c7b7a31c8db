package points

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
)

// Contract is what a contract's stream says of its versions.
type Contract struct {
	Name     string            `json:"name,omitempty"`
	Versions []ContractVersion `json:"versions"`
}

// ContractVersion is a version and where it stands.
type ContractVersion struct {
	Version int             `json:"version"`
	State   contract.Status `json:"state"`
	Since   time.Time       `json:"since"`
	Drafted time.Time       `json:"first_at"` // the first event about it

	accepted bool
}

// ReadContract reads a contract of the ledger. One without events, or without a name, has no versions.
func ReadContract(ctx context.Context, r ledger.Reader, name string) (Contract, error) {
	c := Contract{Name: name, Versions: []ContractVersion{}}
	if name == "" {
		return c, nil
	}
	s, err := contract.ReadState(ctx, r, name, 0)
	if err != nil {
		return c, err
	}
	for _, v := range s.Versions {
		c.Versions = append(c.Versions, ContractVersion{Version: v.Contract.Version, State: v.Status, Since: v.Since, Drafted: v.History[0].At,
			accepted: v.Status == contract.Published || v.Status == contract.Deprecated})
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
	if p.Contract == "" {
		return o, nil
	}
	s, err := contract.ReadState(ctx, d.Reader, p.Contract, 0)
	if err != nil {
		return o, err
	}
	var versions []*contract.Contract
	for _, v := range s.Versions {
		versions = append(versions, v.Contract)
	}
	known := AliasesOf(versions)
	maps.Copy(known, o.Aliases)
	o.Aliases = known
	return o, nil
}

// Published reports whether a version is published and not retired; a deprecated one still is.
func (c *Contract) Published() bool {
	return slices.ContainsFunc(c.Versions, func(v ContractVersion) bool { return v.accepted })
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
