package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// APIKey is what is known of a key: never the key itself.
type APIKey struct {
	ID      string    `json:"id"`   // the first digits of its digest: tells keys of one name apart
	Name    string    `json:"name"` // who asks with it, and the actor of what it appends
	Role    Role      `json:"role"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
}

// Expired reports whether the key counts no more.
func (k *APIKey) Expired(now time.Time) bool { return !k.Expires.IsZero() && !now.Before(k.Expires) }

// storedKey is a key at rest. SHA-256 is enough: a slow hash protects secrets that can be guessed, and nobody guesses 32 random bytes.
type storedKey struct {
	APIKey
	Digest ledger.Hash `json:"sha256"`
}

// keyPrefix lets people and secret scanners see what a string is.
const keyPrefix = "bt_"

// Files below the data directory.
const (
	apiKeysFile    = "keys/api.json"
	localTokenFile = "keys/api.token"
)

// Keyring holds the API keys of a data directory, in keys/api.json. It sees what other processes change there at the next request.
//
// Without that file the ring is open: everybody is let in. From the first key on it is closed, and it stays so when the last key is revoked
// or expires, or the file goes or cannot be read while somebody holds the ring: what was closed never opens by accident.
//
// A Keyring is safe for concurrent use.
type Keyring struct {
	dir string

	mu     sync.Mutex
	closed bool        // there is a file, or there was one
	seen   os.FileInfo // the file that keys is from
	keys   []storedKey
	local  ledger.Hash // digest of the token that OpenLocal made; zero: none
	broken error       // why the file that is there now does not count
}

// OpenKeyring reads the keys of the data directory dir.
func OpenKeyring(dir string) (*Keyring, error) {
	k := &Keyring{dir: dir}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k, k.refresh()
}

// Keys lists the keys in the order they were made, expired ones included.
func (k *Keyring) Keys() ([]APIKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.refresh()
	list := make([]APIKey, len(k.keys))
	for i := range k.keys {
		list[i] = k.keys[i].APIKey
	}
	return list, err
}

// Open reports whether everybody is let in: no key was ever made.
func (k *Keyring) Open() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.refresh() == nil && !k.closed
}

// Usable counts the keys that are not expired.
func (k *Keyring) Usable() (n int) {
	keys, _ := k.Keys() // none that cannot be read
	for i := range keys {
		if !keys[i].Expired(time.Now()) {
			n++
		}
	}
	return n
}

// find gives the key that is presented. Digests are compared in constant time, every one of them: how long it takes says nothing of
// how much of a guess was right.
func (k *Keyring) find(presented string) (p Principal, known bool, err error) {
	digest := sha256.Sum256([]byte(presented))
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.local.IsZero() && subtle.ConstantTimeCompare(k.local[:], digest[:]) == 1 {
		return Principal{Role: Operator, local: true}, true, nil
	}
	if err := k.refresh(); err != nil {
		return Principal{}, false, err
	}
	now := time.Now()
	for i := range k.keys {
		key := &k.keys[i]
		if subtle.ConstantTimeCompare(key.Digest[:], digest[:]) == 1 && !key.Expired(now) {
			p, known = Principal{Name: key.Name, Role: key.Role, key: key.ID}, true
		}
	}
	return p, known, nil
}

// refresh reads the file if it is not the one that was read last.
func (k *Keyring) refresh() error {
	path := filepath.Join(k.dir, apiKeysFile)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !k.closed:
		return nil
	case err == nil && k.seen != nil && os.SameFile(info, k.seen) && info.ModTime().Equal(k.seen.ModTime()) && info.Size() == k.seen.Size() && info.Mode() == k.seen.Mode():
		return k.broken
	}
	k.closed, k.seen, k.keys, k.broken = true, nil, nil, nil
	if err == nil {
		k.keys, k.seen, err = readKeys(path)
	}
	if err != nil {
		k.broken = ledger.Errorf(ledger.CodeUnavailable, "read API keys",
			"put "+path+" right; without that file a server that starts asks for no keys", "%w", err)
	}
	return k.broken
}

// readKeys gives the file's information also where its content is of no use: it is not read again until it changes.
func readKeys(path string) (keys []storedKey, info os.FileInfo, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, info, fmt.Errorf("%s is open to others (mode %04o): chmod 600 it", path, mode)
	}
	text, err := io.ReadAll(f)
	if err == nil {
		err = json.Unmarshal(text, &struct {
			Keys *[]storedKey `json:"keys"`
		}{&keys})
	}
	for i := range keys {
		if err == nil && (keys[i].Digest.IsZero() || keys[i].Role == Unsaid || keys[i].Name == "") {
			err = fmt.Errorf("key %d of %s lacks its name, role or sha256", i+1, path)
		}
	}
	if err != nil {
		return nil, info, err
	}
	return keys, info, nil
}
