package server

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/baton-ledger/baton/ledger"
)

// Limits say how much a server does for its callers. A caller is a key's name, else an address. Commands of this machine have no limits.
type Limits struct {
	Rate     int           // requests a second of one caller, on average; 0: no limit
	Burst    int           // as many at once all the same; at least 1 counts
	Requests int           // requests of one caller under way at once, streams aside; 0: no limit
	Streams  int           // tails and lists of records open at once, of all callers; 0: no limit
	Stall    time.Duration // a reader that takes nothing for so long is cut off; 0: a minute
	Wait     time.Duration // what a request's head may take, and its body besides the time for its bytes, see steady; 0: ten seconds
}

// limiter counts what callers do.
type limiter struct {
	Limits
	mu      sync.Mutex
	callers map[string]*callerCount
	streams int
	swept   time.Time
}

type callerCount struct {
	active int
	rate   *rate.Limiter
}

// maxCallers bounds the memory for callers: those beyond share one count.
const maxCallers = 10_000

func newLimiter(l Limits) *limiter {
	if l.Stall <= 0 {
		l.Stall = time.Minute
	}
	if l.Wait <= 0 {
		l.Wait = 10 * time.Second
	}
	return &limiter{Limits: l, callers: map[string]*callerCount{}}
}

// slower is the cause of a CodeTooMany: when to ask again.
type slower struct {
	what  string
	after time.Duration
}

func (s *slower) Error() string { return s.what }

func tooMany(after time.Duration, hint, format string, args ...any) error {
	return &ledger.Error{Code: ledger.CodeTooMany, Op: "ask the server", Hint: hint, Err: &slower{fmt.Sprintf(format, args...), after}}
}

// retryAfter is the header of that name, in whole seconds.
func retryAfter(err error) string {
	var s *slower
	if !errors.As(err, &s) {
		return "1"
	}
	return strconv.FormatInt(max(1, int64((s.after+time.Second-1)/time.Second)), 10)
}

// enter counts a request in, and gives the function that counts it out.
func (l *limiter) enter(who string, exempt, stream bool) (leave func(), err error) {
	if exempt {
		return func() {}, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	c := l.count(who, now)
	if l.Rate > 0 {
		if r := c.rate.ReserveN(now, 1); r.DelayFrom(now) > 0 {
			wait := r.DelayFrom(now)
			r.CancelAt(now)
			return nil, tooMany(wait, "wait as long as Retry-After says; limits.rate is in the configuration",
				"%s asks more than %d times a second", who, l.Rate)
		}
	}
	if stream {
		if l.Streams > 0 && l.streams >= l.Streams {
			return nil, tooMany(5*time.Second, "close those that are not needed; limits.streams is in the configuration",
				"%d streams are open, that is all this server keeps", l.streams)
		}
		l.streams++
		return l.leaving(func() { l.streams-- }), nil
	}
	if l.Requests > 0 && c.active >= l.Requests {
		return nil, tooMany(time.Second, "ask again when others are answered; limits.requests is in the configuration",
			"%s has %d requests under way", who, c.active)
	}
	c.active++
	return l.leaving(func() { c.active-- }), nil
}

func (l *limiter) leaving(done func()) func() {
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		done()
	}
}

// count finds a caller's count, and now and then forgets those who do nothing.
func (l *limiter) count(who string, now time.Time) *callerCount {
	if c := l.callers[who]; c != nil {
		return c
	}
	if len(l.callers) >= maxCallers && now.Sub(l.swept) > time.Second {
		l.swept = now
		for name, c := range l.callers {
			if c.active == 0 && c.rate.TokensAt(now) >= float64(c.rate.Burst()) {
				delete(l.callers, name)
			}
		}
	}
	if len(l.callers) >= maxCallers {
		who = "everybody else"
	}
	c := l.callers[who]
	if c == nil {
		c = &callerCount{rate: rate.NewLimiter(rate.Limit(l.Rate), max(1, l.Burst))}
		l.callers[who] = c
	}
	return c
}
