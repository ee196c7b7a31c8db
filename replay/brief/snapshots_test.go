package brief_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/replay/brief"
)

// TestSnapshots of one handoff, with what went missing between neighbours.
func TestSnapshots(t *testing.T) {
	b := open(t)
	b.story()
	catalogue, _ := returns(t)
	s, err := brief.AssembleSnapshots(t.Context(), b, "J", "", brief.Options{Contracts: catalogue})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ got, want []string }{
		"missing": {s.Missing, []string{"phone", "tier"}[:1]}, "left out": {s.LeftOut, []string{"email"}}, "cut": {s.Cut, []string{"mood"}}, "late": {s.Late, []string{"tier"}},
		"never viewed": {s.NeverViewed, []string{"reason", "risk"}}, "not used": {s.ViewedNotUsed, []string{"amount"}}, "unseen": {s.UsedWithoutView, []string{"reason"}},
		"opened": {s.Viewed.SidePanel, []string{"https://chat.example.org/1"}}, "by": {s.Viewed.By, []string{"desk/ann"}}, "added": {s.Added, []string{}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if s.Lost != "before offer" || len(s.Words) != 7 || s.Words[2] != "1 field was offered and not delivered: mood." {
		t.Errorf("%q %q", s.Lost, s.Words)
	}
	if s.Contract.Version != 1 || s.Offered.Digest == s.Delivered.Digest || s.Used.At.IsZero() {
		t.Errorf("%+v", s)
	}
	early, err := brief.AssembleSnapshots(t.Context(), b, "J", "h", brief.Options{Moment: replay.Moment{Position: 4}})
	if err != nil || early.Delivered != nil || early.Viewed != nil || early.Offered.Digest != s.Offered.Digest || !slices.Equal(early.LeftOut, []string{"browser", "email"}) {
		t.Errorf("%+v %v", early, err)
	}
}

// truthLine is what is read of the simulator's truth.
type truthLine struct {
	Journey  string `json:"journey"`
	Handoffs []struct {
		ID       string   `json:"id"`
		Missing  []string `json:"missing"`
		LeftOut  []string `json:"left_out"`
		Cut      []string `json:"cut"`
		Accepted bool     `json:"accepted"`
	} `json:"handoffs"`
}

// TestSnapshotsAgainstTheTruth holds what snapshots find against what the simulator did, handoff by handoff. The contracts are made of what the offers
// of a version hold: every field of it is in some envelope.
func TestSnapshotsAgainstTheTruth(t *testing.T) {
	b := open(t)
	truth := b.simulate(300)
	contracts := map[string]*contract.Contract{}
	for e, err := range b.Read(t.Context(), ledger.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if envelope, ok := contract.ReadEnvelope(&e.Event); ok && e.Schema != "" {
			c := contracts[e.Schema]
			if c == nil {
				name, version, _ := contract.ReadSchema(e.Schema)
				c = &contract.Contract{Name: name, Version: version}
				contracts[e.Schema] = c
			}
			for _, class := range contract.Classes() {
				for _, name := range slices.Sorted(maps.Keys(envelope.In(class))) {
					if c.Field(name) == nil {
						c.Fields = append(c.Fields, contract.Field{Name: name, Class: class})
					}
				}
			}
		}
	}
	o := brief.Options{Contracts: func(schema, _ string) *contract.Contract { return contracts[schema] }}
	sum := map[string]int{}
	lines := bufio.NewScanner(bytes.NewReader(truth))
	lines.Buffer(nil, 1<<20)
	lines.Scan() // the header
	for lines.Scan() {
		var want truthLine
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		for _, h := range want.Handoffs {
			s, err := brief.AssembleSnapshots(t.Context(), b, want.Journey, h.ID, o)
			if err != nil {
				t.Fatal(err)
			}
			listed := contracts[s.Schema]
			h.Missing = slices.DeleteFunc(h.Missing, func(f string) bool {
				// in no envelope of them all; and version 2 has a consent in every envelope, whatever the truth says
				return listed.Field(f) == nil || f == "consent" && slices.Contains(s.Offered.Fields, f)
			})
			if i := slices.Index(h.LeftOut, "lead_score"); i >= 0 && listed.Field("lead_score").Class == contract.Mandatory {
				// what the simulator's model knew and never said is in no event: to the ledger nobody knew it
				h.LeftOut, h.Missing = slices.Delete(h.LeftOut, i, i+1), append(h.Missing, "lead_score")
			}
			for name, c := range map[string]struct{ got, want []string }{"missing": {s.Missing, h.Missing}, "left out": {s.LeftOut, h.LeftOut}, "cut": {s.Cut, h.Cut}} {
				slices.Sort(c.want)
				sum[name] += len(c.want)
				if !slices.Equal(c.got, c.want) && len(c.got)+len(c.want) > 0 {
					sum[name+" wrong"]++
					if sum[name+" wrong"] < 4 {
						t.Errorf("%s %s, %s: %v, the truth is %v", want.Journey, h.ID, name, c.got, c.want)
					}
				}
			}
			if h.Accepted != !s.Accepted.IsZero() {
				t.Errorf("%s: accepted %v", h.ID, s.Accepted)
			}
		}
	}
	t.Log(fmt.Sprint(sum))
	for _, name := range []string{"missing", "left out", "cut"} {
		if sum[name] < 20 {
			t.Errorf("the truth has %d %s: too few to say anything", sum[name], name)
		}
	}
}

// TestDeliveriesThatNameNothing, as those of webhooks: all that was offered is taken as delivered, until one says more.
func TestDeliveriesThatNameNothing(t *testing.T) {
	b := open(t)
	b.say("handoff.offered", "h", `{"from":{"stage":"a"},"to":{"stage":"b"},"channel":"mail","envelope":{"mandatory":{"x":1,"y":2}}}`)
	b.say("handoff.delivered", "", `{"handoff":"h","endpoint":"crm"}`)
	s, err := brief.AssembleSnapshots(t.Context(), b, "J", "h", brief.Options{})
	if err != nil || !s.Delivered.Assumed || len(s.Cut) > 0 || !strings.Contains(strings.Join(s.Words, " "), "names no fields") {
		t.Errorf("%+v %v", s, err)
	}
	b.say("handoff.delivered", "", `{"handoff":"h","fields":["x"],"tokens":9,"tier":"minimal"}`)
	b.say("handoff.delivered", "", `{"handoff":"h","endpoint":"crm"}`)
	s, err = brief.AssembleSnapshots(t.Context(), b, "J", "h", brief.Options{})
	if err != nil || s.Delivered.Assumed || !slices.Equal(s.Cut, []string{"y"}) || s.Delivered.Tokens != 9 || s.Delivered.Events != 3 {
		t.Errorf("%+v %v", s.Delivered, err)
	}
}
