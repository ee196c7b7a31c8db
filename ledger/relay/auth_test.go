package relay_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/lease"
	"github.com/baton-ledger/baton/ledger/natstest"
	"github.com/baton-ledger/baton/ledger/relay"
)

// guarded starts a server that asks for something, and gives its URL.
func (b *bench) guarded(configure func(*server.Options)) string {
	b.Helper()
	c, err := natstest.Start(1, natstest.Options{Dir: b.TempDir(), Configure: configure})
	b.must(err)
	b.Cleanup(c.Close)
	return c.URL()
}

// relays requires that a ledger reaches a server with these files.
func (b *bench) relays(url string, auth relay.Auth) {
	b.Helper()
	nc, err := relay.Connect(url, relay.ConnectOptions{Name: b.Name(), Auth: auth})
	b.must(err)
	b.Cleanup(nc.Close)
	b.nc = nc
	r, err := relay.New(nc, relay.Options{LedgerID: ledgerID})
	b.must(err)
	b.must(r.CatchUp(b.ctx, b.store))
	if report := b.check(); !report.Clean() || report.Published != uint64(b.events) {
		b.Errorf("%+v", report)
	}
}

// refused requires that a short command gets an error with a hint that names the setting, and that a server says the same in its log and goes on.
func (b *bench) refused(url string, auth relay.Auth, setting string) {
	b.Helper()
	_, err := relay.Dial(url, relay.ConnectOptions{Auth: auth})
	if !errors.Is(err, ledger.CodeUnavailable) || !strings.Contains(ledger.HintOf(err), setting) {
		b.Errorf("the error is %v (try: %s), want a hint at %s", err, ledger.HintOf(err), setting)
	}
	said := &lines{}
	nc, err := relay.Connect(url, relay.ConnectOptions{Auth: auth, Logger: slog.New(slog.NewTextHandler(said, nil))})
	b.must(err)
	defer nc.Close()
	b.until("the log names the setting", func() bool { return strings.Contains(said.String(), setting) })
}

func (b *bench) file(name string, text []byte) string {
	b.Helper()
	file := filepath.Join(b.dir, name)
	b.must(os.WriteFile(file, text, 0o600))
	return file
}

// TestCredentialsFile: a server in operator mode, which lets in users whose JWT an account signed.
func TestCredentialsFile(t *testing.T) {
	b := newBench(t)
	b.write(20)
	operator, account, system := pair(b, nkeys.CreateOperator), pair(b, nkeys.CreateAccount), pair(b, nkeys.CreateAccount)
	sign := func(claims jwt.Claims, by nkeys.KeyPair) string {
		s, err := claims.Encode(by)
		b.must(err)
		return s
	}
	claims := jwt.NewAccountClaims(public(b, account))
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1}
	resolver := &server.MemAccResolver{}
	b.must(resolver.Store(public(b, account), sign(claims, operator)))
	b.must(resolver.Store(public(b, system), sign(jwt.NewAccountClaims(public(b, system)), operator)))
	url := b.guarded(func(o *server.Options) {
		o.TrustedKeys, o.AccountResolver, o.SystemAccount = []string{public(b, operator)}, resolver, public(b, system)
	})
	creds := func(name string, by nkeys.KeyPair, expires time.Time) string {
		user := pair(b, nkeys.CreateUser)
		c := jwt.NewUserClaims(public(b, user))
		if !expires.IsZero() {
			c.Expires = expires.Unix()
		}
		seed, err := user.Seed()
		b.must(err)
		text, err := jwt.FormatUserConfig(sign(c, by), seed)
		b.must(err)
		return b.file(name, text)
	}
	b.relays(url, relay.Auth{Creds: creds("good.creds", account, time.Time{})})
	b.refused(url, relay.Auth{Creds: creds("other.creds", pair(b, nkeys.CreateAccount), time.Time{})}, "nats.creds_file")
	b.refused(url, relay.Auth{Creds: creds("old.creds", account, time.Now().Add(-time.Hour))}, "nats.creds_file")
	b.refused(url, relay.Auth{}, "nats.creds_file")
}

func pair(b *bench, make func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	k, err := make()
	b.must(err)
	return k
}

func public(b *bench, k nkeys.KeyPair) string {
	s, err := k.PublicKey()
	b.must(err)
	return s
}

