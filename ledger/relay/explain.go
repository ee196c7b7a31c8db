package relay

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
)

const awayHint = "check that the NATS server runs and has JetStream enabled; the ledger is not affected"

// unavailable wraps a failure of NATS itself. The hint is of the cause where that is known.
func unavailable(op string, err error) error {
	return &ledger.Error{Code: ledger.CodeUnavailable, Op: op, Err: err, Hint: hintFor(err)}
}

// hintFor is what a person can do about an error of the client or the server. Every refusal of a login or a certificate names the setting that
// decides it.
func hintFor(err error) string {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		if hint := resourceHint(api); hint != "" {
			return hint
		}
	}
	if hint := loginHint(err); hint != "" {
		return hint
	}
	if hint := certificateHint(err); hint != "" {
		return hint
	}
	return awayHint
}

func loginHint(err error) string {
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	switch {
	case is(nats.ErrAuthExpired, nats.ErrAccountAuthExpired):
		return "have the credentials in nats.creds_file renewed; the file is read again with the next attempt"
	case is(nats.ErrAuthRevoked):
		return "have new credentials made for nats.creds_file: these were revoked"
	case is(nats.ErrAuthorization):
		return "the server refuses the login: correct nats.creds_file, nats.nkey_file or the user in nats.url, whichever this server asks for"
	case is(nats.ErrPermissionViolation):
		return "give this user the rights that docs/clusters.md lists"
	case is(nats.ErrSecureConnWanted):
		return "the server has no TLS: take nats.tls.ca, nats.tls.cert and tls:// out, or enable TLS there"
	}
	return ""
}

func certificateHint(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "set nats.tls.ca to the PEM file of the CA that signed the NATS server's certificate"
	case errors.As(err, &name):
		return "use a name in nats.url that the NATS server's certificate is for"
	case errors.As(err, &invalid):
		return "have the NATS server's certificate, or the CA in nats.tls.ca, renewed"
	case errors.As(err, &record):
		return "the server does not speak TLS at this port: correct nats.url"
	case refusedCertificate(err.Error()):
		return "set nats.tls.cert and nats.tls.key to a certificate that the NATS server accepts"
	}
	return ""
}

// refusedCertificate knows the alerts of the other side, which have no type of their own, and what the client says when it hung up before its alert
// arrived.
func refusedCertificate(text string) bool {
	for _, alert := range []string{"remote error: tls: certificate required", "remote error: tls: bad certificate", "remote error: tls: unknown certificate authority",
		"remote error: tls: expired certificate", "closed by remote after TLS handshake"} {
		if strings.Contains(text, alert) {
			return true
		}
	}
	return false
}

// Codes of the JetStream API for what is full or too many.
const (
	codeAccountResources = 10002
	codeNoPeers          = 10005
	codeNotAvailable     = 10008
	codeInsufficient     = 10023
	codeMemory           = 10028
	codeNoJetStream      = 10039
	codeStorage          = 10047
	codeReplicas         = 10074
	codeStoreFailed      = 10077
	codeTooMany          = 10167
)

// resourceHint is for answers of a JetStream that is full, overrun, too small or without a leader. "" is for all others.
func resourceHint(e *jetstream.APIError) string {
	switch e.ErrorCode {
	case codeStoreFailed:
		return "the stream is full: raise its max_bytes or max_msgs, or remove old messages with `nats stream purge BATON --keep N`; the ledger is not affected"
	case codeStorage, codeInsufficient, codeMemory, codeAccountResources:
		return "JetStream has no room left: raise max_file_store or the account's limits, or free the disk; the ledger is not affected"
	case codeNoPeers, codeReplicas:
		return "the stream needs as many NATS servers as nats.replicas says: start them, or lower nats.replicas"
	case codeNotAvailable:
		return "the NATS cluster has no leader just now: see that more than half of its servers run and reach each other"
	case codeNoJetStream:
		return "enable JetStream for this user's account"
	case codeTooMany:
		return "the server is overrun; it is tried again, more slowly"
	}
	return ""
}

// Explain words a connection that failed as an error with a next step. Errors: CodeUnavailable.
func Explain(op string, err error) error {
	if errors.Is(err, nats.ErrNoServers) || errors.Is(err, nats.ErrTimeout) {
		return ledger.Errorf(ledger.CodeUnavailable, op, "start it, or correct nats.url; appends go on meanwhile, and are published when it is back",
			"the NATS server does not answer: %w", err)
	}
	return &ledger.Error{Code: ledger.CodeUnavailable, Op: op, Err: fmt.Errorf("the NATS server does not take the connection: %w", err), Hint: hintFor(err)}
}
