package rpc_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
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
	cc, serial := a.dial(), 0
	rapid.Check(t, func(rt *rapid.T) {
		serial++
		events := rapid.SliceOfN(rapid.Custom(drawEvent), 1, 4).Draw(rt, "events")
		expect := rapid.SampledFrom([]int64{-2, -1, 0, 1}).Draw(rt, "expect")
		stream := fmt.Sprintf("journey-%d", serial)
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_, one := appendTo(ctx, cc, &batonv1.AppendRequest{Stream: stream, Expect: proto.Int64(expect), Events: events})
		two := appendREST(ctx, "http://"+b.addr, stream, expect, events)
		if ledger.CodeOf(one) != ledger.CodeOf(two) {
			rt.Fatalf("gRPC: %v\nREST: %v", one, two)
		}
		first, second := records(rt, a, stream), records(rt, b, stream)
		if len(first) != len(second) || one == nil && len(first) != len(events) {
			rt.Fatalf("%d and %d records of %d events", len(first), len(second), len(events))
		}
		for i := range first {
			if !bytes.Equal(first[i], second[i]) {
				rt.Fatalf("event %d is recorded as\n%q by gRPC and\n%q by REST", i, first[i], second[i])
			}
		}
	})
	if h, err := a.store.Head(t.Context()); err != nil || h.Position == 0 {
		t.Errorf("no event was good: %v", err)
	}
}

// drawEvent draws an event that may be good or bad.
func drawEvent(t *rapid.T) *batonv1.Event {
	name := rapid.StringMatching(`[a-z]{1,3}|`)
	e := &batonv1.Event{Id: rapid.StringMatching(`[a-z0-9é ]{1,8}`).Draw(t, "id"), Source: "test",
		Type:    rapid.SampledFrom([]string{ledger.Type("interaction", "recorded"), ledger.Type("handoff", "offered"), "com.example.other", "dev.baton.odd.v1"}).Draw(t, "type"),
		Subject: name.Draw(t, "subject"), Dataschema: name.Draw(t, "dataschema"),
		Time: rapid.SampledFrom([]string{"", "2026-03-04T05:06:07Z", "2026-03-04T05:06:07.000000089+02:00", "1990-12-31T23:59:59-11:30", "noon"}).Draw(t, "time"),
	}
	e.Attributes = rapid.MapOfN(rapid.SampledFrom([]string{"actor", "datasubject", "traceparent", "shop", "position", "stream", "sentposition", "Bad"}),
		rapid.StringMatching(`[ -~é]{0,5}`), 0, 3).Draw(t, "attributes")
	data := []string{``, `{"activity":"a"}`, ` {"activity" : "é\u00e9", "n":1e400,"n":2 }`, `{"from":"a","to":{"stage":"b"},"channel":"c"}`, "\n[1, 2]", `{"activity":`, `"text"`}
	e.Data = []byte(rapid.SampledFrom(data).Draw(t, "data"))
	if rapid.Bool().Draw(t, "binary") {
		e.Datacontenttype = rapid.SampledFrom([]string{"application/json", "application/x+json; charset=utf-8", "image/png", "text/plain"}).Draw(t, "content type")
		e.Data = append(e.Data, rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "more")...)
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
