package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/baton-ledger/baton/ledger"
)

// appendAnswer is what `baton append --json` prints.
type appendAnswer struct {
	Receipts []ledger.Receipt `json:"receipts"`
	Notices  []ledger.Notice  `json:"notices,omitempty"`
}

func (a *app) appendCommand() *cobra.Command {
	var stream, expect string
	cmd := &cobra.Command{
		Use: "append [FILE]", Short: "Append CloudEvents, one JSON object a line, from a file or standard input",
		Example: `  echo '{"specversion":"1.0","id":"1","source":"crm","type":"dev.baton.interaction.recorded.v1","subject":"J-1","data":{"activity":"call","stage":"sales"}}' | baton append`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := parseExpect(expect)
			if err != nil {
				return err
			}
			in := a.in
			if len(args) == 1 && args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return ledger.Errorf(ledger.CodeInvalid, "append", "name a file that can be read, or - for standard input", "%w", err)
				}
				defer f.Close()
				in = f
			}
			ctx := cmd.Context()
			return a.with(ctx, "append", writing, func(s *session) error {
				var notices []ledger.Notice
				append := func(ctx context.Context, batches []ledger.Batch) []ledger.Result {
					results := s.append(ctx, batches)
					for i := range results {
						notices = slices.Concat(notices, results[i].Notices)
					}
					return results
				}
				receipts, err := appendLines(ctx, append, in, stream, e)
				if len(receipts) == 0 && err != nil {
					return err
				}
				text := func(w io.Writer) error {
					noticesText(w, notices)
					return receiptsText(w, receipts)
				}
				if e := a.show(appendAnswer{receipts, notices}, text); err == nil {
					err = e
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&stream, "stream", "", "stream of all the events (default: the journey of each one's subject)")
	cmd.Flags().StringVar(&expect, "expect", "any", "expected revision of the stream: a number, any, none or exists; all lines are then one append")
	return cmd
}

func parseExpect(s string) (ledger.Expect, error) {
	switch s {
	case "any":
		return ledger.Any, nil
	case "none":
		return ledger.NoStream, nil
	case "exists":
		return ledger.StreamExists, nil
	}
	n, err := strconv.ParseInt(s, 10, 63)
	if err != nil || n < 0 {
		return 0, badFlag("expect", "give a revision, any, none or exists", "%q is not an expected revision", s)
	}
	return ledger.Expect(n), nil
}

// appendLines appends each line on its own, in groups that share a sync; with an expected revision all lines are one batch. The
// first refused line ends it, after the group it is in; the receipts up to there are given with the error.
func appendLines(ctx context.Context, to ledger.Append, in io.Reader, stream string, expect ledger.Expect) ([]ledger.Receipt, error) {
	var receipts []ledger.Receipt
	var group []ledger.Batch
	var lineOf []int // of the first event of each batch
	flush := func() error {
		for i, r := range to(ctx, group) {
			if r.Err != nil {
				return atLine(lineOf[i], r.Err)
			}
			receipts = append(receipts, r.Receipts...)
		}
		group, lineOf = group[:0], lineOf[:0]
		return nil
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 2*ledger.MaxData+ledger.MaxHeader)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		e, err := ledger.ParseCloudEvent(bytes.Clone(line))
		if err != nil {
			return receipts, atLine(n, err)
		}
		to := stream
		if to == "" {
			to = ledger.StreamFor(&e)
		}
		if expect != ledger.Any && len(group) > 0 {
			group[0].Events = append(group[0].Events, e)
			continue
		}
		group, lineOf = append(group, ledger.Batch{Stream: to, Expect: expect, Events: []ledger.Event{e}}), append(lineOf, n)
		if len(group) == 256 && expect == ledger.Any {
			if err := flush(); err != nil {
				return receipts, err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return receipts, ledger.Errorf(ledger.CodeInvalid, "append", "send one event a line", "the input cannot be read: %w", err)
	}
	if len(group) == 0 && len(receipts) == 0 {
		return nil, ledger.Errorf(ledger.CodeInvalid, "append", "send one CloudEvent as JSON a line", "the input has no events")
	}
	return receipts, flush()
}

// atLine says which line of the input an error is about.
func atLine(n int, err error) error {
	return &ledger.Error{Code: ledger.CodeOf(err), Op: fmt.Sprintf("line %d", n), Err: err, Hint: ledger.HintOf(err)}
}

func receiptsText(w io.Writer, receipts []ledger.Receipt) error {
	rows := make([][]string, len(receipts))
	for i, r := range receipts {
		note := ""
		if r.Duplicate {
			note = "was there"
		}
		rows[i] = []string{count(r.Position), r.Stream, count(r.Revision), r.ID, r.RecordedTime.Format("2006-01-02 15:04:05.000"), note}
	}
	return table(w, []string{">POSITION", "STREAM", ">REVISION", "ID", "RECORDED", ""}, rows)
}
