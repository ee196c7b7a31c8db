package server_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
)

// TestPagesHaveNoGaps reads every list in small pages while more is appended between them: what was there at the beginning comes once, in every
// order that the list offers.
func TestPagesHaveNoGaps(t *testing.T) {
	for _, list := range []struct{ path, rows, name string }{
		{"/v1/journeys", "items", "journey.id"},
		{"/v1/journeys?newest=true", "items", "journey.id"},
		{"/v1/journeys?stage=desk-1", "items", "journey.id"},
		{"/v1/journeys?anomaly=zombie", "items", "journey.id"},
		{"/v1/journeys?prefix=J0", "items", "journey.id"},
		{"/v1/handoffs", "items", "id"},
		{"/v1/handoffs?newest=true", "items", "id"},
		{"/v1/handoffs?order=open", "items", "id"},
		{"/v1/handoffs?order=wait", "items", "id"},
		{"/v1/handoffs?state=accepted", "items", "id"},
		{"/v1/journeys/J00/timeline", "items", "position"},
		{"/v1/points", "rows", "point"},
		{"/v1/reports/network?level=offered", "rows", "from+to"},
	} {
		t.Run(strings.ReplaceAll(list.path, "/", "."), func(t *testing.T) {
			t.Parallel()
			s, c, models, _ := serve(t)
			ctx := t.Context()
			n := 0
			add := func(times int) { // each: a handoff that is accepted, one that is not, and a zombie; in an old journey, and in a new one before and after it
				for range times {
					for _, journey := range []string{"J00", fmt.Sprintf("J%02d", n), fmt.Sprintf("I%02d", n), fmt.Sprintf("Z%02d", n)} {
						a, b := ledger.Party{Stage: fmt.Sprintf("bot-%d", n)}, ledger.Party{Stage: fmt.Sprintf("desk-%d", n%2)}
						id := fmt.Sprintf("%s-%d", journey, n)
						for _, h := range []ledger.HandoffCall{{ID: id, From: a, To: b}, {ID: id + "-open", From: b, To: ledger.Party{Stage: a.Stage + "-again"}, OfferOnly: true}} {
							h.Journey, h.Channel = journey, "chat"
							if _, err := c.HandOff(ctx, h); err != nil {
								t.Error(err)
							}
						}
						if r := c.AppendAll(ctx, batch(ledger.Any, event(id+"-act", journey, fmt.Sprintf(`{"activity":"a","stage":"%s"}`, a.Stage))))[0]; r.Err != nil {
							t.Error(r.Err)
						}
					}
					n++
				}
				if err := models.CatchUp(ctx); err != nil {
					t.Error(err)
				}
			}
			add(5)
			separator := "?"
			if strings.Contains(list.path, "?") {
				separator = "&"
			}
			names := func(query string) (out []string, next string) {
				status, _, bodies := ask(t, s.URL+list.path+separator+query)
				if status != 200 {
					t.Fatalf("%s answers %d %v", query, status, bodies)
				}
				body := bodies[0].(map[string]any)
				for _, row := range body[list.rows].([]any) {
					out = append(out, field(row, list.name))
				}
				next, _ = body["next"].(string)
				return out, next
			}
			before, _ := names("limit=1000")
			if len(before) < 5 {
				t.Fatalf("only %v are listed", before)
			}
			seen, next := map[string]int{}, ""
			for pages := 0; pages == 0 || next != ""; pages++ {
				query := "limit=3"
				if next != "" {
					query += "&after=" + url.QueryEscape(next)
				}
				var page []string
				if page, next = names(query); len(page) > 3 {
					t.Fatalf("a page of %d", len(page))
				}
				for _, name := range page {
					seen[name]++
				}
				if pages < 5 {
					add(1)
				}
			}
			for name, times := range seen {
				if times > 1 {
					t.Errorf("%s comes %d times", name, times)
				}
			}
			for _, name := range before {
				if seen[name] == 0 {
					t.Errorf("%s was there and is skipped", name)
				}
			}
		})
	}
}

// field reads a.b of a row, or joins a and b for a+b.
func field(row any, name string) string {
	if a, b, two := strings.Cut(name, "+"); two {
		return field(row, a) + ">" + field(row, b)
	}
	for part := range strings.SplitSeq(name, ".") {
		row = row.(map[string]any)[part]
	}
	if n, ok := row.(json.Number); ok {
		return n.String()
	}
	return row.(string)
}
