package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/baton-ledger/baton/ledger/notary"
	"github.com/baton-ledger/baton/projections"
)

// lock finds out who holds the directory, without taking it.
func (d *doctor) lock() {
	const name = "lock"
	if !d.there {
		return
	}
	path := filepath.Join(d.cfg.Data, "baton.lock")
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		d.ok(name, "nobody has held the directory yet")
		return
	}
	if err != nil {
		d.fail(name, "give the directory to the user of this process", "%s", err)
		return
	}
	defer file.Close()
	h := readHolder(path)
	switch err := unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		d.held, d.busy = readHolder(path), true
		if d.held.PID == 0 {
			d.warn(name, "ask again in a moment", "held by a process that has not said yet who it is")
			return
		}
		d.ok(name, "held by %s", d.held)
	case err != nil:
		d.fail(name, "use a local disk", "the file system does not lock: %s", err)
	case h.PID != 0:
		d.warn(name, "see why it ended; opening the ledger looks at what it left", "free; %s ended without a word: it was killed, or the machine stopped", h)
	default:
		d.ok(name, "free")
	}
}

// served asks the process that holds the directory.
func (d *doctor) served(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c := d.ask(d.held)
	status, err := c.Status(ctx)
	if err != nil {
		d.fail("server", "see its log; if it hangs, end it: what it has acknowledged is on disk", "%s does not answer at %s: %s", d.held, d.held.API, err)
		return
	}
	d.head, d.known = status.Head, true
	d.ok("ledger", "served at %s, %s events", d.held.API, count(d.head.Position))
	ready, err := c.Ready(ctx)
	if err != nil {
		d.wrong("server", err)
		return
	}
	if ready.Ready {
		d.ok("server", "ready")
	} else {
		d.fail("server", "see the checks below that failed", "not ready")
	}
	for _, r := range ready.Checks {
		if r.Verdict != isOK || strings.HasPrefix(r.Name, "follower ") {
			d.checks = append(d.checks, r)
		}
	}
}

// opened opens a ledger that nobody holds, as every command that reads does.
func (d *doctor) opened(ctx context.Context) {
	if !d.there || ledgerExists(d.cfg.Data) != nil {
		return
	}
	if d.busy {
		d.ok("ledger", "not looked at while it is held")
		return
	}
	err := d.with(ctx, "doctor", reading, func(s *session) (err error) {
		d.head, err = s.source.Head(ctx)
		return err
	})
	if err != nil {
		d.wrong("ledger", err)
		return
	}
	d.known = true
	d.ok("ledger", "opens, %s events; `baton verify` reads them all", count(d.head.Position))
	at, err := projections.Position(filepath.Join(d.cfg.Data, "models"))
	switch {
	case err != nil:
		d.warn("follower projections", "remove the folder models: it is made again", "the read models cannot be opened: %s", err)
	case at > d.head.Position:
		d.warn("follower projections", "nothing: they are made again when they are next opened", "the read models are of %s events, the ledger has %s", count(at), count(d.head.Position))
	default:
		d.ok("follower projections", "at %s of %s; the rest when it is next opened", count(at), count(d.head.Position))
	}
}

// checkpoint holds the newest one against the key and the ledger.
func (d *doctor) checkpoint(keys *notary.Keys) {
	const name = "checkpoint"
	file := filepath.Join(d.cfg.Data, notary.CheckpointFile)
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && d.head.Position == 0:
		return
	case errors.Is(err, fs.ErrNotExist):
		d.warn(name, "run `baton serve`, or any command that appends: it signs one", "%s events and no checkpoint: nothing would prove a loss", count(d.head.Position))
		return
	case err != nil:
		d.fail(name, "give it to the user of this process", "%s", err)
		return
	case keys == nil:
		d.warn(name, "see the signing key first", "not looked at")
		return
	}
	cp, err := readCheckpoint(file, keys)
	if err != nil {
		d.wrong(name, err)
		return
	}
	age := time.Since(info.ModTime())
	d.signed = cp.Size
	if !d.known {
		d.ok(name, "of %s events, signed %s ago", count(cp.Size), span(age))
		return
	}
	behind := d.head.Position - min(d.head.Position, cp.Size)
	switch {
	case cp.Size > d.head.Position && d.held.API == "":
		d.fail(name, "keep the directory as evidence, and restore a backup", "signed for %s events, the ledger has %s", count(cp.Size), count(d.head.Position))
	case behind > 0 && (d.held.API == "" || age > 10*time.Second):
		try := "run `baton serve`, or any command that appends: it signs them"
		if d.held.API != "" {
			try = "see the server's log for what the notary waits for"
		}
		d.warn(name, try, "of %s events, signed %s ago; %s newer ones are not covered", count(cp.Size), span(age), count(behind))
	default:
		d.ok(name, "of %s events, all of them; signed %s ago", count(cp.Size), span(age))
	}
}

func readCheckpoint(file string, keys *notary.Keys) (notary.Checkpoint, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return notary.Checkpoint{}, environment("read checkpoint", "see that the file can be read", err)
	}
	return notary.ParseCheckpoint(b, keys.Verifier)
}

// copies looks for the checkpoint outside the directory.
func (d *doctor) copies(keys *notary.Keys) {
	if len(d.cfg.Checkpoint.Copies) == 0 {
		if d.signed > 0 {
			d.warn("checkpoint copies", "set checkpoint.copies to a file on another disk or machine", "none: who can change this directory can change the checkpoint with it")
		}
		return
	}
	for _, file := range d.cfg.Checkpoint.Copies {
		name := "copy " + file
		_, err := os.Stat(filepath.Dir(file))
		switch {
		case err != nil:
			d.fail(name, "make its folder reachable: the notary writes there", "%s", err)
			continue
		case keys == nil:
			continue
		}
		cp, err := readCheckpoint(file, keys)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			d.warn(name, "it is written with the next checkpoint; if that was long ago, see the server's log", "not there yet")
		case err != nil:
			d.wrong(name, err)
		case cp.Size+1000 < d.signed && d.held.API != "" || cp.Size < d.signed && d.held.API == "":
			d.warn(name, "see that it can be written; the next checkpoint writes it", "of %s events, the newest checkpoint is of %s", count(cp.Size), count(d.signed))
		default:
			d.ok(name, "of %s events", count(cp.Size))
		}
	}
}

// clock holds the time against the ledger's: recorded times never go back, so they stand still while the clock is behind.
func (d *doctor) clock() {
	if !d.known || d.head.Position == 0 {
		return
	}
	const name = "clock"
	switch ago := time.Since(d.head.RecordedTime); {
	case ago < -time.Second:
		d.fail(name, "set the clock, and keep it by NTP", "%s behind the last recorded time, %s: events would be recorded at that time until it has passed",
			span(-ago), d.head.RecordedTime.UTC().Format(time.RFC3339))
	default:
		d.ok(name, "the last event was recorded %s ago", span(max(ago, 0)))
	}
}
