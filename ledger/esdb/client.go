package esdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	eventstore "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/baton-ledger/baton/ledger"
)

// Client is a connection to EventStoreDB, through the official client, that outlives what that client does not. Seen in it, and met here:
//
//	after one failed round of discovery it answers ConnectionClosed   it is thrown away and made anew, with back-off
//	  for ever, and calls that came in meanwhile never return          calls are left when their client was thrown away
//	Recv of a read panics on messages it does not know                 every call is made under a recover
//	its wish for the leader does not reach the server                  an answer "not leader" is followed, by trying again
//	a lost subscription ends with a raw gRPC status                    the one who follows subscribes again from its own cursor
//	credentials are dropped where TLS is off                           such a connection string is refused
//	its Close races with calls, and a call that found it connecting    calls begin when it is connected, and it is closed after the
//	  when that failed waits for ever                                  last of them; those that are stuck all the same are let go
//
// A `created` that is no number ends the process inside it (log.Fatalf); nothing here can stop that. It is safe for concurrent use.
type Client struct {
	config *eventstore.Configuration
	log    *slog.Logger

	mu      sync.Mutex
	current *generation
	failed  int       // in a row
	failure error     // the last of them
	retryAt time.Time // no new client before this
	closed  bool
}

// Times of a connection: a call is given up after answerTime where its context allows more, and new clients are made no faster than the back-off.
const (
	firstPause  = 50 * time.Millisecond
	shortPause  = 500 * time.Millisecond // is waited for; longer ones are answered with what went wrong
	longPause   = 2 * time.Second
	notLeaderIn = 100 * time.Millisecond
	stuckTime   = 5 * time.Second // for calls of a client that was thrown away
)

var answerTime = 20 * time.Second // shorter in tests

// Dial reads a connection string, as esdb://user:password@a:2113,b:2113,c:2113?tls=true. It connects when it is first used. kurrentdb:// is the
// same protocol.
func Dial(connection string, log *slog.Logger) (*Client, error) {
	const op = "connect to EventStoreDB"
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if rest, ok := strings.CutPrefix(connection, "kurrentdb"); ok {
		connection = "esdb" + rest
	}
	config, err := eventstore.ParseConnectionString(connection)
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, op, "write it as esdb://host:2113?tls=true, with user and password percent-encoded", "the connection string cannot be read: %w", withoutSecrets(connection, err))
	}
	if config.DisableTLS && config.Username != "" {
		return nil, ledger.Errorf(ledger.CodeInvalid, op, "use TLS, or leave user and password out", "user and password are never sent without TLS (tls=false)")
	}
	config.Logger = func(level eventstore.LogLevel, format string, args ...any) {
		log.Debug("EventStoreDB client", "level", level, "message", fmt.Sprintf(format, args...))
	}
	return &Client{config: config, log: log}, nil
}

// withoutSecrets leaves out the connection string that a parse error quotes, and all of the error where any part of it may be a password.
func withoutSecrets(connection string, err error) error {
	var u *url.Error
	switch {
	case strings.Contains(connection, "@"):
		return errors.New("see to its hosts and settings")
	case errors.As(err, &u):
		return u.Err
	}
	return err
}

// Close ends the connection. Calls that are under way answer CodeClosed.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.discard()
	return nil
}

// get gives the current client, or makes one once the pause after a failure is over. Where that is long the answer is that EventStoreDB is
// away: appends to one stream wait for each other, and would add their pauses up.
func (c *Client) get(ctx context.Context, op string) (*generation, error) {
	for {
		c.mu.Lock()
		pause := time.Until(c.retryAt)
		switch {
		case c.closed:
			c.mu.Unlock()
			return nil, errClosed
		case c.current != nil:
			defer c.mu.Unlock()
			return c.current, nil
		case pause <= 0:
			defer c.mu.Unlock()
			client, err := eventstore.NewClient(c.config)
			if err != nil {
				return nil, ledger.Errorf(ledger.CodeInvalid, "connect to EventStoreDB", "see to the connection string", "%w", err)
			}
			c.current = newGeneration(client)
			go c.connect(c.current)
			return c.current, nil
		case pause > shortPause:
			defer c.mu.Unlock()
			return nil, away(op, c.failure)
		}
		c.mu.Unlock()
		if err := ledger.Pause(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// call makes one call of the official client. Its error is a *ledger.Error or the context's. f may go on after call has returned, where the client
// never lets go of it: so it gives its result back and writes to nothing.
func call[T any](ctx context.Context, c *Client, op string, f func(ctx context.Context, client *eventstore.Client) (T, error)) (out T, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	for {
		g, err := c.get(ctx, op)
		if err != nil {
			return out, unanswered(op, err)
		}
		if err := c.enter(ctx, g, op); err != nil {
			return out, unanswered(op, err)
		}
		type answer struct {
			out T
			err error
		}
		answers := make(chan answer, 1)
		go func() {
			defer c.leave(g)
			var a answer
			a.err = guarded(func() (err error) { a.out, err = f(ctx, g.client); return err })
			answers <- a
		}()
		select {
		case a := <-answers:
			if a.err == nil {
				c.worked(g)
				return a.out, nil
			}
			if ctx.Err() != nil { // which the client's error says in its own words
				return out, unanswered(op, ctx.Err())
			}
			err = c.judge(g, op, a.err)
		case <-g.gone:
			err = c.lost(g, op)
		case <-ctx.Done():
			return out, unanswered(op, ctx.Err())
		}
		if !errors.Is(err, errNotLeader) {
			return out, err
		}
		if err := ledger.Pause(ctx, notLeaderIn); err != nil {
			return out, unanswered(op, err)
		}
	}
}

// guarded turns a panic of the official client into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the EventStoreDB client panicked: %v", p)
		}
	}()
	return f()
}
