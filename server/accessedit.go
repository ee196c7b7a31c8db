package server

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/baton-ledger/baton/ledger"
)

// Add makes a key and returns it, for the one time that it can be seen. A zero expires is never. A name may have several keys of one role, so
// that a new one can be handed out before the old one is revoked: retries of what the old one sent stay retries.
func (k *Keyring) Add(name string, role Role, expires time.Time) (key string, stored APIKey, err error) {
	now := time.Now().UTC().Truncate(time.Second)
	if err := checkKeyName(name); err != nil {
		return "", APIKey{}, err
	}
	if !expires.IsZero() && !now.Before(expires) {
		return "", APIKey{}, ledger.Errorf(ledger.CodeInvalid, "add key", "name a time to come", "expires is %s, which has passed", expires.Format(time.RFC3339))
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return "", APIKey{}, err
	}
	key = keyPrefix + base64.RawURLEncoding.EncodeToString(secret)
	s := storedKey{APIKey{Name: name, Role: role, Created: now, Expires: expires}, sha256.Sum256([]byte(key))}
	s.ID = s.Digest.String()[:8]
	err = k.change(func(keys []storedKey) ([]storedKey, error) {
		for i := range keys {
			if keys[i].Name == name && keys[i].Role != role {
				return nil, ledger.Errorf(ledger.CodeInvalid, "add key", "give it another name, or revoke that one first", "%s is a %s already", name, keys[i].Role)
			}
		}
		return append(keys, s), nil
	})
	return key, s.APIKey, err
}

// checkKeyName keeps names to what an actor may be, and to what reads well in a list.
func checkKeyName(name string) error {
	bad := func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }
	if name == "" || len(name) > ledger.MaxID/2 || strings.ContainsFunc(name, bad) {
		return ledger.Errorf(ledger.CodeInvalid, "add key", "name who will use it, as crm or desk@example.org",
			"the name %.140q is empty, has spaces or is too long", name)
	}
	return nil
}

// Revoke removes the key with that id, else all keys of that name, and returns them.
func (k *Keyring) Revoke(which string) (gone []APIKey, err error) {
	err = k.change(func(keys []storedKey) ([]storedKey, error) {
		for _, field := range []func(*storedKey) string{func(s *storedKey) string { return s.ID }, func(s *storedKey) string { return s.Name }} {
			rest := make([]storedKey, 0, len(keys))
			for i := range keys {
				if field(&keys[i]) == which {
					gone = append(gone, keys[i].APIKey)
				} else {
					rest = append(rest, keys[i])
				}
			}
			if len(gone) > 0 {
				return rest, nil
			}
		}
		return nil, ledger.Errorf(ledger.CodeNotFound, "revoke key", "list them with `baton keys list`", "there is no key %.140q", which)
	})
	return gone, err
}

// change writes what edit makes of the keys, whole or not at all. The file that is written first also keeps two changes apart.
func (k *Keyring) change(edit func([]storedKey) ([]storedKey, error)) (err error) {
	path := filepath.Join(k.dir, apiKeysFile)
	next := path + ".new"
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return keyringError(err)
	}
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return ledger.Errorf(ledger.CodeLocked, "change API keys", "try again; if no other command runs, remove "+next, "another command changes the keys")
	} else if err != nil {
		return keyringError(err)
	}
	defer func() {
		if err != nil {
			os.Remove(next)
		}
	}()
	defer f.Close()
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.refresh(); err != nil {
		return err
	}
	keys, err := edit(append([]storedKey{}, k.keys...))
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(map[string][]storedKey{"keys": keys}, "", "  ")
	if err != nil {
		return err
	}
	if _, err = f.Write(append(text, '\n')); err == nil {
		err = f.Sync() // a key that was revoked must not come back with the power
	}
	if err == nil {
		err = os.Rename(next, path)
	}
	return keyringError(errors.Join(err, syncDir(filepath.Dir(path))))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func keyringError(err error) error {
	if err == nil {
		return nil
	}
	return &ledger.Error{Code: ledger.CodeUnavailable, Op: "keep API keys", Err: err, Hint: "check that the data directory can be written"}
}
