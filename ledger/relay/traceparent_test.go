package relay

import (
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

// TestTraceParentHeader gives instrumented consumers the header they look for, and nothing that is not of that form.
func TestTraceParentHeader(t *testing.T) {
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for value, want := range map[string]string{
		"": "", good: good,
		"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more": "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
		good + "-more": "", good + "0": "", good[:54]: "", "ff" + good[2:]: "", "0A" + good[2:]: "", "x": "",
		"00_" + good[3:]: "", good[:54] + "ö": "", "01" + good[2:] + "-a b": "",
	} {
		m := message("id", &ledger.Recorded{Event: ledger.Event{ID: "1", Source: "s", Type: "t", TraceParent: value}, Stream: "a-b", Position: 1}, 0)
		if got := m.Header.Get("traceparent"); got != want {
			t.Errorf("%q becomes the header %q, want %q", value, got, want)
		}
		back, err := ParseMessage(m.Subject, m.Header, m.Data)
		if m.Header.Get("ce-traceparent") == "" != (value == "") || err == nil && back.TraceParent != value {
			t.Errorf("ce-traceparent of %q is %q, read back %q, %v", value, m.Header.Get("ce-traceparent"), back.TraceParent, err)
		}
	}
}
