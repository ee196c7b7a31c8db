package main

import (
	"errors"

	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/relay"
)

// natsFlags are the settings of a connection that commands take.
var natsFlags = []string{"nats.url", "nats.creds_file", "nats.nkey_file", "nats.tls.ca", "nats.tls.cert", "nats.tls.key"}

// natsOptions are how the configured server is met.
func (a *app) natsOptions(name string) relay.ConnectOptions {
	c := a.cfg.NATS
	return relay.ConnectOptions{Name: name, Logger: a.logger(),
		Auth: relay.Auth{Creds: c.CredsFile, NKey: c.NKeyFile, CA: c.TLS.CA, Cert: c.TLS.Cert, Key: c.TLS.Key}}
}

// checkNATS asks what no single setting can tell: whether files are there, and settings fit each other.
func (a *app) checkNATS() error {
	if !a.cfg.NATS.Enabled {
		return nil
	}
	o := a.natsOptions("")
	if a.cfg.NATS.URL == "" {
		switch {
		case a.cfg.NATS.Replicas > 1:
			return ledger.Errorf(ledger.CodeInvalid, "configuration", "name the servers of a cluster in nats.url, or leave nats.replicas out",
				"nats.replicas is %d, and the embedded server is one", a.cfg.NATS.Replicas)
		case o.Auth != relay.Auth{}:
			return ledger.Errorf(ledger.CodeInvalid, "configuration", "name the server in nats.url, or leave them out",
				"nats.creds_file, nats.nkey_file and nats.tls are for a server of yours, and there is none in nats.url")
		}
	}
	return o.Auth.Check()
}

// dialNATS connects to the configured server, or to the one embedded in the process that serves the directory; it fails at once where that
// is not there.
func (a *app) dialNATS(name string) (*nats.Conn, error) {
	if url := a.cfg.NATS.URL; url != "" {
		return relay.Dial(url, a.natsOptions(name))
	}
	c, err := relay.ReadCredential(credentialFile(a.cfg.Data))
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeNotFound, name, "start `baton serve` first, or name a server with --nats-url", "no NATS server is known for %s: %w", a.cfg.Data, err)
	}
	conn, err := relay.Dial(c.URL, relay.ConnectOptions{Name: name}, nats.UserInfo(c.User, c.Password))
	if errors.Is(err, ledger.CodeUnavailable) { // the file stays when its server ends, for the password
		return nil, ledger.Errorf(ledger.CodeUnavailable, name, "start `baton serve`, or name its server with --nats-url if it has one of its own",
			"the NATS server that was embedded in `baton serve --data %s` does not answer at %s", a.cfg.Data, c.URL)
	}
	return conn, err
}
