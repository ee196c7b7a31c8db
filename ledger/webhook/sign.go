package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

const secretPrefix = "whsec_"

// parseSecrets decodes the secrets of an endpoint. No error quotes one.
func parseSecrets(secrets []string) ([][]byte, error) {
	const hint = "make one with: echo whsec_$(openssl rand -base64 32)"
	if len(secrets) == 0 {
		return nil, ledger.Errorf(ledger.CodeInvalid, "", hint, "there is no secret to sign with")
	}
	keys := make([][]byte, len(secrets))
	for i, s := range secrets {
		coded, ok := strings.CutPrefix(strings.TrimSpace(s), secretPrefix)
		key, err := base64.StdEncoding.DecodeString(coded)
		if !ok || err != nil || len(key) < 24 || len(key) > 64 {
			return nil, ledger.Errorf(ledger.CodeInvalid, "", hint, "secret %d is not whsec_ and the base64 of 24 to 64 bytes", i+1)
		}
		keys[i] = key
	}
	return keys, nil
}

// sign sets the three headers of Standard Webhooks: one signature for each key.
func sign(h http.Header, keys [][]byte, id string, at time.Time, body []byte) {
	seconds := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.", id, seconds)
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", seconds)
	h.Set("Webhook-Signature", strings.Join(signatures, " "))
}
