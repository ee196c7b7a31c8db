package ledger_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
)

// anyLabel is rich in what separates, escapes and confuses.
var anyLabel = rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("ab%>@ _.*-\x7f\x00é2350EF")), 0, 5, -1))

func TestPointIsInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a, b [3]string
		for i := range a {
			a[i], b[i] = anyLabel.Draw(t, "a"), anyLabel.Draw(t, "b")
		}
		p, q := ledger.Point(a[0], a[1], a[2]), ledger.Point(b[0], b[1], b[2])
		if (p == q) != (a == b) {
			t.Fatalf("%q and %q give %q and %q", a, b, p, q)
		}
		if strings.Count(p, ">") != 1 || strings.Count(p, "@") != 1 || strings.ContainsAny(p, " \x00\x7f\n") {
			t.Fatalf("%q gives %q", a, p)
		}
		if ledger.SubjectToken(p) == ledger.SubjectToken(q) && a != b {
			t.Fatalf("%q and %q share the token %q", a, b, ledger.SubjectToken(p))
		}
		if sender, receiver, channel, ok := ledger.SplitPoint(p); !ok || [3]string{sender, receiver, channel} != a {
			t.Fatalf("%q of %q is taken apart as %q %q %q, %v", p, a, sender, receiver, channel, ok)
		}
	})
	if got := ledger.Point("bot", "billing 2>@%", "chat"); got != "bot>billing%202%3E%40%25@chat" {
		t.Errorf("point is %q", got)
	}
	for _, name := range []string{"", "a", "a>b", "a@b", "a b>c@d", "a>b@c%", "a>b@c%41", "a>b@c>d"} {
		if sender, receiver, channel, ok := ledger.SplitPoint(name); ok {
			t.Errorf("%q is the point of %q, %q, %q", name, sender, receiver, channel)
		}
	}
}

func TestSubjectTokenIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyLabel.Draw(t, "a"), anyLabel.Draw(t, "b")
		p, q := ledger.SubjectToken(a), ledger.SubjectToken(b)
		if (p == q) != (a == b) {
			t.Fatalf("%q and %q give %q and %q", a, b, p, q)
		}
		if p == "" || strings.Trim(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-@%_") != "" {
			t.Fatalf("%q gives %q", a, p)
		}
	})
	for in, want := range map[string]string{"": "_", "_": "%5F", "*": "%2A", ">": "%3E", "a.b": "a%2Eb", "é": "%C3%A9", "bot>x@chat": "bot%3Ex@chat"} {
		if got := ledger.SubjectToken(in); got != want {
			t.Errorf("token of %q is %q, want %q", in, got, want)
		}
	}
}

// TestPartitionIsFrozen: FNV-1a 64 by its own definition, and values that consumers have been built on.
func TestPartitionIsFrozen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id, h := anyLabel.Draw(t, "id"), uint64(14695981039346656037)
		if id == "" {
			return
		}
		for _, c := range []byte(id) {
			h = (h ^ uint64(c)) * 1099511628211
		}
		if got := ledger.Partition(ledger.JourneyStream(id)); got != int(h%64) || got != ledger.Partition(ledger.OverlayStream(id)) {
			t.Fatalf("partition of %q is %d, want %d", id, got, h%64)
		}
	})
	for stream, want := range map[string]int{"journey-1": 60, "journey-1-364285768": 30, "checkpoint": 31, "model-next": 24} {
		if got := ledger.Partition(stream); got != want {
			t.Errorf("partition of %q is %d, want %d", stream, got, want)
		}
	}
}

func TestStreamNames(t *testing.T) {
	for _, c := range []struct{ subject, family, verb, stream, journey string }{
		{"1-2", "handoff", "offered", "journey-1-2", "1-2"},
		{"1-2", "handoff", "delivered", "overlay-1-2", "1-2"},
		{"1-2", "handoff", "viewed", "overlay-1-2", "1-2"},
		{"1", "suggestion", "offered", "overlay-1", "1"},
		{"1", "enrichment", "late", "overlay-1", "1"},
		{"1", "question", "asked", "journey-1", "1"},
		{"", "interaction", "recorded", "quarantine-src", ""},
	} {
		e := ledger.Event{Subject: c.subject, Source: "src", Type: ledger.Type(c.family, c.verb)}
		stream := ledger.StreamFor(&e)
		if stream != c.stream || ledger.JourneyOf(stream) != c.journey {
			t.Errorf("%+v: stream %q of journey %q", c, stream, ledger.JourneyOf(stream))
		}
	}
	if f, v := ledger.SplitType("org.example"); f != "" || v != "" || ledger.InOverlay("org.example") {
		t.Errorf("foreign type splits to %q %q", f, v)
	}
	for _, typ := range []string{"dev.baton..v1", "dev.baton.a.v1", "dev.baton.a.b.c.v1", "dev.baton.v1", "dev.baton.handoff.offered.v2"} {
		if f, v := ledger.SplitType(typ); f != "" {
			t.Errorf("%q splits to %q %q", typ, f, v)
		}
	}
}

func TestErrors(t *testing.T) {
	cause := &ledger.StaleRevision{Stream: "journey-1", Expected: 3, Current: 5}
	inner := &ledger.Error{Code: ledger.CodeStaleRevision, Op: "append", Err: cause, Hint: "read again"}
	outer := &ledger.Error{Code: ledger.CodeUnavailable, Op: "import row 17", Err: fmt.Errorf("wrapped: %w", inner)}
	if got, want := outer.Error(), `import row 17: wrapped: append: stream "journey-1" is at revision 5, expected revision 3`; got != want {
		t.Errorf("message %q, want %q", got, want)
	}
	for code, want := range map[ledger.Code]bool{ledger.CodeStaleRevision: true, ledger.CodeUnavailable: true, ledger.CodeInvalid: false, "": false} {
		if errors.Is(outer, code) != want {
			t.Errorf("errors.Is(%q) is %v", code, !want)
		}
	}
	if ledger.CodeOf(outer) != ledger.CodeUnavailable || ledger.CodeOf(fmt.Errorf("x: %w", inner)) != ledger.CodeStaleRevision ||
		ledger.CodeOf(io.EOF) != ledger.CodeInternal || ledger.CodeOf(nil) != "" {
		t.Error("CodeOf is not the outermost code")
	}
	var stale *ledger.StaleRevision
	if !errors.As(outer, &stale) || stale.Current != 5 {
		t.Error("the cause is lost")
	}
	if ledger.HintOf(outer) != "read again" || ledger.HintOf(io.EOF) != "" || ledger.HintOf(nil) != "" || ledger.HintOf(&ledger.Error{Code: ledger.CodeClosed}) != "" {
		t.Error("HintOf is not the first hint")
	}
	if got := (&ledger.Error{Code: ledger.CodeClosed}).Error(); got != "closed" {
		t.Errorf("an error without operation and cause says %q", got)
	}
	for e, want := range map[ledger.Expect]string{ledger.Any: "any revision", ledger.StreamExists: "an existing stream", ledger.NoStream: "no stream", 7: "revision 7"} {
		if e.String() != want {
			t.Errorf("%d is called %q, want %q", int64(e), e, want)
		}
	}
	conflict := (&ledger.IDConflict{Stream: "st", Source: "so", ID: "id", Position: 9, Stored: ledger.Hash{1}, Offered: ledger.Hash{2}}).Error()
	for _, part := range []string{`"st"`, `"so"`, `"id"`, "position 9", "stored digest 0100", "offered 0200"} {
		if !strings.Contains(conflict, part) {
			t.Errorf("%q does not say %s", conflict, part)
		}
	}
}
