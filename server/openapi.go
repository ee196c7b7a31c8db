package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/server/client"
)

const apiText = `A chain-of-custody ledger for customer journeys.

Every event is recorded once, in an order that is never changed, and covered by a signed checkpoint. What follows from the events (who holds a journey,
how long handoffs wait) is computed, at any moment of the past as well.

Errors are application/problem+json with the ledger's code and a hint what to do. A request that was cut off can be sent again: events are known by their
ids, and a retry answers the first receipts.`

// apiInfo is the head of the document.
func apiInfo() *huma.Info {
	return &huma.Info{Title: "Baton", Version: "1", Description: apiText, License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}}
}

// tags are the parts of the API, in the order that /docs shows them.
var tags = []*huma.Tag{
	{Name: "Handoffs", Description: "Hand over in one call, move handoffs, list them."},
	{Name: "Events", Description: "Append CloudEvents."},
	{Name: "Journeys", Description: "One journey as of any moment, and what its history tells."},
	{Name: "Contracts", Description: "What passes at each handoff, agreed and checked; what broke it and is kept aside."},
	{Name: "Reports", Description: "Read models over the whole ledger."},
	{Name: "Points", Description: "Handoff points: who owns them, what hurts, how deep they should be, how far the work on them is."},
	{Name: "Records", Description: "The ledger itself: streams, records, the live tail."},
	{Name: "Trust", Description: "Checkpoint, proofs, verification."},
	{Name: "Webhooks", Description: "Deliveries to other systems."},
	{Name: "Operations", Description: "Status, repair, backup."},
}

// word is what the document says of an operation beside its summary. answers are its statuses besides those that any may have.
type word struct {
	tag, text string
	answers   []int
}

var (
	writes   = []int{http.StatusRequestTimeout, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusInsufficientStorage}
	optional = []int{http.StatusNotImplemented}
	common   = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusServiceUnavailable}
)

