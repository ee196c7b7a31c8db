package contract

import (
	"embed"
	"io/fs"
	"path"
)

//go:embed examples/*.yaml
var examples embed.FS

// Examples are contracts for the handoffs of the nine simulated flows, by file name: what `baton contracts examples` writes.
func Examples() map[string][]byte {
	out := map[string][]byte{}
	files, err := fs.Glob(examples, "examples/*.yaml")
	for _, name := range files {
		text, readErr := examples.ReadFile(name)
		if readErr != nil {
			err = readErr
		}
		out[path.Base(name)] = text
	}
	if err != nil {
		panic(err) // they are part of the program
	}
	return out
}
