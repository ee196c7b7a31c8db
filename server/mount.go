package server

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// Role is what a caller must be allowed to do. Each role includes those before it.
type Role int

// The roles. Public routes tell nothing of the ledger's content.
const (
	Unsaid   Role = iota // of a Mount: what follows from its pattern, see access.go
	Public               // liveness, readiness, the API's own description
	Reader               // read records, read models, proofs
	Writer               // append
	Operator             // verify, rebuild, repair, replay deliveries, speak for others
)

var roleNames = [...]string{Unsaid: "", Public: "public", Reader: "reader", Writer: "writer", Operator: "operator"}

func (r Role) String() string { return roleNames[r] }

// ParseRole reads the role of a key: reader, writer or operator.
func ParseRole(text string) (Role, error) {
	for r := Reader; r <= Operator; r++ {
		if text == r.String() {
			return r, nil
		}
	}
	return Unsaid, ledger.Errorf(ledger.CodeInvalid, "", "one of "+strings.Join(roleNames[Reader:], ", "), "role %.40q does not exist", text)
}

// MarshalText writes the role's name.
func (r Role) MarshalText() ([]byte, error) {
	if r < Reader || r > Operator {
		return nil, fmt.Errorf("role %d is none of a key's", int(r))
	}
	return []byte(r.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (r *Role) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRole(string(text))
	return err
}

// Mount is a part of the API with a handler of its own, beside the operations in this package.
type Mount struct {
	Pattern string // as of http.ServeMux: "GET /log/"
	Handler http.Handler
	Role    Role // who may use it; Unsaid is what access.go says of the pattern
}
