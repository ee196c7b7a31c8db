package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/baton-ledger/baton/server"
)

// TestStalledReaderDoesNotHoldTheEnd has clients that ask for everything and take nothing, or wait for what never comes: the server ends, and
// the store closes, within moments.
func TestStalledReaderDoesNotHoldTheEnd(t *testing.T) {
	store, err := pebblestore.Open(t.Context(), "ledger", pebblestore.Options{TagKey: make([]byte, 32), FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	text := `{"activity":"call","attributes":{"text":"` + strings.Repeat("x", 512<<10) + `"}}`
	intake := ledger.Intake(store.AppendAll, ledger.Validate)
	for i := range 8 { // each far more than the sockets' buffers take
		if r := intake(t.Context(), batch(ledger.Any, event(fmt.Sprint(i), "J", text)))[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	l, err := server.Listen(server.ListenOptions{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		err := server.New(server.Options{Store: store, Append: intake}).Serve(ctx, narrow{l})
		ended <- errors.Join(err, store.Close())
	}()
	for _, path := range []string{"/v1/records", "/v1/streams/journey-J/records", "/v1/head?after=99"} {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: baton\r\n\r\n", path)
		if !strings.Contains(path, "head") {
			if _, err := conn.Read(make([]byte, 1)); err != nil { // it has begun, and cannot go on
				t.Fatal(err)
			}
		}
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(9 * time.Second):
		t.Fatal("the server waits for readers that take nothing")
	}
}

// narrow gives connections that buffer next to nothing.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	conn, err := n.Listener.Accept()
	if err == nil {
		err = conn.(*net.TCPConn).SetWriteBuffer(4096)
	}
	return conn, err
}
