package client

import (
	"context"
	"encoding/json"

	"github.com/baton-ledger/baton/ledger/backup"
)

// Backup has the holder copy its ledger into a folder of its own machine.
func (c *Client) Backup(ctx context.Context, r backup.Request) (out backup.Report, err error) {
	body, err := json.Marshal(r)
	if err != nil {
		return out, err
	}
	return out, c.post(ctx, "/v1/backup", body, &out)
}
