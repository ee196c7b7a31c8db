package relay

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
)

// ConnectOptions tune a connection; the zero value is good.
type ConnectOptions struct {
	Name   string // shown by the server, default "baton"
	Logger *slog.Logger
}

// Connect opens a connection to nats:// URLs (comma-separated) that reconnects for ever. It succeeds while the server is away: operations
// then fail with an error until it is back, nothing is buffered. Only a URL that cannot be read is an error (CodeInvalid).
func Connect(url string, o ConnectOptions) (*nats.Conn, error) {
	return connect(url, o)
}

func connect(url string, o ConnectOptions, more ...nats.Option) (*nats.Conn, error) {
	if o.Name == "" {
		o.Name = "baton"
	}
	log := logger(o.Logger).With("connection", o.Name)
	var away atomic.Bool // from the first attempt on: the client tells of no failure before it was connected once
	options := []nats.Option{
		nats.Name(o.Name),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.CustomReconnectDelay(reconnectDelay),
		// What was sent while the server was away would arrive after the relay has looked where the stream is.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // nil: closed by us
				log.Warn("NATS is away", "error", err)
			}
		}),
		nats.ConnectHandler(func(nc *nats.Conn) {
			if away.Load() {
				log.Info("NATS is back", "server", nc.ConnectedServerName())
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { log.Info("NATS is back", "server", nc.ConnectedServerName()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("NATS reports an error", "error", err) }),
	}
	nc, err := nats.Connect(url, append(options, more...)...)
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, "connect to NATS", "set nats.url to nats://user:password@host:4222", "%w", err)
	}
	if !nc.IsConnected() {
		away.Store(true)
		log.Warn("NATS is away", "error", "no answer to the first attempt; it is tried again for ever")
	}
	return nc, nil
}

// reconnectDelay doubles from 50 ms to 5 s. It is waited once for each round through the servers.
func reconnectDelay(attempts int) time.Duration {
	return backoff(attempts, 5*time.Second)
}

func backoff(attempts int, most time.Duration) time.Duration {
	return min(50*time.Millisecond<<min(attempts, 10), most)
}

func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}

// unavailable wraps a failure of NATS itself.
func unavailable(op string, err error) error {
	return &ledger.Error{Code: ledger.CodeUnavailable, Op: op, Err: err, Hint: "check that the NATS server runs and has JetStream enabled; the ledger is not affected"}
}
