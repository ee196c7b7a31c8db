package registry

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/baton-ledger/baton/ledger"
)

// CopyFiles copies the models' files of a folder into another, each whole or not at all; files of the same name hold the same. A folder that is not there has none.
func CopyFiles(from, to string) error {
	names, err := filepath.Glob(filepath.Join(from, "*.model"))
	if err != nil {
		return ledger.Errorf(ledger.CodeInternal, "copy models", "", "%w", err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // somebody tidies up meanwhile
		}
		if err != nil {
			return ledger.Errorf(ledger.CodeUnavailable, "copy models", "see that the folder can be read", "%w", err)
		}
		if _, err := Save(to, Registered{File: filepath.Base(name)}, b); err != nil {
			return err
		}
	}
	return nil
}
