package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/ledger/relay"
)

const natsTime = 3 * time.Second // for each question to NATS

// nats asks the server that events are fanned out to.
func (d *doctor) nats(ctx context.Context, keys *notary.Keys) {
	const name = "nats"
	switch {
	case !d.cfg.NATS.Enabled:
		d.ok(name, "off (nats.enabled)")
		return
	case d.cfg.NATS.URL == "" && d.held.API == "":
		d.embedded()
		return
	case d.cfg.NATS.URL == "":
		if _, err := relay.ReadCredential(credentialFile(d.cfg.Data)); err != nil {
			d.warn(name, "name the server that it was started with: --nats-url; or see whether that was with --nats-enabled=false", "the server's own NATS left no credential: %s", err)
			return
		}
	}
	conn, err := d.dialNATS("baton doctor")
	if err != nil {
		d.fail(name, ledger.HintOf(err), "%s", errors.Unwrap(err))
		return
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err == nil {
		err = within(ctx, func(ctx context.Context) error { _, err := js.AccountInfo(ctx); return err })
	}
	if err != nil {
		d.fail(name, "enable JetStream for this account: Baton keeps its messages there", "connected, but JetStream does not answer: %s", err)
		return
	}
	d.ok(name, "connected to %s %s, JetStream enabled", conn.ConnectedServerName(), conn.ConnectedServerVersion())
	d.seeds()
	d.leases(ctx, conn)
	d.stream(ctx, js, keys)
}

func within(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, natsTime)
	defer cancel()
	return ask(ctx)
}

// embedded is the NATS server that starts with `baton serve`.
func (d *doctor) embedded() {
	const name = "nats"
	if port := d.cfg.NATS.Port; port > 0 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			d.fail(name, "choose another nats.port; -1 takes a free one", "the embedded server cannot listen: %s", err)
			return
		}
		l.Close()
	}
	d.ok(name, "embedded, starts with `baton serve`")
}

// stream holds the end of the stream against the ledger, and the server's clock against ours.
func (d *doctor) stream(ctx context.Context, js jetstream.JetStream, keys *notary.Keys) {
	const name = "nats stream"
	var stream jetstream.Stream
	begin := time.Now()
	err := within(ctx, func(ctx context.Context) (err error) { stream, err = js.Stream(ctx, relay.StreamName); return err })
	took := time.Since(begin)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		d.ok(name, "%s is not there yet; `baton serve` makes it", relay.StreamName)
		return
	}
	if err != nil {
		d.fail(name, "see that this user may look at the stream "+relay.StreamName, "%s", err)
		return
	}
	info := stream.CachedInfo()
	d.skew(info.TimeStamp.Sub(begin.Add(took/2)), took)
	d.replicas(info)
	if info.State.Msgs == 0 {
		d.ok(name, "%s is empty", relay.StreamName)
		return
	}
	var last *jetstream.RawStreamMsg
	if err := within(ctx, func(ctx context.Context) (err error) { last, err = stream.GetMsg(ctx, info.State.LastSeq); return err }); err != nil {
		d.warn(name, "ask again in a moment", "%s holds %s messages; the last one cannot be read: %s", relay.StreamName, count(info.State.Msgs), err)
		return
	}
	m, err := relay.ParseMessage(last.Subject, last.Header, nil)
	ours := keys == nil || strings.HasPrefix(last.Header.Get(nats.MsgIdHdr), ledgerID(*keys)+":")
	switch {
	case err != nil || !ours:
		d.warn(name, "give each ledger a NATS account of its own, or run `baton relay check`", "the last message of %s is not of this ledger", relay.StreamName)
	case !d.known:
		d.ok(name, "%s messages, up to position %s", count(info.State.Msgs), count(m.Position))
	case m.Position > d.head.Position && d.held.API == "":
		d.fail(name, "run `baton verify`; if the ledger was restored on purpose, remove the stream "+relay.StreamName, "it has position %s, and the ledger ends at %s",
			count(m.Position), count(d.head.Position))
	case m.Position+10_000 < d.head.Position:
		d.warn(name, "run `baton serve`, and see its log if it does", "%s events behind the ledger", count(d.head.Position-m.Position))
	default:
		d.ok(name, "%s messages, up to position %s of %s", count(info.State.Msgs), count(m.Position), count(d.head.Position))
	}
}

// skew compares the clocks; the answer was under way for a time, so that much is not known.
func (d *doctor) skew(ahead, took time.Duration) {
	const name = "clock against NATS"
	if off := ahead.Abs() - took; off > 2*time.Second {
		d.warn(name, "keep both by NTP", "the NATS server's is %s off", span(off))
		return
	}
	d.ok(name, "they agree to %s", max(took, time.Millisecond).Round(time.Millisecond))
}

// collector asks whether traces would be taken, with a batch of none.
func (d *doctor) collector(ctx context.Context) {
	const name = "trace collector"
	if d.cfg.Trace.Endpoint == "" {
		return
	}
	u, user := collectorURL(d.cfg.Trace.Endpoint)
	err := within(ctx, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, u, bytes.NewReader(nil))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-protobuf")
		if user != nil {
			password, _ := user.Password()
			req.SetBasicAuth(user.Username(), password)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return errors.Unwrap(err) // the rest of it quotes the address
		}
		defer resp.Body.Close()
		if resp.StatusCode >= 300 {
			return fmt.Errorf("answers %s", resp.Status)
		}
		return nil
	})
	if err != nil {
		d.warn(name, "start it, or correct trace.endpoint; nothing but traces is lost", "%s", err)
		return
	}
	d.ok(name, "takes traces")
}
