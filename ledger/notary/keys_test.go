package notary_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/notary"
)

func TestKeysAreMadeOnce(t *testing.T) {
	dir := t.TempDir()
	first, err := notary.LoadKeys(dir, "", "")
	must(t, err)
	again, err := notary.LoadKeys(dir, "", notary.DefaultOrigin)
	must(t, err)
	if string(again.TagKey) != string(first.TagKey) || again.Verifier.KeyHash() != first.Verifier.KeyHash() || len(first.TagKey) != 32 {
		t.Error("the second load gives other keys")
	}
	signed, err := note.Sign(&note.Note{Text: "text\n"}, first.Signer)
	must(t, err)
	public, err := notary.LoadVerifier(filepath.Join(dir, "keys", "notary.pub"))
	must(t, err)
	_, err = note.Open(signed, note.VerifierList(public))
	must(t, err)
	for name, mode := range map[string]os.FileMode{"": 0o700 | os.ModeDir, "notary.key": 0o600, "tag.key": 0o600} {
		info, err := os.Stat(filepath.Join(dir, "keys", name))
		must(t, err)
		if info.Mode() != mode {
			t.Errorf("keys/%s has mode %v", name, info.Mode())
		}
	}
}

func TestKeysRefused(t *testing.T) {
	keyFile := func(dir, name string) string { return filepath.Join(dir, "keys", name) }
	for _, c := range []struct {
		name  string
		harm  func(dir string) error
		code  ledger.Code
		names string // in the message
	}{
		{"signer key that others may read", func(dir string) error { return os.Chmod(keyFile(dir, "notary.key"), 0o640) }, ledger.CodeInvalid, "notary.key"},
		{"tag key that others may read", func(dir string) error { return os.Chmod(keyFile(dir, "tag.key"), 0o604) }, ledger.CodeInvalid, "tag.key"},
		{"damaged signer key", func(dir string) error {
			return os.WriteFile(keyFile(dir, "notary.key"), []byte("PRIVATE+KEY+x"), 0o600)
		}, ledger.CodeInvalid, "signer key"},
		{"short tag key", func(dir string) error { return os.WriteFile(keyFile(dir, "tag.key"), []byte("00ff"), 0o600) }, ledger.CodeInvalid, "tag key"},
		{"signer key lost", func(dir string) error {
			if err := os.Remove(keyFile(dir, "notary.key")); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "checkpoint"), nil, 0o644)
		}, ledger.CodeNotFound, "notary.key"},
		{"tag key lost", func(dir string) error {
			if err := os.Remove(keyFile(dir, "tag.key")); err != nil {
				return err
			}
			return os.MkdirAll(filepath.Join(dir, "ledger", "MANIFEST-1"), 0o755)
		}, ledger.CodeNotFound, "tag.key"},
		{"public key of another", func(dir string) error {
			_, vkey, err := note.GenerateKey(nil, "x")
			if err != nil {
				return err
			}
			return os.WriteFile(keyFile(dir, "notary.pub"), []byte(vkey), 0o644)
		}, ledger.CodeInvalid, "public key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := notary.LoadKeys(dir, "", "")
			must(t, err)
			must(t, c.harm(dir))
			_, err = notary.LoadKeys(dir, "", "")
			wantCode(t, err, c.code)
			if !strings.Contains(err.Error(), c.names) {
				t.Errorf("error does not name %s: %v", c.names, err)
			}
		})
	}
}

func TestOrigin(t *testing.T) {
	dir := t.TempDir()
	k, err := notary.LoadKeys(dir, "", "example.org/ledger")
	must(t, err)
	if k.Verifier.Name() != "example.org/ledger" {
		t.Errorf("key is named %q", k.Verifier.Name())
	}
	_, err = notary.LoadKeys(dir, "", "example.org/other")
	wantCode(t, err, ledger.CodeInvalid)
	_, err = notary.LoadKeys(t.TempDir(), "", "with space")
	wantCode(t, err, ledger.CodeInvalid)
}

func TestKeyFile(t *testing.T) {
	dir := t.TempDir()
	made, err := notary.LoadKeys(t.TempDir(), "", "")
	must(t, err)
	skey, vkey, err := note.GenerateKey(nil, "example.org/l")
	must(t, err)
	file := filepath.Join(dir, "given.key")
	tag := strings.Repeat("0a", 32)
	must(t, os.WriteFile(file, []byte(skey+"\n"+tag+"\n"), 0o600))
	k, err := notary.LoadKeys(filepath.Join(dir, "data"), file, "example.org/l")
	must(t, err)
	if k.TagKey[0] != 10 || string(k.TagKey) == string(made.TagKey) {
		t.Error("tag key is not the given one")
	}
	if got := strings.TrimSpace(readFile(t, filepath.Join(dir, "data", "keys", "notary.pub"))); got != vkey {
		t.Errorf("public key %s, want %s", got, vkey)
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "keys", "tag.key")); err == nil {
		t.Error("a tag key was made although one was given")
	}
	must(t, os.WriteFile(file, []byte(skey), 0o600)) // signer alone: the tag key is made
	_, err = notary.LoadKeys(filepath.Join(dir, "data"), file, "example.org/l")
	must(t, err)
	must(t, os.Chmod(file, 0o644))
	_, err = notary.LoadKeys(filepath.Join(dir, "data"), file, "example.org/l")
	wantCode(t, err, ledger.CodeInvalid)
	_, err = notary.LoadKeys(filepath.Join(dir, "data"), filepath.Join(dir, "none"), "")
	wantCode(t, err, ledger.CodeUnavailable)
	_, err = notary.LoadVerifier("nothing")
	wantCode(t, err, ledger.CodeInvalid)
}