// TestNKey: a server that knows users by their public keys, and gives ours the rights that docs/clusters.md lists, no more.
func TestNKey(t *testing.T) {
	b := newBench(t)
	b.write(20)
	user, other := pair(b, nkeys.CreateUser), pair(b, nkeys.CreateUser)
	rights := &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: []string{"baton.>", "$JS.API.>", "$JS.FC.>", "$KV.BATON_LEASES.>", "_INBOX.>"}},
		Subscribe: &server.SubjectPermission{Allow: []string{"baton.>", "$JS.EVENT.ADVISORY.>", "_INBOX.>"}},
	}
	url := b.guarded(func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public(b, user), Permissions: rights}} })
	seed := func(name string, k nkeys.KeyPair) string {
		text, err := k.Seed()
		b.must(err)
		return b.file(name, text)
	}
	good := relay.Auth{NKey: seed("user.nk", user)}
	b.relays(url, good)
	b.refused(url, relay.Auth{NKey: seed("other.nk", other)}, "nats.nkey_file")

	said := &lines{}
	nc, err := relay.Connect(url, relay.ConnectOptions{Auth: good, Logger: slog.New(slog.NewTextHandler(said, nil))})
	b.must(err)
	defer nc.Close()
	in, err := relay.NewIngest(nc, b.append, nil)
	b.must(err)
	ctx, cancel := context.WithCancel(b.ctx)
	done := make(chan error, 2)
	go func() { done <- in.Run(ctx) }()
	reply, err := b.nc.Request(relay.IngestSubject, []byte("{}"), 10*time.Second)
	b.must(err)
	if !strings.Contains(string(reply.Data), "invalid") {
		t.Errorf("reply %s", reply.Data)
	}
	leases, err := lease.New(nc, lease.Options{Node: "a"})
	b.must(err)
	held := make(chan bool, 1)
	go func() {
		done <- leases.Hold(ctx, "relay", func(ctx context.Context) error { held <- true; <-ctx.Done(); return nil })
	}()
	<-held
	r, err := relay.New(nc, relay.Options{LedgerID: ledgerID})
	b.must(err)
	p := b.run(r)
	b.write(5)
	b.published(p)
	cancel()
	<-done
	<-done
	if text := said.String(); strings.Contains(text, "ermission") {
		t.Errorf("a right is missing: %s", text)
	}
}

// TestTLS: a server whose certificate a CA of our own signed, and which wants one of its clients.
func TestTLS(t *testing.T) {
	b := newBench(t)
	b.write(20)
	ca, stranger := newCA(b, "ca.pem"), newCA(b, "stranger.pem")
	cert, key := ca.issue("server")
	pairOf, err := tls.LoadX509KeyPair(cert, key)
	b.must(err)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	config := &tls.Config{Certificates: []tls.Certificate{pairOf}, MinVersion: tls.VersionTLS12}
	open := b.guarded(func(o *server.Options) { o.TLSConfig, o.TLSTimeout = config, 5 })
	mutual := config.Clone()
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, pool
	closed := b.guarded(func(o *server.Options) { o.TLSConfig, o.TLSTimeout, o.TLSVerify = mutual, 5, true })
	mine, mineKey := ca.issue("client")
	foreign, foreignKey := stranger.issue("client of another")

	b.relays(open, relay.Auth{CA: ca.file})
	b.relays(closed, relay.Auth{CA: ca.file, Cert: mine, Key: mineKey})
	b.refused(open, relay.Auth{}, "nats.tls.ca")
	b.refused(open, relay.Auth{CA: stranger.file}, "nats.tls.ca")
	b.refused(closed, relay.Auth{CA: ca.file}, "nats.tls.cert")
	b.refused(closed, relay.Auth{CA: ca.file, Cert: foreign, Key: foreignKey}, "nats.tls.cert")
	b.refused(b.guarded(nil), relay.Auth{CA: ca.file}, "nats.tls.ca")
}

// TestWrongFiles: a file that cannot be right is refused before anything is connected, naming its setting.
func TestWrongFiles(t *testing.T) {
	b := newBench(t)
	text, ca := b.file("text", []byte("hello")), newCA(b, "ca.pem")
	cert, key := ca.issue("a")
	_, otherKey := ca.issue("b")
	for setting, a := range map[string]relay.Auth{
		"nats.creds_file": {Creds: text}, "nats.nkey_file": {NKey: filepath.Join(b.dir, "none")}, "nats.nkey_file: is set": {Creds: text, NKey: text},
		"nats.tls.ca": {CA: text}, "nats.tls.cert": {Cert: cert, Key: otherKey}, "nats.tls.key": {Cert: cert}, "nats.tls.cert: is missing": {Key: key},
	} {
		_, err := relay.Connect("nats://127.0.0.1:1", relay.ConnectOptions{Auth: a})
		if !errors.Is(err, ledger.CodeInvalid) || !strings.Contains(err.Error(), setting) || ledger.HintOf(err) == "" {
			t.Errorf("%s: %v (try: %s)", setting, err, ledger.HintOf(err))
		}
	}
}

// authority is a CA.
type authority struct {
	*bench
	file string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newCA(b *bench, name string) *authority {
	a := &authority{bench: b}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	var err error
	a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	b.must(err)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	b.must(err)
	a.cert, err = x509.ParseCertificate(der)
	b.must(err)
	a.file = b.file(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return a
}

// issue signs a certificate for this machine, for both ends of a connection.
func (a *authority) issue(name string) (cert, key string) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &k.PublicKey, a.key)
	a.must(err)
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	a.must(err)
	return a.bench.file(name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		a.bench.file(name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

// lines is a log that may be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
