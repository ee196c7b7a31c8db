package wire_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"github.com/baton-ledger/baton/ledger"
	batonesdb "github.com/baton-ledger/baton/ledger/esdb"
)

// names makes events whose ids are told by a letter: the same letter is the same id, with other bytes each time.
func names(letters string) (events []esdb.EventData) {
	for i, c := range letters {
		e := event("t")
		e.EventID = uuid.NewSHA1(uuid.Nil, []byte(string(c)))
		e.Data = fmt.Appendf(nil, `{"try": "%s-%d"}`, uuid.NewString(), i)
		events = append(events, e)
	}
	return events
}

func letterOf(id uuid.UUID) string {
	for c := 'a'; c <= 'z'; c++ {
		if uuid.NewSHA1(uuid.Nil, []byte(string(c))) == id {
			return string(c)
		}
	}
	return "?"
}

// TestIDsThatComeAgain is the table of what EventStoreDB promises, row by row: a stream, an append to it, and what becomes of that.
func TestIDsThatComeAgain(t *testing.T) {
	const wrong = -1
	for i, c := range []struct {
		stream string
		expect esdb.ExpectedRevision
		append string
		number int    // answered
		after  string // the stream then
	}{
		// any: all there is success with the old numbers, the first not there is written, a later one not there is corrupted
		{"abc", esdb.Any{}, "ab", 1, "abc"},
		{"abc", esdb.Any{}, "abc", 2, "abc"},
		{"abc", esdb.Any{}, "cb", 1, "abc"}, // in whatever order: the number is the last event's
		{"abc", esdb.Any{}, "d", 3, "abcd"},
		{"abc", esdb.Any{}, "ad", wrong, "abc"},
		{"abc", esdb.Any{}, "da", 4, "abcda"},
		{"abc", esdb.Any{}, "dd", 4, "abcdd"},
		{"", esdb.Any{}, "a", 0, "a"},
		// stream exists: the same, where it does
		{"abc", esdb.StreamExists{}, "bc", 2, "abc"},
		{"abc", esdb.StreamExists{}, "bd", wrong, "abc"},
		{"abc", esdb.StreamExists{}, "db", 4, "abcdb"},
		{"", esdb.StreamExists{}, "a", wrong, ""},
		// no stream, and a revision below the current one: what comes after it decides
		{"abc", esdb.NoStream{}, "a", 0, "abc"},
		{"abc", esdb.NoStream{}, "abc", 2, "abc"},
		{"abc", esdb.NoStream{}, "b", wrong, "abc"},
		{"abc", esdb.NoStream{}, "ac", wrong, "abc"},
		{"abc", esdb.NoStream{}, "abcd", wrong, "abc"},
		{"abc", esdb.Revision(0), "b", 1, "abc"},
		{"abc", esdb.Revision(0), "bc", 2, "abc"},
		{"abc", esdb.Revision(0), "c", wrong, "abc"},
		{"abc", esdb.Revision(0), "bd", wrong, "abc"},
		{"abc", esdb.Revision(1), "d", wrong, "abc"},
		{"", esdb.NoStream{}, "aa", 1, "aa"},
		// the current revision: written, even if the ids are there
		{"abc", esdb.Revision(2), "d", 3, "abcd"},
		{"abc", esdb.Revision(2), "c", 3, "abcc"},
		{"abc", esdb.Revision(2), "abc", 5, "abcabc"},
		{"abc", esdb.Revision(2), "dbd", 5, "abcdbd"},
		{"abca", esdb.Revision(3), "a", 4, "abcaa"},
		// and what was written twice is found where it stands
		{"abcabc", esdb.Revision(2), "ab", 4, "abcabc"},
		// a revision above
		{"abc", esdb.Revision(3), "d", wrong, "abc"},
		{"abc", esdb.Revision(1 << 62), "d", wrong, "abc"},
		{"abc", esdb.Revision(1<<64 - 1), "d", wrong, "abc"},
		{"", esdb.Revision(0), "d", wrong, ""},
	} {
		name := fmt.Sprintf("%d: %q, %T %v of %q", i, c.stream, c.expect, c.expect, c.append)
		s := serve(t)
		written := map[string][]string{}
		for at, letter := range strings.Split(c.stream, "") {
			if letter == "" {
				continue
			}
			expect := esdb.ExpectedRevision(esdb.NoStream{})
			if at > 0 {
				expect = esdb.Revision(uint64(at - 1))
			}
			e := names(letter)[0]
			s.mustAdd(t, "s-1", expect, e)
			written[letter] = append(written[letter], string(e.Data))
		}
		offered := names(c.append)
		w, err := s.add(t, "s-1", c.expect, offered...)
		switch {
		case c.number == wrong:
			if codeOf(err) != esdb.ErrorCodeWrongExpectedVersion {
				t.Errorf("%s answers %+v, %v", name, w, err)
			} else if want := fmt.Sprintf("'%d'", len(c.stream)-1); c.stream != "" && !strings.Contains(err.Error(), want) {
				t.Errorf("%s says %v, want the current %s", name, err, want)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case w.NextExpectedVersion != uint64(c.number):
			t.Errorf("%s answers number %d, want %d", name, w.NextExpectedVersion, c.number)
		}
		after := ""
		if c.after != "" {
			r, err := s.ReadStream(within(t), "s-1", esdb.ReadStreamOptions{}, 100)
			for i, e := range all(t, r, err) {
				letter := letterOf(e.EventID)
				after += letter
				if i >= len(c.stream) && string(e.Data) != string(offered[i-len(c.stream)].Data) || string(e.UserMetadata) != `{"m":  "verbatim"}` {
					t.Errorf("%s: event %d is %s, %s", name, i, e.Data, e.UserMetadata)
				}
			}
		}
		if after != c.after {
			t.Errorf("%s leaves %q, want %q", name, after, c.after)
		}
	}
}

// TestConcurrentAppends: many clients append the same ids under no stream, and one of them has written.
func TestConcurrentAppends(t *testing.T) {
	s := serve(t)
	const clients = 16
	for round := range 8 {
		stream := fmt.Sprint("s-", round)
		a, b := names("ab"), names("ba")
		errs := make([]error, clients)
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				events := a
				if i%2 == 1 {
					events = b
				}
				_, errs[i] = s.AppendToStream(within(t), stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, events...)
			})
		}
		wg.Wait()
		r, err := s.ReadStream(within(t), stream, esdb.ReadStreamOptions{}, 100)
		got := all(t, r, err)
		if len(got) != 2 {
			t.Fatalf("round %d wrote %d events", round, len(got))
		}
		first := letterOf(got[0].EventID)
		for i, err := range errs {
			won := (i%2 == 0) == (first == "a")
			if won && err != nil || !won && codeOf(err) != esdb.ErrorCodeWrongExpectedVersion {
				t.Errorf("round %d, client %d answers %v; %q is first", round, i, err, first)
			}
		}
	}
}

