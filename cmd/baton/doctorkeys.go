package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/server"
)

// soon is when something that ends is spoken of.
const soon = 14 * 24 * time.Hour

// configuration says what is set; that it can be read was found out before.
func (d *doctor) configuration() {
	const name = "configuration"
	set := 0
	for _, e := range d.cfg.Entries() {
		if e.Source != "default" {
			set++
		}
	}
	err := d.checkWebhooks()
	if err == nil {
		err = d.checkNATS()
	}
	if err != nil {
		d.wrong(name, err)
		return
	}
	d.ok(name, "good; settings that are not at their default: %d", set)
}

// signingKey reads the key that signs checkpoints, nil where that cannot be. It makes none.
func (d *doctor) signingKey() *notary.Keys {
	const name = "signing key"
	folder := filepath.Join(d.cfg.Data, "keys")
	if _, err := os.Stat(filepath.Join(folder, "tag.key")); err != nil && d.cfg.Notary.KeyFile == "" && ledgerExists(d.cfg.Data) != nil {
		d.ok(name, "made on the first run")
		return nil
	}
	keys, err := notary.ReadKeys(folder, d.cfg.Notary.KeyFile, d.cfg.Notary.Origin)
	switch {
	case err != nil:
		d.wrong(name, err)
		return nil
	case keys.Signer == nil && (d.clustered() || notAMirror(d.cfg.Data) != nil):
		d.ok(name, "%s, the public half of key %s: this node takes over what others sign", keys.Verifier.Name(), ledgerID(keys))
	case keys.Signer == nil:
		d.warn(name, "restore keys/notary.key, if this ledger is to be written to", "not here: the ledger %s can be read and verified, not written to", keys.Verifier.Name())
	default:
		d.ok(name, "%s, key %s", keys.Verifier.Name(), ledgerID(keys))
	}
	return &keys
}

// apiKeys looks at who may use the API, and for how long.
func (d *doctor) apiKeys() {
	const name = "API keys"
	if !d.there {
		return
	}
	ring, err := server.OpenKeyring(d.cfg.Data)
	if err != nil {
		d.wrong(name, err)
		return
	}
	keys, err := ring.Keys()
	if err != nil {
		d.wrong(name, err)
		return
	}
	var ending []string
	for _, k := range keys {
		if !k.Expires.IsZero() && time.Until(k.Expires) < soon && !k.Expired(time.Now()) {
			ending = append(ending, fmt.Sprintf("%s on %s", k.Name, k.Expires.Format(time.DateOnly)))
		}
	}
	switch n := ring.Usable(); {
	case ring.Open():
		d.ok(name, "none: whoever is on this machine may use the API")
	case n == 0:
		d.warn(name, "make one with `baton keys add NAME --role reader|writer|operator`", "all %d have expired: only commands of this machine get in", len(keys))
	case len(ending) > 0:
		d.warn(name, "make new ones with `baton keys add`, and give them out", "%d; soon to expire: %v", n, ending)
	default:
		d.ok(name, "%d", n)
	}
}

// certificate looks at how long the one of TLS lasts.
func (d *doctor) certificate() {
	const name = "certificate"
	c := d.cfg.ListenTLS
	if c.Cert == "" || c.Key == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return // the check of the address has said so
	}
	switch end := pair.Leaf.NotAfter; {
	case time.Until(end) < 0:
		d.fail(name, "renew "+c.Cert+"; a running server reads it again", "expired on %s", end.Format(time.DateOnly))
	case time.Until(end) < soon:
		d.warn(name, "renew "+c.Cert+"; a running server reads it again", "expires on %s", end.Format(time.DateOnly))
	default:
		d.ok(name, "good until %s", end.Format(time.DateOnly))
	}
}

// listens looks whether the configured addresses are free, or ours.
func (d *doctor) listens(ctx context.Context) {
	o, err := d.listenOptions()
	if err != nil {
		d.wrong("listen address", err)
		return
	}
	d.listensAt("listen address", "--listen", o, func() bool { return d.answers(ctx) })
	if esdb := d.esdbOptions(o); esdb.Address != "" {
		d.listensAt("EventStoreDB address", "--esdb-listen", esdb, func() bool { return answersESDB(ctx, esdb.Address) })
	}
}

// listensAt looks at one address; ours asks who is there, where somebody is.
func (d *doctor) listensAt(name, flag string, o server.ListenOptions, ours func() bool) {
	if err := o.Check(); err != nil {
		d.wrong(name, err)
		return
	}
	l, err := net.Listen("tcp", o.Address)
	switch {
	case err == nil:
		d.ok(name, "%s is free", o.Address)
		l.Close()
	case !errors.Is(err, unix.EADDRINUSE):
		d.fail(name, "choose another address with "+flag, "%s", err)
	case d.held.API != "" && ours():
		d.ok(name, "%s is the server's that holds the directory", o.Address)
	default:
		d.fail(name, "stop that process, or choose another address with "+flag+"; port 0 takes a free one", "%s is used by another process", o.Address)
	}
}

// answers reports whether the server that holds the directory is who listens on the configured address: the one it announced is that, or a Baton
// answers there too, as with TLS, where the announced one is on loopback.
func (d *doctor) answers(ctx context.Context) bool {
	if u, err := url.Parse(d.held.API); err == nil && samePort(u.Host, d.cfg.Listen) {
		return true
	}
	scheme := "http"
	if d.cfg.ListenTLS.Cert != "" {
		scheme = "https"
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+d.cfg.Listen+"/healthz", nil)
	if err != nil {
		return false
	}
	// Only who it is matters, nothing is told: so any certificate will do.
	asker := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	resp, err := asker.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 16))
	return string(body) == "ok\n"
}

func samePort(a, b string) bool {
	_, portA, errA := net.SplitHostPort(a)
	_, portB, errB := net.SplitHostPort(b)
	return errA == nil && errB == nil && portA == portB
}