// words are by operation id. TestDocumentIsComplete requires one for each.
var words = map[string]word{
	"hand-off": {"Handoffs", "Records handoff.offered and handoff.accepted by the receiver in one step, both or neither; the first event of a journey is journey.started. " +
		"With an id, or the header Idempotency-Key, the same call again writes nothing and answers the first receipts, and another call under that id is " +
		"refused with id_conflict. What the rules of custody say against a handoff is in anomalies; it is recorded all the same.", writes},
	"move-handoff": {"Handoffs", "Records one move. The same call again answers the first receipt. A move out of order is recorded, changes nothing and is named in anomalies.", writes},
	"handoffs": {"Handoffs", "A page of handoffs with their times as durations. Pages have no gaps: send next as after, and what was there when you began comes once, " +
		"whatever is appended meanwhile.", nil},
	"handoff": {"Handoffs", "One handoff by its id, from the read models: a handoff just recorded may take a moment to be there.", nil},

	"answer-suggestion": {"Journeys", "Records in the journey's overlay that a suggestion was shown, what was decided about it, or how it ended, and answers how it stands since then. " +
		"The same call again answers the first receipt. Another decision than the one that is there is refused with answered, which names it; one that comes after expires_at is recorded as late.", writes},

	"context": {"Journeys", "The context of a handoff at the right depth: the fields that the point's contract lists, in its order, with what is known of each; what is mandatory and " +
		"missing; a key insight; references to be opened on demand; custody; suggestions that wait. What the contract does not list is counted and left out. Without a contract it is everything " +
		"known, newest first. The same moment gives the same bytes. With deliver, handoff.delivered is recorded with the fields and the digest: the same again is recorded once.", writes},
	"snapshots": {"Handoffs", "The four snapshots of a handoff, each with its digest: offered, delivered, viewed, used; and which fields were missing, left out, cut, added, late, never " +
		"viewed, not used, or used without having been viewed.", nil},
	"view-handoff": {"Handoffs", "Records handoff.viewed in the journey's overlay: the fields and the references of the side panel that somebody opened. The same again answers the first receipt.", writes},
	"progress":     {"Handoffs", progressText, nil},
	"enrich": {"Handoffs", "Asks again, however old the handoff is and on whatever channel, the sources that were passed over or gave no answer. Answers at once; Location tells how far they are. " +
		"What they say is recorded as enrichment.late where the budget is over.", writes},
	"correct": {"Journeys", "Records interaction.recorded with the activity customer_correction: the field has the customer's value from now on. What the customer may see is " +
		"GET /v1/journeys/{id}/context?preview=customer. The same again answers the first receipt.", writes},

	"append-events": {"Events", "Takes CloudEvents 1.0 in three modes: structured (one event as JSON), batch (an array), binary (attributes in ce- headers, the data as body). " +
		"Events of one stream are one append, all or none, at the expected revision if one is given; a batch may hold several streams. Answers when the events are on disk.", writes},
	"append-batches": {"Events", "Takes batches of CloudEvents, each for one stream and each all or none. The answer has a result for each batch in order, " +
		"receipts or a problem, and is 200 whatever the results are.", writes},

	"journeys": {"Journeys", "A page of journeys with their whole state. Pages have no gaps.", nil},
	"journey":  {"Journeys", "Who holds the journey, its handoffs, anomalies and context: now, or as it stood at a position, a revision, a time that occurred or a time of recording.", nil},
	"timeline": {"Journeys", "The events of a journey in the order it learned of them, each with what it did to custody. Next continues the list.", nil},
	"diff":     {"Journeys", "Each part of the state that differs, with the event that made the difference.", nil},
	"bisect":   {"Journeys", "Evaluates a CEL condition after each event, and says where it first held, whether it held to the end, and how often it came and went.", nil},
	"whatif":   {"Journeys", "Folds the journey with events dropped, delayed or changed, and compares. Nothing is written.", nil},

	"contracts": {"Contracts", "Each contract with its versions, by name: documents, statuses, exceptions, signatures, history.", nil},
	"contract":  {"Contracts", "All versions of one contract. Events of its stream that changed nothing are in ignored, each with the reason.", nil},
	"validate": {"Contracts", "Takes a CloudEvent, the data of an offer, or an envelope alone, and answers how it breaks the version. Nothing is recorded, and no message repeats a value.",
		[]int{http.StatusRequestTimeout, http.StatusRequestEntityTooLarge}},
	"contract-act": {"Contracts", "Records one step in the life of a version. Publishing is refused while lint finds errors, or where the version is less compatible than its contract " +
		"promises, until an exception is granted for the rule. What is published is never changed. The same step again writes nothing and says so.", writes},
	"quarantine":  {"Contracts", "Each batch that broke its contract in mode quarantine, with the violations and what became of it.", nil},
	"quarantined": {"Contracts", "The events are as they were sent, byte for byte.", nil},
	"settle-quarantine": {"Contracts", "Release appends the events to the stream they belong to, after another check: what still breaks its contract is refused with violation and stays. " +
		"A repair changes envelopes of offers and needs a reason; the original stays in the record. Discard needs a reason too. The same call again answers as before.", writes},

	"summary": {"Reports", "Totals of journeys, handoffs and waits.", nil},
	"points":  {"Reports", "Counts and waits of each pair of stages and channel that work was handed over at. With limit the rows come in pages without gaps, by name.", nil},
	"point":   {"Points", "What is known of a point: mapping, classification, pain points, training, answers, steps and history, and the counts and waits of its traffic.", nil},
	"points-matrix": {"Points", "All points by volume, which is counted over the last days up to that of the ledger's last offer, and criticality, which is declared; with the style that volume, complexity " +
		"and value call for.", nil},
	"point-checklist": {"Points", "The six questions of the decision checklist, answered from data where there is some, else by a person, else unknown; with verdict, reasons and contradictions.", nil},
	"point-evidence":  {"Points", "Runs the query of a pain point, or one that is given, over the point's newest handoffs, and gives count, share and examples.", nil},
	"change-point": {"Points", "Records one thing that is said of a point, held against what is known of it: a step of its life is refused with what is missing for it, unless force and a reason are sent. " +
		"What is so already is not written again.", writes},

	"report-custody": {"Reports", "Each kind of trouble with examples, and the longest waits.", nil},
	"report-network": {"Reports", "How often work passed from one to another. With limit the rows come in pages without gaps, by name.", nil},
	"report-tiers":   {"Reports", "By point: which tier its handoffs had, whether that is what was declared, the depth score, and what depth saves and costs. `behind` says how many events are not in it yet.", nil},
	"report-fields":  {"Reports", "By point and field: from offered to used, missing, junk, stale, what filling it in costs; and all fields over all points.", nil},
	"report-drift":   {"Reports", "Rates, values, forms and versions that changed against a baseline, with an estimated day and the producer. What is found is sure to the probability alpha.", nil},
	"rebuild":        {"Reports", "Makes the read models again beside the live ones, compares digests, and swaps them in where they agree. Answers when it is done.", nil},

	"head":         {"Records", "The last position on disk and when it was recorded.", nil},
	"read-records": {"Records", "One JSON object a line: place, and the record's bytes in base64. An error that comes later than the first line is a last line with problem.", nil},
	"read-stream":  {"Records", "As /v1/records, for one stream by revision; nothing where the stream does not exist.", nil},
	"stream-head":  {"Records", "Revision, place and chained digest of a stream's last event.", nil},
	"streams":      {"Records", "One JSON object a line, by name. An error that comes later than the first line is a last line with problem.", nil},
	"tail":         {"Records", tailText, nil},

	"checkpoint":  {"Trust", "Signs everything that is durable now, and answers the signed note and its numbers.", optional},
	"proof":       {"Trust", "A proof that the event at a position is in the ledger under a signed checkpoint, to be checked without the server.", append(optional, http.StatusNotFound)},
	"verify":      {"Trust", "Reads every record and index, and recomputes the tree under a checkpoint of now. It takes as long as reading the ledger does.", optional},
	"status":      {"Operations", "Where the ledger ends, what is signed, and how far followers are.", nil},
	"relay-check": {"Operations", "Compares positions and digests of the ledger with the NATS stream.", optional},
	"backup":      {"Operations", "Copies the ledger while it is used, and verifies the copy.", append(optional, http.StatusConflict, http.StatusInsufficientStorage)},

	"webhooks":           {"Webhooks", "Each endpoint with its state, cursor and lag.", optional},
	"webhook-deliveries": {"Webhooks", "A page of deliveries by position.", optional},
	"webhook-delivery":   {"Webhooks", "One delivery with each attempt: when, the answer, how long it took.", optional},
	"webhook-replay-one": {"Webhooks", "Puts one event in the queue of the endpoint again.", optional},
	"webhook-replay":     {"Webhooks", "Puts dead deliveries, or a range of positions, in the queue again.", optional},
	"webhook-enable":     {"Webhooks", "Deliveries go on at once.", optional},
	"webhook-test":       {"Webhooks", "Delivers a test event outside of the queue, and answers what the receiver said.", optional},
}

