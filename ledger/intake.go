package ledger

import (
	"context"
	"fmt"
	"mime"
	"slices"
	"strings"
)

// Append is the one function through which events reach a ledger: [Appender.AppendAll]'s shape.
type Append func(ctx context.Context, batches []Batch) []Result

// Stage wraps an Append in one concern of the intake: authorise, contract, classify and encrypt, validate. A stage may change or refuse
// batches; it must answer a result for every batch it was given, in order.
type Stage func(Append) Append

// Intake puts stages before an engine's append, the first stage outermost. Every way in (HTTP, import, NATS) appends through one.
func Intake(engine Append, stages ...Stage) Append {
	for i := len(stages) - 1; i >= 0; i-- {
		engine = stages[i](engine)
	}
	return engine
}

// Validate is the stage that every intake ends with: it checks batches against the limits and the catalogue and derives the facets.
// Batches that fail are answered here; the others go on.
func Validate(next Append) Append {
	return func(ctx context.Context, batches []Batch) []Result {
		results := make([]Result, len(batches))
		good := make([]Batch, 0, len(batches))
		at := make([]int, 0, len(batches))
		for i := range batches {
			checked, err := validated(&batches[i])
			if err != nil {
				results[i].Err = err
				continue
			}
			good, at = append(good, checked), append(at, i)
		}
		if len(good) > 0 {
			for i, r := range next(ctx, good) {
				results[at[i]] = r
			}
		}
		return results
	}
}

// validated returns a copy whose events carry facets: the caller's events are not written to.
func validated(b *Batch) (Batch, error) {
	out := Batch{Stream: b.Stream, Expect: b.Expect, Events: append([]Event(nil), b.Events...)}
	if err := checkBatch(&out); err != nil {
		err.Op = "append"
		return Batch{}, err
	}
	for i := range out.Events {
		if err := checkEvent(&out.Events[i]); err != nil {
			err.Op = fmt.Sprintf("append event %d of %d (id %.80q)", i+1, len(out.Events), out.Events[i].ID)
			return Batch{}, err
		}
	}
	return out, nil
}

func checkBatch(b *Batch) *Error {
	if b.Stream == "" {
		return Errorf(CodeInvalid, "", "name the stream, as journey-<id>", "stream is missing")
	}
	if err := checkText("stream", b.Stream, MaxStream); err != nil {
		return err
	}
	if strings.HasSuffix(b.Stream, "-") {
		return Errorf(CodeInvalid, "", "name the stream, as journey-<id>", "stream %q has nothing after its category", b.Stream)
	}
	switch n := len(b.Events); {
	case n == 0:
		return Errorf(CodeInvalid, "", "put at least one event into the batch", "the batch for stream %q has no events", b.Stream)
	case n > MaxBatchEvents:
		return Errorf(CodeTooLarge, "", "split the batch", "the batch has %d events, at most %d are allowed", n, MaxBatchEvents)
	}
	if b.Expect < StreamExists {
		return Errorf(CodeInvalid, "", "send a revision, or any, no_stream or stream_exists", "expected revision %d has no meaning", int64(b.Expect))
	}
	size, seen := 0, make(map[[2]string]bool, len(b.Events))
	for i := range b.Events {
		e := &b.Events[i]
		size += len(e.Data)
		key := [2]string{e.Source, e.ID}
		if seen[key] {
			return Errorf(CodeInvalid, "", "give every event an id of its own", "id %.80q from source %.80q stands twice in one batch", e.ID, e.Source)
		}
		seen[key] = true
	}
	if size > MaxBatchBytes {
		return Errorf(CodeTooLarge, "", "split the batch", "the batch has %d bytes of data, at most %d are allowed", size, MaxBatchBytes)
	}
	return nil
}

