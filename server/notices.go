package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// noticed is the answer to a way in: what was recorded, and what contracts say of it.
type noticed[T any] struct {
	Status      int
	Deprecation string `header:"Deprecation" doc:"the version that an offer follows is deprecated, since then (RFC 9745)"`
	Sunset      string `header:"Sunset" doc:"and will be retired then (RFC 8594)"`
	Body        T
}

// replyNoticed answers 200, or 202 where a batch went to quarantine: it is kept, and its journey knows nothing of it yet.
func replyNoticed[T any](v T, err error, notices []ledger.Notice, receipts []ledger.Receipt) (*noticed[T], error) {
	if err != nil {
		return nil, fail(err)
	}
	out := &noticed[T]{Status: http.StatusOK, Body: v}
	for i := range receipts {
		if category, _ := ledger.SplitStream(receipts[i].Stream); category == ledger.CategoryQuarantine && len(notices) > 0 {
			out.Status = http.StatusAccepted
		}
	}
	var since, sunset time.Time // the earliest of both: who reads one header is to know the worst
	for i := range notices {
		since, sunset = earlier(since, notices[i].Deprecated), earlier(sunset, notices[i].Sunset)
	}
	if !since.IsZero() {
		out.Deprecation = "@" + strconv.FormatInt(since.Unix(), 10)
	}
	if !sunset.IsZero() {
		out.Sunset = sunset.UTC().Format(http.TimeFormat)
	}
	return out, nil
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
