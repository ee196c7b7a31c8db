package rpc_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/baton-ledger/baton/ledger"
	batonv1 "github.com/baton-ledger/baton/server/rpc/baton/v1"
)

// TestGeneratedCode compiles the schema and finds it in the generated code as it is.
func TestGeneratedCode(t *testing.T) {
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{})}
	files, err := compiler.Compile(context.Background(), "baton/v1/baton.proto")
	must(t, err)
	schema, code := protodesc.ToFileDescriptorProto(files[0]), protodesc.ToFileDescriptorProto(batonv1.File_baton_v1_baton_proto)
	schema.SourceCodeInfo = nil
	if !proto.Equal(schema, code) {
		t.Error("baton.proto was changed and the code was not made again; try: make proto")
	}
	if n := files[0].Services().Get(0).Methods().Len(); n < 4 {
		t.Errorf("the schema has %d methods", n)
	}
}

// TestCompatible holds the schema against the list of all that it ever promised: lines may be added, none may change or leave.
func TestCompatible(t *testing.T) {
	const file = "testdata/baton.v1.txt"
	text, err := os.ReadFile(file)
	must(t, err)
	promised, offered := strings.Split(strings.TrimSpace(string(text)), "\n"), promises(batonv1.File_baton_v1_baton_proto)
	for _, line := range promised {
		if !slices.Contains(offered, line) {
			t.Errorf("this breaks clients, it was: %s", line)
		}
	}
	for _, line := range offered {
		if !slices.Contains(promised, line) {
			t.Errorf("new; add to %s: %s", file, line)
		}
	}
}

// promises lists what clients rely on, a line each.
func promises(f protoreflect.FileDescriptor) (out []string) {
	for i := range f.Services().Len() {
		s := f.Services().Get(i)
		for k := range s.Methods().Len() {
			m := s.Methods().Get(k)
			idempotent := m.Options().(*descriptorpb.MethodOptions).GetIdempotencyLevel()
			out = append(out, fmt.Sprintf("rpc %s takes %s%s, gives %s%s, %v", m.FullName(), map[bool]string{true: "stream "}[m.IsStreamingClient()], m.Input().FullName(),
				map[bool]string{true: "stream "}[m.IsStreamingServer()], m.Output().FullName(), idempotent))
		}
	}
	var walk func(protoreflect.MessageDescriptors)
	walk = func(list protoreflect.MessageDescriptors) {
		for i := range list.Len() {
			m := list.Get(i)
			for k := range m.Fields().Len() {
				out = append(out, promise(m.Fields().Get(k)))
			}
			walk(m.Messages())
		}
	}
	walk(f.Messages())
	return out
}

func promise(d protoreflect.FieldDescriptor) string {
	line := fmt.Sprintf("%s = %d %s %s json %s", d.FullName(), d.Number(), d.Cardinality(), d.Kind(), d.JSONName())
	if d.Message() != nil {
		line += " " + string(d.Message().FullName())
	}
	if o := d.ContainingOneof(); o != nil {
		line += " in " + string(o.Name())
	}
	return line
}

// TestCodes gives every code of the ledger a code of gRPC, and gets it back from the Problem.
func TestCodes(t *testing.T) {
	all := []ledger.Code{ledger.CodeInvalid, ledger.CodeTooLarge, ledger.CodeNotFound, ledger.CodeStaleRevision, ledger.CodeIDConflict, ledger.CodePartialBatch, ledger.CodeAnswered,
		ledger.CodeCorrupt, ledger.CodeLocked, ledger.CodeDiskFull, ledger.CodeUnavailable, ledger.CodeUnsupported, ledger.CodeNotKnown, ledger.CodeForbidden,
		ledger.CodeTooMany, ledger.CodeClosed, ledger.CodeInternal}
	schema, err := os.ReadFile("baton/v1/baton.proto")
	must(t, err)
	for _, code := range all {
		n := start(t)
		n.refuse = &ledger.Error{Code: code, Op: "append", Err: fmt.Errorf("because"), Hint: "do this"}
		_, err := appendTo(within(t), n.dial(), &batonv1.AppendRequest{Events: steps("A", 1)})
		if ledger.CodeOf(err) != code || ledger.HintOf(err) != "do this" || err.Error() != "append: because" {
			t.Errorf("%s comes as %v (%s)", code, err, ledger.HintOf(err))
		}
		c := batonv1.NewHandoffServiceClient(http.DefaultClient, "http://"+n.addr)
		_, err = c.Append(within(t), &batonv1.AppendRequest{Events: steps("A", 1)})
		documented := strings.ToUpper(connect.CodeOf(err).String())
		if !slices.ContainsFunc(strings.Split(string(schema), "\n"), func(line string) bool {
			return strings.HasPrefix(line, "//   "+documented) && strings.Contains(line, string(code))
		}) {
			t.Errorf("%s is %s, and baton.proto does not say so", code, documented)
		}
	}
}
