package interop

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// sharedFile is a file of the research data beside the module; the test is skipped where that is absent.
func sharedFile(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	path := filepath.Join(filepath.Dir(dir), "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs ../shared/data/%s: %v", name, err)
	}
	return path
}

func newStore(t testing.TB) *pebblestore.Store {
	t.Helper()
	s, err := pebblestore.Open(context.Background(), "ledger",
		pebblestore.Options{TagKey: bytes.Repeat([]byte{7}, 32), FS: vfs.NewMem(), CacheMB: 16, MemtableMB: 16, MinFreeMB: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func intake(s *pebblestore.Store) ledger.Append { return ledger.Intake(s.AppendAll, ledger.Validate) }

// into imports a text into a store.
func into(s *pebblestore.Store, preset, text string) (Summary, error) {
	return Import(context.Background(), Options{Path: "log", Reader: strings.NewReader(text), Preset: preset, Append: intake(s), Ledger: s})
}

// count imports a text into nothing.
func count(preset, text string, m Map) (Summary, error) {
	return Import(context.Background(), Options{Path: "log", Reader: strings.NewReader(text), Preset: preset, Map: m})
}

// contents tells every event of a store but its place and time of recording, by stream.
func contents(t testing.TB, s ledger.Reader) []string {
	t.Helper()
	var out []string
	for head, err := range s.Streams(context.Background(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		for r, err := range s.ReadStream(context.Background(), head.Stream, ledger.ReadOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, fmt.Sprintf("%s %s", r.Stream, ledger.RetryDigest(r.Stream, &r.Event)))
		}
	}
	return out
}

// stream tells a stream's events as "verb data".
func stream(t testing.TB, s ledger.Reader, name string) []string {
	t.Helper()
	var out []string
	for r, err := range s.ReadStream(context.Background(), name, ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		family, verb := ledger.SplitType(r.Type)
		out = append(out, fmt.Sprintf("%s.%s %s %s", family, verb, r.Time.Format("15:04"), r.Data))
	}
	return out
}

func zipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// wantError checks that an error has a code, says all the words, and tells what to do.
func wantError(t *testing.T, err error, code ledger.Code, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", words)
	}
	if ledger.CodeOf(err) != code {
		t.Errorf("code %q, want %q: %v", ledger.CodeOf(err), code, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error()+" | "+ledger.HintOf(err), w) {
			t.Errorf("error does not say %q: %v | %s", w, err, ledger.HintOf(err))
		}
	}
	if ledger.HintOf(err) == "" {
		t.Errorf("no hint: %v", err)
	}
}

// incident is a trace of the bpi13 preset: "stage activity status" for each event, one minute apart.
func incident(name string, events ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<trace><string key=\"concept:name\" value=%q/>\n", name)
	for i, e := range events {
		f := strings.SplitN(e, " ", 3)
		fmt.Fprintf(&b, `<event><string key="org:group" value="%s"/><string key="org:resource" value="R%s"/>`+
			`<string key="concept:name" value="%s"/><string key="lifecycle:transition" value="%s"/>`+
			`<date key="time:timestamp" value="2012-05-06T%02d:%02d:08.000+02:00"/><string key="impact" value="Low"/></event>`+"\n",
			f[0], f[0], f[1], f[2], 7+i/60, i%60)
	}
	return b.String() + "</trace>\n"
}

func xesLog(traces ...string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n<log>\n" + strings.Join(traces, "") + "</log>\n"
}
