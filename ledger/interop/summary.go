package interop

import (
	"fmt"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// Summary is the answer of an import. What the file says (journeys to never_accepted, and rows) is the same for every run; written,
// skipped and conflicts say what happened to the events in this one. Its JSON is a contract.
type Summary struct {
	Journeys      int64   `json:"journeys"`
	Events        int64   `json:"events"`         // of the log: its rows, or its CloudEvents
	Handoffs      int64   `json:"handoffs"`       // offered
	Pairs         int64   `json:"pairs"`          // distinct ordered pairs of stages among them
	NeverAccepted int64   `json:"never_accepted"` // of the handoffs, up to the end of the file
	Written       int64   `json:"written"`        // events that this run added to the ledger, those of handoffs and closes included
	Skipped       int64   `json:"skipped"`        // events that were there already, with the same content
	Rows          int64   `json:"rows"`
	Conflicts     int64   `json:"conflicts"` // events that were there with other content; nothing of their journeys was written
	Bytes         int64   `json:"bytes"`     // of the file, as it is on disk
	Seconds       float64 `json:"seconds"`
	Source        string  `json:"source"`
	Preset        string  `json:"preset"`
	Format        string  `json:"format"`

	ConflictList []Conflict `json:"conflict_list,omitempty"` // the first few
}

// Progress is what an import tells while it runs.
type Progress struct {
	Rows, Journeys    int64
	Written, Skipped  int64 // events of the ledger
	Bytes, TotalBytes int64 // of the file as it is on disk; TotalBytes is 0 where the size is not known
	Seconds           float64
	Rate              float64 // rows a second since the beginning
}

// conflictError tells the first few conflicts.
func (s *Summary) conflictError() error {
	if s.Conflicts == 0 {
		return nil
	}
	const told = 5
	lines := make([]string, 0, told)
	for i := range s.ConflictList[:min(told, len(s.ConflictList))] {
		lines = append(lines, s.ConflictList[i].String())
	}
	if more := s.Conflicts - int64(len(lines)); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return ledger.Errorf(ledger.CodeIDConflict, "import",
		"import the log it was first imported from, or say --source NAME where this is another producer's log, or --map prefix=… where its cases are other cases",
		"%d events differ from what source %q wrote before; nothing was written to their journeys, all others are in:\n  %s",
		s.Conflicts, s.Source, strings.Join(lines, "\n  "))
}
