//go:build pins

// This file keeps the pinned versions of modules that no package imports yet in go.mod: `go mod tidy` looks at every
// build tag, the compiler never sees this one. A line leaves when its module has a real importer.
package main

import (
	_ "github.com/parquet-go/parquet-go"
	_ "github.com/tink-crypto/tink-go/v2/aead"
)
