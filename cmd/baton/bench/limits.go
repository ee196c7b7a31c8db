package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// remove takes a case's directory away and joins what went wrong with its error.
func remove(dir string, err *error) { *err = errors.Join(*err, os.RemoveAll(dir)) }

// fileTimes appends n writes of that many times 512 bytes to a growing file, each synced, and gives the time of each.
func (e *Env) fileTimes(n, each int) (took []time.Duration, err error) {
	dir, err := e.scratch()
	if err != nil {
		return nil, err
	}
	defer remove(dir, &err)
	f, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, each*dataBytes)
	for range n {
		begin := time.Now()
		if _, err := f.Write(data); err != nil {
			return nil, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begin))
	}
	return took, nil
}

func (e *Env) file(name string, n, each int) Side {
	return Side{Name: name, Run: func(context.Context) (float64, error) {
		begin := time.Now()
		_, err := e.fileTimes(n, each)
		return rate(n*each, begin), err
	}}
}

// groupCommit is the least that 64 writers who wait for the disk can do: their bytes go into one file, and whoever waits shares a
// sync. It keeps no index, makes no hash and decides nothing.
func (e *Env) groupCommit(name string) Side {
	return Side{Name: name, Run: func(ctx context.Context) (v float64, err error) {
		dir, err := e.scratch()
		if err != nil {
			return 0, err
		}
		defer remove(dir, &err)
		f, err := os.Create(filepath.Join(dir, "file"))
		if err != nil {
			return 0, err
		}
		defer f.Close()
		queue := make(chan chan error, writers)
		go commitGroups(f, queue)
		defer close(queue)
		begin := time.Now()
		err = parallel(writers, singles, func(int) error {
			done := make(chan error, 1)
			queue <- done
			return <-done
		})
		return rate(singles, begin), err
	}}
}

// commitGroups writes 512 bytes for everybody who waits, syncs once, and answers them all.
func commitGroups(f *os.File, queue <-chan chan error) {
	data := make([]byte, writers*dataBytes)
	for first := range queue {
		waiting := []chan error{first}
		for len(queue) > 0 && len(waiting) < writers {
			waiting = append(waiting, <-queue)
		}
		_, err := f.Write(data[:len(waiting)*dataBytes])
		err = errors.Join(err, unix.Fdatasync(int(f.Fd())))
		for _, w := range waiting {
			w <- err
		}
	}
}
