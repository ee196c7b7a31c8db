// Package server is Baton's HTTP API.
//
// It offers what an open ledger offers, in three layers: records (read and append, the ledger's own interface over HTTP, so that
// every command works the same on a directory and through its holder), read models (journeys, handoffs, points, reports), and
// trust (checkpoint, proofs, verify). Errors are RFC 9457 problems with the ledger's codes. /openapi.json says the rest.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/server/client"
)

// Options are the parts of an open ledger that a server serves. Store, Append and Models are required; a function that is nil answers
// CodeUnsupported.
type Options struct {
	Store      ledger.Source
	Append     ledger.Append // the one intake
	Models     *projections.Models
	Custody    projections.CustodyOptions // limits of the custody report
	Latest     func() notary.Checkpoint
	Checkpoint func(ctx context.Context) (notary.Checkpoint, error)
	Prove      func(ctx context.Context, position uint64) (notary.Proof, error)
	Verify     func(ctx context.Context) (notary.Report, error)
	CheckRelay func(ctx context.Context, repair bool) (relay.CheckReport, error)
	Followers  []Follower
	Checks     []Check              // what /readyz asks about besides the ledger and its followers
	Registry   *prometheus.Registry // served at /metrics with what the server counts itself; nil: nothing is counted
	Observe    Observer             // told of each request, as for traces; nil: nobody
	NATS       string               // URL for subscribers, without credential
	Mounts     []Mount              // further parts of the API
	Logger     *slog.Logger
}

// Follower is one that the status page shows.
type Follower struct {
	Name     string
	Progress *ledger.Progress
}

// Server serves one ledger.
type Server struct {
	opts Options
	http *http.Server
	stop context.CancelFunc
}

// maxBody bounds a request's body: a full batch in base64 with its attributes.
const maxBody = 2 * ledger.MaxBatchBytes

// New makes a server. It does not listen yet.
func New(o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{opts: o}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.http = &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
	}
	return s
}

// Handler is the API as an http.Handler.
func (s *Server) Handler() http.Handler { return s.http.Handler }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	config := huma.DefaultConfig("Baton", "1")
	config.Info.Description = "A chain-of-custody ledger for customer journeys."
	config.RejectUnknownQueryParameters = true // a misspelt moment must not answer for now
	config.Components = &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName)}
	config.CreateHooks = nil // no $schema member in answers: they are the documented JSON and nothing else
	api := humago.New(mux, config)
	s.records(api)
	s.events(api)
	s.models(api)
	s.trust(api)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok\n")) })
	mux.Handle("GET /readyz", newHealth(&s.opts))
	for _, m := range s.opts.Mounts {
		mux.Handle(m.Pattern, m.Handler)
	}
	return s.observe(mux, guarded(http.MaxBytesHandler(known(mux), maxBody)))
}

// schemaName tells types of one name in two packages apart: notary.Problem is NotaryProblem.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	if t.Name() == "" || t.PkgPath() == reflect.TypeFor[Server]().PkgPath() || t.PkgPath() == reflect.TypeFor[client.Problem]().PkgPath() {
		return name
	}
	return strings.ToUpper(path.Base(t.PkgPath())[:1]) + path.Base(t.PkgPath())[1:] + name
}

// CheckAddress refuses addresses that are not loopback: there is no authentication yet.
func CheckAddress(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ledger.Errorf(ledger.CodeInvalid, "listen", "give host:port, as 127.0.0.1:8080", "listen address %q: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return ledger.Errorf(ledger.CodeInvalid, "listen", "use 127.0.0.1, and a proxy that authenticates for anything further",
			"listen address %q is not loopback, and no authentication is configured", address)
	}
	return nil
}

// Listen opens an address that CheckAddress accepts.
func Listen(address string) (net.Listener, error) {
	if err := CheckAddress(address); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, &ledger.Error{Code: ledger.CodeUnavailable, Op: "listen", Err: err, Hint: "choose another address with --listen; port 0 takes a free one"}
	}
	return l, nil
}

// Serve answers requests until the context ends, then finishes those under way. After ten seconds it cuts off who is still there: appends
// that were taken are written all the same, their senders retry and get the first receipts.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		s.stop() // tails and waits end; appends under way are not tied to this context
		err := s.http.Shutdown(grace)
		if errors.Is(err, context.DeadlineExceeded) {
			s.opts.Logger.Warn("connections were cut off", "after", "10s")
			err = s.http.Close()
		}
		stopped <- err
	}()
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return &ledger.Error{Code: ledger.CodeUnavailable, Op: "serve", Err: err}
	}
	return <-stopped
}
