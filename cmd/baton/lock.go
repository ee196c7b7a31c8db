package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/baton-ledger/baton/ledger"
)

// holder says who holds a data directory, in its lock file.
type holder struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	API     string    `json:"api,omitempty"` // base URL of its API, where it serves one
	Since   time.Time `json:"since"`
}

func (h holder) String() string {
	return fmt.Sprintf("`baton %s`, process %d, since %s", h.Command, h.PID, h.Since.UTC().Format(time.RFC3339))
}

// dirLock is the held lock of a data directory. The operating system releases it when the process ends, however it ends.
type dirLock struct {
	file   *os.File // nil: of a directory that cannot be written and has none
	self   holder
	shared bool // with others who only read
}

// patience is how long a command waits for another short one to end.
const patience = 3 * time.Second

// lockDir takes the directory's lock, or says who serves it: then API is set. A holder without an API is waited for a short while
// and then named in a CodeLocked error.
func lockDir(ctx context.Context, dir, command string) (*dirLock, holder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil { // what is in it is for those who may ask for it
		return nil, holder{}, environment("open data directory", "choose another one with --data", err)
	}
	path := filepath.Join(dir, "baton.lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o644) // it is written to: not where a link leads
	if err != nil {
		return nil, holder{}, environment("open data directory", "choose another one with --data", err)
	}
	deadline := time.Now().Add(patience)
	for seen := (holder{}); ; {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			l := &dirLock{file: file, self: holder{PID: os.Getpid(), Command: command, Since: time.Now().UTC().Truncate(time.Second)}}
			return l, holder{}, l.write()
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, holder{}, errors.Join(environment("lock data directory", "use a local disk", err), file.Close())
		}
		// A holder that has just begun has not replaced what the one before left there, whose port may be anybody's by now.
		h := readHolder(path)
		if h.API != "" && h == seen {
			return nil, h, file.Close()
		}
		seen = h
		if time.Now().After(deadline) {
			return nil, h, errors.Join(ledger.Errorf(ledger.CodeLocked, "open ledger", "wait for it to end, or stop it",
				"%s is held by %s", dir, h), file.Close())
		}
		select {
		case <-ctx.Done():
			return nil, h, errors.Join(ctx.Err(), file.Close())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func readHolder(path string) (h holder) {
	if b, err := os.ReadFile(path); err == nil {
		_ = json.Unmarshal(b, &h) // half written by a holder that has just begun: asked again
	}
	if !onThisMachine(h.API) {
		h.API = "" // no server of ours wrote that
	}
	return h
}

// onThisMachine reports whether an API's address is a loopback one, as every server announces.
func onThisMachine(api string) bool {
	u, err := url.Parse(api)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// announce tells others where the API of this process is.
func (l *dirLock) announce(api string) error {
	l.self.API = api
	return l.write()
}

func (l *dirLock) write() error {
	b, err := json.Marshal(l.self)
	if err != nil {
		return err
	}
	if err := l.file.Truncate(0); err != nil {
		return environment("lock data directory", "see to the disk", err)
	}
	_, err = l.file.WriteAt(append(b, '\n'), 0)
	return environment("lock data directory", "see to the disk", err)
}

// release gives the directory free. The file stays: removing it would let two processes lock two files of one name.
func (l *dirLock) release() error {
	switch {
	case l.file == nil:
		return nil
	case l.shared:
		return l.file.Close()
	}
	return errors.Join(l.file.Truncate(0), l.file.Close())
}

// environment wraps an error of the machine, nil for nil.
func environment(op, hint string, err error) error {
	if err == nil {
		return nil
	}
	return &ledger.Error{Code: ledger.CodeUnavailable, Op: op, Err: err, Hint: hint}
}
