package storetest_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/storetest"
)

const defectEnv = "STORETEST_DEFECT"

var (
	tagKey  = []byte("0123456789abcdef0123456789abcdef")
	options = []storetest.Option{storetest.TagKey(tagKey), storetest.Reopen(func(t *testing.T, s ledger.Store) ledger.Store {
		_ = s.Close()
		return s.(*storetest.Memory).Reopened()
	})}
)

// memory opens engines that are right, or make one mistake.
func memory(defect string) func(*testing.T) ledger.Store {
	return func(*testing.T) ledger.Store { return storetest.NewMemory(tagKey, defect) }
}

// TestMemory runs the suite on the smallest engine, which is right unless the environment names a defect.
func TestMemory(t *testing.T) {
	storetest.Run(t, memory(os.Getenv(defectEnv)), options...)
}

// TestShared is the same over one ledger for all tests, which began before them.
func TestShared(t *testing.T) {
	one := storetest.NewMemory(tagKey, os.Getenv(defectEnv))
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		b := ledger.Batch{Stream: "journey-1", Expect: ledger.Any, Events: []ledger.Event{{ID: id, Source: "before", Type: "t"}}}
		if _, err := one.Append(context.Background(), b); err != nil {
			t.Fatal(err)
		}
	}
	storetest.Run(t, func(*testing.T) ledger.Store {
		_ = one.Close()
		one = one.Reopened()
		return one
	}, storetest.Shared(), storetest.TagKey(tagKey), storetest.Reopen(func(t *testing.T, s ledger.Store) ledger.Store {
		_ = s.Close()
		one = s.(*storetest.Memory).Reopened()
		return one
	}))
}

// TestTogether runs one list on two engines, of which the second is right unless the environment names a defect.
func TestTogether(t *testing.T) {
	storetest.Together(t, map[string]storetest.Engine{
		"one":     {Open: memory(""), Options: options},
		"another": {Open: memory(os.Getenv(defectEnv)), Options: options},
	})
}

// TestDefectsAreFound runs the suite again, in processes of their own, on engines that make one mistake each: by the test for it, in a ledger of
// its own and in a shared one, and by the random list, which names the engine.
func TestDefectsAreFound(t *testing.T) {
	if os.Getenv(defectEnv) != "" {
		t.Skip("this is one of those processes")
	}
	for defect, foundBy := range map[string]string{
		"keeps the caller's memory":     "Verbatim",
		"ignores the expected revision": "Expect",
		"writes a part":                 "Retry",
		"clock goes back":               "RecordedTime",
		"no word of duplicates":         "Retry",
		"yields its own memory":         "ValuesStay",
		"begins one late":               "ResumeAfterEveryEvent",
		"has a head when closed":        "Closed",
		"begins its chain anew":         "Leaves",
		"forgets ids when it is closed": "Reopen",
		"white space is no content":     "Random",
	} {
		t.Run(defect, func(t *testing.T) {
			fails(t, defect, "TestMemory/^"+foundBy+"$", "--- FAIL: TestMemory/"+foundBy)
			fails(t, defect, "TestShared/^"+foundBy+"$", "--- FAIL: TestShared/"+foundBy)
			switch defect {
			case "keeps the caller's memory", "yields its own memory", "has a head when closed":
				// A list of operations leaves alone what was given and what was read, and closes nothing that it uses again.
			default:
				fails(t, defect, "TestTogether", "another: ")
			}
		})
	}
}

// fails runs tests on an engine with a defect, and wants them to fail and to say what.
func fails(t *testing.T, defect, run, what string) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run="+run, "-test.timeout=60s", "-rapid.nofailfile", "-rapid.shrinktime=1s")
	c.Env = append(os.Environ(), defectEnv+"="+defect)
	out, err := c.CombinedOutput()
	if err == nil || !strings.Contains(string(out), what) || strings.Contains(string(out), "panic:") {
		t.Errorf("%s did not find it: %v\n%s", run, err, out)
	}
}