// TestAnyUnderLoad: appends without an expectation get through, however many there are, each once.
func TestAnyUnderLoad(t *testing.T) {
	s := serve(t)
	const clients, each = 16, 20
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range each {
				e := event("t")
				for range 2 { // and again, as after a lost answer
					if _, err := s.AppendToStream(within(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, e); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	h, err := s.store.StreamHead(t.Context(), "s-1")
	if err != nil || h.Revision != clients*each {
		t.Errorf("the stream is at %d, %v", h.Revision, err)
	}
}

// TestSameIDsInParts: ids that other clients wrote one by one are matched in order, not as a set.
func TestSameIDsInParts(t *testing.T) {
	s := serve(t)
	abc := names("abc")
	s.mustAdd(t, "s-1", esdb.NoStream{}, abc[1])
	s.mustAdd(t, "s-1", esdb.Revision(0), abc[0])
	if _, err := s.add(t, "s-1", esdb.NoStream{}, abc[0], abc[1]); codeOf(err) != esdb.ErrorCodeWrongExpectedVersion {
		t.Errorf("the same ids in another order answer %v", err)
	}
	w := s.mustAdd(t, "s-1", esdb.Any{}, abc[0], abc[1])
	if w.NextExpectedVersion != 0 {
		t.Errorf("any answers %d", w.NextExpectedVersion)
	}
	var ids []string
	for r, err := range s.store.ReadStream(t.Context(), "s-1", ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.ID)
	}
	if !slices.Equal(ids, []string{abc[1].EventID.String(), abc[0].EventID.String()}) {
		t.Errorf("ids are %v", ids)
	}
}

// TestOurIDsThatComeAgain: Baton's events that an adapter writes follow the same table. One id with other content has another UUID, so
// EventStoreDB keeps both; each is found again, and read back as it was written.
func TestOurIDsThatComeAgain(t *testing.T) {
	s := serve(t)
	ours := func(activity string) (e esdb.EventData) {
		kept, err := batonesdb.Encode("journey-J-1", &ledger.Event{ID: "i-" + activity[:1], Source: "/crm", Type: "note", Subject: "J-1",
			ContentType: "application/json", Data: fmt.Appendf(nil, `{"activity":%q}`, activity)}, time.Unix(7, 0))
		if err != nil {
			t.Fatal(err)
		}
		return esdb.EventData{EventID: kept.ID, EventType: kept.Type, ContentType: esdb.ContentTypeJson, Data: kept.Data, Metadata: kept.Metadata}
	}
	binary := ours("mail") // one whose content type is not what its header says
	binary.ContentType = esdb.ContentTypeBinary
	want := []esdb.EventData{ours("call"), ours("chat"), binary, ours("call")}
	s.mustAdd(t, "journey-J-1", esdb.NoStream{}, want[0])
	for i := range 3 {
		if w := s.mustAdd(t, "journey-J-1", esdb.Any{}, want[i]); w.NextExpectedVersion != uint64(i) {
			t.Errorf("event %d is at %d", i, w.NextExpectedVersion)
		}
	}
	s.mustAdd(t, "journey-J-1", esdb.Revision(2), want[3])
	for i := range 3 { // and all of it again, as after lost answers
		if w := s.mustAdd(t, "journey-J-1", esdb.Any{}, want[i]); w.NextExpectedVersion != uint64(i) {
			t.Errorf("event %d is found at %d", i, w.NextExpectedVersion)
		}
	}
	if w := s.mustAdd(t, "journey-J-1", esdb.Revision(0), want[1:]...); w.NextExpectedVersion != 3 {
		t.Errorf("the rest is found at %d", w.NextExpectedVersion)
	}
	r, err := s.ReadStream(within(t), "journey-J-1", esdb.ReadStreamOptions{}, 100)
	got := all(t, r, err)
	if len(got) != len(want) {
		t.Fatalf("%d events", len(got))
	}
	for i, e := range got {
		contentType := "application/json"
		if i == 2 {
			contentType = "application/octet-stream"
		}
		if e.EventID != want[i].EventID || string(e.Data) != string(want[i].Data) || string(e.UserMetadata) != string(want[i].Metadata) || e.ContentType != contentType {
			t.Errorf("event %d is read back as %+v", i, e)
		}
	}
	var ids []string
	for r, err := range s.store.ReadStream(t.Context(), "journey-J-1", ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.Source+" "+r.ID)
	}
	if wantIDs := []string{"/crm i-c", "/eventstoredb " + want[1].EventID.String(), "/eventstoredb " + want[2].EventID.String(), "/crm i-c@4"}; !slices.Equal(ids, wantIDs) {
		t.Errorf("kept as %q, want %q", ids, wantIDs)
	}
}
