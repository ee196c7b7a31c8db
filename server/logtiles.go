package server

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
)

// logTiles serves the ledger as a transparency log in the layout of C2SP tlog-tiles, so that anybody's tools can read and check it: the
// newest signed checkpoint, the tiles of hashes, and the leaves, which hold no personal data.
func (s *Server) logTiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /log/checkpoint", func(w http.ResponseWriter, r *http.Request) {
		cp, err := s.published(r.Context())
		if err != nil {
			refuseLog(w, err)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = io.WriteString(w, cp.Note) // a client that has gone needs no answer
	})
	mux.HandleFunc("GET /log/tile/", func(w http.ResponseWriter, r *http.Request) {
		tile, b, err := s.tile(r.Context(), strings.TrimPrefix(r.URL.Path, "/log/"))
		if err != nil {
			refuseLog(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		if tile.Whole() {
			w.Header().Set("Cache-Control", "max-age=31536000, immutable")
		} else {
			w.Header().Set("Cache-Control", "no-cache") // the whole one takes its place
		}
		_, _ = w.Write(b)
	})
}

// published is the newest checkpoint that was written outside the ledger too.
func (s *Server) published(ctx context.Context) (notary.Checkpoint, error) {
	if s.opts.Latest == nil || s.opts.Tile == nil {
		return notary.Checkpoint{}, errNotServed
	}
	cp := s.opts.Latest()
	if cp.Note == "" {
		return cp, ledger.Errorf(ledger.CodeNotFound, "read checkpoint", "ask again in a second", "there is no checkpoint yet")
	}
	return cp, nil
}

// tile reads a tile that the published checkpoint covers. What is past it may be there already, but nobody has signed for it.
func (s *Server) tile(ctx context.Context, path string) (notary.Tile, []byte, error) {
	t, err := notary.ParseTilePath(path)
	if err != nil {
		return t, nil, err
	}
	cp, err := s.published(ctx)
	if err != nil {
		return t, nil, err
	}
	if !t.Within(cp.Size) {
		return t, nil, ledger.Errorf(ledger.CodeNotFound, "read tile", "ask for tiles of the tree in /log/checkpoint",
			"%s is past the end of the tree, which has %d leaves", path, cp.Size)
	}
	b, err := s.opts.Tile(ctx, t)
	return t, b, err
}

func refuseLog(w http.ResponseWriter, err error) { refuse(w, ProblemOf(err).Status, err) }
