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
	Auth   Auth
	Logger *slog.Logger
}

// A server that hangs, or a network that swallows everything, is noticed by pings alone: after three of these, another server is tried. The
// client's own two minutes would be longer than any cluster needs to have another leader.
const pingEvery = time.Second

// writeTime bounds a write to a server that takes nothing; the connection is then made again. It cannot be cancelled otherwise.
const writeTime = 5 * time.Second

// Connect opens a connection to nats:// URLs (comma-separated) that reconnects for ever. It succeeds while the server is away or refuses the
// login: operations then fail with an error until it lets us in, nothing is buffered, and the log says why. Only a URL or a file of Auth
// that cannot be read is an error (CodeInvalid).
func Connect(url string, o ConnectOptions) (*nats.Conn, error) {
	auth, err := o.Auth.options()
	if err != nil {
		return nil, err
	}
	return connect(url, o, auth...)
}

// Dial opens a connection for a short command: it fails at once where Connect would try again. Errors: CodeInvalid as there, CodeUnavailable.
func Dial(url string, o ConnectOptions, more ...nats.Option) (*nats.Conn, error) {
	auth, err := o.Auth.options()
	if err != nil {
		return nil, err
	}
	more = append(auth, more...)
	nc, err := nats.Connect(url, append(more, nats.Name(o.Name), nats.Timeout(3*time.Second), nats.MaxReconnects(-1),
		nats.ReconnectBufSize(-1), nats.PingInterval(pingEvery), nats.FlusherTimeout(writeTime))...)
	if err != nil {
		return nil, Explain("connect to NATS", err)
	}
	return nc, nil
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
		nats.PingInterval(pingEvery),
		nats.FlusherTimeout(writeTime),
		nats.ReconnectOnFlusherError(),
		nats.ReconnectErrHandler(refusals(log)),
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

// refusals logs why no connection comes, each reason once until there is another: with a cluster and a back-off it would be all there is to read.
func refusals(log *slog.Logger) nats.ConnErrHandler {
	said := "" // the client calls one handler at a time
	return func(_ *nats.Conn, err error) {
		if err == nil || err.Error() == said {
			return
		}
		said = err.Error()
		log.Warn("NATS does not take the connection; it is tried again for ever", "error", err, "try", hintFor(err))
	}
}
