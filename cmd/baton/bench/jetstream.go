package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/relay"
)

// jetStream is an embedded NATS server of the benchmark's own, spoken to in process: nothing of it crosses a socket.
type jetStream struct {
	dir    string
	server *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
}

func (e *Env) startJetStream(syncAlways bool) (_ *jetStream, err error) {
	j := &jetStream{}
	if j.dir, err = e.scratch(); err != nil {
		return nil, err
	}
	if j.server, err = server.NewServer(&server.Options{ServerName: "bench", DontListen: true, NoSigs: true, NoLog: true, JetStream: true,
		StoreDir: j.dir, SyncAlways: syncAlways, MaxPayload: 2 << 20}); err != nil {
		return nil, errors.Join(err, j.close())
	}
	go j.server.Start()
	if !j.server.ReadyForConnections(30 * time.Second) {
		return nil, errors.Join(errors.New("the embedded NATS server did not start"), j.close())
	}
	if j.conn, err = nats.Connect("", nats.InProcessServer(j.server)); err == nil {
		j.js, err = jetstream.New(j.conn, jetstream.WithPublishAsyncMaxPending(4096))
	}
	if err != nil {
		return nil, errors.Join(err, j.close())
	}
	return j, nil
}

func (j *jetStream) close() error {
	if j.conn != nil {
		j.conn.Close()
	}
	if j.server != nil {
		j.server.Shutdown()
		j.server.WaitForShutdown()
	}
	return os.RemoveAll(j.dir)
}

// jetStreamSide runs f over a new stream on a server that syncs every write before it answers.
func (e *Env) jetStreamSide(name string, f func(ctx context.Context, j *jetStream) (float64, error)) Side {
	return Side{Name: name, Run: func(ctx context.Context) (float64, error) {
		j, err := e.startJetStream(true)
		if err != nil {
			return 0, err
		}
		_, err = j.js.CreateStream(ctx, jetstream.StreamConfig{Name: "PEER", Subjects: []string{"peer.>"}, Storage: jetstream.FileStorage,
			AllowAtomicPublish: true})
		v := 0.0
		if err == nil {
			v, err = f(ctx, j)
		}
		return v, errors.Join(err, j.close())
	}}
}

// message carries an event as a producer would publish it: its data, and its id as the key of the stream's own deduplication.
func message(b *ledger.Batch) *nats.Msg {
	e := &b.Events[0]
	return &nats.Msg{Subject: "peer." + e.Subject, Data: e.Data, Header: nats.Header{nats.MsgIdHdr: {e.ID}, "ce-type": {e.Type}, "ce-source": {e.Source}}}
}

func (e *Env) jetStreamSingles(name string, n int) Side {
	return e.jetStreamSide(name, func(ctx context.Context, j *jetStream) (float64, error) {
		work := prepared(n, 1)
		begin := time.Now()
		err := parallel(writers, n, func(i int) error {
			_, err := j.js.PublishMsg(ctx, message(&work[i][0]))
			return err
		})
		return rate(n, begin), err
	})
}

// jetStreamBatches publishes atomic batches: all messages of one carry its id and their number in it, the last says commit and is answered.
func (e *Env) jetStreamBatches(name string) Side {
	const batches = grouped / 8
	return e.jetStreamSide(name, func(ctx context.Context, j *jetStream) (float64, error) {
		work := prepared(batches, group)
		begin := time.Now()
		err := parallel(callers, batches, func(i int) error { return j.publishBatch(ctx, strconv.Itoa(i), work[i]) })
		return rate(batches*group, begin), err
	})
}

func (j *jetStream) publishBatch(ctx context.Context, id string, work []ledger.Batch) error {
	for k := range work {
		m := message(&work[k])
		m.Header.Set("Nats-Batch-Id", id)
		m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(k+1))
		if k < len(work)-1 {
			if err := j.conn.PublishMsg(m); err != nil {
				return err
			}
			continue
		}
		m.Header.Set("Nats-Batch-Commit", "1")
		answer, err := j.js.PublishMsg(ctx, m)
		if err != nil {
			return err
		}
		if answer.Sequence == 0 {
			return fmt.Errorf("batch %s was not committed", id)
		}
	}
	return nil
}

// filled is the relay's stream of the large ledger, on a server with JetStream's default sync, made once a run.
func (e *Env) filled(ctx context.Context) (*jetStream, error) {
	if e.stream != nil {
		return e.stream, nil
	}
	dir, err := e.ledger(ctx, e.Events)
	if err != nil {
		return nil, err
	}
	store, _, err := reading(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	j, err := e.startJetStream(false)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(e.Say, "      publishing it to a JetStream stream\n")
	r, err := relay.New(j.conn, relay.Options{LedgerID: "bench"})
	if err == nil {
		err = r.CatchUp(ctx, store)
	}
	if err != nil {
		return nil, errors.Join(err, j.close())
	}
	e.stream = j
	return j, nil
}
