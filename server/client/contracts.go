package client

import (
	"encoding/json"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
)

// Validation says whether an example of an offer keeps a version of a contract.
type Validation struct {
	Contract   string             `json:"contract"`
	Version    int                `json:"version"`
	OK         bool               `json:"ok"`
	Variant    string             `json:"variant,omitempty" doc:"whose guard held"`
	Violations []ledger.Violation `json:"violations"`
}

// ContractAct is the body of what is said of a version of a contract.
type ContractAct struct {
	Version   int             `json:"version,omitempty" minimum:"0" doc:"of the contract; with drafted it is in the document"`
	Contract  json.RawMessage `json:"contract,omitempty" doc:"with drafted, and required there: the document"`
	Why       string          `json:"why,omitempty" maxLength:"1024" doc:"required with exception_granted"`
	By        string          `json:"by,omitempty" maxLength:"256" doc:"who says so; default: the key's name"`
	Cap       int             `json:"cap,omitempty" minimum:"0" doc:"with prototyped: most handoffs that may follow it"`
	Sunset    time.Time       `json:"sunset,omitzero" doc:"with published and deprecated: the version is retired then"`
	Successor int             `json:"successor,omitempty" minimum:"0" doc:"with deprecated: version to follow instead"`
	Rule      string          `json:"rule,omitempty" maxLength:"64" doc:"with exception_granted"`
	Party     string          `json:"party,omitempty" maxLength:"256" doc:"with signed: the owner, or a consumer"`
}

// Quarantined is one thing in quarantine with its events.
type Quarantined struct {
	contract.Item
	Events []json.RawMessage `json:"events" doc:"CloudEvents, data as it was sent"`
}

// Settle is the body of what is done about something in quarantine.
type Settle struct {
	Why    string          `json:"why,omitempty" maxLength:"1024" doc:"required with discard, and with a repair"`
	By     string          `json:"by,omitempty" maxLength:"256" doc:"who does it; default: the key's name"`
	Repair []contract.Step `json:"repair,omitempty" doc:"with release: changes of the envelopes of offers"`
}
