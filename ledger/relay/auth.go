package relay

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/baton-ledger/baton/ledger"
)

// Auth names the files that a connection proves itself with, and knows the server by. All are read again at each connection, so that a
// renewed one is taken up without a restart. Empty is none.
type Auth struct {
	Creds string // JWT and seed of a user, as nsc writes them: nats.creds_file
	NKey  string // seed of a user's nkey: nats.nkey_file
	CA    string // PEM of those who may have signed the server's certificate: nats.tls.ca. Without it the system's are asked
	Cert  string // PEM of the client's certificate and its chain: nats.tls.cert
	Key   string // PEM of the certificate's key: nats.tls.key
}

// options reads every file once, so that a wrong one is an error now and not a connection that never comes. Errors: CodeInvalid.
func (a Auth) options() (list []nats.Option, err error) {
	if a.Creds != "" && a.NKey != "" {
		return nil, badFile("nats.nkey_file", "keep the one that the server's operator gave you", errors.New("is set beside nats.creds_file; a connection has one user"))
	}
	if a.Creds != "" {
		if err := readCreds(a.Creds); err != nil {
			return nil, badFile("nats.creds_file", "name a file that `nsc generate creds` wrote", err)
		}
		list = append(list, nats.UserCredentials(a.Creds))
	}
	if a.NKey != "" {
		o, err := nats.NkeyOptionFromSeed(a.NKey)
		if err != nil {
			return nil, badFile("nats.nkey_file", "name a file with a user's seed, which begins with SU; `nk -gen user` makes one", err)
		}
		list = append(list, o)
	}
	tls, err := a.tls()
	return append(list, tls...), err
}

// readCreds looks whether a file has both parts. The seed is not kept.
func readCreds(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	defer clear(b)
	if _, err := nkeys.ParseDecoratedJWT(b); err != nil {
		return errors.New("the file holds no user's JWT")
	}
	pair, err := nkeys.ParseDecoratedUserNKey(b)
	if err != nil {
		return errors.New("the file holds no user's seed")
	}
	pair.Wipe()
	return nil
}

func (a Auth) tls() (list []nats.Option, err error) {
	if a.CA != "" {
		b, err := os.ReadFile(a.CA)
		if err == nil && !x509.NewCertPool().AppendCertsFromPEM(b) {
			err = errors.New("the file holds no certificate in PEM")
		}
		if err != nil {
			return nil, badFile("nats.tls.ca", "name the PEM file of the CA that signed the NATS server's certificate", err)
		}
		list = append(list, nats.RootCAs(a.CA))
	}
	switch {
	case a.Cert == "" && a.Key == "":
		return list, nil
	case a.Key == "":
		return nil, badFile("nats.tls.key", "name the PEM file of the key", errors.New("is missing beside nats.tls.cert"))
	case a.Cert == "":
		return nil, badFile("nats.tls.cert", "name the PEM file of the certificate", errors.New("is missing beside nats.tls.key"))
	}
	if _, err := tls.LoadX509KeyPair(a.Cert, a.Key); err != nil {
		return nil, badFile("nats.tls.cert", "name a PEM certificate and, in nats.tls.key, its own key", err)
	}
	return append(list, nats.ClientCert(a.Cert, a.Key)), nil
}

func badFile(setting, hint string, err error) error {
	return ledger.Errorf(ledger.CodeInvalid, "connect to NATS", hint, "%s: %w", setting, err)
}

// Check reads the files as a connection would. Errors: CodeInvalid, naming the setting.
func (a Auth) Check() error {
	_, err := a.options()
	return err
}
