package client

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/baton-ledger/baton/ledger"
)

// TestReceiptsByHand holds what is written by hand against what encoding/json reads of it, and what is read by hand against what was
// written: by hand, by encoding/json, and with members in another order.
func TestReceiptsByHand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := Results{Results: []ResultWire{}}
		for range rapid.IntRange(0, 4).Draw(t, "results") {
			one := ResultWire{}
			if rapid.IntRange(0, 5).Draw(t, "refused") == 0 {
				one.Problem = &Problem{Code: ledger.CodeInvalid, Detail: rapid.String().Draw(t, "detail")}
			} else {
				for range rapid.IntRange(1, 4).Draw(t, "receipts") {
					one.Receipts = append(one.Receipts, receipt(t))
				}
			}
			in.Results = append(in.Results, one)
		}
		byHand, err := in.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		type plain Results
		library, err := json.Marshal((*plain)(&in))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range [][]byte{byHand, library, append(byHand, '\n')} {
			var got Results
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			var want plain
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if len(got.Results)+len(in.Results) > 0 && (!reflect.DeepEqual(got.Results, in.Results) || !reflect.DeepEqual(got.Results, want.Results)) {
				t.Fatalf("%s\nread by hand %+v\nby the library %+v\nwritten %+v", text, got, want, in)
			}
		}
	})
}

func receipt(t *rapid.T) ledger.Receipt {
	r := ledger.Receipt{Stream: rapid.String().Draw(t, "stream"), ID: rapid.String().Draw(t, "id"), Position: rapid.Uint64().Draw(t, "position"),
		Revision: rapid.Uint64Range(0, 1<<40).Draw(t, "revision"), Duplicate: rapid.Bool().Draw(t, "duplicate"),
		RecordedTime: time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()}
	copy(r.LeafHash[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "leaf"))
	return r
}

// TestReceiptsOtherwise reads answers that are not in the form written here.
func TestReceiptsOtherwise(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"results": [ {"receipts": [ {"id":"1","stream":"s","position":3,"revision":1} ] } ] }`:                                                 true,
		`{"results":[{"receipts":[{"stream":"s","id":"1","position":1,"revision":1,"recorded_time":"2026-01-02T03:04:05Z","leaf_hash":"00"}]}]}`: false,
		`{"results":[{"receipts":[{"stream":"s","id":"1","position":"1"`:                                                                         false,
		`{"results":[`: false,
		``:             false,
	} {
		var r Results
		if err := json.Unmarshal([]byte(text), &r); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
