package backup_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/backup"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// made is a finished backup whose table is linked from a file elsewhere, as an engine does it.
func made(t *testing.T) (dir, linked string, m backup.Manifest) {
	t.Helper()
	folder := t.TempDir()
	dir, linked = filepath.Join(folder, "B"), filepath.Join(folder, "D", "ledger", "1.sst")
	write(t, linked, "a table")
	if err := backup.Begin(dir, filepath.Join(folder, "D")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "checkpoint"), "a note")
	write(t, filepath.Join(dir, "keys", "tag.key"), "a secret")
	write(t, filepath.Join(dir, "ledger", "LOCK"), "")
	if err := os.Link(linked, filepath.Join(dir, "ledger", "1.sst")); err != nil {
		t.Fatal(err)
	}
	files, err := backup.Own(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Read(dir); ledger.CodeOf(err) != ledger.CodeCorrupt || !backup.Is(dir) {
		t.Errorf("before its end: %v", err)
	}
	if err := backup.Finish(dir, backup.Manifest{Position: 7, Files: files}); err != nil {
		t.Fatal(err)
	}
	if m, err = backup.Read(dir); err != nil {
		t.Fatal(err)
	}
	return dir, linked, m
}

// TestBackupStandsAlone: what is written to the ledger's files afterwards does not reach the backup.
func TestBackupStandsAlone(t *testing.T) {
	dir, linked, m := made(t)
	var paths []string
	for _, f := range m.Files {
		paths = append(paths, f.Path)
	}
	if got := strings.Join(paths, " "); got != "checkpoint keys/tag.key ledger/1.sst" || m.Bytes() != int64(len("a note"+"a secret"+"a table")) {
		t.Errorf("files %s, %d bytes", got, m.Bytes())
	}
	f, err := os.OpenFile(linked, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("changed")
	f.Close()
	if bad, err := backup.Check(t.Context(), dir, m, nil); err != nil || len(bad) > 0 {
		t.Errorf("%v, %v", bad, err)
	}
	if err := backup.Abandon(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Read(dir); err != nil {
		t.Errorf("a finished backup was abandoned: %v", err)
	}
}

// TestEachChangeIsFound, in every file, and names the file; what is copied is never worse than what was checked.
func TestEachChangeIsFound(t *testing.T) {
	for _, path := range []string{"checkpoint", "keys/tag.key", "ledger/1.sst"} {
		for name, change := range map[string]func(file string) error{
			"changed": func(file string) error { return os.WriteFile(file, []byte("a tabel"), 0o600) },
			"longer":  func(file string) error { return os.WriteFile(file, []byte("a table and more"), 0o600) },
			"gone":    os.Remove,
		} {
			dir, _, m := made(t)
			if err := change(filepath.Join(dir, path)); err != nil {
				t.Fatal(err)
			}
			bad, err := backup.Check(t.Context(), dir, m, nil)
			if err != nil || len(bad) != 1 || !strings.Contains(bad[0].Error(), path) {
				t.Errorf("%s %s: %v, %v", path, name, bad, err)
			}
			err = backup.CopyTo(t.Context(), dir, m, filepath.Join(t.TempDir(), "R"), func(string) bool { return true }, nil)
			if ledger.CodeOf(err) != ledger.CodeCorrupt || !strings.Contains(err.Error(), path) {
				t.Errorf("%s %s: copied with %v", path, name, err)
			}
		}
	}
}

// TestWhereBackupsMayNotGo names the folder and the reason.
func TestWhereBackupsMayNotGo(t *testing.T) {
	folder := t.TempDir()
	data := filepath.Join(folder, "D")
	write(t, filepath.Join(data, "checkpoint"), "x")
	write(t, filepath.Join(folder, "full", "x"), "x")
	write(t, filepath.Join(folder, "file"), "x")
	if err := os.Symlink(data, filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		"B":                               "not absolute",
		data:                              "lie in each other",
		filepath.Join(data, "a", "b"):     "lie in each other",
		filepath.Join(folder, "link/new"): "lie in each other",
		folder:                            "lie in each other",
		filepath.Join(folder, "full"):     "not empty",
		filepath.Join(folder, "file"):     "empty or does not exist",
	} {
		err := backup.Begin(dir, data)
		if ledger.CodeOf(err) != ledger.CodeInvalid || !strings.Contains(err.Error()+ledger.HintOf(err), want) {
			t.Errorf("%s: %v, want %q", dir, err, want)
		}
	}
	if err := backup.Begin(filepath.Join(folder, "D2"), data); err != nil { // a name that only begins like the data directory's
		t.Error(err)
	}
}

// TestManifestCannotLeadElsewhere: its paths stay below the backup.
func TestManifestCannotLeadElsewhere(t *testing.T) {
	for _, path := range []string{"../x", "/etc/hostname", "ledger/../../x", ""} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, backup.ManifestFile), `{"format":1,"files":[{"path":"`+path+`","size":1,"sha256":"`+strings.Repeat("01", 32)+`"}]}`)
		if _, err := backup.Read(dir); ledger.CodeOf(err) != ledger.CodeCorrupt {
			t.Errorf("%q: %v", path, err)
		}
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, backup.ManifestFile), `{"format":1,"files":[{"path":"checkpoint","size":1}]}`)
	if _, err := backup.Read(dir); ledger.CodeOf(err) != ledger.CodeCorrupt {
		t.Errorf("a file without a digest: %v", err)
	}
	write(t, filepath.Join(dir, backup.ManifestFile), `{"format":2}`)
	if _, err := backup.Read(dir); ledger.CodeOf(err) != ledger.CodeUnsupported {
		t.Errorf("format 2: %v", err)
	}
	if _, err := backup.Read(t.TempDir()); ledger.CodeOf(err) != ledger.CodeNotFound {
		t.Errorf("no backup: %v", err)
	}
}
