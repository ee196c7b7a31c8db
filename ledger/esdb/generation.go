package esdb

import (
	"context"
	"errors"
	"time"

	eventstore "github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// generation is one official client, from its first connection to when it is thrown away. That client has one goroutine which connects and hands
// connections out, by a channel that its Close closes; when connecting fails that goroutine ends, and whoever writes to the channel then waits
// until it is closed. So calls begin when there is a connection, and the channel is closed after the last of them.
type generation struct {
	client *eventstore.Client
	ready  chan struct{} // closed when it is connected
	gone   chan struct{} // closed when it is thrown away
	failed error         // why it did not connect, set before gone is closed
	calls  int           // under way
}

func newGeneration(client *eventstore.Client) *generation {
	return &generation{client: client, ready: make(chan struct{}), gone: make(chan struct{}), calls: 1} // connect is the first
}

// connect has the client connect, by a read of which nothing is taken: it is opened once the client has found a server.
func (c *Client) connect(g *generation) {
	defer c.leave(g)
	err := guarded(func() error {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		read, err := g.client.ReadStream(ctx, CheckpointStream, eventstore.ReadStreamOptions{}, 1)
		if err == nil {
			read.Close()
		}
		return err
	})
	if err == nil {
		close(g.ready)
		return
	}
	c.mu.Lock()
	g.failed = err
	c.mu.Unlock()
	c.dismiss(g, err)
}

// enter begins a call, once the client is connected; leave ends it.
func (c *Client) enter(ctx context.Context, g *generation, op string) error {
	select {
	case <-g.ready:
	case <-g.gone:
	case <-ctx.Done():
		return ctx.Err()
	}
	c.mu.Lock()
	current := c.current == g
	if current {
		g.calls++
	}
	c.mu.Unlock()
	if !current {
		return c.lost(g, op)
	}
	return nil
}

func (c *Client) leave(g *generation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g.calls--; g.calls == 0 && c.current != g {
		g.close()
	}
}

// dismiss throws a client away that can no longer be used, once, however many calls found out.
func (c *Client) dismiss(g *generation, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != g {
		return
	}
	if c.failed++; c.failed == 1 {
		c.log.Debug("EventStoreDB is away, trying again", "error", err)
	}
	c.failure, c.retryAt = err, time.Now().Add(min(longPause, firstPause<<min(c.failed, 10)))
	c.discard()
}

// discard lets go of the current client, with the lock held. Calls that are stuck in it are let go after a while: they write to a channel that
// is closed under them, which ends them.
func (c *Client) discard() {
	g := c.current
	if c.current = nil; g == nil {
		return
	}
	close(g.gone)
	if g.calls == 0 {
		g.close()
	} else {
		time.AfterFunc(stuckTime, g.close)
	}
}

// close closes the client, if it is not closed yet.
func (g *generation) close() { _ = guarded(g.client.Close) }

// lost is the answer to calls whose client was thrown away.
func (c *Client) lost(g *generation, op string) error {
	c.mu.Lock()
	closed, failed := c.closed, g.failed
	c.mu.Unlock()
	switch {
	case closed:
		return errClosed
	case failed != nil:
		return c.judge(g, op, failed)
	}
	return away(op, errors.New("the connection was lost"))
}

func (c *Client) worked(g *generation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == g && c.failed > 0 {
		c.log.Info("EventStoreDB is back")
		c.failed = 0
	}
}
