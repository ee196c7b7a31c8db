package server

import (
	"cmp"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// ListenOptions say where a server listens, and what it needs for that. Loopback needs nothing. Further away, where anybody may knock, it needs an API key
// to ask for, and TLS to carry it, or the word of whoever runs it that something else does (a proxy, a private network).
type ListenOptions struct {
	Address   string // host:port
	Cert, Key string // PEM files: TLS; both or none
	Insecure  bool   // keys may travel in clear
	Keys      *Keyring
	Setting   string // that says Address, for errors; "" is listen
}

// World reports whether other machines can reach the address.
func (o ListenOptions) World() bool {
	host, _, err := net.SplitHostPort(o.Address)
	ip := net.ParseIP(host)
	return err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback())
}

// Check refuses an address that is no address or lacks what it needs.
func (o ListenOptions) Check() error {
	if _, _, err := net.SplitHostPort(o.Address); err != nil {
		return ledger.Errorf(ledger.CodeInvalid, "listen", "give host:port, as 127.0.0.1:8080", "listen address %q: %w", o.Address, err)
	}
	if (o.Cert == "") != (o.Key == "") {
		return ledger.Errorf(ledger.CodeInvalid, "listen", "set both, or none", "of listen_tls.cert and listen_tls.key one is set and the other is not")
	}
	if o.Cert != "" {
		if _, err := tls.LoadX509KeyPair(o.Cert, o.Key); err != nil {
			return ledger.Errorf(ledger.CodeInvalid, "listen", "name PEM files of a certificate and its key in listen_tls", "listen_tls: %w", err)
		}
	}
	if !o.World() {
		return nil
	}
	if o.Keys == nil || o.Keys.Usable() == 0 {
		return ledger.Errorf(ledger.CodeInvalid, "listen", "make a key with `baton keys add NAME --role reader|writer|operator`, or listen on 127.0.0.1",
			"listen address %q can be reached from other machines, and there is no API key to ask them for", o.Address)
	}
	if o.Cert == "" && !o.Insecure {
		return ledger.Errorf(ledger.CodeInvalid, "listen", "set listen_tls.cert and listen_tls.key; where something else encrypts, set insecure_listen: true",
			"listen address %q can be reached from other machines, and without TLS the API keys travel in clear", o.Address)
	}
	return nil
}

// Listener is where a server listens.
type Listener struct {
	net.Listener
	URL   string       // for people and clients
	Local net.Listener // loopback without TLS, for commands of this machine; the same one where that is what Address is
}

// Listen opens what Check accepts. Beside an address with TLS, or of the outer world, it opens a random port on loopback: commands of this machine find
// it in the lock file and need no certificate.
func Listen(o ListenOptions) (*Listener, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	l, err := o.open()
	if err != nil {
		return nil, err
	}
	out := &Listener{Listener: l, URL: "http://" + o.named(l.Addr()), Local: l}
	if o.Cert != "" {
		out.Listener = o.secured(l, "h2", "http/1.1")
		out.URL = "https://" + o.named(l.Addr())
	}
	if o.Cert != "" || o.World() {
		if out.Local, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, errors.Join(&ledger.Error{Code: ledger.CodeUnavailable, Op: "listen", Err: err, Hint: "see that 127.0.0.1 can be listened on"}, l.Close())
		}
	}
	return out, nil
}

// ListenPlain opens what Check accepts for another protocol than HTTP, and nothing beside it. address is for people.
func ListenPlain(o ListenOptions, protocols ...string) (l net.Listener, address string, err error) {
	if err := o.Check(); err != nil {
		return nil, "", err
	}
	if l, err = o.open(); err != nil {
		return nil, "", err
	}
	address = o.named(l.Addr())
	if o.Cert != "" {
		l = o.secured(l, protocols...)
	}
	return l, address, nil
}

func (o ListenOptions) open() (net.Listener, error) {
	l, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, &ledger.Error{Code: ledger.CodeUnavailable, Op: "listen", Err: err, Hint: "choose another address with " + o.flag() + "; port 0 takes a free one"}
	}
	return l, nil
}

// flag is the one that says the address.
func (o ListenOptions) flag() string {
	return "--" + strings.ReplaceAll(cmp.Or(o.Setting, "listen"), "_", "-")
}

func (o ListenOptions) secured(l net.Listener, protocols ...string) net.Listener {
	pair := &certificate{cert: o.Cert, key: o.Key}
	return tls.NewListener(l, &tls.Config{GetCertificate: pair.get, NextProtos: protocols, MinVersion: tls.VersionTLS12})
}

// named is the address that was opened, with the host as it was asked for: 0.0.0.0 would be shown as [::].
func (o ListenOptions) named(opened net.Addr) string {
	host, _, _ := net.SplitHostPort(o.Address)
	_, port, err := net.SplitHostPort(opened.String())
	if err != nil || host == "" {
		return opened.String()
	}
	return net.JoinHostPort(host, port)
}

// All are the listeners to serve.
func (l *Listener) All() []net.Listener {
	if l.Local == l.Listener {
		return []net.Listener{l.Listener}
	}
	return []net.Listener{l.Listener, l.Local}
}

// LocalURL is the address for commands of this machine.
func (l *Listener) LocalURL() string { return "http://" + l.Local.Addr().String() }

// Close closes both.
func (l *Listener) Close() error {
	err := l.Listener.Close()
	if l.Local != l.Listener {
		err = errors.Join(err, l.Local.Close())
	}
	return err
}

// certificate is read again when its file changes: it is renewed more often than a ledger is restarted.
type certificate struct {
	cert, key string
	mu        sync.Mutex
	asked     time.Time
	changed   time.Time
	pair      *tls.Certificate
}

// get keeps the pair it has while the files do not make one: a renewal writes one after the other.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); c.pair == nil || now.Sub(c.asked) > time.Second {
		c.asked = now
		info, err := os.Stat(c.cert)
		if err == nil && (c.pair == nil || !info.ModTime().Equal(c.changed)) {
			var pair tls.Certificate
			if pair, err = tls.LoadX509KeyPair(c.cert, c.key); err == nil {
				c.pair, c.changed = &pair, info.ModTime()
			}
		}
		if c.pair == nil {
			return nil, err
		}
	}
	return c.pair, nil
}
