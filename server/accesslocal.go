package server

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// OpenLocal makes the key that commands of this machine use while a server holds the ledger: an operator's, new at every start, readable by
// the owner of the data directory alone.
func (k *Keyring) OpenLocal() error {
	path := filepath.Join(k.dir, localTokenFile)
	token := keyPrefix + rand.Text() + rand.Text()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return keyringError(err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // whatever it was, and whoever may read it
		return keyringError(err)
	}
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return keyringError(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.local = sha256.Sum256([]byte(token))
	return nil
}

// CloseLocal ends what OpenLocal began.
func (k *Keyring) CloseLocal() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.local = ledger.Hash{}
	return keyringError(os.Remove(filepath.Join(k.dir, localTokenFile)))
}

// LocalToken is the key that the server of a data directory made for commands of this machine, "" where there is none that we may read.
func LocalToken(dir string) string {
	b, _ := os.ReadFile(filepath.Join(dir, localTokenFile)) // without it the server says what it asks for
	return strings.TrimSpace(string(b))
}
