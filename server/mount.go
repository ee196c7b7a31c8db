package server

import "net/http"

// Role is what a caller must be allowed to do. Each role includes those before it.
type Role int

// The roles. Public routes tell nothing of the ledger's content.
const (
	Public   Role = iota // liveness, readiness, the API's own description
	Reader               // read records, read models, proofs
	Writer               // append
	Operator             // verify, rebuild, repair, replay deliveries
)

// Mount is a part of the API with a handler of its own, beside the operations in this package.
type Mount struct {
	Pattern string // as of http.ServeMux: "GET /log/"
	Handler http.Handler
}
