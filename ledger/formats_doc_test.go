package ledger_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/esdb"
	"github.com/baton-ledger/baton/ledger/relay"
)

// TestFormatsPage holds the example that opens docs/formats.md against the code.
func TestFormatsPage(t *testing.T) {
	page, err := os.ReadFile("../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(name string) string {
		m := regexp.MustCompile("(?s)```" + name + "\n(.*?)```").FindSubmatch(page)
		if m == nil {
			t.Fatalf("the page has no block %q", name)
		}
		return string(m[1])
	}
	e, err := ledger.ParseCloudEvent([]byte(block("json")))
	if err != nil {
		t.Fatal(err)
	}
	r := ledger.Recorded{Stream: ledger.StreamFor(&e), Position: 1, Revision: 1, RecordedTime: time.Date(2026, 3, 4, 8, 52, 1, 250e6, time.UTC)}
	checked := ledger.Intake(func(_ context.Context, b []ledger.Batch) []ledger.Result {
		r.Event = b[0].Events[0]
		return make([]ledger.Result, len(b))
	}, ledger.Validate)
	if err := checked(t.Context(), []ledger.Batch{{Stream: r.Stream, Expect: ledger.Any, Events: []ledger.Event{e}}})[0].Err; err != nil {
		t.Fatal(err)
	}
	if r.Record, err = ledger.EncodeRecord(r.Stream, &r.Event); err != nil {
		t.Fatal(err)
	}
	tag := ledger.StreamTag([]byte("0123456789abcdef0123456789abcdef"), r.Stream)
	r.PrevHead = ledger.SeedHead(tag)
	leaf := ledger.LeafOf(&r, tag)
	leafHash, head, _ := leaf.Hashes(nil)
	if got := hex.Dump(r.Record); got != block("hex record") {
		t.Errorf("record is\n%s", got)
	}
	if got := hex.Dump(leaf.Append(nil)); got != block("hex leaf") {
		t.Errorf("leaf is\n%s", got)
	}
	want := []string{"stream tag      " + tag.String(), "record digest   " + leaf.Record.String(), "head before     " + r.PrevHead.String(),
		"leaf hash       " + leafHash.String(), "head after      " + head.String(),
		"retry digest    " + ledger.RetryDigest(r.Stream, &r.Event).String(), "subject  " + relay.Subject(&r)}
	kept, err := esdb.Encode(r.Stream, &r.Event, r.RecordedTime)
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, "id       "+kept.ID.String(), "metadata "+string(kept.Metadata))
	for name, value := range r.Attributes() {
		want = append(want, "ce-"+name+": "+value)
	}
	for _, line := range want {
		if !bytes.Contains(page, []byte("\n"+line+"\n")) {
			t.Errorf("the page lacks %q", line)
		}
	}
	for _, family := range ledger.Families() {
		if !strings.Contains(string(page), "\n| "+family+" | ") {
			t.Errorf("the page's catalogue lacks family %q", family)
		}
	}
}
