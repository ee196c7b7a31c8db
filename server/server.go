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
	"github.com/baton-ledger/baton/ledger/backup"
	"github.com/baton-ledger/baton/ledger/enrich"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/projections"
	"github.com/baton-ledger/baton/projections/points"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/replay/brief"
	"github.com/baton-ledger/baton/server/client"
)

// Options are the parts of an open ledger that a server serves. Store, Append and Models are required; a function that is nil answers
// CodeUnsupported.
type Options struct {
	Store      ledger.Source
	Append     ledger.Append // the one intake
	Models     *projections.Models
	Custody    projections.CustodyOptions                                                           // limits of the custody report
	Points     points.Options                                                                       // thresholds of the checklist, and how evidence is read
	Tiers      func(ctx context.Context, point string, w points.Window) (*points.TierShares, error) // derived tiers of a point; nil: not computed
	Depth      client.Depth                                                                         // reports about context; nil: unsupported
	Latest     func() notary.Checkpoint
	Checkpoint func(ctx context.Context) (notary.Checkpoint, error)
	Prove      func(ctx context.Context, position uint64) (notary.Proof, error)
	Tile       func(ctx context.Context, t notary.Tile) ([]byte, error) // of the log under /log/
	Verify     func(ctx context.Context) (notary.Report, error)
	CheckRelay func(ctx context.Context, repair bool) (relay.CheckReport, error)
	Backup     func(ctx context.Context, r backup.Request) (backup.Report, error)
	Webhooks   client.Webhooks // endpoints that events are delivered to; nil: unsupported
	Followers  []Follower
	Brief      func(ctx context.Context, journey string, m replay.Moment) (brief.Options, error) // contracts, styles and classes of channels as of a moment; nil: none
	Enrich     *enrich.Enricher                                                                  // sources of contexts; nil: there are none
	Checks     []Check                                                                           // what /readyz asks about besides the ledger and its followers
	Registry   *prometheus.Registry                                                              // served at /metrics with what the server counts itself; nil: nothing is counted
	Observe    Observer                                                                          // told of each request, as for traces; nil: nobody
	NATS       string                                                                            // URL for subscribers, without credential
	Mounts     []Mount                                                                           // further parts of the API
	Access     Access                                                                            // who may ask, and how much
	Logger     *slog.Logger
}

// Follower is one that the status page shows.
type Follower struct {
	Name     string
	Progress *ledger.Progress
}

// Server serves one ledger.
type Server struct {
	opts    Options
	http    *http.Server
	stop    context.CancelFunc
	limits  *limiter
	mounted map[string]Role // by pattern
}

// maxBody bounds a request's body: a full batch in base64 with its attributes.
const maxBody = 2 * ledger.MaxBatchBytes

// maxHeader bounds a request's headers: the attributes of an event in binary mode, percent-encoded.
const maxHeader = 4 * ledger.MaxHeader

// New makes a server. It does not listen yet.
func New(o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Enrich == nil {
		o.Enrich = enrich.New(enrich.Options{Store: o.Store, Append: o.Append})
	}
	s := &Server{opts: o, limits: newLimiter(o.Access.Limits), mounted: map[string]Role{}}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.http = &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: s.limits.Wait,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		Protocols:         protocols(),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
	}
	return s
}

// protocols are HTTP/1 and HTTP/2 without TLS on one port: gRPC clients begin with the latter.
func protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return p
}

// Handler is the API as an http.Handler.
func (s *Server) Handler() http.Handler { return s.http.Handler }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	config := huma.DefaultConfig("Baton", "1")
	config.Formats = map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat}
	config.Info = apiInfo()
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", "" // openapifiles.go and docs.go show the document
	config.RejectUnknownQueryParameters = true                           // a misspelt moment must not answer for now
	config.Components = &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName)}
	config.CreateHooks = nil // no $schema member in answers: they are the documented JSON and nothing else
	api := humago.New(mux, config)
	s.records(api)
	s.events(api)
	s.models(api)
	s.trust(api)
	s.webhooks(api)
	s.backups(api)
	s.tails(api)
	s.logTiles(mux)
	s.asyncAPI(mux)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok\n")) })
	mux.Handle("GET /readyz", newHealth(&s.opts, func(r *http.Request) bool { _, err := s.caller(r); return err == nil }))
	for _, m := range s.opts.Mounts {
		mux.Handle(m.Pattern, m.Handler)
		s.mounted[m.Pattern] = m.Role
	}
	complete(api.OpenAPI())
	s.describe(api.OpenAPI())
	documents(mux, api.OpenAPI())
	docs(mux, api.OpenAPI())
	return s.observe(mux, inProtocol(s.opts.Access.guarded(s.limits.patient(s.limits.steady(s.gate(mux, http.MaxBytesHandler(known(mux), maxBody)))))))
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

// Serve answers requests until the context ends, then finishes those under way. After ten seconds it cuts off who is still there: appends
// that were taken are written all the same, their senders retry and get the first receipts.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
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
	ended := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { ended <- s.http.Serve(l) }()
	}
	for range listeners {
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			return &ledger.Error{Code: ledger.CodeUnavailable, Op: "serve", Err: err}
		}
	}
	return <-stopped
}
