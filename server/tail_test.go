package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/server"
	"github.com/baton-ledger/baton/server/client"
)

// sse is one server-sent event, read as the WHATWG specification says: lines end in CR, LF or both, and lines of data are joined with LF.
type sse struct{ id, event, data string }

// frames opens a tail and gives a function that waits for its next event.
func frames(t *testing.T, ctx context.Context, base, query, last string) (next func() sse) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/v1/tail?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s answers %s, %s", query, resp.Status, resp.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 8<<20)
	lines.Split(func(b []byte, end bool) (int, []byte, error) {
		for i, c := range b {
			switch {
			case c == '\n':
				return i + 1, b[:i], nil
			case c == '\r' && i+1 < len(b) && b[i+1] == '\n':
				return i + 2, b[:i], nil
			case c == '\r' && i+1 < len(b):
				return i + 1, b[:i], nil
			}
		}
		return 0, nil, nil
	})
	return func() (f sse) {
		t.Helper()
		var data []string
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ":")
			value = strings.TrimPrefix(value, " ")
			switch name {
			case "id":
				f.id = value
			case "event":
				f.event = value
			case "data":
				data = append(data, value)
			case "":
				if f.data = strings.Join(data, "\n"); value == "" && f.data != "" {
					return f
				}
			}
		}
		t.Fatalf("the tail %s ends: %v", query, lines.Err())
		return f
	}
}

// put appends one event for each data, all of one journey.
func put(t *testing.T, c *client.Client, journey string, first int, data ...string) {
	t.Helper()
	var events []ledger.Event
	for i, d := range data {
		events = append(events, event(fmt.Sprint(first+i), journey, d))
	}
	if r := c.AppendAll(t.Context(), batch(ledger.Any, events...))[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
}

// TestTailKeepsData sends data of every kind of line end through a tail: what is read is what was sent, byte for byte.
func TestTailKeepsData(t *testing.T) {
	s, c, _, _ := serve(t)
	data := []string{`{"activity":"a"}`, "{\n  \"activity\": \"a\",\n\n  \"n\": 1\n}", "{\r\n \"activity\": \"a\"\r\n}", "{\"activity\":\r\"a\"}",
		"{\"activity\":\"a\",\"text\":\"\u2028: data: x\\n\"}", `{"activity":"a","text":"` + strings.Repeat("long ", 20000) + `"}`}
	put(t, c, "J", 0, data...)
	next := frames(t, t.Context(), s.URL, "from=1", "")
	if f := next(); f != (sse{"0", "position", `{"position":0}`}) {
		t.Errorf("the tail begins with %+v", f)
	}
	for i, want := range data {
		f := next()
		r, err := ledger.ParseRecordedCloudEvent([]byte(f.data))
		if err != nil {
			t.Fatal(err)
		}
		if string(r.Data) != want || f.id != fmt.Sprint(i+1) || f.event != "baton" || r.Position != uint64(i+1) || r.Stream != "journey-J" || r.RecordedTime.IsZero() {
			t.Errorf("event %d: %q, data %.80q, want %.80q", i+1, f.id, r.Data, want)
		}
		if i == 1 && !strings.Contains(f.data, `"data":{`) {
			t.Errorf("data of several lines is not readable: %s", f.data)
		}
	}
}

// TestTailResumes ends a tail after every event and opens it again from the id it had, while somebody appends: nothing is lost and nothing
// comes twice.
func TestTailResumes(t *testing.T) {
	s, c, _, _ := serve(t)
	const n = 200
	put(t, c, "J", 0, slices.Repeat([]string{`{"activity":"a"}`}, n/2)...)
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := n / 2; i < n; i++ {
			if r := c.AppendAll(t.Context(), batch(ledger.Any, event(fmt.Sprint(i), "J", `{"activity":"a"}`)))[0]; r.Err != nil {
				t.Error(r.Err)
				return
			}
		}
	})
	defer writer.Wait()
	id, header := "0", false
	for want := 1; want <= n; want++ {
		ctx, cancel := context.WithCancel(t.Context())
		query, last := "last-event-id="+id, ""
		if header = !header; header {
			query, last = "from=1&last-event-id=1", id // the header counts
		}
		next := frames(t, ctx, s.URL, query, last)
		if f := next(); f.event != "position" || f.id != id {
			t.Fatalf("opened after %s, the tail begins with %+v", id, f)
		}
		f := next()
		if cancel(); f.id != fmt.Sprint(want) {
			t.Fatalf("after id %s comes %s", id, f.id)
		}
		id = f.id
	}
}

