package relay

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
)

// EmbeddedOptions say where an embedded NATS server listens and keeps its files.
type EmbeddedOptions struct {
	Dir            string // JetStream's files, D/nats
	CredentialFile string // JSON {url, user, password}, D/keys/nats.json, mode 0600; its password is kept from one start to the next
	Port           int    // on loopback; -1 or 0: a free one
	Logger         *slog.Logger
}

// Credential is what an ordinary NATS client needs to connect to the embedded server.
type Credential struct {
	URL      string `json:"url"`
	User     string `json:"user"`
	Password string `json:"password"`
}

// Embedded is a NATS server with JetStream inside this process. It listens on loopback only and asks for the credential.
type Embedded struct {
	server     *server.Server
	addr       string
	credential Credential
	logger     *slog.Logger
	closing    chan struct{}
	closeOnce  sync.Once
	ended      chan struct{} // revive has
}

// maxPayload fits the largest event: 1 MiB of data, and headers of 16 KiB that percent-encoding may treble.
const maxPayload = ledger.MaxData + 4*ledger.MaxHeader

// readyTime is how long JetStream may take to recover its files.
const readyTime = time.Minute

// StartEmbedded starts a server and returns when clients can connect. It installs no signal handlers. Errors: CodeUnavailable where the
// port is taken or JetStream cannot open its files, CodeInvalid where the credential file cannot be read or written.
func StartEmbedded(o EmbeddedOptions) (*Embedded, error) {
	const op = "start embedded NATS"
	credential, err := loadCredential(o.CredentialFile)
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, op, "remove the file, a new credential is then made", "credential file: %w", err)
	}
	port := o.Port
	if port == 0 {
		port = server.RANDOM_PORT
	}
	srv, err := server.NewServer(&server.Options{
		ServerName: "baton", Host: "127.0.0.1", Port: port, NoSigs: true,
		Username: credential.User, Password: credential.Password,
		JetStream: true, StoreDir: o.Dir, MaxPayload: maxPayload, MaxPending: 64 << 20,
	})
	if err != nil {
		return nil, unavailable(op, err)
	}
	log := &serverLog{log: logger(o.Logger), fatal: make(chan error, 1)}
	srv.SetLoggerV2(log, false, false, false)
	go srv.Start()
	if err := waitReady(srv, log.fatal, o); err != nil {
		srv.Shutdown()
		return nil, err
	}
	e := &Embedded{server: srv, addr: srv.Addr().String(), credential: credential, logger: o.Logger, closing: make(chan struct{}), ended: make(chan struct{})}
	go e.revive(o.Dir, *srv.JetStreamConfig())
	e.credential.URL = srv.ClientURL()
	if err := e.credential.save(o.CredentialFile); err != nil {
		e.Close()
		return nil, ledger.Errorf(ledger.CodeInvalid, op, "make the folder of the keys writable", "credential file: %w", err)
	}
	return e, nil
}

// waitReady waits until clients can connect. The server tells of a failed start through its log alone.
func waitReady(srv *server.Server, fatal <-chan error, o EmbeddedOptions) error {
	const op = "start embedded NATS"
	for deadline := time.Now().Add(readyTime); ; {
		ready := srv.ReadyForConnections(20*time.Millisecond) && srv.JetStreamEnabled()
		select {
		case err := <-fatal:
			return ledger.Errorf(ledger.CodeUnavailable, op, fmt.Sprintf(
				"choose another nats.port if %d is taken; if JetStream's files are damaged remove %s, it is made again from the ledger", o.Port, o.Dir),
				"%w", err)
		default:
		}
		if ready {
			return nil
		}
		if time.Now().After(deadline) {
			return ledger.Errorf(ledger.CodeUnavailable, op, "", "not ready after %v", readyTime)
		}
	}
}

// URL is nats://user:password@127.0.0.1:port.
func (e *Embedded) URL() string {
	return (&url.URL{Scheme: "nats", User: url.UserPassword(e.credential.User, e.credential.Password), Host: e.Addr()}).String()
}

// Addr is host:port, fit for logs.
func (e *Embedded) Addr() string { return e.addr }

// Port is the one it listens on.
func (e *Embedded) Port() int {
	_, port, _ := net.SplitHostPort(e.Addr())
	n, _ := strconv.Atoi(port)
	return n
}

// Connect opens a connection to this server.
func (e *Embedded) Connect(name string) (*nats.Conn, error) {
	return connect(e.credential.URL, ConnectOptions{Name: name, Logger: e.logger}, nats.UserInfo(e.credential.User, e.credential.Password))
}

// Close shuts the server down and waits until its files are closed.
func (e *Embedded) Close() error {
	e.closeOnce.Do(func() { close(e.closing) })
	<-e.ended
	e.server.Shutdown()
	e.server.WaitForShutdown()
	return nil
}

// ReadCredential reads the file that StartEmbedded wrote.
func ReadCredential(file string) (Credential, error) {
	var c Credential
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	return c, err
}

// loadCredential keeps the password of an earlier start, so that clients need not learn another one.
func loadCredential(file string) (Credential, error) {
	if c, err := ReadCredential(file); err == nil && c.User != "" && c.Password != "" {
		return c, nil
	} else if err != nil && !os.IsNotExist(err) {
		return Credential{}, err
	}
	return Credential{User: "baton", Password: rand.Text()}, nil
}

// save replaces the file in one step, never readable by others.
func (c Credential) save(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".nats-*") // 0600 from the beginning
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if errClose := f.Close(); err == nil {
		err = errClose
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// serverLog hands the server's log to slog, and its first fatal line to StartEmbedded: the server itself goes on after one.
type serverLog struct {
	log   *slog.Logger
	once  sync.Once
	fatal chan error
}

func (l *serverLog) Noticef(format string, v ...any) {
	l.log.Debug("nats: " + fmt.Sprintf(format, v...))
}
func (l *serverLog) Warnf(format string, v ...any) {
	if strings.HasPrefix(format, "Plaintext passwords") {
		return // ours is random, kept in a file of mode 0600, and good on loopback alone
	}
	l.log.Warn("nats: " + fmt.Sprintf(format, v...))
}
func (l *serverLog) Errorf(format string, v ...any) {
	l.log.Error("nats: " + fmt.Sprintf(format, v...))
}
func (l *serverLog) Debugf(format string, v ...any) {}
func (l *serverLog) Tracef(format string, v ...any) {}
func (l *serverLog) Fatalf(format string, v ...any) {
	err := fmt.Errorf(format, v...)
	l.log.Error("nats: " + err.Error())
	l.once.Do(func() { l.fatal <- err })
}
