// Command baton keeps a chain-of-custody ledger for customer journeys.
//
// This package wires the rest: it alone knows the engine, the notary, the relay, the read models and the server at once. One file
// holds one command; session.go opens what a command asks for, in this process or through the one that holds the directory.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/config"
	"github.com/baton-ledger/baton/ledger"
)

// Exit codes, the same for every command.
const (
	exitDone        = 0
	exitNo          = 1 // the answer is no: verification failed, a gap was found
	exitUsage       = 2 // wrong use or bad input
	exitEnvironment = 3 // disk, network, another process
)

// errNo ends a command whose output has said already that the answer is no.
var errNo = errors.New("the answer is no")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends what the first does not reach, as opening a pipe that nobody writes to
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program, given its surroundings.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{in: stdin, out: stdout, err: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	err = helped(cmd, err)
	if !errors.Is(err, errNo) {
		a.explain(err)
	}
	return exitCode(err)
}

// app is what the commands share.
type app struct {
	in         io.Reader
	out, err   io.Writer
	json       bool
	configFile string
	cfg        *config.Loaded
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "baton",
		Short:         "A chain-of-custody ledger for customer journeys",
		Long:          "Baton records every handoff of a customer journey so that it can never be changed, proves it, fans it out,\nand rebuilds any journey as it stood at any moment.\n\nBegin with: baton demo",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) (err error) {
			a.cfg, err = config.Load(config.Options{File: a.configFile, Flags: cmd.Flags()})
			return err
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.configFile, "config", "", "configuration file (YAML, TOML or JSON)")
	flags.BoolVar(&a.json, "json", false, "print JSON, as docs/cli-json.md describes it")
	config.AddFlags(flags, "data", "store", "notary.key_file", "notary.origin", "log.level", "log.format")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if path := (*fs.PathError)(nil); errors.As(err, &path) { // as a write to a full disk behind standard output
			return environment(cmd.CommandPath(), "see that the output can be written", err)
		}
		return plainer(cmd, err)
	})
	narrow(root)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(a.demoCommand(), a.serveCommand(), a.importCommand(), a.simulateCommand(), a.appendCommand(), a.tailCommand(), a.journeysCommand(), a.journeyCommand(), a.handoffCommand(), a.handoffsCommand(), a.suggestionsCommand(), a.contractsCommand(), a.contextCommand(), a.snapshotsCommand(),
		a.replayCommand(), a.verifyCommand(), a.reportCommand(), a.pointsCommand(), a.relayCommand(), a.webhooksCommand(), a.benchCommand(), a.keysCommand(), a.configCommand(), a.backupCommand(), a.restoreCommand(), a.migrateCommand(), a.doctorCommand(), a.predictCommand())
	return root
}

// helped gives cobra's own errors (unknown command, wrong number of arguments, a flag that is missing) a code and a next step.
func helped(cmd *cobra.Command, err error) error {
	var ours *ledger.Error
	var c *config.Error
	switch {
	case errors.As(err, &ours) || errors.As(err, &c) || errors.Is(err, errNo):
		return err
	case errors.Is(err, context.Canceled):
		return &ledger.Error{Code: ledger.CodeUnavailable, Op: cmd.CommandPath(), Err: fmt.Errorf("stopped before its end: %w", err), Hint: "run it again"}
	}
	if path := (*fs.PathError)(nil); errors.As(err, &path) { // as a write to a full disk behind standard output
		return environment(cmd.CommandPath(), "see that the output can be written", err)
	}
	return plainer(cmd, err)
}

// group is a command that only holds others; it refuses those it does not have, where cobra would print help and succeed.
func group(use, short string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
}

// errorAnswer is what an error is with --json, on standard error.
type errorAnswer struct {
	Error struct {
		Code    ledger.Code `json:"code"`
		Message string      `json:"message"`
		Hint    string      `json:"hint,omitempty"`
	} `json:"error"`
}

// explain prints an error as a person needs it: what is wrong, and the next step.
func (a *app) explain(err error) {
	code, hint := codeAndHint(err)
	if a.json {
		var doc errorAnswer
		doc.Error.Code, doc.Error.Message, doc.Error.Hint = code, err.Error(), hint
		_ = json.NewEncoder(a.err).Encode(doc) // there is nowhere else to say it
		return
	}
	fmt.Fprintf(a.err, "Error: %s\n", printable(err.Error()))
	if hint != "" {
		fmt.Fprintf(a.err, "Try:   %s\n", printable(hint))
	}
}

// codeAndHint are those of our errors and of the configuration's.
func codeAndHint(err error) (code ledger.Code, hint string) {
	var c *config.Error
	if errors.As(err, &c) {
		return ledger.CodeInvalid, c.Hint()
	}
	return ledger.CodeOf(err), ledger.HintOf(err)
}

func exitCode(err error) int {
	var c *config.Error
	switch {
	case errors.Is(err, errNo):
		return exitNo
	case errors.As(err, &c):
		return exitUsage
	case errors.Is(err, context.Canceled):
		return exitEnvironment
	}
	switch ledger.CodeOf(err) {
	case ledger.CodeCorrupt:
		return exitNo
	case ledger.CodeInvalid, ledger.CodeTooLarge, ledger.CodeNotFound, ledger.CodeStaleRevision, ledger.CodeIDConflict, ledger.CodePartialBatch, ledger.CodeAnswered,
		ledger.CodeViolation:
		return exitUsage
	}
	return exitEnvironment
}
