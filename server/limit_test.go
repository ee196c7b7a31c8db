package server_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server"
)

// TestRate lets one caller ask until it is told to wait; others and commands of this machine go on.
func TestRate(t *testing.T) {
	base, dir, keys := guardedBy(t, func(o *server.Options) { o.Access.Limits = server.Limits{Rate: 1, Burst: 3} })
	url := base + "/v1/head"
	statuses := map[int]int{}
	for range 20 {
		status, p, header := request(t, "GET", url, keys[server.Reader], "")
		if statuses[status]++; status != http.StatusTooManyRequests {
			continue
		}
		wait, err := strconv.Atoi(header.Get("Retry-After"))
		if err != nil || wait < 1 || wait > 20 || p.Code != ledger.CodeTooMany || p.Hint == "" || !strings.Contains(p.Detail, "the-reader") {
			t.Errorf("Retry-After %q, %+v", header.Get("Retry-After"), p)
		}
	}
	if statuses[200] < 3 || statuses[200] > 10 || statuses[429] != 20-statuses[200] {
		t.Errorf("20 requests with a burst of 3: %v", statuses)
	}
	if status, _, _ := request(t, "GET", url, keys[server.Writer], ""); status != 200 {
		t.Errorf("another key is answered with %d", status)
	}
	for range 20 {
		if status, _, _ := request(t, "GET", url, server.LocalToken(dir), ""); status != 200 {
			t.Fatalf("a command of this machine is answered with %d", status)
		}
		if status, _, _ := request(t, "GET", base+"/healthz", "", ""); status != 200 {
			t.Fatalf("/healthz is answered with %d", status)
		}
	}
	statuses = map[int]int{}
	for range 20 { // guesses are counted by address
		status, _, _ := request(t, "GET", url, "bt_guess", "")
		statuses[status]++
	}
	if statuses[401] < 3 || statuses[429] == 0 {
		t.Errorf("20 guesses: %v", statuses)
	}
}

// TestAtOnce holds requests and streams open, up to their limits.
func TestAtOnce(t *testing.T) {
	base, _, keys := guardedBy(t, func(o *server.Options) { o.Access.Limits = server.Limits{Requests: 2, Streams: 3} })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	open := func(path string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, "GET", base+path, nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+keys[server.Reader])
		return http.DefaultTransport.RoundTrip(req)
	}
	waiting := make(chan int, 2)
	for range 2 {
		go func() {
			for {
				resp, err := open("/v1/head?after=99")
				if err != nil {
					waiting <- 0
					return
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusTooManyRequests { // else the question below had the second place at that moment
					waiting <- resp.StatusCode
					return
				}
			}
		}()
	}
	until(t, "a third request is refused", func() bool {
		status, _, _ := request(t, "GET", base+"/v1/head", keys[server.Reader], "")
		return status == http.StatusTooManyRequests
	})
	if status, _, _ := request(t, "GET", base+"/v1/head", keys[server.Writer], ""); status != 200 {
		t.Errorf("another key is answered with %d", status)
	}
	for i := range 4 {
		resp, err := open("/v1/tail")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if want := map[bool]int{true: 200, false: 429}[i < 3]; resp.StatusCode != want {
			t.Errorf("stream %d is answered with %d, want %d", i+1, resp.StatusCode, want)
		}
	}
	cancel()
	for range 2 {
		<-waiting
	}
	until(t, "all are let in again", func() bool {
		head, _, _ := request(t, "GET", base+"/v1/head", keys[server.Reader], "")
		list, _, _ := request(t, "GET", base+"/v1/records", keys[server.Reader], "")
		return head == 200 && list == 200
	})
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for tick := time.Tick(2 * time.Millisecond); !holds(); {
		select {
		case <-tick:
		case <-deadline:
			t.Fatal("never: " + what)
		}
	}
}

// TestHosts serves the outer world: by address, by the names it has, and by no other.
func TestHosts(t *testing.T) {
	for _, tt := range []struct {
		access server.Access
		host   string
		status int
	}{
		{server.Access{}, "localhost:1", 200}, {server.Access{}, "127.0.0.1", 200}, {server.Access{}, "[::1]:80", 200},
		{server.Access{}, "192.0.2.7:80", 421}, {server.Access{}, "ledger.example.org", 421}, {server.Access{}, "localhost.example.org", 421},
		{server.Access{World: true}, "192.0.2.7:80", 200}, {server.Access{World: true}, "[2001:db8::1]", 200}, {server.Access{World: true}, "ledger.example.org", 421},
		{server.Access{Hosts: []string{"ledger.example.org"}}, "Ledger.example.org:443", 200}, {server.Access{Hosts: []string{"ledger.example.org"}}, "192.0.2.7", 421},
		{server.Access{Hosts: []string{"ledger.example.org"}}, "example.org", 421},
	} {
		s, _, _, _ := serveWith(t, func(o *server.Options) { o.Access = tt.access })
		req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/v1/head", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = tt.host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.status {
			t.Errorf("Host %s under %+v: %d, want %d", tt.host, tt.access, resp.StatusCode, tt.status)
		}
	}
}

