package external_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/relay"
	"github.com/baton-ledger/baton/predict/external"
)

// TestParse: a reply is taken whole, or refused by the name of what is wrong.
func TestParse(t *testing.T) {
	r, err := external.Parse([]byte(` {"probability":0.25,"reasons":[{"code":"a","text":"b","effect":"raises","weight":-1e300}],"actions":["call"],"version":"v1","more":{}}`+"\n"), "v1")
	if err != nil || *r.Probability != 0.25 || r.Reasons[0].Weight != -1e300 || r.Actions[0] != "call" {
		t.Fatalf("%+v %v", r, err)
	}
	reason := `{"code":"a","text":"b","effect":"raises"}`
	for answer, want := range map[string]string{
		"": "is empty", " \n": "is empty", "nonsense": "is not the JSON", `[0.5]`: "is not the JSON", `null`: "probability is missing", `{}`: "probability is missing",
		`{"probability":null}`: "probability is missing", `{"probability":NaN}`: "is not the JSON", `{"probability":"0.5"}`: "probability", `{"probability":1.01}`: "not from 0 to 1",
		`{"probability":-0.1}`: "not from 0 to 1", `{"probability":1e999}`: "is not the JSON", `{"probability":0.5}{}`: "goes on", `{"probability":0.5,"version":"v2"}`: `"v1" was declared`,
		`{"probability":0.5,"reasons":[` + strings.Repeat(reason+",", 3) + reason + `]}`:           "reasons has 4",
		`{"probability":0.5,"reasons":[{"code":"a","text":"b","effect":"up"}]}`:                    "reasons[0].effect",
		`{"probability":0.5,"reasons":[{"code":"a","effect":"raises"}]}`:                           "reasons[0] needs",
		`{"probability":0.5,"reasons":[{"code":"a","text":"b","effect":"lowers","weight":1e999}]}`: "is not the JSON",
		`{"probability":0.5,"actions":["call",""]}`:                                                "actions[1]", "{\"probability\":0.5,\"x\":\"\xff\"}": "UTF-8",
	} {
		if _, err := external.Parse([]byte(answer), "v1"); !errors.Is(err, ledger.CodeInvalid) || !strings.Contains(fmt.Sprint(err), want) || ledger.HintOf(err) == "" {
			t.Errorf("%.60q: %v, want %q", answer, err, want)
		}
	}
	if _, err := external.Parse([]byte(`{"probability":0.5,"x":"`+strings.Repeat("x", external.MaxReply)+`"}`), ""); !errors.Is(err, ledger.CodeTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

// TestAsk over a real server: an answer, nobody there, and one that takes the request and says nothing.
func TestAsk(t *testing.T) {
	dir := t.TempDir()
	e, err := relay.StartEmbedded(relay.EmbeddedOptions{Dir: dir, CredentialFile: dir + "/nats.json"})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	c, err := e.Connect("test")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for subject, answer := range map[string]func(*nats.Msg){"s.echo": func(m *nats.Msg) { m.Respond(m.Data) }, "s.hang": func(*nats.Msg) {}} {
		if _, err := c.Subscribe(subject, answer); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if b, err := external.Ask(ctx, c, "s.echo", []byte("{}")); err != nil || string(b) != "{}" {
		t.Errorf("%s %v", b, err)
	}
	if _, err := external.Ask(ctx, c, "s.nobody", nil); !errors.Is(err, ledger.CodeUnavailable) || !strings.Contains(err.Error(), "nobody answers at s.nobody") {
		t.Errorf("nobody: %v", err)
	}
	short, done := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer done()
	if _, err := external.Ask(short, c, "s.hang", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hanging: %v", err)
	}
}
