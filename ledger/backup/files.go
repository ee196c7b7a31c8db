package backup

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/baton-ledger/baton/ledger"
)

// Own makes every file below a backup's folder the backup's alone, synced, and lists them with their digests. An engine may link files that
// the ledger has too: then one damaged block, or one who writes, would reach both.
func Own(ctx context.Context, dir string, progress func(done, total int64)) ([]File, error) {
	files, folders, err := list(dir)
	if err != nil {
		return nil, err
	}
	p := meter{show: progress}
	for _, f := range files {
		p.total += f.Size
	}
	for i := range files {
		if err := own(ctx, filepath.Join(dir, filepath.FromSlash(files[i].Path)), &files[i], &p); err != nil {
			return nil, err
		}
	}
	for _, folder := range folders {
		if err := SyncFolder(folder); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// list finds what belongs to a backup: all regular files but the marker and the locks that every open of a database leaves.
func list(dir string) (files []File, folders []string, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			folders = append(folders, path)
			return nil
		}
		if e.Name() == incompleteFile || e.Name() == "LOCK" || e.Name() == "baton.lock" {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files = append(files, File{Path: filepath.ToSlash(rel), Size: info.Size()})
		return err
	})
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	slices.Reverse(folders) // inner ones first
	return files, folders, failed(err)
}

func own(ctx context.Context, path string, f *File, p *meter) error {
	info, err := os.Lstat(path)
	if err != nil {
		return failed(err)
	}
	f.SHA256 = ledger.Hash{} // to be found out
	if s, ok := info.Sys().(*syscall.Stat_t); !ok || s.Nlink == 1 {
		if err := copyFile(ctx, "", path, 0, f, p); err != nil {
			return err
		}
		return syncFile(path)
	}
	tmp := path + ".tmp"
	if err := copyFile(ctx, tmp, path, info.Mode().Perm(), f, p); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return failed(os.Rename(tmp, path))
}

// CopyTo copies the files of a backup whose path keep accepts below another folder, synced. A file that is not what the manifest says is
// CodeCorrupt and names it.
func CopyTo(ctx context.Context, dir string, m Manifest, to string, keep func(path string) bool, progress func(done, total int64)) error {
	p := meter{show: progress}
	files := slices.DeleteFunc(slices.Clone(m.Files), func(f File) bool { return !keep(f.Path) })
	folders := map[string]bool{to: true}
	for _, f := range files {
		p.total += f.Size
		folders[filepath.Dir(filepath.Join(to, filepath.FromSlash(f.Path)))] = true
	}
	for folder := range folders {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return failed(err)
		}
	}
	for _, f := range files {
		path, mode := filepath.FromSlash(f.Path), fs.FileMode(0o644)
		if filepath.Ext(path) == ".key" {
			mode = 0o600
		}
		if err := copyFile(ctx, filepath.Join(to, path), filepath.Join(dir, path), mode, &f, &p); err != nil {
			return err
		}
	}
	for folder := range folders {
		if err := SyncFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

// meter adds up bytes for progress.
type meter struct {
	done, total int64
	show        func(done, total int64)
}

func (p *meter) Write(b []byte) (int, error) {
	if p.done += int64(len(b)); p.show != nil {
		p.show(p.done, p.total)
	}
	return len(b), nil
}

// copyFile reads a file, digests it and writes it to another one, synced, or nowhere where to is "". Where f has a digest the file must be as it
// says; else f is given size and digest.
func copyFile(ctx context.Context, to, from string, mode fs.FileMode, f *File, p *meter) error {
	in, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) && !f.SHA256.IsZero() {
		return damaged(f.Path, "is missing")
	}
	if err != nil {
		return failed(err)
	}
	defer in.Close()
	sum, out := sha256.New(), io.Writer(io.Discard)
	var file *os.File
	if to != "" {
		if file, err = os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode); err != nil {
			return failed(err)
		}
		defer file.Close()
		out = file
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(out, sum, p)}, reader{ctx, in}, make([]byte, 1<<20))
	if err == nil && file != nil {
		err = errors.Join(file.Sync(), file.Close())
	}
	if err != nil {
		return failed(err)
	}
	got := ledger.Hash(sum.Sum(nil))
	switch {
	case f.SHA256.IsZero():
		f.Size, f.SHA256 = n, got
	case f.Size != n:
		return damaged(f.Path, "has another size than the manifest says")
	case f.SHA256 != got:
		return damaged(f.Path, "is not what was written: its SHA-256 is "+got.String()+", the manifest says "+f.SHA256.String())
	}
	return nil
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

func damaged(path, what string) error {
	return ledger.Errorf(ledger.CodeCorrupt, "check backup", "use another backup", "%s %s", path, what)
}

// writeSynced writes a new file.
func writeSynced(path string, b []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return failed(err)
	}
	_, err = f.Write(b)
	return failed(errors.Join(err, f.Sync(), f.Close()))
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return failed(err)
	}
	return failed(errors.Join(f.Sync(), f.Close()))
}

// SyncFolder makes the names in a folder survive a power loss.
func SyncFolder(path string) error { return syncFile(path) }

// failed gives an error of the machine its code, and leaves the context's alone.
func failed(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	code, hint := ledger.CodeUnavailable, "see that the folder can be written and the disk is well"
	if errors.Is(err, syscall.ENOSPC) {
		code, hint = ledger.CodeDiskFull, "free some disk space, or name a folder on another disk"
	}
	return &ledger.Error{Code: code, Op: "backup", Err: err, Hint: hint}
}
