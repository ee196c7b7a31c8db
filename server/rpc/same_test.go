package rpc_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server/client"
	batonv1 "github.com/baton-ledger/baton/server/rpc/baton/v1"
)

// TestSameRecord sends the same events by gRPC to one ledger and by REST to another: both take or refuse them, for the same reason, and what they
// record is the same bytes.
func TestSameRecord(t *testing.T) {
	a, b := start(t), start(t)
	cc, serial, good := a.dial(), 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		serial++
		events := rapid.SliceOfN(rapid.Custom(drawEvent), 1, 4).Draw(rt, "events")
		expect := rapid.SampledFrom([]int64{-1, -1, -1, -1, 0, 0, -2, 1}).Draw(rt, "expect")
		stream := fmt.Sprintf("journey-%d", serial)
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_, one := appendTo(ctx, cc, &batonv1.AppendRequest{Stream: stream, Expect: proto.Int64(expect), Events: events})
		two := appendREST(ctx, "http://"+b.addr, stream, expect, events)
		if (one == nil) != (two == nil) || len(events) == 1 && ledger.CodeOf(one) != ledger.CodeOf(two) { // of several mistakes each may name another
			rt.Fatalf("gRPC: %v\nREST: %v", one, two)
		}
		first, second := records(rt, a, stream), records(rt, b, stream)
		if len(first) != len(second) || one == nil && len(first) != len(events) {
			rt.Fatalf("%d and %d records of %d events", len(first), len(second), len(events))
		}
		good += len(first)
		for i := range first {
			if !bytes.Equal(first[i], second[i]) {
				rt.Fatalf("event %d is recorded as\n%q by gRPC and\n%q by REST", i, first[i], second[i])
			}
		}
	})
	if good < serial/5 {
		t.Errorf("of %d batches %d events were good", serial, good)
	}
}

// drawEvent draws an event: a good one, and in one of four something that may be wrong with it.
func drawEvent(t *rapid.T) *batonv1.Event {
	name := rapid.StringMatching(`[a-z]{1,3}|`)
	e := &batonv1.Event{Id: rapid.StringMatching(`[a-z0-9é ]{4,8}`).Draw(t, "id"), Source: "test", Type: ledger.Type("interaction", "recorded"),
		Subject: name.Draw(t, "subject"), Dataschema: name.Draw(t, "dataschema"),
		Time: rapid.SampledFrom([]string{"", "2026-03-04T05:06:07Z", "2026-03-04T05:06:07.000000089+02:00", "1990-12-31T23:59:59-11:30"}).Draw(t, "time"),
		Attributes: rapid.MapOfN(rapid.SampledFrom([]string{"actor", "datasubject", "traceparent", "shop", "position"}),
			rapid.StringMatching(`[ -~é]{0,5}`), 0, 3).Draw(t, "attributes"),
		Data: []byte(rapid.SampledFrom([]string{`{"activity":"a"}`, ` {"activity" : "é\u00e9", "n":1e400,"n":2 }`, "\t{\"activity\":\"b\"}\n"}).Draw(t, "data"))}
	if rapid.Bool().Draw(t, "foreign") {
		e.Type, e.Datacontenttype = "com.example.other", rapid.SampledFrom([]string{"image/png", "text/plain", "text/plain; charset=latin1"}).Draw(t, "content type")
		e.Data = rapid.SliceOfN(rapid.Byte(), 0, 6).Draw(t, "bytes")
	}
	switch rapid.IntRange(0, 35).Draw(t, "wrong") {
	case 0:
		e.Type = rapid.SampledFrom([]string{ledger.Type("handoff", "offered"), "dev.baton.odd.v1", ""}).Draw(t, "type")
	case 1:
		e.Time = "noon"
	case 2:
		e.Attributes = map[string]string{rapid.SampledFrom([]string{"Bad", "stream", "data2", "a_b"}).Draw(t, "name"): "x"}
	case 3:
		e.Attributes = map[string]string{"position": "1", "sentposition": "2"}
	case 4:
		e.Datacontenttype = "application/json"
	case 5:
		e.Data = []byte(rapid.SampledFrom([]string{"", "[1, 2]", `{"activity":`, `"text"`, `{"activity":7}`}).Draw(t, "other data"))
	case 6:
		e.Id = strings.Repeat("x", 300)
	}
	return e
}

// appendREST sends events as a batch of CloudEvents in JSON, written here by hand.
func appendREST(ctx context.Context, base, stream string, expect int64, events []*batonv1.Event) error {
	list := make([]json.RawMessage, len(events))
	for i, e := range events {
		m := map[string]any{"specversion": "1.0", "id": e.GetId(), "source": e.GetSource(), "type": e.GetType()}
		for name, value := range map[string]string{"subject": e.GetSubject(), "time": e.GetTime(), "datacontenttype": e.GetDatacontenttype(), "dataschema": e.GetDataschema()} {
			if value != "" {
				m[name] = value
			}
		}
		for name, value := range e.GetAttributes() {
			m[name] = value
		}
		if len(e.GetData()) > 0 {
			m["data_base64"] = base64.StdEncoding.EncodeToString(e.GetData())
		}
		list[i], _ = json.Marshal(m)
	}
	body, _ := json.Marshal(map[string]any{"batches": []any{map[string]any{"stream": stream, "expect": expect, "events": list}}})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/batches", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var out struct {
		Results []struct {
			Problem *client.Problem `json:"problem"`
		} `json:"results"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return err
	}
	if len(out.Results) != 1 {
		return fmt.Errorf("%s: %d results", resp.Status, len(out.Results))
	}
	if p := out.Results[0].Problem; p != nil {
		return p.Ledger()
	}
	return nil
}

func records(t *rapid.T, n *node, stream string) (out [][]byte) {
	for r, err := range n.store.ReadStream(context.Background(), stream, ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r.Record)
	}
	return out
}
