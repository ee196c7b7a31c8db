package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
)

// KindExternal is the kind of models that another program answers for. They have no file.
const KindExternal = "external"

// External declares a scorer of another program.
type External struct {
	Subject    string   `json:"subject"`           // of NATS, where it answers
	Version    string   `json:"version,omitempty"` // its own name for what it runs
	Activities []string `json:"activities"`        // that features count one by one
}

// Declare makes the data of an external model's event, without its version. Its hash is the SHA-256 of the declaration: name, target, words, moments, version of
// the features, subject, the scorer's version and activities. Errors are CodeInvalid.
func Declare(name, target, says string, moments []string, e External) (m Registered, err error) {
	if err := CheckName(name); err != nil {
		return m, err
	}
	if !plainSubject(e.Subject) {
		return m, ledger.Errorf(ledger.CodeInvalid, "register model", "give words between dots, as baton.score.again, without * and >", "%.100q is no NATS subject to ask at", e.Subject)
	}
	if target == "" || says == "" {
		return m, ledger.Errorf(ledger.CodeInvalid, "register model", "say what has the probability, as --says 'the customer leaves'", "target and says must not be empty")
	}
	if e.Activities == nil {
		e.Activities = []string{}
	}
	m = Registered{Name: name, Kind: KindExternal, Target: target, Says: says, Learner: KindExternal, Setting: e.Subject, Features: features.Version, Moments: moments, External: &e}
	b, err := json.Marshal(struct {
		Name, Target, Says string
		Moments            []string
		Features           int
		External           External
	}{name, target, says, moments, features.Version, e})
	if err != nil {
		return m, ledger.Errorf(ledger.CodeInternal, "register model", "", "%w", err)
	}
	sum := sha256.Sum256(b)
	m.Hash = hex.EncodeToString(sum[:])
	return m, nil
}

func plainSubject(s string) bool {
	for _, word := range strings.Split(s, ".") {
		if word == "" || strings.ContainsAny(word, "*> \t\r\n") {
			return false
		}
	}
	return len(s) <= 256
}
