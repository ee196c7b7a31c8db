package relay_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/baton-ledger/baton/ledger/relay"
)

// TestCheckAndRepair: check finds exactly what was removed, repair brings it back, late and marked.
func TestCheckAndRepair(t *testing.T) {
	b := newBench(t)
	b.write(200)
	r := b.relay()
	b.must(r.CatchUp(b.ctx, b.store))
	b.deleteMessages(1, 64, 65, 66, 127, 128, 150)
	want := []relay.Range{{From: 1, To: 1}, {From: 64, To: 66}, {From: 127, To: 128}, {From: 150, To: 150}}
	report := b.check()
	if report.Clean() || report.Missing != 7 || report.Published != 193 || report.To != 200 || !reflect.DeepEqual(report.Gaps, want) {
		t.Fatalf("%+v", report)
	}
	repair, err := relay.Repair(b.ctx, b.nc, b.store, ledgerID)
	b.must(err)
	if !reflect.DeepEqual(repair.Before, report) || repair.Filled != 7 || !repair.After.Clean() || repair.After.Repaired != 7 ||
		repair.After.Published != 200 || repair.After.To != 200 {
		t.Fatalf("%+v", repair)
	}
	again, err := relay.Repair(b.ctx, b.nc, b.store, ledgerID)
	b.must(err)
	if again.Filled != 0 || !again.After.Clean() {
		t.Errorf("a second repair: %+v", again)
	}
	b.write(10)
	b.must(r.CatchUp(b.ctx, b.store)) // its next chain is refused: the repaired messages stand in between
	messages := b.messages(210, "")
	var late []uint64
	for _, m := range messages {
		if m.Repaired {
			late = append(late, m.Position)
		}
	}
	if !reflect.DeepEqual(late, []uint64{1, 64, 65, 66, 127, 128, 150}) || messages[209].Position != 210 {
		t.Errorf("repaired %v, last %d", late, messages[209].Position)
	}
}

// TestRepairBesideTheRelay: both write, nothing is lost and nothing is there twice.
func TestRepairBesideTheRelay(t *testing.T) {
	b := newBench(t)
	p := b.run(b.relay())
	b.write(300)
	b.published(p)
	for seq := uint64(1); seq < 300; seq += 2 {
		b.deleteMessages(seq)
	}
	done := make(chan error, 1)
	go func() {
		_, err := relay.Repair(b.ctx, b.connect(), b.store, ledgerID)
		done <- err
	}()
	b.write(400)
	b.must(<-done)
	b.published(p)
	if report := b.check(); !report.Clean() || report.Published != 700 || report.Repaired != 150 {
		t.Errorf("%+v", report)
	}
}

// TestPurgedStream: everything is gone but the server's memory of it; repair brings all of it back.
func TestPurgedStream(t *testing.T) {
	b := newBench(t)
	b.write(100)
	r := b.relay()
	b.must(r.CatchUp(b.ctx, b.store))
	st, err := b.js.Stream(b.ctx, relay.StreamName)
	b.must(err)
	b.must(st.Purge(b.ctx))
	if report := b.check(); report.Published != 0 || report.Lag != 100 {
		t.Errorf("%+v", report)
	}
	b.published(b.run(b.relay()))
	if report := b.check(); !report.Clean() || report.Published != 100 {
		t.Errorf("%+v", report)
	}
}

func TestCheckWithoutStream(t *testing.T) {
	b := newBench(t)
	b.write(5)
	if report := b.check(); report.Head != 5 || report.Lag != 5 || report.To != 0 || report.Missing != 0 {
		t.Errorf("%+v", report)
	}
	if b.info() != nil {
		t.Error("check made the stream")
	}
}

// TestCheckListsConsumersAndDuplicates: how far each durable consumer is, as a position of the ledger, and what is in the stream twice.
func TestCheckListsConsumersAndDuplicates(t *testing.T) {
	b := newBench(t)
	b.write(20)
	r := b.relay()
	b.must(r.CatchUp(b.ctx, b.store))
	if report := b.check(); report.Consumers == nil || report.Doubled == nil || len(report.Consumers) != 0 {
		t.Errorf("without consumers %+v", report)
	}
	for range 3 { // someone else's messages shift sequences against positions
		b.must(b.nc.Publish("baton.v1.7.other.noise._", nil))
	}
	b.must(b.nc.Flush())
	b.write(20)
	b.must(r.CatchUp(b.ctx, b.store))
	st, err := b.js.Stream(b.ctx, relay.StreamName)
	b.must(err)
	for _, config := range []jetstream.ConsumerConfig{
		{Durable: "slow", AckPolicy: jetstream.AckExplicitPolicy},
		{Durable: "fresh", AckPolicy: jetstream.AckExplicitPolicy, FilterSubject: "baton.v1.*.interaction.>"},
		{Name: "gone-tomorrow", AckPolicy: jetstream.AckExplicitPolicy},
	} {
		_, err := st.CreateConsumer(b.ctx, config)
		b.must(err)
	}
	slow, err := st.Consumer(b.ctx, "slow")
	b.must(err)
	batch, err := slow.Fetch(43)
	b.must(err)
	n := 0
	for m := range batch.Messages() {
		switch n++; {
		case n <= 28:
			b.must(m.DoubleAck(b.ctx))
		case n == 29:
			b.must(m.Nak())
		}
	}
	again, err := slow.Fetch(1)
	b.must(err)
	for range again.Messages() {
		n++
	}
	want := []relay.Consumer{
		{Name: "fresh", Filters: []string{"baton.v1.*.interaction.>"}, Pending: 40},
		{Name: "slow", Filters: []string{}, Acknowledged: 25, Sequence: 28, Waiting: 15, Redelivered: 1},
	}
	if report := b.check(); n != 44 || !reflect.DeepEqual(report.Consumers, want) || !report.Clean() {
		t.Errorf("%d messages, %+v", n, report)
	}
	for _, position := range []int{3, 4, 9} {
		forged := nats.NewMsg("baton.v1.0.other.x._")
		forged.Header = nats.Header{"Nats-Msg-Id": {fmt.Sprintf("test%%2Eexample%%2Fledger:%d:again", position)}, "ce-position": {fmt.Sprint(position)}, "Baton-Repair": {"true"}, "Baton-Head": {"40"}}
		for name, value := range map[string]string{"ce-id": "e", "ce-source": "s"} {
			forged.Header.Set(name, value)
		}
		_, err := b.js.PublishMsg(b.ctx, forged)
		b.must(err)
	}
	report, _ := relay.Check(b.ctx, b.nc, b.store, ledgerID) // the last of them is no event of ours: that is an error besides
	if doubled := []relay.Range{{From: 3, To: 4}, {From: 9, To: 9}}; report.Clean() || report.Duplicates != 3 || !reflect.DeepEqual(report.Doubled, doubled) {
		t.Errorf("%+v", report)
	}
}
