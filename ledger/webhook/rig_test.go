package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/ledger/webhook"
)

const (
	secret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"
	secret2 = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"
)

// rig is a real ledger and a real receiver, joined by pipes in memory, so that a synctest bubble holds all of it.
type rig struct {
	t      *testing.T
	store  *pebblestore.Store
	append ledger.Append
	fs     vfs.FS
	hooks  *webhook.Hooks
	stop   func()
	pipes  *pipes

	writable func() error // nil: it is
	*receiver
}

// receiver answers as it is told and remembers what it was sent.
type receiver struct {
	mu     sync.Mutex
	got    []request
	answer func(n int, w http.ResponseWriter, r request) // n counts from 1
}

type request struct {
	id, journey string
	position    uint64
	header      http.Header
	body        []byte
	ctx         context.Context
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	e, _ := ledger.ParseRecordedCloudEvent(body)
	got := request{id: e.ID, journey: e.Subject, position: e.Position, header: req.Header, body: body, ctx: req.Context()}
	r.mu.Lock()
	r.got = append(r.got, got)
	n, answer := len(r.got), r.answer
	r.mu.Unlock()
	if answer != nil {
		answer(n, w, got)
	}
}

func (r *receiver) answers(f func(n int, w http.ResponseWriter, r request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// requests are those so far; the slice is the caller's.
func (r *receiver) requests() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func (r *receiver) ids() string {
	var ids []string
	for _, q := range r.requests() {
		ids = append(ids, q.id)
	}
	return strings.Join(ids, " ")
}

func status(code int) func(int, http.ResponseWriter, request) {
	return func(_ int, w http.ResponseWriter, _ request) { w.WriteHeader(code) }
}

// pipes is a network of this process alone: a listener whose connections are net.Pipe.
type pipes struct {
	calls  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{calls: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.calls:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.calls <- there:
		return here, nil
	case <-p.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inBubble runs a test in fake time with a ledger and a receiver of its own.
func inBubble(t *testing.T, test func(r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		test(r)
		r.close()
	})
}

// pass lets time pass in a bubble, with all that happens in it.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, fs: vfs.NewMem(), receiver: &receiver{}, pipes: newPipes()}
	var err error
	r.store, err = pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	r.append = ledger.Intake(r.store.AppendAll, ledger.Validate)
	go http.Serve(r.pipes, r.receiver)
	return r
}

var quiet = slog.New(slog.DiscardHandler)

func (r *rig) close() {
	r.halt()
	r.pipes.Close()
	if err := r.store.Close(); err != nil {
		r.t.Error(err)
	}
}

func endpoint(change ...func(*webhook.Endpoint)) webhook.Endpoint {
	e := webhook.Endpoint{Name: "crm", URL: "http://localhost/in?token=t", Secrets: []string{secret}}
	for _, c := range change {
		c(&e)
	}
	return e
}

// run opens the endpoints over what earlier runs have stored, and runs them.
func (r *rig) run(endpoints ...webhook.Endpoint) {
	r.t.Helper()
	r.open(endpoints...)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.hooks.Run(ctx) }()
	r.stop = func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			r.t.Errorf("the run ended with %v", err)
		}
	}
}

func (r *rig) open(endpoints ...webhook.Endpoint) {
	r.t.Helper()
	var err error
	r.hooks, err = webhook.Open(r.t.Context(), "webhooks", r.store, webhook.Options{LedgerID: "0a1b2c3d", Endpoints: endpoints, FS: r.fs, Logger: quiet,
		Append: r.append, Writable: r.writable, Transport: &http.Transport{DialContext: r.pipes.dial}})
	if err != nil {
		r.t.Fatal(err)
	}
}

// halt ends the run, if there is one, and closes the state.
func (r *rig) halt() {
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
	if r.hooks != nil {
		if err := r.hooks.Close(); err != nil {
			r.t.Error(err)
		}
		r.hooks = nil
	}
}

// offer appends an offered handoff for each "journey/id"; the rest of the path is the receiver, tier2 where it is left out.
func (r *rig) offer(names ...string) {
	r.t.Helper()
	for _, name := range names {
		journey, id, _ := strings.Cut(name, "/")
		id, to, ok := strings.Cut(id, "/")
		if !ok {
			to = "tier2"
		}
		r.event(journey, ledger.Event{ID: id, Type: ledger.Type("handoff", "offered"),
			Data: fmt.Appendf(nil, `{"from":{"stage":"bot"},"to":{"stage":%q},"channel":"chat"}`, to)})
	}
}

func (r *rig) event(journey string, e ledger.Event) {
	r.t.Helper()
	e.Source, e.Subject, e.ContentType = "test", journey, "application/json"
	res := r.append(r.t.Context(), []ledger.Batch{{Stream: ledger.JourneyStream(journey), Expect: ledger.Any, Events: []ledger.Event{e}}})
	if res[0].Err != nil {
		r.t.Fatal(res[0].Err)
	}
}

func (r *rig) status() webhook.Status {
	r.t.Helper()
	all, err := r.hooks.Status(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return all[0]
}

func (r *rig) delivery(id string) webhook.Delivery {
	r.t.Helper()
	d, err := r.hooks.Delivery(r.t.Context(), "crm", id)
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

func (r *rig) list(q webhook.Query) (ids string) {
	r.t.Helper()
	for d, err := range r.hooks.Deliveries(r.t.Context(), "crm", q) {
		if err != nil {
			r.t.Fatal(err)
		}
		ids += " " + d.EventID
	}
	return strings.TrimSpace(ids)
}

// verify checks a request with an implementation that is not ours.
func (q *request) verify(secret string) error {
	w, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return err
	}
	return w.VerifyIgnoringTimestamp(q.body, q.header)
}
