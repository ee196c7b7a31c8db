//go:build pins

// This file keeps the pinned versions of modules that no package imports yet in go.mod: `go mod tidy` looks at every
// build tag, the compiler never sees this one. A line leaves when its module has a real importer.
package main

import (
	_ "cel.dev/cel-go/cel"
	_ "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	_ "github.com/cockroachdb/pebble/v2"
	_ "github.com/danielgtaylor/huma/v2"
	_ "github.com/danielgtaylor/huma/v2/adapters/humago"
	_ "github.com/google/uuid"
	_ "github.com/nats-io/nats-server/v2/server"
	_ "github.com/nats-io/nats.go/jetstream"
	_ "github.com/parquet-go/parquet-go"
	_ "github.com/prometheus/client_golang/prometheus"
	_ "github.com/rogpeppe/go-internal/testscript"
	_ "github.com/santhosh-tekuri/jsonschema/v6"
	_ "github.com/sjwhitworth/golearn/trees"
	_ "github.com/spf13/cobra"
	_ "github.com/spf13/viper"
	_ "github.com/tink-crypto/tink-go/v2/aead"
	_ "github.com/transparency-dev/formats/log"
	_ "github.com/transparency-dev/merkle/rfc6962"
	_ "github.com/transparency-dev/tessera/fsck"
	_ "go.opentelemetry.io/otel"
	_ "go.yaml.in/yaml/v3"
	_ "golang.org/x/mod/sumdb/note"
	_ "golang.org/x/mod/sumdb/tlog"
	_ "golang.org/x/sync/errgroup"
	_ "golang.org/x/sys/unix"
	_ "golang.org/x/term"
	_ "gonum.org/v1/gonum/optimize"
	_ "google.golang.org/grpc"
	_ "pgregory.net/rapid"
)
