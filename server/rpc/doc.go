// Package rpc serves the ledger by gRPC, gRPC-Web and Connect, from one schema: baton/v1/baton.proto, whose comments are the documentation
// of the interface. The generated code beside it is made by `make proto` and is held to the schema by a test.
//
// [New] gives the handler for server.Options.Mounts: it then shares port, middleware and intake with REST. Errors carry the ledger's code and
// hint to the client, where batonv1.ErrorOf makes them a *ledger.Error again, so that errors.Is works on both sides.
package rpc
