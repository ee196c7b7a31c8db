package brief

import (
	"fmt"
	"slices"
	"strings"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
)

// judge compares neighbours.
func (s *snapper) judge(o Options) {
	out := &s.out
	for _, list := range []*[]string{&out.Missing, &out.LeftOut, &out.Cut, &out.Added, &out.Late, &out.NeverViewed, &out.ViewedNotUsed, &out.UsedWithoutView} {
		*list = []string{}
	}
	out.Late = append(out.Late, trueNames(s.late)...)
	if out.Offered != nil {
		s.beforeOffer(o)
	}
	given := out.Offered
	if d := out.Delivered; d != nil {
		if out.Offered != nil && !d.Assumed {
			out.Cut = minus(s.offered, d.Fields)
			out.Added = minus(d.Fields, s.offered)
		}
		given = d
	}
	if v := out.Viewed; v != nil && given != nil {
		out.NeverViewed = minus(given.Fields, v.Fields)
	}
	if u := out.Used; u != nil {
		var viewed []string
		if out.Viewed != nil {
			viewed = out.Viewed.Fields
			out.ViewedNotUsed = minus(viewed, u.Fields)
		}
		out.UsedWithoutView = minus(u.Fields, viewed)
	}
	out.Lost, out.Words = s.words()
}

// beforeOffer finds what the offer lacks: known fields that were left out, and mandatory ones that nobody knew.
func (s *snapper) beforeOffer(o Options) {
	known := trueNames(s.before)
	c := s.contract(o)
	if c == nil {
		s.out.LeftOut = minus(known, s.offered)
		return
	}
	variant := ""
	if o.Variant != nil {
		variant = o.Variant(c, &s.event)
	}
	s.out.Contract = reference(c, variant)
	for _, f := range Effective(c, variant) {
		switch {
		case slices.Contains(s.offered, f.Name):
		case slices.Contains(known, f.Name):
			s.out.LeftOut = append(s.out.LeftOut, f.Name)
		case f.Class == contract.Mandatory:
			s.out.Missing = append(s.out.Missing, f.Name)
		}
	}
	slices.Sort(s.out.LeftOut)
	slices.Sort(s.out.Missing)
}

// contract is the version that the offer follows, else that of the point: the sender is held to what it agreed to, and not to a later version.
func (s *snapper) contract(o Options) *contract.Contract {
	if o.Contracts == nil {
		return nil
	}
	return o.Contracts(s.out.Schema, s.out.Point)
}

// words says where the context was lost, and where the most of it.
func (s *snapper) words() (lost string, lines []string) {
	out := &s.out
	say := func(list []string, one, many string) {
		if len(list) > 0 {
			verb := many
			if len(list) == 1 {
				verb = one
			}
			lines = append(lines, fmt.Sprintf("%d %s: %s.", len(list), verb, strings.Join(list, ", ")))
		}
	}
	lines = []string{}
	say(out.Missing, "mandatory field was known to nobody", "mandatory fields were known to nobody")
	if out.Contract != nil {
		say(out.LeftOut, "field was known before the offer, and the sender left it out", "fields were known before the offer, and the sender left them out")
	} else {
		say(out.LeftOut, "field was known before the offer and is not in it; no contract says that it should be", "fields were known before the offer and are not in it; no contract says that they should be")
	}
	say(out.Cut, "field was offered and not delivered", "fields were offered and not delivered")
	say(out.Added, "field was added between offer and delivery", "fields were added between offer and delivery")
	say(out.Late, "field came after the handoff was accepted, and was not known then", "fields came after the handoff was accepted, and were not known then")
	say(out.NeverViewed, "field was delivered and never opened", "fields were delivered and never opened")
	say(out.ViewedNotUsed, "field was opened and not used", "fields were opened and not used")
	say(out.UsedWithoutView, "field was used without having been opened", "fields were used without having been opened")
	switch {
	case out.Offered == nil:
		lines = append(lines, "The offer is not in the ledger.")
	case out.Delivered == nil:
		lines = append(lines, "Nobody recorded a delivery: what was offered is taken as given.")
	case out.Delivered.Assumed:
		lines = append(lines, "The delivery names no fields: all that was offered is taken as delivered.")
	}
	if out.Offered != nil && out.Viewed == nil && out.State != ledger.Offered {
		lines = append(lines, "Nobody recorded what the receiver opened.")
	}
	before, most := len(out.Missing)+len(out.LeftOut), 0
	if out.Contract == nil {
		before = 0 // nobody agreed to pass it
	}
	for _, at := range []struct {
		where string
		n     int
	}{{"before offer", before}, {"delivery", len(out.Cut)}, {"viewing", len(out.NeverViewed)}} {
		if at.n > most {
			lost, most = at.where, at.n
		}
	}
	return lost, lines
}
