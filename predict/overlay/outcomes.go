package overlay

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// OutcomeOptions are those of Outcomes. Store and Append are required.
type OutcomeOptions struct {
	Store  ledger.Source
	Append ledger.Append // the intake
	Logger *slog.Logger
}

// Outcomes is the follower that writes down how suggestions ended: the first journey.closed with an outcome that comes after a suggestion is that suggestion's
// outcome, unless somebody has said one. It is for one goroutine; a second one on the same ledger writes nothing twice.
//
// There is no state on disk: at every start it reads the ledger's headers, keeps an entry for each suggestion without an outcome, and writes only
// when it has reached the head, so that an outcome that stands further on is known. The event is a function of the ledger: its id is
// outcome/<id of the suggestion>, its time that of the close.
type Outcomes struct {
	o      OutcomeOptions
	cursor uint64
	open   map[string]map[string]*closing // by journey and suggestion; nil: its journey goes on
	due    map[string]bool                // journeys in which one is to be written
	again  time.Time                      // nothing is written before
}

// closing is a journey's close.
type closing struct {
	id, outcome string
	position    uint64
	at          time.Time
}

// NewOutcomes makes a follower that has read nothing yet.
func NewOutcomes(o OutcomeOptions) *Outcomes {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	return &Outcomes{o: o, open: map[string]map[string]*closing{}, due: map[string]bool{}}
}

// Name is "outcomes".
func (f *Outcomes) Name() string { return "outcomes" }

// Cursor is the last position looked at: 0 at every start.
func (f *Outcomes) Cursor(context.Context) (uint64, error) { return f.cursor, nil }

// Handle notes suggestions, outcomes and closes.
func (f *Outcomes) Handle(_ context.Context, events []ledger.Recorded) error {
	for i := range events {
		r := &events[i]
		f.cursor = r.Position
		journey := ledger.JourneyOf(r.Stream)
		switch family, verb := ledger.SplitType(r.Type); {
		case family == "suggestion" && verb == "offered" && r.Stream == ledger.OverlayStream(journey):
			if f.open[journey] == nil {
				f.open[strings.Clone(journey)] = map[string]*closing{}
			}
			f.open[journey][strings.Clone(r.ID)] = nil
		case family == "suggestion" && verb == "outcome":
			f.forget(journey, r.CausationID)
		case family == "journey" && verb == "closed" && r.Facets.Outcome != "":
			f.closed(journey, r)
		}
	}
	return nil
}

func (f *Outcomes) closed(journey string, r *ledger.Recorded) {
	c := &closing{strings.Clone(r.ID), strings.Clone(r.Facets.Outcome), r.Position, r.Occurred()}
	for id, before := range f.open[journey] {
		if before == nil {
			f.open[journey][id], f.due[strings.Clone(journey)] = c, true
		}
	}
}

func (f *Outcomes) forget(journey, id string) {
	delete(f.open[journey], id)
	if len(f.open[journey]) == 0 {
		delete(f.open, journey)
		delete(f.due, journey)
	}
}

// retry is how long it waits after an append that failed for a reason that may pass.
const retry = 5 * time.Second