// complete adds to the document what the operations' types do not say.
func complete(doc *huma.OpenAPI) {
	doc.Servers = []*huma.Server{{URL: "/", Description: "this server"}}
	doc.Tags = tags
	problem := doc.Components.Schemas.Schema(reflect.TypeFor[client.Problem](), true, "")
	doc.Components.Schemas.SchemaFromRef(problem.Ref).Examples = []any{ProblemOf(&ledger.Error{Code: ledger.CodeNotFound, Op: "replay",
		Err: errors.New(`journey "J-9" is not in the ledger`), Hint: "list journeys with GET /v1/journeys"})}
	for path, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post} {
			if op != nil {
				completeOperation(op, path, problem)
			}
		}
	}
	examples(doc)
}

func completeOperation(op *huma.Operation, path string, problem *huma.Schema) {
	w := words[op.OperationID]
	op.Tags = []string{w.tag}
	if op.Description == "" {
		op.Description = w.text
	}
	answers := append(append([]int{}, common...), w.answers...)
	if strings.Contains(path, "{") {
		answers = append(answers, http.StatusNotFound)
	}
	for _, status := range answers {
		op.Responses[strconv.Itoa(status)] = problemAnswer(http.StatusText(status), problem)
	}
	op.Responses["default"] = problemAnswer("Any other refusal", problem)
	if op.OperationID == "hand-off" || op.OperationID == "append-events" {
		kept := *op.Responses["200"]
		kept.Description = "Kept in quarantine: it breaks its contract, and its journey knows nothing of it"
		op.Responses["202"] = &kept
	}
}

func problemAnswer(text string, problem *huma.Schema) *huma.Response {
	return &huma.Response{Description: text, Content: map[string]*huma.MediaType{"application/problem+json": {Schema: problem}}}
}

