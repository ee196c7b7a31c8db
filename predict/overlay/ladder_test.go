package overlay_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/baton-ledger/baton/predict/overlay"
	"github.com/baton-ledger/baton/predict/trust"
)

// step moves the newest version.
func (d *desk) step(point string, to trust.Level) {
	d.Helper()
	l := d.ladder()
	from, _ := l.Level(d.model.Hash, point, 0)
	if _, err := trust.Write(d.Context(), d.append, l, trust.Step{Model: trust.ModelOf(d.model), Point: point, From: from, To: to, Why: "a test", Actor: "test"}); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) ladder() *trust.Ladder {
	d.Helper()
	l, err := trust.Read(d.Context(), d.store, "again")
	if err != nil {
		d.Fatal(err)
	}
	return l
}

// later adds a hundred and sixty journeys behind the past, a handoff each and another one within the hour where bounces says so.
func (d *desk) later(bounces func(i int, channel string) bool) {
	d.Helper()
	for i := range 160 {
		id, at := fmt.Sprint("N", i), start.Add(time.Duration(300+i)*6*time.Hour)
		channel := "chat"
		if i%3 == 0 {
			channel = "phone"
		}
		d.past(id, "h"+id, "handoff.offered", `{"from":"bot","to":"desk","channel":"`+channel+`"}`, at)
		d.past(id, "a"+id, "handoff.accepted", `{"handoff":"h`+id+`","stage":"desk"}`, at.Add(time.Minute))
		if bounces(i, channel) {
			d.past(id, "g"+id, "handoff.offered", `{"from":"desk","to":"bot","channel":"mail"}`, at.Add(time.Hour))
		}
	}
}

// TestLevelsAreWritten: shadow, advisory and default are the policy of what is suggested as of the handoff, a part is held out, and all of it is made again.
func TestLevelsAreWritten(t *testing.T) {
	d := open(t)
	d.train(1)
	o := d.options()
	o.HoldOut = 0.5
	policies, held := map[trust.Level]int{}, map[trust.Level]int{}
	d.run(o)
	for _, level := range []trust.Level{trust.Shadow, trust.Advisory, trust.Default} {
		if level != trust.Shadow {
			d.step(trust.Everywhere, level)
		}
		for i := range 20 {
			d.offer(fmt.Sprint(level, i), "phone")
		}
	}
	for _, level := range []trust.Level{trust.Shadow, trust.Advisory, trust.Default} {
		for i := range 20 {
			e := d.suggested(fmt.Sprint(level, i), 1)
			s := parse(t, e)
			policies[s.Policy]++
			if s.HoldOut {
				held[s.Policy]++
			}
			if s.Policy != level || s.HoldOut != (level != trust.Shadow && trust.HeldOut(d.model.Hash, s.Handoff, 0.5)) {
				t.Errorf("%s: %s, held out %v", level, s.Policy, s.HoldOut)
			}
			if r, err := overlay.Reproduce(t.Context(), d.store, d.dir, e); err != nil || !r.Same {
				t.Errorf("%+v %v", r, err)
			}
		}
	}
	if held[trust.Shadow] != 0 || held[trust.Advisory] == 0 || held[trust.Advisory] == 20 {
		t.Errorf("held out: %v of %v", held, policies)
	}
}

// TestPredecessorSpeaks: a new version is in shadow beside the one that was promoted, until it is promoted itself.
func TestPredecessorSpeaks(t *testing.T) {
	d := open(t)
	d.train(1)
	d.step(trust.Everywhere, trust.Advisory)
	d.run(d.options())
	d.train(2)
	d.offer("L1", "phone")
	d.suggested("L1", 2)
	said := map[int]trust.Level{}
	for _, e := range d.suggestions("L1") {
		s := parse(t, e)
		said[s.Model.Version] = s.Policy
	}
	if len(said) != 2 || said[1] != trust.Advisory || said[2] != trust.Shadow {
		t.Errorf("%v", said)
	}
	d.step(trust.Everywhere, trust.Advisory)
	d.offer("L2", "phone")
	if s := parse(t, d.suggested("L2", 1)); s.Model.Version != 2 || s.Policy != trust.Advisory {
		t.Errorf("%+v %s", s.Model, s.Policy)
	}
	d.step(trust.Everywhere, trust.Off)
	d.offer("L3", "phone")
	if s := parse(t, d.suggested("L3", 1)); s.Model.Version != 1 || s.Policy != trust.Advisory {
		t.Errorf("%+v %s", s.Model, s.Policy)
	}
}

// TestDemotesWhatBreaks: in a world that changes after the promotion the model is lowered, once by two followers and not again after a restart; in one that
// does not change it stays.
func TestDemotesWhatBreaks(t *testing.T) {
	for _, c := range []struct {
		name    string
		bounces func(i int, channel string) bool
		want    trust.Level
	}{
		{"as before", func(i int, channel string) bool { return channel == "phone" && i%5 > 0 }, trust.Advisory},
		{"the other way round", func(i int, channel string) bool { return channel == "chat" && i%5 > 0 }, trust.Shadow},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := open(t)
			d.train(1)
			d.step(trust.Everywhere, trust.Advisory)
			d.later(c.bounces)
			o := d.options()
			o.Monitor = trust.Monitor{Every: 100, Window: 500, ECE: 0.1, Drift: trust.DriftOptions{Floor: 0.1}}
			_, stop := d.run(o)
			d.run(o)
			d.until("the last one's suggestion", func() bool { return len(d.suggestions("N159")) > 0 })
			d.settled(c.want)
			stop()
			d.run(o)
			d.offer("L1", "phone")
			d.suggested("L1", 1)
			demoted := 0
			for _, s := range d.ladder().Steps {
				if s.To.Under(s.From) {
					demoted++
					if s.Actor != overlay.Source || s.Why == "" || len(s.Evidence) == 0 {
						t.Errorf("%+v", s)
					}
				}
			}
			level, _ := d.ladder().Level(d.model.Hash, "bot>desk@phone", 0)
			if want := map[trust.Level]int{trust.Advisory: 0, trust.Shadow: 1}[c.want]; demoted != want || level != c.want {
				t.Errorf("%d demotions, level %s", demoted, level)
			}
		})
	}
}

// settled waits for a level.
func (d *desk) settled(want trust.Level) {
	d.Helper()
	d.until("the level "+string(want), func() bool {
		level, _ := d.ladder().Level(d.model.Hash, trust.Everywhere, 0)
		return level == want
	})
}