// TestTailFilters asks for events by each filter, and sees the live ones as well as those that are there.
func TestTailFilters(t *testing.T) {
	s, c, _, _ := serve(t)
	offered := ledger.Type("handoff", "offered")
	fill := func(round int) {
		var events []ledger.Event
		for i, journey := range []string{"A", "B"} {
			id := fmt.Sprint(round, "-", i)
			offer := ledger.Event{ID: "o" + id, Source: "test", Type: offered, Subject: journey,
				Data: []byte(`{"from":{"stage":"bot"},"to":{"stage":"sales"},"channel":"chat","amount":` + fmt.Sprint(10*i) + `}`)}
			events = []ledger.Event{offer, event("i"+id, journey, `{"activity":"call","channel":"phone"}`)}
			if r := c.AppendAll(t.Context(), batch(ledger.Any, events...))[0]; r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		view := ledger.Event{ID: "v" + fmt.Sprint(round), Source: "test", Type: ledger.Type("handoff", "viewed"), Subject: "A", Data: []byte(`{"handoff":"o"}`)}
		if r := c.AppendAll(t.Context(), []ledger.Batch{{Stream: "overlay-A", Expect: ledger.Any, Events: []ledger.Event{view}}})[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	for round := range 20 { // five events a round: more than a tail reads one by one
		fill(round)
	}
	for _, tc := range []struct {
		query string
		want  []uint64 // of the first round
	}{
		{"", []uint64{1, 2, 3, 4, 5}},
		{"stream=journey-B", []uint64{3, 4}},
		{"journey=A", []uint64{1, 2, 5}},
		{"type=" + offered, []uint64{1, 3}},
		{"type=" + offered + "&type=" + ledger.Type("handoff", "viewed"), []uint64{1, 3, 5}},
		{"point=" + url.QueryEscape("bot>sales@chat"), []uint64{1, 3}},
		{"filter=" + url.QueryEscape(`event.verb == "offered" && data.amount > 5`), []uint64{3}},
		{"filter=" + url.QueryEscape(`data.amount > 5 || event.overlay`), []uint64{3, 5}},
		{"journey=B&filter=" + url.QueryEscape(`event.channel == "phone"`), []uint64{4}},
		{"filter=" + url.QueryEscape(`event.point.startsWith("bot>") && event.journey == "A"`), []uint64{1}},
	} {
		t.Run(tc.query, func(t *testing.T) {
			head, err := c.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			next := frames(t, t.Context(), s.URL, "from=1&"+tc.query, "")
			next()
			for i := uint64(0); i < 5*20; i += 5 {
				for _, want := range tc.want {
					if f := next(); f.id != fmt.Sprint(want+i) {
						t.Fatalf("%+v comes, not %d", f, want+i)
					}
				}
			}
			live := frames(t, t.Context(), s.URL, tc.query, "")
			if f := live(); f.id != fmt.Sprint(head.Position) {
				t.Fatalf("a tail from now on begins with %+v", f)
			}
			fill(int(head.Position))
			for _, want := range tc.want {
				if f := live(); f.id != fmt.Sprint(want+head.Position) {
					t.Fatalf("%+v comes live, not %d", f, want+head.Position)
				}
			}
		})
	}
}

// TestTailRefuses asks for what cannot be answered.
func TestTailRefuses(t *testing.T) {
	s, c, _, _ := serve(t)
	put(t, c, "J", 0, `{"activity":"a"}`)
	for query, want := range map[string]string{
		"filter=" + url.QueryEscape(`event.kind = "x"`):   "column 12",
		"filter=" + url.QueryEscape(`event.nobody == ""`): "column 6",
		"filter=1": "not true or false",
		"from=3":   "past the end of the ledger", "last-event-id=2": "past the end", "from=x": "no position", "last-event-id=-1": "no position",
		"type=dev.baton.handoff.thrown.v1": "dev.baton.handoff.thrown.v1", "point=x": "point", "stream=a&journey=b": "stream and journey",
	} {
		status, kind, bodies := ask(t, s.URL+"/v1/tail?"+query)
		if text := fmt.Sprint(bodies); status != http.StatusBadRequest || kind != "application/problem+json" || !strings.Contains(text, want) {
			t.Errorf("%s answers %d %s %s", query, status, kind, text)
		}
	}
	next := frames(t, t.Context(), s.URL, "from=1&filter="+url.QueryEscape(strings.Repeat("[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, ", 1)+
		"[1,2,3,4,5,6,7,8,9].all(e, a+b+c+d+e > 0)))))"), "")
	next()
	if f := next(); f.event != "problem" || !strings.Contains(f.data, "too costly") {
		t.Errorf("a costly filter gives %+v", f)
	}
}

// TestTailSaysHowFarItIs waits for a tail that matches nothing to say how far the ledger has been read.
func TestTailSaysHowFarItIs(t *testing.T) {
	server.QuickTails(t)
	s, c, _, _ := serve(t)
	next := frames(t, t.Context(), s.URL, "journey=nobody", "")
	if f := next(); f.id != "0" {
		t.Errorf("the tail begins with %+v", f)
	}
	put(t, c, "J", 0, slices.Repeat([]string{`{"activity":"a"}`}, 100)...)
	if f := next(); f != (sse{"100", "position", `{"position":100}`}) {
		t.Errorf("it says %+v", f)
	}
}

// life is a ledger whose server can be stopped and started again at the same address.
type life struct {
	t     *testing.T
	store *pebblestore.Store
	addr  string
	stop  func()
}

func (l *life) start() {
	l.t.Helper()
	listener, err := server.Listen(server.ListenOptions{Address: l.addr})
	if err != nil {
		l.t.Fatal(err)
	}
	l.addr = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	api := server.New(server.Options{Store: l.store, Append: ledger.Intake(l.store.AppendAll, ledger.Validate)})
	go func() { ended <- api.Serve(ctx, listener) }()
	l.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				l.t.Error(err)
			}
		case <-time.After(5 * time.Second):
			l.t.Error("the server does not end while somebody tails")
		}
	})
}

