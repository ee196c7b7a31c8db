package relay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/relay"
)

func (b *bench) ingest() {
	b.Helper()
	in, err := relay.NewIngest(b.connect(), b.append, nil)
	b.must(err)
	ctx, cancel := context.WithCancel(b.ctx)
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-done })
}

func (b *bench) request(data string, headers ...string) (reply relay.IngestReply) {
	b.Helper()
	m := nats.NewMsg(relay.IngestSubject)
	m.Data = []byte(data)
	for i := 0; i < len(headers); i += 2 {
		m.Header[headers[i]] = []string{headers[i+1]}
	}
	answer, err := b.nc.RequestMsg(m, 10*time.Second)
	b.must(err)
	b.must(json.Unmarshal(answer.Data, &reply))
	return reply
}

func structured(id, journey string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/n","type":"dev.baton.interaction.recorded.v1","subject":%q,"data":{"activity": "a"}}`, id, journey)
}

func TestIngestModes(t *testing.T) {
	b := newBench(t)
	b.ingest()
	binary := []string{"Ce-Specversion", "1.0", "ce-id", "b%201", "ce-source", "/n", "ce-type", "com.example.x", "ce-subject", "J1",
		"ce-time", "2010-04-08T12:30:00+02:00", "ce-tenant", "north", "Content-Type", "text/plain"}
	for i, reply := range []relay.IngestReply{
		b.request("héllo", binary...),
		b.request(structured("s-1", "J1"), "content-type", "application/cloudevents+json; charset=utf-8"),
		b.request("["+structured("s-2", "J1")+","+structured("s-3", "J2")+"]", "content-type", "application/cloudevents-batch+json"),
	} {
		if reply.Error != nil || len(reply.Receipts) != 1+i/2 || reply.Receipts[0].Position != uint64(i+1) || reply.Receipts[0].Stream != "journey-J1" {
			t.Errorf("request %d: %+v, %+v", i, reply.Receipts, reply.Error)
		}
	}
	events := b.read(1, 4)
	if e := events[0]; e.ID != "b 1" || e.ContentType != "text/plain" || string(e.Data) != "héllo" || len(e.Ext) != 1 ||
		e.Time.Format(time.RFC3339) != "2010-04-08T12:30:00+02:00" {
		t.Errorf("%+v", e.Event)
	}
	if e := events[3]; e.Stream != "journey-J2" || string(e.Data) != `{"activity": "a"}` {
		t.Errorf("%+v", e)
	}
	again := b.request("héllo", binary...)
	if again.Error != nil || !again.Receipts[0].Duplicate || again.Receipts[0].Position != 1 {
		t.Errorf("a retry: %+v, %+v", again.Receipts, again.Error)
	}
}

func TestIngestStreamAndExpect(t *testing.T) {
	b := newBench(t)
	b.ingest()
	json := "application/cloudevents+json"
	if r := b.request(structured("1", "J1"), "content-type", json, "Baton-Stream", "desk-9", "Baton-Expect", "no_stream"); r.Error != nil ||
		r.Receipts[0].Stream != "desk-9" {
		t.Errorf("%+v", r.Error)
	}
	if r := b.request(structured("2", "J1"), "content-type", json, "Baton-Stream", "desk-9", "Baton-Expect", "1"); r.Error != nil || r.Receipts[0].Revision != 2 {
		t.Errorf("%+v", r.Error)
	}
	for _, c := range []struct {
		body, contentType, expect string
		code                      ledger.Code
		names                     string
	}{
		{structured("3", "J1"), json, "7", ledger.CodeStaleRevision, "revision 0"},
		{structured("3", "J1"), json, "soon", ledger.CodeInvalid, "Baton-Expect"},
		{"[" + structured("3", "J1") + "," + structured("4", "J2") + "]", "application/cloudevents-batch+json", "0", ledger.CodeInvalid, "2 streams"},
		{"[]", "application/cloudevents-batch+json", "any", ledger.CodeInvalid, "no events"},
		{`{"specversion":"1.0"}`, json, "", ledger.CodeInvalid, "id is missing"},
		{structured("", "J1"), json, "", ledger.CodeInvalid, "id is missing"},
		{"{", json, "", ledger.CodeInvalid, "JSON"},
		{"plain", "text/plain", "", ledger.CodeInvalid, "ce-specversion"},
		{strings.Replace(structured("5", "J1"), `"a"`, `7`, 1), json, "", ledger.CodeInvalid, "data.activity"},
	} {
		r := b.request(c.body, "content-type", c.contentType, "Baton-Expect", c.expect)
		if r.Error == nil || r.Error.Code != c.code || !strings.Contains(r.Error.Message, c.names) || r.Error.Hint == "" && c.code == ledger.CodeInvalid {
			t.Errorf("%s: %+v", c.body, r.Error)
		}
	}
	if r := b.request("x", "ce-specversion", "1.0", "ce-id", "6", "Ce-Id", "7", "ce-source", "/n", "ce-type", "x"); r.Error == nil ||
		!strings.Contains(r.Error.Message, "ce-id is there twice") {
		t.Errorf("two ids: %+v", r)
	}
	if head, err := b.store.Head(b.ctx); err != nil || head.Position != 2 {
		t.Errorf("head %d, %v: a refused request wrote something", head.Position, err)
	}
}

// TestIngestKeepsOrder: requests sent without waiting for replies are appended in the order they were sent.
func TestIngestKeepsOrder(t *testing.T) {
	b := newBench(t)
	b.ingest()
	const n = 2000
	replies, err := b.nc.SubscribeSync("replies")
	b.must(err)
	for i := range n {
		m := nats.NewMsg(relay.IngestSubject)
		m.Reply, m.Data = "replies", []byte(structured(fmt.Sprint(i), "J1"))
		m.Header.Set("content-type", "application/cloudevents+json")
		b.must(b.nc.PublishMsg(m))
	}
	for i := range n {
		m, err := replies.NextMsg(30 * time.Second)
		b.must(err)
		var reply relay.IngestReply
		b.must(json.Unmarshal(m.Data, &reply))
		if reply.Error != nil || reply.Receipts[0].ID != fmt.Sprint(i) || reply.Receipts[0].Revision != uint64(i+1) {
			t.Fatalf("reply %d: %+v, %+v", i, reply.Receipts, reply.Error)
		}
	}
}
