package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine says where the figures come from.
type Machine struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	MemoryGiB  int    `json:"memory_gib"`
	OS         string `json:"os"`
	Go         string `json:"go"`
	FileSystem string `json:"file_system"`
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %d GiB, %s, %s, %s", m.CPU, m.Cores, m.MemoryGiB, m.OS, m.Go, m.FileSystem)
}

func thisMachine(dir string) Machine {
	m := Machine{CPU: "unknown CPU", Cores: runtime.GOMAXPROCS(0), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), FileSystem: fileSystem(dir)}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range bytes.Lines(b) {
			if name, value, ok := strings.Cut(string(line), ":"); ok && strings.TrimSpace(name) == "model name" {
				m.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.MemoryGiB = int((uint64(info.Totalram)*uint64(info.Unit) + 1<<29) >> 30)
	}
	return m
}

// fileSystem names the type of the file system that a directory is on: the mount with the longest path above it.
func fileSystem(dir string) string {
	dir, err := filepath.Abs(dir)
	mounts, err2 := os.ReadFile("/proc/self/mounts")
	if err != nil || err2 != nil {
		return "unknown file system"
	}
	best, kind := -1, "unknown file system"
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 3 || len(f[1]) < best {
			continue
		}
		if rest, ok := strings.CutPrefix(dir, strings.TrimSuffix(f[1], "/")); ok && (rest == "" || rest[0] == '/') {
			best, kind = len(f[1]), f[2]
		}
	}
	return kind
}

// version is the commit this program was built from, where the build knows it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var revision, dirty string
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "+"
			}
		}
	}
	return revision + dirty
}
