package notary

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/baton-ledger/baton/ledger"
)

// PublicKey is the text of the public key in a data directory's keys folder, which LoadKeys and JoinKeys write.
func PublicKey(dir string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dir, keysDir, publicKey))
	return strings.TrimSpace(string(b)), keyError(err)
}

// JoinKeys gives a node the keys of a ledger that was founded elsewhere: the text of its public key and the tag key are known from there,
// and kept in the keys folder for later verification. The signer key is that of keyFile, or of the folder; without one Signer is nil,
// and this node takes over what others sign. A key that belongs to another ledger is refused: in keyFile always, in the folder
// if a checkpoint was signed here; one that never signed anything is set aside.
func JoinKeys(dir, keyFile, public string, tag []byte) (k Keys, err error) {
	if k.Verifier, err = note.NewVerifier(public); err != nil || len(tag) != tagBytes {
		return Keys{}, ledger.Errorf(ledger.CodeCorrupt, "join ledger", "find out who wrote the founding of the ledger", "its public key or tag key cannot be read: %v", err)
	}
	k.TagKey = tag
	folder := filepath.Join(dir, keysDir)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return Keys{}, keyError(err)
	}
	skey, err := signerOf(folder, keyFile)
	if err != nil {
		return Keys{}, err
	}
	_, signed := os.Lstat(filepath.Join(dir, CheckpointFile))
	used := signed == nil
	if skey != "" {
		vkey, err := verifierKey(skey)
		switch {
		case err != nil:
			return Keys{}, err
		case vkey == public:
			if k.Signer, err = note.NewSigner(skey); err != nil {
				return Keys{}, keyError(err)
			}
		case keyFile != "" || used:
			return Keys{}, ledger.Errorf(ledger.CodeInvalid, "join ledger", "give every node of a ledger the key that the first one was started with, or none",
				"the signer key here belongs to %s, this ledger's checkpoints are signed by %s", vkey, public)
		default:
			old := filepath.Join(folder, signerKey)
			if err := os.Rename(old, old+".unused"); err != nil {
				return Keys{}, keyError(err)
			}
		}
	}
	if err := keep(filepath.Join(folder, publicKey), public, 0o644, used); err != nil {
		return Keys{}, err
	}
	return k, keep(filepath.Join(folder, tagKey), hex.EncodeToString(tag), 0o600, used)
}

// signerOf reads the signer key of a key file, or else of a folder; "" where there is none.
func signerOf(folder, keyFile string) (string, error) {
	if keyFile != "" {
		skey, _, err := readKeyFile(keyFile)
		return skey, err
	}
	text, err := readSecret(filepath.Join(folder, signerKey))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(text), keyError(err)
}

// keep writes a key's file. Another one that is there is replaced only where nothing was signed or checked with it.
func keep(file, text string, mode fs.FileMode, used bool) error {
	there, err := os.ReadFile(file)
	switch {
	case err == nil && strings.TrimSpace(string(there)) == text:
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return keyError(err)
	case err == nil && used:
		return ledger.Errorf(ledger.CodeInvalid, "join ledger", "choose another data directory with --data, or keep this one for the ledger it belongs to",
			"%s is the key of another ledger", file)
	}
	return keyError(writeAtomic(file, []byte(text+"\n"), mode))
}

// TakeTagKey gives a data directory the tag key of a ledger that is copied into it, and leaves it to LoadKeys to make a signer key. Another tag key
// that is there is refused.
func TakeTagKey(dir string, tag []byte) error {
	folder := filepath.Join(dir, keysDir)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return keyError(err)
	}
	return keep(filepath.Join(folder, tagKey), hex.EncodeToString(tag), 0o600, true)
}
