package ledger

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
