package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const (
	useLocal = "put the data directory on a local disk: what others on the network do to it, no lock and no sync of this machine sees"
	useDisk  = "put the data directory on a disk, and in a container on a volume"
)

// fileSystems by what statfs(2) calls them: those that a ledger should not lie on, and the names of usual ones.
var fileSystems = map[uint32]struct{ name, concern, try string }{
	0x6969: {"nfs", "locks and syncs go over the network", useLocal}, 0x517b: {"smb", "locks and syncs go over the network", useLocal},
	0xff534d42: {"cifs", "locks and syncs go over the network", useLocal}, 0xfe534d42: {"smb2", "locks and syncs go over the network", useLocal},
	0x01021997: {"9p", "locks and syncs go to another machine", useLocal}, 0x00c36400: {"ceph", "locks and syncs go over the network", useLocal},
	0x0bd00bd0: {"lustre", "locks and syncs go over the network", useLocal}, 0x5346414f: {"afs", "locks and syncs go over the network", useLocal},
	0x65735546: {"fuse", "what a sync is worth depends on the program behind it", useLocal},
	0x01021994: {"tmpfs", "all of it is gone when the machine stops", useDisk}, 0x858458f6: {"ramfs", "all of it is gone when the machine stops", useDisk},
	0x794c7630: {name: "overlayfs, which in a container goes with it"},
	0xef53:     {name: "ext4"}, 0x58465342: {name: "xfs"}, 0x9123683e: {name: "btrfs"}, 0x2fc12fc1: {name: "zfs"}, 0xf2f52010: {name: "f2fs"}, 0xca451a4e: {name: "bcachefs"},
}

// fileSystem names the one that a folder is on, and what is wrong with it for a ledger.
func fileSystem(dir string) (kind, concern, try string) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return "an unknown one", "", ""
	}
	if known, ok := fileSystems[uint32(s.Type)]; ok {
		return known.name, known.concern, known.try
	}
	return fmt.Sprintf("type 0x%x", uint32(s.Type)), "", ""
}

func dataSync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }
