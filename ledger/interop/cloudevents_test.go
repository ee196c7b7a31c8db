package interop

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

func cloudEvent(id, verb, subject, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"crm","type":"dev.baton.%s.v1","subject":%q,"time":"2024-01-01T10:00:00Z","data":%s}`+"\n",
		id, verb, subject, data)
}

var cloudLog = cloudEvent("1", "interaction.recorded", "a", `{"activity":"open","amount":1.10}`) +
	cloudEvent("2", "handoff.offered", "a", `{"from":{"stage":"x"},"to":{"stage":"y"},"channel":"web"}`) + "\n" +
	cloudEvent("2", "handoff.offered", "b", `{"from":{"stage":"x"},"to":{"stage":"y"},"channel":"web"}`) +
	cloudEvent("3", "handoff.accepted", "a", `{"handoff":"2"}`) +
	cloudEvent("4", "handoff.viewed", "a", `{"handoff":"2"}`) +
	cloudEvent("1", "interaction.recorded", "a", `{"activity":"open","amount":1.10}`)

func TestCloudEventsAreTakenAsTheyAre(t *testing.T) {
	store := newStore(t)
	s, err := into(store, "cloudevents", strings.TrimSuffix(cloudLog, "\n"))
	if err != nil || s.Journeys != 2 || s.Events != 6 || s.Handoffs != 2 || s.Pairs != 1 || s.NeverAccepted != 1 || s.Written != 5 || s.Skipped != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	if got := stream(t, store, "overlay-a"); len(got) != 1 {
		t.Errorf("the overlay has %q", got)
	}
	want := []string{`interaction.recorded 10:00 {"activity":"open","amount":1.10}`,
		`handoff.offered 10:00 {"from":{"stage":"x"},"to":{"stage":"y"},"channel":"web"}`, `handoff.accepted 10:00 {"handoff":"2"}`}
	if got := stream(t, store, "journey-a"); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	more := cloudEvent("0", "journey.started", "a", `{}`) + cloudLog // an earlier event that comes late is no conflict
	again, err := into(store, "cloudevents", more)
	if err != nil || again.Written != 1 || again.Skipped != 6 {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func TestCloudEventsErrors(t *testing.T) {
	good := cloudEvent("1", "interaction.recorded", "a", `{"activity":"open"}`)
	for text, words := range map[string][]string{
		good + "\n{\n":                               {"line 3", "row 2", "JSON"},
		good + `{"specversion":"1.0"}`:               {"line 2", "id"},
		good + "\xff":                                {"line 2", "UTF-8"},
		cloudEvent("1", "handoff.offered", "a", `7`): nil,
	} {
		_, err := count("cloudevents", text, nil)
		if words == nil {
			continue
		}
		wantError(t, err, ledger.CodeInvalid, words...)
	}
	store := newStore(t)
	if _, err := into(store, "cloudevents", good); err != nil {
		t.Fatal(err)
	}
	_, err := into(store, "cloudevents", strings.Replace(good, "open", "shut", 1))
	wantError(t, err, ledger.CodeIDConflict, "row 1", `case "a"`, "digest")
	_, err = into(store, "cloudevents", cloudEvent("9", "interaction.recorded", "a", `{}`))
	wantError(t, err, ledger.CodeInvalid, "row 1", "activity")
	_, err = count("cloudevents", good, Map{"case": "x"})
	wantError(t, err, ledger.CodeInvalid, "nothing to map")
}
