package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Violation is one way in which an event breaks the contract it follows.
type Violation struct {
	Type    string `json:"type"`            // one of the types below
	Path    string `json:"path"`            // JSON Pointer (RFC 6901) into the event's data, "" for all of it
	Field   string `json:"field,omitempty"` // of the contract
	Message string `json:"message"`         // what is wrong and how to mend it, without the value itself
}

// The types of violations, as Segment Protocols and others name them.
const (
	UnplannedEvent       = "Unplanned-Event"       // it names a contract or version that is not there, or is over
	RequiredMissing      = "Required-Missing"      // a mandatory field is absent or null
	DatatypeMismatch     = "Datatype-Mismatch"     // a value breaks its field's schema
	AdditionalProperties = "Additional-Properties" // a field that the version does not declare, or not in that class
	UnknownViolation     = "Unknown-Violation"     // anything else, as a guard that cannot be evaluated
)

// Notice is what the intake found about an event and its contract. Senders are told of it in the answer unless the mode is observe.
type Notice struct {
	Event      string      `json:"event"` // its id
	Source     string      `json:"source,omitempty"`
	Contract   string      `json:"contract"`
	Version    int         `json:"version"`
	Variant    string      `json:"variant,omitempty"`
	Mode       string      `json:"mode"` // observe, warn, quarantine, reject
	Violations []Violation `json:"violations,omitempty"`
	Deprecated time.Time   `json:"deprecated_at,omitzero"` // the version is: follow Successor
	Sunset     time.Time   `json:"sunset,omitzero"`
	Successor  int         `json:"successor,omitempty"`
}

// Broken is the cause of a CodeViolation: contracts that refuse what breaks them.
type Broken struct{ Notices []Notice }

func (b *Broken) Error() string {
	var text strings.Builder
	for _, n := range b.Notices {
		for i, v := range n.Violations {
			switch {
			case i == 5:
				fmt.Fprintf(&text, "; and %d more", len(n.Violations)-i)
			case i < 5 && text.Len() > 0:
				text.WriteString("; ")
			}
			if i < 5 {
				fmt.Fprintf(&text, "%s at %s: %s", v.Type, v.Path, v.Message)
			}
		}
	}
	if len(b.Notices) == 0 {
		return "the event breaks its contract"
	}
	n := b.Notices[0]
	return fmt.Sprintf("event %.80q breaks contract %s version %d: %s", n.Event, n.Contract, n.Version, text.String())
}

// Shortened is an id, with a digest in the place of one that is too long for an event.
func Shortened(id string) string {
	if len(id) <= MaxID {
		return id
	}
	prefix, _, _ := strings.Cut(id, "/")
	sum := sha256.Sum256([]byte(id))
	return prefix + "/sha256:" + hex.EncodeToString(sum[:])
}
