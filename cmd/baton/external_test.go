package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
	"github.com/baton-ledger/baton/server/client"
	"github.com/baton-ledger/baton/server/npmtool"
)

// exampleScorer runs docs/examples/scorer.mjs until it is ready; stop ends it.
func exampleScorer(t *testing.T, data string, more ...string) (stop func()) {
	t.Helper()
	cmd := npmtool.Example(t, "docs/examples/scorer.mjs", append([]string{credentialFile(data), "baton.score.again"}, more...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() { cmd.Process.Kill(); cmd.Wait() }
	t.Cleanup(stop)
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("the example says %q", lines.Text())
	}
	return stop
}

// TestExternalScorer has Node's client of NATS score live handoffs of the real binary; killed and hanging, it holds none up, and /readyz names it.
func TestExternalScorer(t *testing.T) {
	data := filepath.Join(t.TempDir(), "D")
	config := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(config, []byte("predict: {model: again, budget: 2s}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, out := baton(t, "serve", "--data", data, "--config", config, "--listen", "127.0.0.1:0")
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	})
	api := waitAPI(t, data, cmd.Process.Pid)
	printed(t, "predict", "register", "--data", data, "--name", "again", "--subject", "baton.score.again", "--target", "handover-within:24h",
		"--says", "another handoff within 24h", "--scorer-version", "rule-1", "--at", "offered")
	stop := exampleScorer(t, data)
	c, n := client.New(api, client.Options{}), 0
	offer := func() string {
		t.Helper()
		n++
		journey := fmt.Sprint("J", n)
		h, err := c.HandOff(t.Context(), ledger.HandoffCall{ID: "h" + journey, Journey: journey, From: ledger.Party{Stage: "bot"}, To: ledger.Party{Stage: "desk"}, Channel: "chat"})
		if err != nil || h.State != ledger.Accepted {
			t.Fatalf("the handoff does not flow: %+v, %v", h, err)
		}
		return journey
	}
	ready := func() string {
		resp, err := http.Get(api + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return string(b)
	}
	until := func(what string, holds func() bool) {
		t.Helper()
		deadline := time.After(30 * time.Second)
		for tick := time.Tick(20 * time.Millisecond); !holds(); {
			select {
			case <-tick:
			case <-deadline:
				t.Fatalf("it never came to: %s\n%s", what, ready())
			}
		}
	}
	suggested := func(journey string) (list []replay.Suggestion) {
		v, err := replay.AsOf(t.Context(), c, journey, replay.Moment{})
		if err != nil {
			t.Fatal(err)
		}
		return v.WithWithheld().Suggestions
	}

	first := offer()
	until("a suggestion of the example", func() bool { return len(suggested(first)) == 1 })
	s := suggested(first)[0]
	if *s.Probability != 0.1 || len(s.Reasons) != 1 || s.Reasons[0].Text != "the work has not come back so far" || s.Model.Name != "again" {
		t.Errorf("%+v", s)
	}
	if same := printed(t, "predict", "reproduce", first, s.ID, "--data", data); !strings.HasPrefix(same, "SAME") || !strings.Contains(same, "was not run again") {
		t.Error(same)
	}
	if same := printed(t, "predict", "reproduce", first, s.ID, "--data", data, "--ask"); !strings.Contains(same, "differs in 0 members") {
		t.Error(same)
	}
	if list := printed(t, "predict", "models", "--data", data); !strings.Contains(list, "asked at baton.score.again") {
		t.Error(list)
	}

	stop()
	offer()
	until("a scorer that is away is named", func() bool { return strings.Contains(ready(), "nobody answers at baton.score.again") })
	stop = exampleScorer(t, data, "hang")
	offer()
	until("a scorer that hangs is named", func() bool { return strings.Contains(ready(), "no answer within the budget of 2s") })
	stop()
	exampleScorer(t, data)
	last := offer()
	until("it suggests again", func() bool { return len(suggested(last)) == 1 && !strings.Contains(ready(), "budget of 2s") })
}
