package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// CheckResult is what one check of /readyz or of `baton doctor` found. Verdict is ok, warn or fail.
type CheckResult struct {
	Name    string `json:"name"`
	Verdict string `json:"verdict"`
	Found   string `json:"found"`
	Try     string `json:"try,omitempty"` // the next step
}

// Readiness is the body of /readyz; checks are for who has a key, where there are keys. Where the server is not ready it has status 503, and the members of a Problem stand beside it.
type Readiness struct {
	Ready  bool          `json:"ready"`
	Checks []CheckResult `json:"checks"`
}

// Ready asks whether the server is ready. That it is not is an answer, not an error.
func (c *Client) Ready(ctx context.Context) (out Readiness, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/readyz", nil)
	if err != nil {
		return out, err
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return out, unreachable(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
		return out, readProblem(resp)
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return out, unreachable(ctx, err)
	}
	return out, nil
}