// TestTailOverARestart follows with the Go client while the server is stopped and started again, and events come in at every moment of that.
func TestTailOverARestart(t *testing.T) {
	store, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	l := &life{t: t, store: store, addr: "127.0.0.1:0"}
	l.start()
	t.Cleanup(func() {
		l.stop()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	intake := ledger.Intake(store.AppendAll, ledger.Validate)
	const n, restarts = 2000, 4
	go func() {
		for i := range n {
			if r := intake(context.Background(), batch(ledger.Any, event(fmt.Sprint(i), "J", `{"activity":"a"}`)))[0]; r.Err != nil {
				t.Error(r.Err)
				return
			}
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	want := uint64(1)
	for r, err := range client.New("http://"+l.addr, client.Options{}).Tail(ctx, client.TailOptions{From: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Position != want || r.ID != strconv.Itoa(int(want-1)) {
			t.Fatalf("position %d (%s) comes where %d is due", r.Position, r.ID, want)
		}
		if want%(n/restarts) == n/restarts/2 {
			l.stop()
			l.start()
		}
		if want++; want > n {
			break
		}
	}
	if want != n+1 {
		t.Errorf("the tail ends before position %d", want)
	}
	for _, err := range client.New("http://"+l.addr, client.Options{}).Tail(ctx, client.TailOptions{From: n + 2}) {
		if !errors.Is(err, ledger.CodeInvalid) {
			t.Errorf("a tail from past the end gives %v", err)
		}
	}
	l.stop()
	for _, err := range client.New("http://"+l.addr, client.Options{}).Tail(ctx, client.TailOptions{}) {
		if !errors.Is(err, ledger.CodeUnavailable) {
			t.Errorf("a tail of a server that is not there gives %v", err)
		}
	}
}

// TestTailSaysThatItLives waits for what keeps proxies and clients from giving a silent connection up.
func TestTailSaysThatItLives(t *testing.T) {
	server.QuickTails(t)
	s, _, _, _ := serve(t)
	resp, err := http.Get(s.URL + "/v1/tail")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if lines.Text() == ":" {
			return
		}
	}
	t.Error("the tail ends")
}
