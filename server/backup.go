package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger/backup"
)

// backups registers the online copy. A caller who goes away ends it, and its folder is empty again.
func (s *Server) backups(api huma.API) {
	huma.Register(api, operation("backup", http.MethodPost, "/v1/backup", "Copy the ledger into a folder of the server's machine, and verify the copy"),
		func(ctx context.Context, in *struct{ Body backup.Request }) (*answer[backup.Report], error) {
			if s.opts.Backup == nil {
				return nil, fail(errNotServed)
			}
			r, err := s.opts.Backup(ctx, in.Body)
			if err == nil {
				s.opts.Logger.Info("backup made", "dir", r.Dir, "position", r.Position, "keys", r.Keys, "seconds", r.Seconds)
			}
			return reply(r, err)
		})
}
