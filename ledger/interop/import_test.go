package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/pebblestore"
)

// The figures of the real files were counted by another program, over another XML parser.
func TestRealFiles(t *testing.T) {
	for _, c := range []struct {
		file, preset string
		m            Map
		want         Summary
	}{
		{"bpi13_incidents.xes.gz", "bpi13", nil, Summary{Journeys: 7554, Events: 65533, Rows: 65533, Handoffs: 9454, Pairs: 2463, NeverAccepted: 356}},
		{"running-example.xes.gz", "", nil, Summary{Journeys: 6, Events: 42, Rows: 42, Handoffs: 32, Pairs: 18}},
		{"receipt.xes.gz", "xes", nil, Summary{Journeys: 1434, Events: 8577, Rows: 8577, Handoffs: 5440, Pairs: 43}},
		{"helpdesk.csv.gz", "csv", Map{"case": "CaseID", "activity": "ActivityID", "time": "CompleteTimestamp"},
			Summary{Journeys: 3804, Events: 13710, Rows: 13710}},
	} {
		t.Run(c.file, func(t *testing.T) {
			store := newStore(t)
			o := Options{Path: sharedFile(t, c.file), Preset: c.preset, Map: c.m, Append: intake(store), Ledger: store}
			first := mustImport(t, o)
			if got := said(first); got != said(c.want) {
				t.Errorf("the file says %+v, want %+v", got, said(c.want))
			}
			head, err := store.Head(context.Background())
			if err != nil || first.Skipped != 0 || first.Written != int64(head.Position) {
				t.Errorf("written %d, skipped %d, head %d (%v)", first.Written, first.Skipped, head.Position, err)
			}
			again := mustImport(t, o)
			if said(again) != said(first) || again.Written != 0 || again.Skipped != first.Written {
				t.Errorf("the second run says %+v after %+v", again, first)
			}
			checkFolds(t, store, first)
		})
	}
}

// said is what of a summary must not depend on the ledger.
func said(s Summary) [6]int64 {
	return [...]int64{s.Journeys, s.Events, s.Rows, s.Handoffs, s.Pairs, s.NeverAccepted}
}

