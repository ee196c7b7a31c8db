package enrich

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// Row is a line of a snapshot file: values that were computed before, and from when to when they hold.
type Row struct {
	Key       json.RawMessage            `json:"key"` // value of the source's key field, a text or a number
	ValidFrom time.Time                  `json:"valid_from"`
	ValidTo   time.Time                  `json:"valid_to"` // absent: until there is a newer row
	Values    map[string]json.RawMessage `json:"values"`
	Fields    map[string]Meta            `json:"fields"`
	Version   string                     `json:"version"`
}

// maxRow bounds a line of a snapshot file.
const maxRow = 1 << 20

// snapshots is a file in memory. A file that is replaced is read anew at the next question; while a new one cannot be read the old one counts.
type snapshots struct {
	path string

	mu   sync.Mutex
	info fs.FileInfo
	rows map[string][]Row // by key, in the file's order
}

// find gives the row that held for a key at a time: of several the one that begins last, of those the last in the file. text is what
// it was read from. ok is false where there is none.
func (s *snapshots) find(key json.RawMessage, at time.Time) (row Row, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.reload(); err != nil && s.rows == nil {
		return row, false, err
	}
	for _, r := range s.rows[keyText(key)] {
		if !at.Before(r.ValidFrom) && (r.ValidTo.IsZero() || at.Before(r.ValidTo)) && (!ok || !r.ValidFrom.Before(row.ValidFrom)) {
			row, ok = r, true
		}
	}
	return row, ok, nil
}

// keyText makes one text of a key, whether it was written as a text or as a number.
func keyText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// Check reads the file once, for `baton config check`.
func Check(path string) error { return (&snapshots{path: path}).reload() }

func (s *snapshots) reload() error {
	info, err := os.Stat(s.path)
	if err != nil {
		return unreadable(s.path, err)
	}
	if s.info != nil && os.SameFile(info, s.info) && info.ModTime().Equal(s.info.ModTime()) && info.Size() == s.info.Size() {
		return nil
	}
	f, err := os.Open(s.path)
	if err != nil {
		return unreadable(s.path, err)
	}
	defer f.Close()
	rows, lines := map[string][]Row{}, bufio.NewScanner(f)
	lines.Buffer(nil, maxRow)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var r Row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return ledger.Errorf(ledger.CodeInvalid, "snapshot", `write {"key":"ACC-1","valid_from":"…","values":{…}} on each line`, "%s, line %d: %w", s.path, n, err)
		}
		if len(r.Key) == 0 || r.Key[0] == '{' || r.Key[0] == '[' || r.Values == nil {
			return ledger.Errorf(ledger.CodeInvalid, "snapshot", "give each line a key, a text or a number, and values", "%s, line %d has no key or no values", s.path, n)
		}
		rows[keyText(r.Key)] = append(rows[keyText(r.Key)], r)
	}
	if err := lines.Err(); err != nil {
		return unreadable(s.path, err)
	}
	s.rows, s.info = rows, info
	return nil
}

func unreadable(path string, err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		err = p.Err
	}
	return ledger.Errorf(ledger.CodeUnavailable, "snapshot", "put the file there, or take the source out of the settings", "%s cannot be read: %w", path, err)
}

// answer takes from a row what was asked for.
func (r *Row) answer(fields []string) Answer {
	a := Answer{Values: map[string]json.RawMessage{}, Fields: map[string]Meta{}, Version: r.Version}
	for _, name := range fields {
		if v, ok := r.Values[name]; ok && string(v) != "null" {
			a.Values[name] = v
			m := r.Fields[name]
			if m.AssertedAt == nil && !r.ValidFrom.IsZero() {
				from := r.ValidFrom.UTC()
				m.AssertedAt = &from
			}
			a.Fields[name] = m
		}
	}
	return a
}
