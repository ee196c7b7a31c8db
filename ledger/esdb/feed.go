package esdb

import (
	"context"
	"errors"

	eventstore "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"golang.org/x/sync/semaphore"
)

// news is what a subscription says: an event, or that everything before a place was looked at, or that it has caught up.
type news struct {
	event    *logged
	passed   *cursor
	caughtUp bool
	err      error // the subscription is over; last
	size     int64 // what it holds of the feed's bytes
}

// feed is a subscription. What it has received and nobody has taken yet is bounded in number and in bytes, since one event may have 16 MiB.
type feed struct {
	news  chan news
	bytes *semaphore.Weighted
}

const (
	feedEvents = 64
	feedBytes  = 4 << 20
)

// next waits for news; false where the subscription is over without a word.
func (f *feed) next() (news, bool) {
	n, ok := <-f.news
	f.bytes.Release(n.size)
	return n, ok
}

// ready gives news that is there already.
func (f *feed) ready() (n news, ok bool) {
	select {
	case n, ok = <-f.news:
		f.bytes.Release(n.size)
	default:
	}
	return n, ok
}

// userStreams keeps out what EventStoreDB writes for itself.
var userStreams = &eventstore.SubscriptionFilter{Type: eventstore.StreamFilterType, Regex: `^[^$]`}

// subscribe follows the all-stream from after a place (from its beginning where there is none) without the streams that begin with "$". The feed
// is over after the news that carries an error; the context ends it.
func (c *Client) subscribe(ctx context.Context, after *cursor) (*feed, error) {
	o := eventstore.SubscribeToAllOptions{From: eventstore.Start{}, Filter: userStreams, MaxSearchWindow: 512, CheckpointInterval: 1}
	if after != nil {
		o.From = *after
	}
	ctx, cancel := context.WithCancel(ctx)
	sub, err := call(ctx, c, "subscribe to EventStoreDB", func(_ context.Context, client *eventstore.Client) (*eventstore.Subscription, error) {
		return client.SubscribeToAll(ctx, o) // under a context that outlives this call
	})
	if err != nil {
		cancel()
		return nil, err
	}
	f := &feed{news: make(chan news, feedEvents), bytes: semaphore.NewWeighted(feedBytes)}
	go func() {
		defer cancel()
		f.pump(ctx, sub)
	}()
	return f, nil
}

func (f *feed) pump(ctx context.Context, sub *eventstore.Subscription) {
	defer close(f.news)
	for {
		n := received(sub)
		if n.event != nil {
			n.size = min(int64(len(n.event.Data)+len(n.event.Metadata)), feedBytes)
		}
		if f.bytes.Acquire(ctx, n.size) != nil {
			return
		}
		select {
		case f.news <- n:
		case <-ctx.Done():
			return
		}
		if n.err != nil {
			return
		}
	}
}

// received waits for the next message of a subscription.
func received(sub *eventstore.Subscription) (n news) {
	err := guarded(func() error {
		e := sub.Recv()
		switch {
		case e.SubscriptionDropped != nil:
			if n.err = e.SubscriptionDropped.Error; n.err == nil {
				n.err = errors.New("the subscription was dropped")
			}
		case e.EventAppeared != nil && e.EventAppeared.Event != nil:
			l := logOf(e.EventAppeared.Event)
			n.event = &l
		case e.CheckPointReached != nil:
			n.passed = e.CheckPointReached
		case e.CaughtUp != nil:
			n.caughtUp = true
		}
		return nil
	})
	if err != nil {
		n.err = err
	}
	if n.err != nil {
		n.err = away("follow EventStoreDB", n.err)
	}
	return n
}
