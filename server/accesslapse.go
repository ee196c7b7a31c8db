package server

import (
	"net/http"
	"time"

	"github.com/baton-ledger/baton/ledger"
)

// lapsing is the answer of a stream, which may last longer than its key: it ends with what is written next after the key was revoked or has expired. A tail
// writes every few seconds, if only that it lives.
type lapsing struct {
	http.ResponseWriter
	rc   *http.ResponseController
	ring *Keyring
	key  string
	next time.Time // when to ask again
}

func (l *lapsing) Write(b []byte) (int, error) {
	if now := time.Now(); now.After(l.next) {
		l.next = now.Add(time.Second)
		if !l.ring.holds(l.key) {
			return 0, ledger.Errorf(ledger.CodeNotKnown, "answer", "ask with another key", "the API key was revoked or has expired")
		}
	}
	return l.ResponseWriter.Write(b)
}

// Flush is for those who ask the writer itself.
func (l *lapsing) Flush() { _ = l.rc.Flush() } // the next Write says why

// Unwrap is for [http.ResponseController].
func (l *lapsing) Unwrap() http.ResponseWriter { return l.ResponseWriter }

// holds reports whether the key with that id still counts. While the file cannot be read none does.
func (k *Keyring) holds(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.refresh() != nil {
		return false
	}
	for i := range k.keys {
		if k.keys[i].ID == id {
			return !k.keys[i].Expired(time.Now())
		}
	}
	return false
}
