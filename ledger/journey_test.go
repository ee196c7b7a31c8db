package ledger_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
)

// story is a journey as it is told: each line is an event, at a minute of its own.
//
//	act STAGE            offer ID FROM>TO      accept ID [BY]       decline|expire|withdraw|complete|return|fail ID
//	deliver|view ID      start STAGE           close OUTCOME        link JOURNEY      at MINUTE (of the next event)
type story struct {
	journey             ledger.Journey
	position, revisions [2]uint64
	minute              int
	changes             []ledger.Change
	err                 error
}

var epoch = time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC)

func minute(n int) time.Time { return epoch.Add(time.Duration(n) * time.Minute) }

var verbs = map[string]string{"accept": "accepted", "decline": "declined", "expire": "expired", "withdraw": "withdrawn", "complete": "completed",
	"return": "returned", "fail": "failed", "deliver": "delivered", "view": "viewed"}

func (s *story) tell(line string) {
	words := append(strings.Fields(line), "", "")
	e := ledger.Event{ID: fmt.Sprint("e", s.position[0]), Subject: "j"}
	switch words[0] {
	case "at":
		_, s.err = fmt.Sscan(words[1], &s.minute)
		return
	case "act":
		e.Type, e.Facets = ledger.Type("interaction", "recorded"), ledger.Facets{Activity: "work", Stage: words[1], Party: words[2]}
	case "offer":
		from, to, _ := strings.Cut(words[2], ">")
		e.ID, e.Type = words[1], ledger.Type("handoff", "offered")
		e.Facets = ledger.Facets{Sender: from, Receiver: to, Channel: "chat"}
	case "start":
		e.Type, e.Facets = ledger.Type("journey", "started"), ledger.Facets{Stage: words[1], Channel: "web"}
	case "close":
		e.Type, e.Facets = ledger.Type("journey", "closed"), ledger.Facets{Outcome: words[1]}
	case "link":
		e.Type, e.Facets = ledger.Type("journey", "linked"), ledger.Facets{Journey: words[1]}
	default:
		e.Type, e.Facets = ledger.Type("handoff", verbs[words[0]]), ledger.Facets{Handoff: words[1], Stage: words[2]}
	}
	s.apply(e)
}

func (s *story) apply(e ledger.Event) {
	e.Time = minute(s.minute)
	r := ledger.Recorded{Event: e, Stream: ledger.StreamFor(&e)}
	of := 0
	if strings.HasPrefix(r.Stream, "overlay-") {
		of = 1
	}
	s.position[0]++
	s.revisions[of]++
	r.Position, r.Revision, r.RecordedTime = s.position[0], s.revisions[of], epoch.Add(time.Duration(s.position[0])*time.Hour)
	s.changes = append(s.changes, s.journey.Apply(&r))
	s.minute++
}

// summary says what matters of a journey in one line for each thing.
func (s *story) summary() string {
	var b strings.Builder
	j := &s.journey
	for _, c := range j.Custody {
		until := "…"
		if !c.Until.IsZero() {
			until = fmt.Sprint(int(c.Until.Sub(epoch).Minutes()))
		}
		fmt.Fprintf(&b, "custody %s %d-%s %s\n", c.Holder.Stage, int(c.From.Sub(epoch).Minutes()), until, c.Handoff)
	}
	for _, h := range j.Handoffs {
		fmt.Fprintf(&b, "handoff %s %s %s %s\n", h.ID, h.State, h.AcceptedBy.Stage, h.PingPong)
	}
	for _, a := range j.Anomalies {
		fmt.Fprintf(&b, "anomaly %s at %d %s %s\n", a.Name, a.Position, a.Handoff, a.Stage)
	}
	if !j.IsOpen() {
		fmt.Fprintf(&b, "closed %s\n", j.Outcome)
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.Join(strings.Fields(lines[i]), " ")
	}
	return strings.Join(lines, "\n")
}

func TestStories(t *testing.T) {
	for _, c := range []struct{ name, story, want string }{
		{"normal", "act bot\noffer h1 bot>desk\ndeliver h1\nview h1\naccept h1\nact desk\ncomplete h1\nclose solved",
			"custody bot 0-4\ncustody desk 4-… h1\nhandoff h1 completed desk\nclosed solved\n"},
		{"started by a stage", "start web\nact web", "custody web 0-…\n"},
		{"declined", "act bot\noffer h1 bot>desk\ndecline h1\nact bot", "custody bot 0-…\nhandoff h1 declined\n"},
		{"withdrawn, then accepted", "act bot\noffer h1 bot>desk\nwithdraw h1\naccept h1",
			"custody bot 0-…\nhandoff h1 withdrawn\nanomaly accepted_after_withdrawn at 4 h1\n"},
		{"returned", "act bot\noffer h1 bot>desk\naccept h1\nreturn h1\nact bot",
			"custody bot 0-2\ncustody desk 2-3 h1\ncustody bot 3-… h1\nhandoff h1 returned desk\n"},
		{"zombie", "act bot\noffer h1 bot>desk\naccept h1\nact bot",
			"custody bot 0-2\ncustody desk 2-… h1\nhandoff h1 accepted desk\nanomaly zombie at 4 bot\n"},
		{"outsider", "act bot\nact ghost", "custody bot 0-…\nanomaly acted_without_custody at 2 ghost\n"},
		{"receiver acts before accepting", "act bot\noffer h1 bot>desk\nact desk", "custody bot 0-…\nhandoff h1 offered\n"},
		{"doubled", "act bot\noffer h1 bot>a\noffer h2 bot>b\naccept h1\naccept h2",
			"custody bot 0-3\ncustody a 3-4 h1\ncustody b 4-… h2\nhandoff h1 accepted a\nhandoff h2 accepted b\nanomaly doubled at 5 h2\n"},
		{"offered without custody", "act bot\noffer h1 other>desk", "custody bot 0-…\nhandoff h1 offered\nanomaly offered_without_custody at 2 h1 other\n"},
		{"accepted by another", "act bot\noffer h1 bot>a\naccept h1 b",
			"custody bot 0-2\ncustody b 2-… h1\nhandoff h1 accepted b\nanomaly accepted_by_other at 3 h1 b\n"},
		{"direct ping-pong", "offer h1 a>b\naccept h1\noffer h2 b>a\naccept h2",
			"custody a 0-1\ncustody b 1-3 h1\ncustody a 3-… h2\nhandoff h1 accepted b\nhandoff h2 accepted a direct\n"},
		{"indirect ping-pong", "offer h1 a>b\naccept h1\noffer h2 b>c\naccept h2\noffer h3 c>a",
			"custody a 0-1\ncustody b 1-3 h1\ncustody c 3-… h2\nhandoff h1 accepted b\nhandoff h2 accepted c\nhandoff h3 offered indirect\n"},
		{"accept without offer", "act bot\naccept h1 desk", "custody bot 0-1\ncustody desk 1-… h1\nhandoff h1 accepted desk\nanomaly accepted_without_offer at 2 h1 desk\n"},
		{"offer late", "act bot\naccept h1 desk\nat 0\noffer h1 bot>desk",
			"custody bot 0-1\ncustody desk 1-… h1\nhandoff h1 accepted desk\nanomaly accepted_without_offer at 2 h1 desk\nanomaly offered_after_accepted at 3 h1\n"},
		{"offered twice", "act bot\noffer h1 bot>desk\nview h1\noffer h1 bot>desk", "custody bot 0-…\nhandoff h1 viewed\nanomaly offered_twice at 4 h1\n"},
		{"overlay before offered", "act bot\nview h1\ndeliver h1\noffer h1 bot>desk",
			"custody bot 0-…\nhandoff h1 offered\nanomaly unknown_handoff at 2 h1\nanomaly unknown_handoff at 3 h1\n"},
		{"viewed before delivered", "offer h1 a>b\nview h1\ndeliver h1", "custody a 0-…\nhandoff h1 viewed\n"},
		{"reopened", "act bot\nclose solved\nact bot", "custody bot 0-…\nanomaly act_after_close at 3 bot\n"},
		{"returned and never offered", "act bot\nreturn h1\nact bot", "custody bot 0-…\nhandoff h1 returned\nanomaly returned_without_offer at 2 h1\n"},
		{"nobody known", "accept h1\nact bot", "custody bot 1-…\nhandoff h1 accepted\nanomaly accepted_without_offer at 1 h1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s story
			for line := range strings.Lines(c.story) {
				if s.tell(line); s.err != nil {
					t.Fatal(s.err)
				}
			}
			if got := s.summary(); got != c.want {
				t.Errorf("%s\ngot:\n%s\nwant:\n%s", c.story, got, c.want)
			}
		})
	}
}

