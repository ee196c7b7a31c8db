package main

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"
)

// TestTracedLog: a line that is written for a trace names it, and no other does.
func TestTracedLog(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(tracedLog{slog.NewTextHandler(&out, nil)}).With("part", "x").WithGroup("g")
	log.WarnContext(context.Background(), "alone")
	log.WarnContext(propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": parentOf(1, "01")}), "followed")
	lines := strings.Split(out.String(), "\n")
	if strings.Contains(lines[0], "trace_id") || !strings.Contains(lines[1], "part=x g.trace_id="+traceID(1)) {
		t.Errorf("the log is\n%s", &out)
	}
}
