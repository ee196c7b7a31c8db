package brief

import (
	"crypto/sha256"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/contract"
	"github.com/baton-ledger/baton/replay"
)

// keyInsight takes the newest offer's, or makes one: contextual and predictive briefs have one. What a sender wrote for the receiver is not for the
// customer.
func (a *assembly) keyInsight() {
	limit := InsightLength
	if a.target != nil && a.target.KeyInsight != nil && a.target.KeyInsight.Max > 0 {
		limit = a.target.KeyInsight.Max
	}
	switch {
	case a.b.Style == Stateless:
		return
	case a.insight != nil && !a.o.Customer:
		a.insight.Text, a.insight.Cut = cut(strings.TrimSpace(a.insight.Text), limit)
		a.b.Insight = a.insight
		return
	case a.b.Tier == Minimal:
		return
	}
	a.b.Insight = made(a.b.Fields, limit)
}

// made joins the most important fields, as many as there is room for: mandatory ones first, then optional and undeclared ones, each in the brief's order.
// Predictions are no facts, and stay out.
func made(fields []Field, limit int) *Insight {
	out := &Insight{Made: true}
	room := limit
	for _, wanted := range []func(Field) bool{
		func(f Field) bool { return f.Class == string(contract.Mandatory) },
		func(f Field) bool { return f.Class == string(contract.Optional) },
		func(f Field) bool { return f.Class == classAttribute },
	} {
		for i := range fields {
			f := &fields[i]
			text, ok := plainValue(f.Value)
			if !wanted(*f) || !ok {
				continue
			}
			label := f.Title
			if label == "" {
				label = strings.NewReplacer("_", " ", "-", " ", ".", " ").Replace(f.Name)
			}
			part := label + " " + text
			if out.Text != "" {
				part = "; " + part
			}
			if n := utf8.RuneCountInString(part); n <= room {
				out.Text, out.Fields, room = out.Text+part, append(out.Fields, f.Name), room-n
			}
		}
	}
	if out.Text == "" {
		return nil
	}
	return out
}

// plainValue is a value as people say it; ok is false for objects, lists and long texts, which belong into the side panel.
func plainValue(raw json.RawMessage) (text string, ok bool) {
	if len(raw) == 0 || raw[0] == '{' || raw[0] == '[' {
		return "", false
	}
	if raw[0] == '"' {
		if json.Unmarshal(raw, &text) != nil {
			return "", false
		}
		text = strings.Join(strings.Fields(text), " ")
		return text, text != "" && utf8.RuneCountInString(text) <= 80
	}
	switch string(raw) {
	case "true":
		return "yes", true
	case "false":
		return "no", true
	}
	return string(raw), true
}

// cut shortens a text to a number of letters.
func cut(text string, letters int) (string, bool) {
	if utf8.RuneCountInString(text) <= letters {
		return text, false
	}
	runes := []rune(text)
	return strings.TrimRight(string(runes[:letters-1]), " ") + "…", true
}

// canonicalEnvelope is an envelope as JSON in one spelling.
func canonicalEnvelope(e contract.Envelope) []byte {
	text, err := json.Marshal(e)
	if err != nil { // a raw value that is not JSON; values were read out of JSON
		return nil
	}
	return replay.Canonical(text)
}

func hash(text []byte) ledger.Hash { return sha256.Sum256(text) }

func itoa(n int) string { return strconv.Itoa(n) }

// channelOf is the channel of a point, in clear.
func channelOf(point string) (channel string, ok bool) {
	i := strings.LastIndexByte(point, '@')
	if i < 0 {
		return "", false
	}
	channel, err := url.PathUnescape(point[i+1:])
	return channel, err == nil
}
