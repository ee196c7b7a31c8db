package notary

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/baton-ledger/baton/ledger"
)

// DefaultOrigin names a ledger that was given no name of its own. It is the first line of every checkpoint and the name of its key.
const DefaultOrigin = "baton.local/ledger"

// Keys are the secrets of a ledger's proofs. A verifier needs Verifier and TagKey alone.
type Keys struct {
	Signer   note.Signer   // signs checkpoints, Ed25519
	Verifier note.Verifier // its public half
	TagKey   []byte        // 32 bytes: HMAC key of stream tags, see ledger.StreamTag
}

// Files below the data directory's keys folder.
const (
	keysDir   = "keys"
	signerKey = "notary.key" // PRIVATE+KEY+<name>+<hash>+<key>
	tagKey    = "tag.key"    // 64 hexadecimal digits
	publicKey = "notary.pub" // <name>+<hash>+<key>, to be given to verifiers
	tagBytes  = 32
)

// LoadKeys reads the keys of the data directory dir, making them on the first run. Where keyFile is named the signer key is its first
// line, and the tag key its second line if it has one. Keys are never made for a ledger that exists already (its tags and checkpoints
// would no longer match), never overwritten, and never read from a file that others may read. Origin "" is [DefaultOrigin].
func LoadKeys(dir, keyFile, origin string) (Keys, error) {
	if origin == "" {
		origin = DefaultOrigin
	}
	folder := filepath.Join(dir, keysDir)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return Keys{}, keyError(err)
	}
	skey, tag, err := secrets(dir, keyFile, origin)
	if err != nil {
		return Keys{}, err
	}
	k, err := parseKeys(skey, tag, origin)
	if err != nil {
		return Keys{}, err
	}
	return k, publish(filepath.Join(folder, publicKey), skey)
}

// secrets reads or makes the text of the signer key and of the tag key.
func secrets(dir, keyFile, origin string) (skey, tag string, err error) {
	if keyFile != "" {
		if skey, tag, err = readKeyFile(keyFile); err != nil {
			return "", "", err
		}
	}
	if skey == "" {
		skey, err = loadOrMake(dir, signerKey, func() (string, error) {
			s, _, err := note.GenerateKey(rand.Reader, origin)
			return s, err
		})
	}
	if tag == "" && err == nil {
		tag, err = loadOrMake(dir, tagKey, func() (string, error) {
			b := make([]byte, tagBytes)
			_, err := rand.Read(b)
			return hex.EncodeToString(b), err
		})
	}
	return skey, tag, err
}

func loadOrMake(dir, name string, generate func() (string, error)) (string, error) {
	file := filepath.Join(dir, keysDir, name)
	text, err := readSecret(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return strings.TrimSpace(text), keyError(err)
	}
	if ledgerExists(dir) {
		return "", ledger.Errorf(ledger.CodeNotFound, "load keys", "restore the keys folder from a backup, or name the key file in the configuration",
			"%s is missing, and this ledger was written with it", file)
	}
	if text, err = generate(); err != nil {
		return "", ledger.Errorf(ledger.CodeInvalid, "make keys", "choose an origin without spaces and plus signs", "%s: %w", name, err)
	}
	return text, keyError(writeAtomic(file, []byte(text+"\n"), 0o600))
}

// ledgerExists reports whether dir holds a ledger or a checkpoint of one.
func ledgerExists(dir string) bool {
	entries, _ := os.ReadDir(filepath.Join(dir, "ledger")) // not there: no ledger
	_, err := os.Lstat(filepath.Join(dir, CheckpointFile))
	return len(entries) > 0 || err == nil
}

// readSecret reads a small file that only its owner may read.
func readSecret(file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return "", ledger.Errorf(ledger.CodeInvalid, "load keys", "run: chmod 600 "+file, "%s can be read by others (mode %04o)", file, mode)
	}
	b, err := os.ReadFile(file)
	return string(b), err
}

// readKeyFile reads the file that the configuration names: the signer key, and on its second line, if it has one, the tag key. It is never made: the
// ledger would be signed by a key that nobody else has.
func readKeyFile(file string) (skey, tag string, err error) {
	text, err := readSecret(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", ledger.Errorf(ledger.CodeUnavailable, "load keys",
			"correct notary.key_file. A key is made where none is named: start once without, and name a copy of the keys/notary.key that this makes",
			"the key file %s is not there", file)
	}
	skey, tag, _ = strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(skey), strings.TrimSpace(tag), keyError(err)
}

func parseKeys(skey, tag, origin string) (k Keys, err error) {
	const hint = "restore the key from a backup"
	if k.Signer, err = note.NewSigner(skey); err != nil {
		return Keys{}, ledger.Errorf(ledger.CodeInvalid, "load keys", hint, "signer key: %w", err)
	}
	if k.Signer.Name() != origin {
		return Keys{}, ledger.Errorf(ledger.CodeInvalid, "load keys", "set origin to "+k.Signer.Name()+", or use another key",
			"the signer key is for origin %q, the configuration says %q", k.Signer.Name(), origin)
	}
	if k.TagKey, err = parseTagKey(tag); err != nil {
		return Keys{}, err
	}
	vkey, err := verifierKey(skey)
	if err != nil {
		return Keys{}, err
	}
	if k.Verifier, err = note.NewVerifier(vkey); err != nil {
		return Keys{}, ledger.Errorf(ledger.CodeInvalid, "load keys", hint, "signer key: %w", err)
	}
	return k, nil
}

// publish writes the public key for whoever verifies. Another key's file is left alone: it is what older checkpoints need.
func publish(file, skey string) error {
	vkey, err := verifierKey(skey)
	if err != nil {
		return err
	}
	there, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return keyError(writeAtomic(file, []byte(vkey+"\n"), 0o644))
	}
	if err != nil {
		return keyError(err)
	}
	if found := strings.TrimSpace(string(there)); found != vkey {
		return ledger.Errorf(ledger.CodeInvalid, "load keys", "use the key this ledger was made with",
			"%s holds the public key %s, the signer key belongs to %s", file, found, vkey)
	}
	return nil
}

// LoadVerifier reads a public key: a file such as notary.pub, or the key itself.
func LoadVerifier(key string) (note.Verifier, error) {
	text := key
	if b, err := os.ReadFile(key); err == nil {
		text = string(b)
	}
	v, err := note.NewVerifier(strings.TrimSpace(text))
	if err != nil {
		return nil, ledger.Errorf(ledger.CodeInvalid, "load public key", "give notary.pub of the ledger, or its one line", "%.120q: %w", key, err)
	}
	return v, nil
}

func keyError(err error) error {
	if err == nil || ledger.CodeOf(err) != ledger.CodeInternal {
		return err
	}
	return ledger.Errorf(ledger.CodeUnavailable, "load keys", "check that the data directory can be read and written", "%w", err)
}

// verifierKey derives the public key of a signer key that note.NewSigner accepts.
func verifierKey(skey string) (string, error) {
	parts := strings.SplitN(skey, "+", 5) // PRIVATE+KEY+<name>+<hash>+<base64 of algorithm byte and seed>, where + may be a base64 digit
	key, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(parts) != 5 || len(key) != 1+ed25519.SeedSize {
		return "", ledger.Errorf(ledger.CodeInvalid, "load keys", "restore the key from a backup", "signer key is not an Ed25519 note key")
	}
	public := ed25519.NewKeyFromSeed(key[1:]).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(parts[2], public)
	if err != nil {
		return "", ledger.Errorf(ledger.CodeInternal, "load keys", "", "%w", err)
	}
	return vkey, nil
}