// Run follows until the context ends, whose error it returns. What fails is tried again; progress may be nil.
func (f *Outcomes) Run(ctx context.Context, progress *ledger.Progress) error {
	for {
		err := f.follow(ctx, progress)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f.o.Logger.Warn("outcomes cannot follow the ledger, trying again", "error", err, "hint", ledger.HintOf(err))
		select {
		case <-time.After(retry):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *Outcomes) follow(ctx context.Context, progress *ledger.Progress) error {
	for {
		if err := catchUp(ctx, f.o.Store, f, f.cursor, progress); err != nil {
			return err
		}
		if err := f.writeDue(ctx); err != nil {
			return err
		}
		if len(f.due) > 0 { // somebody wrote in between, or the ledger cannot be written to now
			if wait := time.Until(f.again); wait > 0 {
				inner, cancel := context.WithTimeout(ctx, wait)
				_, err := f.o.Store.Wait(inner, f.cursor)
				if cancel(); err != nil && !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
					return cmp.Or(ctx.Err(), err)
				}
			}
			continue
		}
		if _, err := f.o.Store.Wait(ctx, f.cursor); err != nil {
			return err
		}
	}
}

// writeDue writes the outcomes of the journeys that were closed, one batch each.
func (f *Outcomes) writeDue(ctx context.Context) error {
	if time.Now().Before(f.again) {
		return nil
	}
	for journeys := range slices.Chunk(slices.Sorted(maps.Keys(f.due)), atOnce) {
		var batches []ledger.Batch
		var of []string
		for _, journey := range journeys {
			b, err := f.batch(ctx, journey)
			if err != nil {
				return err
			}
			if len(b.Events) == 0 {
				delete(f.due, journey)
				continue
			}
			batches, of = append(batches, b), append(of, journey)
		}
		if len(batches) == 0 {
			continue
		}
		for i, r := range f.o.Append(ctx, batches) {
			switch ledger.CodeOf(r.Err) {
			case "":
				delete(f.due, of[i])
			case ledger.CodeStaleRevision: // it is read again
			case ledger.CodeInvalid, ledger.CodeTooLarge, ledger.CodeIDConflict, ledger.CodePartialBatch:
				f.o.Logger.Error("outcomes of suggestions cannot be recorded", "journey", of[i], "error", r.Err)
				delete(f.due, of[i])
			default:
				f.o.Logger.Warn("outcomes of suggestions could not be recorded, trying again", "journey", of[i], "error", r.Err, "hint", ledger.HintOf(r.Err))
				f.again = time.Now().Add(retry)
			}
		}
	}
	return ctx.Err()
}

// batch reads a journey's overlay and makes the outcomes that it has not yet.
func (f *Outcomes) batch(ctx context.Context, journey string) (b ledger.Batch, err error) {
	b.Stream = ledger.OverlayStream(journey)
	waiting := map[string]int{} // place among the events, by suggestion; -1: somebody said one
	for r, err := range f.o.Store.ReadStream(ctx, b.Stream, ledger.ReadOptions{}) {
		if err != nil {
			return b, err
		}
		b.Expect = ledger.Expect(r.Revision)
		switch family, verb := ledger.SplitType(r.Type); {
		case family == "suggestion" && verb == "offered":
			if c := f.open[journey][r.ID]; c != nil {
				waiting[r.ID] = len(b.Events)
				b.Events = append(b.Events, c.outcomeOf(&r, journey))
			}
		case family == "suggestion" && verb == "outcome":
			if i, there := waiting[r.CausationID]; there {
				b.Events[i].ID = ""
			}
		}
	}
	b.Events = slices.DeleteFunc(b.Events, func(e ledger.Event) bool { return e.ID == "" })
	return b, nil
}

// outcomeOf is the event. Nothing in it depends on when it is made.
func (c *closing) outcomeOf(offered *ledger.Recorded, journey string) ledger.Event {
	var d struct {
		Action any `json:"action"`
	}
	_ = json.Unmarshal(offered.Data, &d)
	data := map[string]any{"suggestion": offered.ID, "outcome": c.outcome, "closed": c.id, "position": c.position}
	if action, ok := d.Action.(string); ok {
		data["action"] = action
	}
	if h := offered.Facets.Handoff; h != "" {
		data["handoff"] = h
	}
	b, _ := json.Marshal(data) // texts and a number always can; members are sorted by name
	id := "outcome/" + offered.ID
	if len(id) > ledger.MaxID {
		sum := sha256.Sum256([]byte(offered.ID))
		id = "outcome/sha256:" + hex.EncodeToString(sum[:])
	}
	return ledger.Event{ID: id, Source: ledger.OutcomeSource, Actor: ledger.OutcomeSource, Type: ledger.Type("suggestion", "outcome"), Subject: journey, Time: c.at,
		ContentType: "application/json", CausationID: offered.ID, DataSubject: offered.DataSubject, Data: b}
}