// ndjson documents an answer of lines by the schema of one.
func ndjson[T any](api huma.API, op huma.Operation) huma.Operation {
	op.Responses = map[string]*huma.Response{"200": {Description: "Lines, each a JSON object of this schema", Content: map[string]*huma.MediaType{
		"application/x-ndjson": {Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")}}}}
	return op
}

const (
	exampleEvent = `{"specversion":"1.0","id":"call-1","source":"/crm","type":"dev.baton.interaction.recorded.v1","subject":"J-1",` +
		`"data":{"activity":"call","stage":"sales","attributes":{"budget":1200}}}`
	exampleHandoff = `{"journey":"J-1","id":"h-1","from":{"stage":"bot","kind":"ai_agent"},"to":{"stage":"sales","party":"Ada"},"channel":"chat",` +
		`"reason":"asks for a price","envelope":{"mandatory":{"need":"a price for 40 seats"}}}`
	exampleHandedOff = `{"handoff":"h-1","journey":"J-1","point":"bot>sales@chat","state":"accepted","owner":{"stage":"sales","party":"Ada"},"receipts":[` +
		`{"stream":"journey-J-1","id":"h-1","position":2,"revision":2,"recorded_time":"2026-11-22T21:00:00.000000001Z","leaf_hash":"` + exampleHash + `"},` +
		`{"stream":"journey-J-1","id":"h-1.accepted","position":3,"revision":3,"recorded_time":"2026-11-22T21:00:00.000000001Z","leaf_hash":"` + exampleHash + `"}]}`
	exampleEnvelope = `{"mandatory":{"need":"a price for 40 seats"}}`
	exampleContract = `{"contract":"bot/price","version":1,"owner":"bot","consumers":["sales"],"points":["bot>sales@chat"],"mode":"warn","fields":[` +
		`{"name":"need","class":"mandatory","schema":{"type":"string"},"classification":"internal","purpose":["make an offer"]}]}`
	exampleReceipts = `{"receipts":[{"stream":"journey-J-1","id":"call-1","position":4,"revision":4,"recorded_time":"2026-11-22T21:00:01Z","leaf_hash":"` + exampleHash + `"}]}`
	exampleHash     = "2006b4c7fac8e710004462c8638043a195b9295fe32abb6ec9ecaf76f5085f5a"
)

// examples shows requests that can be sent as they stand, in this order, to an empty ledger.
func examples(doc *huma.OpenAPI) {
	body := func(op *huma.Operation, kind, text string) {
		op.RequestBody.Content[kind].Example = json.RawMessage(text)
	}
	answer := func(op *huma.Operation, text string) {
		op.Responses["200"].Content["application/json"].Example = json.RawMessage(text)
	}
	handOff := doc.Paths["/v1/handoffs"].Post
	body(handOff, "application/json", exampleHandoff)
	answer(handOff, exampleHandedOff)
	body(doc.Paths["/v1/handoffs/{handoff}/{verb}"].Post, "application/json", `{"journey":"J-1","by":{"stage":"sales","party":"Ada"},"outcome":"sold"}`)
	body(doc.Paths["/v1/journeys/{id}/suggestions/{verb}"].Post, "application/json",
		`{"suggestion":"suggestion/4f1a22b09c8d7e65/4711","by":{"stage":"sales","party":"Ada"},"reason":"the customer has left already"}`)
	body(doc.Paths["/v1/contracts/{name}/validate"].Post, "application/json", exampleEnvelope)
	body(doc.Paths["/v1/contracts/{name}/{verb}"].Post, "application/json", `{"contract":`+exampleContract+`,"why":"agreed with billing"}`)
	body(doc.Paths["/v1/quarantine/{id}/{verb}"].Post, "application/json",
		`{"why":"the old app says need otherwise","repair":[{"rename":{"from":"wish","to":"need"}}]}`)
	body(doc.Paths["/v1/handoffs/{handoff}/viewed"].Post, "application/json", `{"journey":"J-1","by":{"stage":"sales","party":"Ada"},"fields":["need"]}`)
	body(doc.Paths["/v1/journeys/{id}/corrections"].Post, "application/json", `{"field":"need","value":"a price for 60 seats","by":"customer-7"}`)
	body(doc.Paths["/v1/batches"].Post, "application/json", `{"batches":[{"stream":"journey-J-1","expect":3,"events":[`+exampleEvent+`]}]}`)
	body(doc.Paths["/v1/points/{point}/{verb}"].Post, "application/json", `{"owner":"sales-ops","style":"stateful","contract":"leads"}`)
	events := doc.Paths["/v1/events"].Post
	body(events, ledger.ContentTypeCloudEvent, exampleEvent)
	body(events, ledger.ContentTypeCloudEventBatch, "["+exampleEvent+"]")
	body(events, "application/json", `{"activity":"call","stage":"sales"}`)
	answer(events, exampleReceipts)
}
