package main

import "runtime/debug"

// version is this build's: the module's, with the commit where the build knows it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