func checkEvent(e *Event) *Error {
	for _, f := range []struct {
		name, value string
		limit       int
		required    bool
	}{
		{"id", e.ID, MaxID, true}, {"source", e.Source, MaxID, true}, {"type", e.Type, MaxID, true},
		{"subject", e.Subject, MaxStream - len(CategoryJourney) - 1, false}, {"datacontenttype", e.ContentType, MaxID, false},
		{"dataschema", e.Schema, MaxFacet, false}, {"actor", e.Actor, MaxID, false}, {"datasubject", e.DataSubject, MaxID, false},
		{"correlationid", e.CorrelationID, MaxID, false}, {"causationid", e.CausationID, MaxID, false},
		{"traceparent", e.TraceParent, MaxID, false},
	} {
		if f.required && f.value == "" {
			return Errorf(CodeInvalid, "", "set "+f.name, "%s is missing", f.name)
		}
		if err := checkText(f.name, f.value, f.limit); err != nil {
			return err
		}
	}
	if err := checkExt(e.Ext); err != nil {
		return err
	}
	if y := e.Time.Year(); !e.Time.IsZero() && (y < 0 || y > 9999) {
		return Errorf(CodeInvalid, "", "send time as RFC 3339, as 2010-04-08T00:00:00Z", "time is in year %d, which RFC 3339 cannot say", y)
	}
	if err := checkType(e.Type); err != nil {
		return err
	}
	return checkData(e)
}

// reserved are the names that CloudEvents and Baton have fields for: in Ext they would be said twice.
var reserved = []string{"id", "source", "specversion", "type", "subject", "time", "datacontenttype", "dataschema", "data", "actor",
	"datasubject", "correlationid", "causationid", "traceparent"}

func checkExt(ext []Attr) *Error {
	for i, a := range ext {
		if a.Name == "" || len(a.Name) > 64 || strings.Trim(a.Name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return Errorf(CodeInvalid, "", "name extension attributes with a-z and 0-9", "extension attribute %.80q is not a CloudEvents name", a.Name)
		}
		if err := checkText(a.Name, a.Value, MaxHeader); err != nil {
			return err
		}
		if slices.Contains(reserved, a.Name) {
			return Errorf(CodeInvalid, "", "send it as the attribute itself", "extension attribute %q has the name of an attribute of its own", a.Name)
		}
		for _, b := range ext[:i] {
			if a.Name == b.Name {
				return Errorf(CodeInvalid, "", "send it once", "extension attribute %q stands twice", a.Name)
			}
		}
	}
	return nil
}

// checkData checks the data against the limit and its content type and derives facets. Data without a content type is JSON, as
// CloudEvents says. Foreign types may carry any bytes; their JSON is checked only for being what it says.
func checkData(e *Event) *Error {
	e.Facets = Facets{}
	switch {
	case len(e.Data) > MaxData:
		return Errorf(CodeTooLarge, "", "keep large content elsewhere and send a reference with its digest",
			"data has %d bytes, at most %d are allowed", len(e.Data), MaxData)
	case len(e.Data) == 0 || !IsJSON(e.ContentType):
		return checkRequired(e)
	}
	var err error
	if strings.HasPrefix(e.Type, TypePrefix) {
		e.Facets, err = DeriveFacets(e.Data)
	} else {
		err = checkJSON(e.Data)
	}
	if err != nil {
		return err.(*Error)
	}
	return checkRequired(e)
}

func checkRequired(e *Event) *Error {
	family, verb := SplitType(e.Type)
	for _, path := range required[family+"."+verb] {
		if *e.Facets.list()[slices.Index(facetPaths[:], path)] == "" {
			return Errorf(CodeInvalid, "", "add it to data as a non-empty string", "data.%s is missing, %s.%s cannot do without", path, family, verb)
		}
	}
	return checkDated(e, family+"."+verb)
}

// checkDated requires a moment where one is meant.
func checkDated(e *Event, typ string) *Error {
	path, ok := dated[typ]
	if !ok {
		return nil
	}
	text := *e.Facets.list()[slices.Index(facetPaths[:], path)]
	if _, err := ParseTime(text); text != "" && err != nil {
		return Errorf(CodeInvalid, "", "send it as RFC 3339, as 2010-04-08T00:00:00Z", "data.%s: %.80q is not a time", path, text)
	}
	return nil
}

// IsJSON reports whether a content type is JSON: absent, application/json, text/json or any +json.
func IsJSON(contentType string) bool {
	if contentType == "" || contentType == "application/json" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || media == "text/json" || strings.HasSuffix(media, "+json"))
}
