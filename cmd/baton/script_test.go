package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"baton": main})
}

// TestScripts runs the real binary through testdata/script. Further commands of the scripts:
//
//	served DIR       waits until a process serves the directory
//	caughtup DIR F   waits until its follower F has handled everything
//	relayed DIR      waits until it has published everything
//	nats N [SEED]    starts N NATS servers and sets $NATS; the file gets the seed of the only user they let in
//	consume NAME N   makes a durable consumer that acknowledges the first N messages
//	dead NAME N CFG  waits until an endpoint has given up N deliveries
//	suggested DIR J N waits until a served journey has N suggestions, and sets SUGGESTION to the id of the last
//	delivered DIR J H waits until the sources of a served handoff have an outcome and it is delivered
//	fill FILE N      writes N bytes of JSON data into an event of its own
//	flip FILE SHARE  flips a bit of a file, at that share (0 to 1) of its length; FILE may be a pattern
//	cut FILE SHARE   cuts a file off there
//	eventstore       starts an EventStoreDB, or gives it another past
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			for _, v := range os.Environ() {
				if strings.HasPrefix(v, "BATON_") {
					name, _, _ := strings.Cut(v, "=")
					e.Setenv(name, "")
				}
			}
			e.Setenv("SHARED", sharedData(t))
			if examples, err := filepath.Abs("examples"); err != nil {
				return err
			} else {
				e.Setenv("POINTS", filepath.Join(examples, "points.yaml"))
			}
			return nil
		},
		Condition: func(cond string) (bool, error) { return cond == "shared" && sharedData(t) != "", nil },
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"served": served, "caughtup": caughtUp, "relayed": relayed, "suggested": suggestedAt, "ended": endedAt, "dead": deadAt, "nats": startNATS, "consume": consume, "fill": fillFile,
			"eventstore": eventStoreCommand, "delivered": deliveredAt,
			"flip": func(ts *testscript.TestScript, _ bool, args []string) {
				damage(ts, args, func(b []byte, at int) []byte { b[at] ^= 0x10; return b })
			},
			"cut": func(ts *testscript.TestScript, _ bool, args []string) {
				damage(ts, args, func(b []byte, at int) []byte { return b[:at] })
			},
		},
	})
}

// sharedData is the folder of real logs beside the project, "" where there is none.
func sharedData(t *testing.T) string {
	dir, err := filepath.Abs(filepath.Join("..", "..", "..", "shared", "data"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}

func served(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.After(30 * time.Second)
	for tick := time.Tick(10 * time.Millisecond); ; {
		if readHolder(filepath.Join(ts.MkAbs(args[0]), "baton.lock")).API != "" {
			return
		}
		select {
		case <-tick:
		case <-deadline:
			ts.Fatalf("nobody serves %s", args[0])
		}
	}
}

func fillFile(ts *testscript.TestScript, _ bool, args []string) {
	n := 0
	ts.Check(json.Unmarshal([]byte(args[1]), &n))
	event := map[string]any{"specversion": "1.0", "id": "big", "source": "test", "type": "dev.baton.interaction.recorded.v1", "subject": "J",
		"data": map[string]string{"activity": "a", "text": strings.Repeat("x", n)}}
	b, err := json.Marshal(event)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), append(b, '\n'), 0o644))
}

func damage(ts *testscript.TestScript, args []string, change func(b []byte, at int) []byte) {
	names, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(names) == 0 {
		ts.Fatalf("no file %s", args[0])
	}
	share := 0.0
	ts.Check(json.Unmarshal([]byte(args[1]), &share))
	for _, name := range names {
		b, err := os.ReadFile(name)
		ts.Check(err)
		if len(b) == 0 {
			continue
		}
		ts.Check(os.WriteFile(name, change(b, min(int(share*float64(len(b))), len(b)-1)), 0o644))
	}
}
