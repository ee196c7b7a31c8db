// Command gen makes the Go code of server/rpc/baton/v1 from baton.proto. It needs Go alone: the schema is compiled in this process and
// handed to the two generators, whose versions are those of the modules in go.mod.
//
//	go run ./server/rpc/gen        (or: make proto)
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

const (
	root   = "server/rpc"
	schema = "baton/v1/baton.proto"
)

// plugins are the generators and their parameters. The service's code goes into the package of the messages.
var plugins = []struct{ path, parameter string }{
	{"google.golang.org/protobuf/cmd/protoc-gen-go", "paths=source_relative"},
	{"connectrpc.com/connect/cmd/protoc-gen-connect-go", "paths=source_relative,package_suffix=,simple"},
}

func main() {
	if err := generate(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "Error: %v\nTry: run it from the folder of go.mod\n", err)
		os.Exit(1)
	}
}

func generate(ctx context.Context) error {
	compiler := protocompile.Compiler{SourceInfoMode: protocompile.SourceInfoStandard,
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{root}})}
	files, err := compiler.Compile(ctx, schema)
	if err != nil {
		return err
	}
	for _, p := range plugins {
		request := &pluginpb.CodeGeneratorRequest{FileToGenerate: []string{schema}, Parameter: &p.parameter, ProtoFile: closure(files[0])}
		if err := run(ctx, p.path, request); err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
	}
	return nil
}

// closure is a file and what it imports, imports first.
func closure(file protoreflect.FileDescriptor) (out []*descriptorpb.FileDescriptorProto) {
	for i := range file.Imports().Len() {
		out = append(out, closure(file.Imports().Get(i).FileDescriptor)...)
	}
	return append(out, protodesc.ToFileDescriptorProto(file))
}

// run asks a generator and writes the files it answers.
func run(ctx context.Context, plugin string, request *pluginpb.CodeGeneratorRequest) error {
	in, err := proto.Marshal(request)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "run", plugin)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &response); err != nil {
		return err
	}
	if response.Error != nil {
		return errors.New(response.GetError())
	}
	for _, f := range response.File {
		if err := os.WriteFile(filepath.Join(root, f.GetName()), []byte(f.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
