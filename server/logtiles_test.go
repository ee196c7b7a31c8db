package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	tlogclient "github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server/client"
)

// grow appends n events and gives the checkpoint that covers them.
func grow(t *testing.T, c *client.Client, first, n int) {
	t.Helper()
	for ; n > 0; n -= 500 {
		put(t, c, fmt.Sprint("J", first), first, slices.Repeat([]string{`{"activity":"a"}`}, min(n, 500))...)
		first += 500
	}
	if _, err := c.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestOthersReadTheLog has Tessera's client and checker, which share no code with us, read the log over HTTP: they check every hash, that
// each leaf is where the tree says, and that the log only grew from one checkpoint to the next.
func TestOthersReadTheLog(t *testing.T) {
	s, c, _, keys := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	root, err := url.Parse(s.URL + "/log/")
	if err != nil {
		t.Fatal(err)
	}
	log, err := tlogclient.NewHTTPFetcher(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	origin := keys.Verifier.Name()
	hashes := func(b []byte) (out [][]byte, err error) {
		var bundle api.EntryBundle
		err = bundle.UnmarshalText(b)
		for _, e := range bundle.Entries {
			out = append(out, rfc6962.DefaultHasher.HashLeaf(e))
		}
		return out, err
	}
	var follower *tlogclient.LogStateTracker
	for i, n := range []int{1, 255, 44, 700, 65536} { // sizes 1, 256, 300, 1000, and one with three levels of tiles
		grow(t, c, i*100_000, n)
		if err := fsck.New(origin, keys.Verifier, log, hashes, fsck.Opts{N: 2}).Check(ctx); err != nil {
			t.Fatalf("after growth %d: %v", i, err)
		}
		if follower == nil {
			follower, err = tlogclient.NewLogStateTracker(ctx, log.ReadTile, nil, keys.Verifier, origin, tlogclient.UnilateralConsensus(log.ReadCheckpoint))
		} else {
			var consistency [][]byte
			if _, consistency, _, err = follower.Update(ctx); err == nil && len(consistency) == 0 {
				t.Error("there is no consistency proof")
			}
		}
		if err != nil {
			t.Fatalf("after growth %d: %v", i, err)
		}
	}
	cp := follower.Latest()
	if cp.Size != 66536 {
		t.Fatalf("the log has %d leaves", cp.Size)
	}
	builder, err := tlogclient.NewProofBuilder(ctx, cp.Size, log.ReadTile)
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range []uint64{0, 255, 999, 65536, cp.Size - 1} {
		bundle, err := tlogclient.GetEntryBundle(ctx, log.ReadEntryBundle, index/256, cp.Size)
		if err != nil {
			t.Fatal(err)
		}
		entry := bundle.Entries[index%256]
		path, err := builder.InclusionProof(ctx, index)
		if err != nil {
			t.Fatal(err)
		}
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, cp.Size, rfc6962.DefaultHasher.HashLeaf(entry), path, cp.Hash); err != nil {
			t.Error(err)
		}
		if leaf, err := ledger.ParseLeaf(entry); err != nil || leaf.Position != index+1 {
			t.Errorf("entry %d is the leaf of position %d, %v", index, leaf.Position, err)
		}
	}
}

// TestLogHeaders looks at what may be kept, and at what is not there.
func TestLogHeaders(t *testing.T) {
	s, c, _, _ := serve(t)
	grow(t, c, 0, 300)
	put(t, c, "J", 1000, slices.Repeat([]string{`{"activity":"a"}`}, 300)...) // durable, and covered by no checkpoint
	for _, tc := range []struct {
		path   string
		status int
		kind   string
		cache  string
		size   int
	}{
		{"checkpoint", 200, "text/plain; charset=utf-8", "no-cache", 0},
		{"tile/0/000", 200, "application/octet-stream", "max-age=31536000, immutable", 256 * 32},
		{"tile/0/001.p/44", 200, "application/octet-stream", "no-cache", 44 * 32},
		{"tile/0/001.p/7", 200, "application/octet-stream", "no-cache", 7 * 32},
		{"tile/1/000.p/1", 200, "application/octet-stream", "no-cache", 32},
		{"tile/entries/000", 200, "application/octet-stream", "max-age=31536000, immutable", 0},
		{"tile/entries/001.p/44", 200, "application/octet-stream", "no-cache", 0},
		{"tile/0/001", 404, "application/problem+json", "", 0},
		{"tile/0/001.p/45", 404, "application/problem+json", "", 0},
		{"tile/0/002.p/1", 404, "application/problem+json", "", 0},
		{"tile/1/000.p/2", 404, "application/problem+json", "", 0},
		{"tile/2/000.p/1", 404, "application/problem+json", "", 0},
		{"tile/entries/001.p/45", 404, "application/problem+json", "", 0},
		{"tile/entries/x001/000", 404, "application/problem+json", "", 0},
		{"tile/0/1", 400, "application/problem+json", "", 0},
		{"elsewhere", 404, "application/problem+json", "", 0},
	} {
		resp, err := http.Get(s.URL + "/log/" + tc.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		h := resp.Header
		if err != nil || resp.StatusCode != tc.status || h.Get("Content-Type") != tc.kind || h.Get("Cache-Control") != tc.cache || tc.size > 0 && len(body) != tc.size {
			t.Errorf("%s: %s, %s, cache %q, %d bytes, %v", tc.path, resp.Status, h.Get("Content-Type"), h.Get("Cache-Control"), len(body), err)
		}
		if tc.path == "checkpoint" && !strings.Contains(string(body), "\n300\n") {
			t.Errorf("the checkpoint is %s", body)
		}
	}
}
