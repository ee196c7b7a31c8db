package server

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/replay"
)

// selection says which events a tail is about: those that everything given here admits.
type selection struct {
	streams []string // of these; none is all
	types   []string
	point   string // that the event's own data names, as ledger.Point spells it
	filter  *replay.Filter
}

// newSelection refuses what nothing can match: waiting for it would look like silence.
func newSelection(stream, journey string, types []string, point, filter string) (sel selection, err error) {
	refuse := func(hint, format string, args ...any) (selection, error) {
		return selection{}, ledger.Errorf(ledger.CodeInvalid, "tail", hint, format, args...)
	}
	switch {
	case stream != "" && journey != "":
		return refuse("give one of them", "stream and journey are both given")
	case stream != "":
		sel.streams = []string{stream}
	case journey != "":
		sel.streams = []string{ledger.JourneyStream(journey), ledger.OverlayStream(journey)}
	}
	for _, t := range types {
		if family, verb := ledger.SplitType(t); strings.HasPrefix(t, ledger.TypePrefix) && !slices.Contains(ledger.Verbs(family), verb) {
			return refuse("spell it as "+ledger.Type("handoff", "offered"), "type: Baton has no type %.120q", t)
		}
	}
	if point != "" && !(strings.Contains(point, ">") && strings.Contains(point, "@")) {
		return refuse("spell it sender>receiver@channel, as /v1/points does", "point: %.120q is none", point)
	}
	sel.types, sel.point = types, point
	if filter != "" {
		sel.filter, err = replay.CompileFilter(filter)
	}
	return sel, err
}

func (s *selection) match(ctx context.Context, r *ledger.Recorded) (bool, error) {
	if len(s.streams) > 0 && !slices.Contains(s.streams, r.Stream) || len(s.types) > 0 && !slices.Contains(s.types, r.Type) {
		return false, nil
	}
	if f := &r.Facets; s.point != "" && (f.Sender == "" || f.Receiver == "" || ledger.Point(f.Sender, f.Receiver, f.Channel) != s.point) {
		return false, nil
	}
	if s.filter != nil {
		return s.filter.Match(ctx, r)
	}
	return true, nil
}

// past reads the events of the selected streams after a position, up to another, by position: the rest of the ledger is not touched.
// seen is the last revision of each stream that need not be read again.
func (s *selection) past(ctx context.Context, src ledger.Reader, after, to uint64, seen map[string]uint64) iter.Seq2[ledger.Recorded, error] {
	var merged iter.Seq2[ledger.Recorded, error]
	for _, stream := range s.streams {
		one := src.ReadStream(ctx, stream, ledger.ReadOptions{From: seen[stream] + 1})
		if merged != nil {
			one = replay.Merge(merged, one)
		}
		merged = one
	}
	return func(yield func(ledger.Recorded, error) bool) {
		for r, err := range merged {
			switch {
			case err == nil && r.Position > to:
				return
			case err != nil || r.Position > after:
				if !yield(r, err) {
					return
				}
			}
		}
	}
}
