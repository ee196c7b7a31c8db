package notary

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/baton-ledger/baton/ledger"
)

// ReadKeys reads the keys in a keys folder and makes nothing: for a ledger that is only looked at, as a backup or one on a disk that cannot
// be written. keyFile is as in [LoadKeys]. Where the signer key is not there the public one does, and Signer is nil. The tag key is
// required: without it no stream can be told from its tag.
func ReadKeys(folder, keyFile, origin string) (Keys, error) {
	if origin == "" {
		origin = DefaultOrigin
	}
	skey, tag, err := readSecrets(folder, keyFile)
	if err != nil {
		return Keys{}, err
	}
	if tag == "" {
		return Keys{}, ledger.Errorf(ledger.CodeNotFound, "load keys", "name the folder or file that holds the ledger's keys",
			"%s is not there, and the ledger cannot be read without it", filepath.Join(folder, tagKey))
	}
	public, err := os.ReadFile(filepath.Join(folder, publicKey))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Keys{}, keyError(err)
	}
	if skey == "" {
		return publicKeys(string(public), tag)
	}
	k, err := parseKeys(skey, tag, origin)
	if err != nil {
		return Keys{}, err
	}
	if vkey, _ := verifierKey(skey); len(public) > 0 && strings.TrimSpace(string(public)) != vkey {
		return Keys{}, ledger.Errorf(ledger.CodeInvalid, "load keys", "use the key this ledger was made with",
			"%s holds the public key %s, the signer key belongs to %s", filepath.Join(folder, publicKey), strings.TrimSpace(string(public)), vkey)
	}
	return k, nil
}

// readSecrets reads what there is of the signer key and the tag key.
func readSecrets(folder, keyFile string) (skey, tag string, err error) {
	if keyFile != "" {
		if skey, tag, err = readKeyFile(keyFile); err != nil {
			return "", "", err
		}
	}
	for name, key := range map[string]*string{signerKey: &skey, tagKey: &tag} {
		if *key != "" {
			continue
		}
		if *key, err = readSecret(filepath.Join(folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", "", keyError(err)
		}
	}
	return strings.TrimSpace(skey), strings.TrimSpace(tag), nil
}

// publicKeys are keys that can verify and not sign.
func publicKeys(vkey, tag string) (k Keys, err error) {
	if vkey == "" {
		return Keys{}, ledger.Errorf(ledger.CodeNotFound, "load keys", "name the folder or file that holds the ledger's keys",
			"neither %s nor %s is there", signerKey, publicKey)
	}
	if k.Verifier, err = LoadVerifier(vkey); err != nil {
		return Keys{}, err
	}
	k.TagKey, err = parseTagKey(tag)
	return k, err
}

// parseTagKey reads the hexadecimal digits of a tag key.
func parseTagKey(tag string) ([]byte, error) {
	b, err := hex.DecodeString(tag)
	if err != nil || len(b) != tagBytes {
		return nil, ledger.Errorf(ledger.CodeInvalid, "load keys", "restore the key from a backup", "tag key is not %d hexadecimal digits", 2*tagBytes)
	}
	return b, nil
}

// CopySecrets writes the signer key and the tag key of a keys folder into another one. keyFile is as in [LoadKeys]. Keys that are there already
// are kept, and must be the same.
func CopySecrets(folder, keyFile, to string) error {
	skey, tag, err := readSecrets(folder, keyFile)
	if err != nil {
		return err
	}
	for name, text := range map[string]string{signerKey: skey, tagKey: tag} {
		file := filepath.Join(to, name)
		there, err := readSecret(file)
		switch {
		case text == "":
			return ledger.Errorf(ledger.CodeNotFound, "copy keys", "name the folder or file that holds the ledger's keys", "%s is not there", name)
		case err == nil && strings.TrimSpace(there) != text:
			return ledger.Errorf(ledger.CodeInvalid, "copy keys", "find out which one this ledger was made with", "%s holds another key", file)
		case errors.Is(err, fs.ErrNotExist):
			err = writeAtomic(file, []byte(text+"\n"), 0o600)
		}
		if err != nil {
			return keyError(err)
		}
	}
	return nil
}