func mustImport(t *testing.T, o Options) Summary {
	t.Helper()
	s, err := Import(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkFolds counts again what the journeys in the ledger say.
func checkFolds(t *testing.T, store ledger.Reader, s Summary) {
	t.Helper()
	journeys := map[string]*ledger.Journey{}
	interactions := int64(0)
	for r, err := range store.Read(context.Background(), ledger.ReadOptions{HeaderOnly: true}) {
		if err != nil {
			t.Fatal(err)
		}
		j := journeys[r.Stream]
		if j == nil {
			j = &ledger.Journey{}
			journeys[r.Stream] = j
		}
		if r.Type == ledger.Type("interaction", "recorded") {
			interactions++
		}
		j.Apply(&r)
	}
	handoffs, waiting := 0, 0
	for _, j := range journeys {
		for _, h := range j.Handoffs {
			handoffs++
			if h.Accepted.IsZero() {
				waiting++
			}
		}
		for _, a := range j.Anomalies {
			if strings.Contains(a.Name, "without_offer") || a.Name == ledger.AnomalyAfterClose || a.Name == ledger.AnomalyZombie {
				t.Fatalf("journey %s: %+v", j.ID, a)
			}
		}
	}
	if int64(len(journeys)) != s.Journeys || interactions != s.Events || int64(handoffs) != s.Handoffs || int64(waiting) != s.NeverAccepted {
		t.Errorf("the ledger holds %d journeys, %d interactions, %d handoffs, %d never accepted; the file says %+v",
			len(journeys), interactions, handoffs, waiting, s)
	}
}

func TestHandoffRule(t *testing.T) {
	store := newStore(t)
	log := xesLog(incident("1-1", "A Accepted In_Progress", "B Queued Awaiting", "B Accepted In_Progress", "C Queued Awaiting", "A Accepted Assigned",
		"A Completed Closed"))
	s, err := into(store, "bpi13", log)
	if err != nil {
		t.Fatal(err)
	}
	if s.Handoffs != 3 || s.Pairs != 3 || s.NeverAccepted != 1 {
		t.Errorf("summary %+v", s)
	}
	interaction := func(minute int, stage, activity, status string) string {
		return fmt.Sprintf(`interaction.recorded 07:%02d {"activity":"%s","stage":"%s","party":"R%s","status":"%s","attributes":{"impact":"Low"}}`,
			minute, activity, stage, stage, status)
	}
	handoff := func(verb string, minute int, id, from, to, more string) string {
		if verb != "offered" {
			id = `"handoff":"` + id + `",`
		} else {
			id = ""
		}
		return fmt.Sprintf(`handoff.%s 07:%02d {%s"from":{"stage":"%s","party":"R%s"},"to":{"stage":"%s"},"channel":"incident"%s}`,
			verb, minute, id, from, from, to, more)
	}
	id := func(ordinal int) string { id, _ := eventID(nil, "import:bpi13", "1-1", ordinal, "offered"); return id }
	want := []string{
		interaction(0, "A", "Accepted", "In_Progress"),
		handoff("offered", 1, id(2), "A", "B", ""),
		interaction(1, "B", "Queued", "Awaiting"),
		handoff("accepted", 2, id(2), "A", "B", `,"stage":"B","party":"RB"`),
		interaction(2, "B", "Accepted", "In_Progress"),
		handoff("offered", 3, id(4), "B", "C", ""),
		interaction(3, "C", "Queued", "Awaiting"),
		handoff("withdrawn", 4, id(4), "B", "C", `,"reason":"left_before_accepted"`),
		handoff("offered", 4, id(5), "C", "A", ""),
		handoff("accepted", 4, id(5), "C", "A", `,"stage":"A","party":"RA"`),
		interaction(4, "A", "Accepted", "Assigned"),
		interaction(5, "A", "Completed", "Closed"),
		`journey.closed 07:05 {"outcome":"Closed"}`,
	}
	if got := stream(t, store, "journey-1-1"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Ids are for ever: this one is from the first version.
func TestEventIDIsStable(t *testing.T) {
	row, _ := eventID(nil, "import:bpi13", "1-364285768", 1, "")
	offered, _ := eventID(nil, "import:bpi13", "1-364285768", 1, "offered")
	if row != "96cb141b-14d0-536f-8e47-aef023b2b780" || offered != "8f99ac24-5010-5bf1-8cf2-5fb588bbec5f" {
		t.Errorf("ids are %s and %s", row, offered)
	}
}

func TestLongerExportAddsTheNewRows(t *testing.T) {
	events := []string{"A Accepted Open", "B Queued Waiting", "C Queued Waiting", "C Accepted Open", "A Accepted Open"}
	for n := 1; n < len(events); n++ {
		store, whole := newStore(t), newStore(t)
		if _, err := into(store, "bpi13", xesLog(incident("1", events[:n]...), incident("2", events[:n]...))); err != nil {
			t.Fatal(err)
		}
		s, err := into(store, "bpi13", xesLog(incident("1", events...), incident("2", events[:n]...)))
		if err != nil || s.Written == 0 || s.Skipped == 0 {
			t.Fatalf("after %d rows: %+v, %v", n, s, err)
		}
		if _, err := into(whole, "bpi13", xesLog(incident("1", events...), incident("2", events[:n]...))); err != nil {
			t.Fatal(err)
		}
		if got, want := contents(t, store), contents(t, whole); !slices.Equal(got, want) {
			t.Errorf("after %d rows the ledger differs from one import of all", n)
		}
	}
}

func TestChangedRowIsANamedConflict(t *testing.T) {
	store := newStore(t)
	if _, err := into(store, "bpi13", xesLog(incident("1", "A Accepted Open", "A Accepted Open"), incident("2", "A Accepted Open"))); err != nil {
		t.Fatal(err)
	}
	before := stream(t, store, "journey-1")
	s, err := into(store, "bpi13", xesLog(incident("1", "A Accepted Open", "A Accepted Changed", "A Accepted Open"),
		incident("2", "A Accepted Open", "B Accepted Open")))
	wantError(t, err, ledger.CodeIDConflict, "row 2", `case "1"`, "digest", "--source")
	if s.Conflicts != 1 || s.ConflictList[0].Row != 2 || s.ConflictList[0].Stored == s.ConflictList[0].Offered {
		t.Errorf("conflicts %+v", s.ConflictList)
	}
	if after := stream(t, store, "journey-1"); !slices.Equal(before, after) {
		t.Errorf("a journey with a conflict was written to:\n%s", strings.Join(after, "\n"))
	}
	if got := stream(t, store, "journey-2"); len(got) != 4 {
		t.Errorf("the other journey has %d events, want 4: %q", len(got), got)
	}
}

// Another handoff rule over the same rows would put offers behind the rows they belong before.
func TestChangedRuleIsAConflict(t *testing.T) {
	store := newStore(t)
	log := xesLog(incident("1", "A Accepted Open", "B Accepted Open", "B Accepted Open"))
	folder := t.TempDir()
	never := filepath.Join(folder, "never.yaml")
	writeFile(t, never, "name: bpi13\nformat: xes\ncase: concept:name\nactivity: concept:name\ntime: time:timestamp\n"+
		"party: org:resource\nstage: org:group\nstatus: lifecycle:transition\nhandoff: {on: none}\n")
	if _, err := into(store, never, log); err != nil {
		t.Fatal(err)
	}
	s, err := into(store, "bpi13", log)
	wantError(t, err, ledger.CodeIDConflict, "handoff.offered", "has changed")
	if s.Written != 0 || len(stream(t, store, "journey-1")) != 3 {
		t.Errorf("summary %+v", s)
	}
}

func TestAnotherSourceIsAnotherProducer(t *testing.T) {
	store := newStore(t)
	log := xesLog(incident("1", "A Accepted Open"))
	for _, source := range []string{"import:east", "import:west"} {
		s, err := Import(context.Background(), Options{Path: "log", Reader: strings.NewReader(log), Preset: "bpi13", Source: source,
			Append: intake(store), Ledger: store})
		if err != nil || s.Written != 1 || s.Source != source {
			t.Errorf("%s: %+v, %v", source, s, err)
		}
	}
}

// longLog has cases of more than one batch, and more than a few windows.
func longLog() string {
	var traces []string
	for i := range 20 {
		var events []string
		for k := range 10 + i*34 {
			events = append(events, fmt.Sprintf("S%d Accepted Open", k/3%4))
		}
		traces = append(traces, incident(fmt.Sprint(i), events...))
	}
	return xesLog(traces...)
}

// A run that is stopped before any window is continued by the next.
func TestStoppedAnywhereContinues(t *testing.T) {
	log, whole := longLog(), newStore(t)
	total, err := into(whole, "bpi13", log)
	if err != nil {
		t.Fatal(err)
	}
	want, stopped := contents(t, whole), 0
	for n := range 6 {
		store := newStore(t)
		ctx, cancel := context.WithCancel(context.Background())
		calls := 0
		cancelling := func(ctx context.Context, b []ledger.Batch) []ledger.Result {
			if calls++; calls == n {
				cancel()
			}
			return intake(store)(ctx, b)
		}
		if n == 0 {
			cancel()
		}
		_, err := Import(ctx, Options{Path: "log", Reader: strings.NewReader(log), Preset: "bpi13", Append: cancelling, Ledger: store})
		cancel()
		if err != nil {
			stopped++
			wantError(t, err, ledger.CodeUnavailable, "run the same command again")
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the error hides the context's: %v", err)
			}
		}
		checkContinues(t, store, log, total, want)
	}
	if stopped < 4 {
		t.Errorf("only %d of the runs were stopped: the windows are too large for this test", stopped)
	}
}

// A pipe that goes silent does not keep an import from being stopped.
func TestStoppedOnASilentPipe(t *testing.T) {
	store := newStore(t)
	in, out := io.Pipe()
	defer func() { _ = out.Close() }() // lets the parser go
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.WriteString(out, strings.TrimSuffix(longLog(), "</log>\n")) // stays open
		cancel()
	}()
	s, err := Import(ctx, Options{Path: "log", Reader: in, Preset: "bpi13", Append: intake(store), Ledger: store})
	wantError(t, err, ledger.CodeUnavailable, "run the same command again")
	if head, err := store.Head(context.Background()); err != nil || int64(head.Position) != s.Written {
		t.Errorf("head %d (%v), written %d", head.Position, err, s.Written)
	}
}

// A process that dies while a window is written leaves any number of its batches behind, each whole.
func TestKilledInsideAWindowContinues(t *testing.T) {
	log, whole := longLog(), newStore(t)
	total, err := into(whole, "bpi13", log)
	if err != nil {
		t.Fatal(err)
	}
	want := contents(t, whole)
	for _, survive := range []int{0, 1, 7, 17, 20} {
		store, left := newStore(t), survive
		dying := func(ctx context.Context, b []ledger.Batch) []ledger.Result {
			n := min(left, len(b))
			left -= n
			results := intake(store)(ctx, b[:n])
			for range b[n:] {
				results = append(results, ledger.Result{Err: ledger.Errorf(ledger.CodeUnavailable, "append", "free the disk", "the power is gone")})
			}
			return results
		}
		_, err := Import(context.Background(), Options{Path: "log", Reader: strings.NewReader(log), Preset: "bpi13", Append: dying, Ledger: store})
		wantError(t, err, ledger.CodeUnavailable, "the power is gone", "free the disk", "case")
		if head, err := store.Head(context.Background()); err != nil || (head.Position == 0) != (survive == 0) {
			t.Errorf("%d batches survive, and the head is %d (%v)", survive, head.Position, err)
		}
		checkContinues(t, store, log, total, want)
	}
}

// checkContinues imports the rest and compares with a ledger that was never interrupted.
func checkContinues(t *testing.T, store *pebblestore.Store, log string, total Summary, want []string) {
	t.Helper()
	s, err := into(store, "bpi13", log)
	if err != nil || s.Written+s.Skipped != total.Written || said(s) != said(total) {
		t.Fatalf("%+v, %v", s, err)
	}
	if got := contents(t, store); !slices.Equal(got, want) {
		t.Fatal("the ledger differs from one run's")
	}
}

// The same file may be imported twice at the same time.
func TestTwoImportsAtOnce(t *testing.T) {
	store := newStore(t)
	var traces []string
	for i := range 300 {
		traces = append(traces, incident(fmt.Sprint(i), slices.Repeat([]string{"A Accepted Open", "B Queued Open"}, 20)...))
	}
	log := xesLog(traces...)
	answers := make(chan Summary, 2)
	for range 2 {
		go func() {
			s, err := into(store, "bpi13", log)
			if err != nil {
				t.Error(err)
			}
			answers <- s
		}()
	}
	a, b := <-answers, <-answers
	head, err := store.Head(context.Background())
	if err != nil || a.Written+b.Written != int64(head.Position) || a.Written+a.Skipped != int64(head.Position) {
		t.Errorf("head %d (%v); %+v and %+v", head.Position, err, a, b)
	}
}

func TestRefusedRowIsNamed(t *testing.T) {
	store := newStore(t)
	_, err := into(store, "csv", "case,activity,time\n1,good,2020-01-01\n2,\"two\nlines\",2020-01-01\n")
	wantError(t, err, ledger.CodeInvalid, "row 2", `case "2"`, "data.activity", "control character")
}

func TestProgress(t *testing.T) {
	log := xesLog(incident("1", "A Accepted Open"), incident("2", "A Accepted Open"))
	var last Progress
	store := newStore(t)
	path := filepath.Join(t.TempDir(), "log.xes.gz")
	writeFile(t, path, string(zipped(t, log)))
	s, err := Import(context.Background(), Options{Path: path, Append: intake(store), Ledger: store, Progress: func(p Progress) { last = p }})
	if err != nil {
		t.Fatal(err)
	}
	if last.Rows != 2 || last.Journeys != 2 || last.Written != 2 || last.Bytes != last.TotalBytes || last.TotalBytes != s.Bytes || last.Rate <= 0 {
		t.Errorf("last progress %+v of %+v", last, s)
	}
}

func TestDamagedGzip(t *testing.T) {
	packed := zipped(t, xesLog(incident("1", "A Accepted Open")))
	for name, c := range map[string]struct {
		bytes []byte
		words string
	}{
		"cut":      {packed[:len(packed)/2], "ends early"},
		"cut tail": {packed[:len(packed)-3], "ends early"},
		"checksum": {append(bytes.Clone(packed[:len(packed)-8]), 1, 2, 3, 4, 5, 6, 7, 8), "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Import(context.Background(), Options{Path: "log", Reader: bytes.NewReader(c.bytes), Preset: "bpi13"})
			wantError(t, err, ledger.CodeInvalid, c.words, "gzip")
		})
	}
}

func TestNoSuchFile(t *testing.T) {
	_, err := Import(context.Background(), Options{Path: filepath.Join(t.TempDir(), "absent.xes")})
	wantError(t, err, ledger.CodeNotFound, "absent.xes")
	_, err = Import(context.Background(), Options{Path: t.TempDir(), Preset: "xes"})
	wantError(t, err, ledger.CodeInvalid, "folder")
	_, err = Import(context.Background(), Options{Path: "log.txt"})
	wantError(t, err, ledger.CodeInvalid, "log.txt", "--preset")
}