// TestListenBeyondLoopback: each condition is asked for, and said.
func TestListenBeyondLoopback(t *testing.T) {
	dir := t.TempDir()
	ring, err := server.OpenKeyring(dir)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := certificate(t, dir)
	check := func(name, says string, o server.ListenOptions) {
		t.Helper()
		o.Keys = ring
		err := o.Check()
		if says == "" && err != nil || says != "" && (!errors.Is(err, ledger.CodeInvalid) || !strings.Contains(err.Error()+ledger.HintOf(err), says)) {
			t.Errorf("%s: %v (%s), want %q", name, err, ledger.HintOf(err), says)
		}
	}
	check("loopback", "", server.ListenOptions{Address: "127.0.0.1:0"})
	check("no key", "baton keys add", server.ListenOptions{Address: "0.0.0.0:0", Insecure: true})
	check("no key but TLS", "baton keys add", server.ListenOptions{Address: "0.0.0.0:0", Cert: cert, Key: key})
	if _, _, err := ring.Add("crm", server.Reader, time.Time{}); err != nil {
		t.Fatal(err)
	}
	check("no TLS", "in clear", server.ListenOptions{Address: ":0"})
	check("no TLS, said so", "", server.ListenOptions{Address: ":0", Insecure: true})
	check("TLS", "", server.ListenOptions{Address: "[::]:0", Cert: cert, Key: key})
	check("half of TLS", "listen_tls.key", server.ListenOptions{Address: "127.0.0.1:0", Cert: cert})
	check("no such file", "listen_tls", server.ListenOptions{Address: "127.0.0.1:0", Cert: cert, Key: key + "x"})
}

// TestTLS serves with a certificate, and with the one that takes its place; commands of this machine come in beside it.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	l, err := server.Listen(server.ListenOptions{Address: "127.0.0.1:0", Cert: cert, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.New(server.Options{}).Serve(ctx, l.All()...) }()
	serial := func() string {
		t.Helper()
		pool := x509.NewCertPool()
		pem, err := os.ReadFile(cert)
		if err != nil || !pool.AppendCertsFromPEM(pem) {
			t.Fatal(err)
		}
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
		defer tr.CloseIdleConnections()
		resp, err := (&http.Client{Transport: tr}).Get(l.URL + "/healthz")
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		if resp.ProtoMajor != 2 {
			t.Errorf("%s over TLS", resp.Proto)
		}
		return resp.TLS.PeerCertificates[0].SerialNumber.String()
	}
	first := serial()
	certificate(t, dir)
	until(t, "the renewed certificate is served", func() bool { s := serial(); return s != first && !strings.Contains(s, " ") })
	resp, err := http.Get(l.LocalURL() + "/healthz")
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("the local address: %v, %v", resp, err)
	}
	resp.Body.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// raw opens a connection and sends text.
func raw(t *testing.T, base, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestSlowBodies sends a body a byte at a time: the request is ended, and nothing of it is written. One that is slow but goes on is answered.
func TestSlowBodies(t *testing.T) {
	s, c, _, _ := serveWith(t, func(o *server.Options) { o.Access.Limits.Wait = 300 * time.Millisecond })
	event := `{"specversion":"1.0","id":"s","source":"test","type":"dev.baton.interaction.recorded.v1","subject":"J","data":{"activity":"call"}}`
	head := "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/cloudevents+json\r\nContent-Length: %d\r\n\r\n"
	conn := raw(t, s.URL, fmt.Sprintf(head, len(event)))
	begin := time.Now()
	go func() {
		for tick, i := time.Tick(20*time.Millisecond), 0; i < len(event); i++ {
			if _, err := io.WriteString(conn, event[i:i+1]); err != nil {
				return
			}
			<-tick
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	took := time.Since(begin)
	if err != nil || resp.StatusCode != http.StatusRequestTimeout || took > 2*time.Second {
		t.Errorf("a trickling body is answered %v, %v after %s", resp, err, took)
	}
	if h, err := c.Head(t.Context()); err != nil || h.Position != 0 {
		t.Errorf("something was written: %+v, %v", h, err)
	}

	pad := strings.Repeat(" ", 64<<10) // four pieces within the time that their bytes earn
	steady := raw(t, s.URL, fmt.Sprintf(head, 4*len(pad)+len(event)))
	for tick, i := time.Tick(250*time.Millisecond), 0; i < 4; i++ {
		if _, err := io.WriteString(steady, pad); err != nil {
			t.Fatal(err)
		}
		<-tick
	}
	if _, err := io.WriteString(steady, event); err != nil {
		t.Fatal(err)
	}
	if resp, err = http.ReadResponse(bufio.NewReader(steady), nil); err != nil || resp.StatusCode != 200 {
		answer, _ := io.ReadAll(resp.Body)
		t.Errorf("a body that goes on is answered %v, %v: %s", resp.Status, err, answer)
	}
}

func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	makeCertificate(t, cert, key)
	return cert, key
}

// TestMountsHaveLimits: a handler that reads what comes is kept to the size of a body too.
func TestMountsHaveLimits(t *testing.T) {
	read := make(chan error, 1)
	s, _, _, _ := serveWith(t, func(o *server.Options) {
		o.Mounts = []server.Mount{{Pattern: "POST /mounted", Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			read <- err
		})}}
	})
	for size, fits := range map[int]bool{1 << 20: true, 17 << 20: false} {
		resp, err := http.Post(s.URL+"/mounted", "application/octet-stream", strings.NewReader(strings.Repeat("x", size)))
		if err == nil {
			resp.Body.Close()
		}
		if err := <-read; (err == nil) != fits {
			t.Errorf("a body of %d bytes ends with %v", size, err)
		}
	}
}