func TestJourneyDetails(t *testing.T) {
	var s story
	for line := range strings.Lines("at 5\nact bot ada\noffer h1 bot>desk\ndeliver h1\nat 20\naccept h1\nact desk ben\nact desk cy\ncomplete h1\nview h1\nlink k\nat 1\nact desk") {
		s.tell(line)
	}
	j := &s.journey
	h := j.Handoffs[0]
	for what, ok := range map[string]bool{
		"id":            j.ID == "j",
		"revisions":     j.Revision == 8 && j.Overlay == 2 && j.Position == 10 && j.Events == 10,
		"began early":   j.Started.Equal(minute(1)),
		"last occurred": j.Last.Equal(minute(25)),
		"recorded":      j.Recorded.Equal(epoch.Add(10 * time.Hour)),
		"links":         slices.Equal(j.Links, []string{"k"}),
		"owner":         j.Owner().Stage == "desk" && j.IsOpen(),
		"times": h.Offered.Equal(minute(6)) && h.Delivered.Equal(minute(7)) && h.Accepted.Equal(minute(20)) && h.FirstAct.Equal(minute(21)) &&
			h.Ended.Equal(minute(23)),
		"view of a completed handoff": h.State == ledger.Completed,
		"point":                       h.Point() == "bot>desk@chat",
		"places":                      h.Position == 2 && h.Revision == 2,
		"change of the offer":         s.changes[1].New && s.changes[1].Handoff == 0 && s.changes[1].From == ledger.None,
		"change of the accept":        !s.changes[3].New && s.changes[3].From == ledger.Delivered,
		"change of an act":            s.changes[5].Handoff == -1 && s.changes[5].PrevStage == "desk" && s.changes[5].PrevParty == "ben",
	} {
		if !ok {
			t.Errorf("%s: %+v", what, *j)
		}
	}
}

// anyStory draws lines over few stages and handoffs, so that legal and illegal moves are both frequent.
var anyStory = rapid.Custom(func(t *rapid.T) []string {
	stage := rapid.SampledFrom([]string{"a", "b", "c", ""})
	id := rapid.SampledFrom([]string{"h1", "h2", "h3"})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		switch rapid.IntRange(0, 9).Draw(t, "line") {
		case 0, 1:
			return "act " + stage.Draw(t, "stage")
		case 2, 3:
			return fmt.Sprintf("offer %s %s>%s", id.Draw(t, "id"), stage.Draw(t, "from"), stage.Draw(t, "to"))
		case 4, 5:
			return fmt.Sprintf("accept %s %s", id.Draw(t, "id"), stage.Draw(t, "by"))
		case 6:
			return rapid.SampledFrom([]string{"start a", "close done", "link k", "at 3", "at 0"}).Draw(t, "rest")
		}
		verb := rapid.SampledFrom([]string{"decline", "expire", "withdraw", "complete", "return", "fail", "deliver", "view"})
		return verb.Draw(t, "verb") + " " + id.Draw(t, "id")
	}), 0, 40).Draw(t, "story")
})

func TestJourneyProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := anyStory.Draw(t, "story")
		var whole, again, split story
		cut := rapid.IntRange(0, len(lines)).Draw(t, "cut")
		anomalies := 0
		for i, line := range lines {
			if i == cut { // a read model that was stored and read again goes on as if it had not been
				split = roundTrip(t, split)
			}
			for _, s := range []*story{&whole, &again, &split} {
				s.tell(line)
			}
			checkJourney(t, &whole.journey)
		}
		for _, c := range whole.changes {
			anomalies += len(c.Anomalies)
		}
		if anomalies != len(whole.journey.Anomalies) {
			t.Fatalf("changes name %d anomalies, the journey has %d", anomalies, len(whole.journey.Anomalies))
		}
		if whole.journey.Events != len(whole.changes) {
			t.Fatalf("%d events counted of %d", whole.journey.Events, len(whole.changes))
		}
		if a, b := asJSON(t, whole.journey), asJSON(t, again.journey); a != b {
			t.Fatalf("the same events gave\n%s\n%s", a, b)
		}
		if a, b := asJSON(t, whole.journey), asJSON(t, split.journey); a != b {
			t.Fatalf("with a round trip through JSON before event %d\n%s\nwithout\n%s", cut, b, a)
		}
	})
}

// checkJourney holds after every event: one owner at most, custody without a gap.
func checkJourney(t *rapid.T, j *ledger.Journey) {
	for i, span := range j.Custody {
		last := i == len(j.Custody)-1
		if span.Until.IsZero() != last {
			t.Fatalf("span %d of %d: open is %v: %+v", i, len(j.Custody), !last, j.Custody)
		}
		if !last && !span.Until.Equal(j.Custody[i+1].From) {
			t.Fatalf("custody has a gap after span %d: %+v", i, j.Custody)
		}
		if span.Holder.IsZero() {
			t.Fatalf("nobody holds in span %d: %+v", i, j.Custody)
		}
	}
	for _, h := range j.Handoffs {
		if h.State == ledger.None {
			t.Fatalf("handoff %q has no state", h.ID)
		}
		if (h.State == ledger.Accepted) && h.Accepted.IsZero() {
			t.Fatalf("handoff %q was accepted at no time", h.ID)
		}
	}
	if j.Events > 0 && j.Last.Before(j.Started) {
		t.Fatalf("ends at %v before it began at %v", j.Last, j.Started)
	}
}

func roundTrip(t *rapid.T, s story) story {
	var back ledger.Journey
	if err := json.Unmarshal([]byte(asJSON(t, s.journey)), &back); err != nil {
		t.Fatal(err)
	}
	s.journey = back
	return s
}

func asJSON(t *rapid.T, j ledger.Journey) string {
	b, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestContext: later values replace earlier ones, null removes, and what is no context adds nothing.
func TestContext(t *testing.T) {
	c := ledger.Context{}
	apply := func(revision uint64, contentType, data string) {
		e := ledger.Event{ContentType: contentType, Data: []byte(data), Source: "crm"}
		c.Apply(&ledger.Recorded{Event: e, Revision: revision, Position: 10 * revision, RecordedTime: minute(int(revision))})
	}
	apply(1, "", `{"attributes":{"amount":9007199254740993,"locale":"de"},"envelope":{"mandatory":{"account":"A"},"optional":{"x":1}}}`)
	apply(2, "", `{"envelope":{"mandatory":{"account":"B"},"optional":{"x":null},"forward_looking":{"churn":0.3},"key_insight":"short"}}`)
	apply(3, "text/plain", `{"attributes":{"locale":"no"}}`)
	apply(4, "", `not JSON`)
	apply(5, "", `{"attributes":"of another shape"}`)
	apply(6, "", ``)
	if got := c.Names(); !slices.Equal(got, []string{"account", "amount", "churn", "key_insight", "locale"}) {
		t.Fatalf("fields %v", got)
	}
	for name, want := range map[string]string{"account": `"B" mandatory 2`, "amount": "9007199254740993 attribute 1", "churn": "0.3 forward_looking 2",
		"key_insight": `"short" key_insight 2`, "locale": `"de" attribute 1`} {
		f := c[name]
		got := fmt.Sprintf("%s %s %d", f.Value, f.Class, f.Revision)
		if got != want || f.Position != 10*f.Revision || f.Source != "crm" || !f.Said.Equal(minute(int(f.Revision))) {
			t.Errorf("%s is %+v, want %s", name, f, want)
		}
	}
}
