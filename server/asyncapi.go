package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/relay"
)

type object = map[string]any

func ref(path ...string) object { return object{"$ref": "#/" + strings.Join(path, "/")} }

// asyncAPI serves the description of the NATS side.
func (s *Server) asyncAPI(mux *http.ServeMux) {
	var doc bytes.Buffer
	e := json.NewEncoder(&doc)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(asyncDocument(s.opts.NATS)); err != nil {
		panic(err) // it holds strings and numbers
	}
	mux.HandleFunc("GET /asyncapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.aai.asyncapi+json;version=3.0.0")
		_, _ = w.Write(doc.Bytes()) // a client that has gone needs no answer
	})
}

// asyncDocument is the AsyncAPI 3 document of what relay publishes and takes, made of the same catalogue, names and types. url is that of
// Options.NATS.
func asyncDocument(url string) object {
	messages, published := eventMessages()
	requests := requestMessages()
	ingested := object{}
	for name, m := range requests {
		messages[name], ingested[name] = m, ref("components", "messages", name)
	}
	_, reply := replySchemas()
	messages["reply"] = object{"title": "Receipts, and the first error", "contentType": "application/json", "payload": reply}
	doc := object{
		"asyncapi": "3.0.0", "id": "urn:baton:nats", "defaultContentType": "application/json",
		"info": object{"title": "Baton on NATS", "version": "1", "description": "Every event of the ledger, in the order of its positions, and a way in. " +
			"The ledger is the record; the stream is a copy of it that may be made again at any time. HTTP is in /openapi.json."},
		"channels": object{
			"events": eventChannel(published),
			"ingest": object{"address": relay.IngestSubject, "title": "The way in", "messages": ingested,
				"description": "An ordinary NATS request; servers share the subject as a queue group."},
			"ingestReply": object{"address": nil, "title": "The reply subject of a request", "messages": object{"reply": ref("components", "messages", "reply")}},
		},
		"operations": object{
			"publishEvents": object{"action": "send", "channel": ref("channels", "events"), "title": "Publish events",
				"summary": "Each event once, directly after the one before it, as soon as it is durable."},
			"appendEvents": object{"action": "receive", "channel": ref("channels", "ingest"), "title": "Append events",
				"summary":  "Answers when the events survive power loss. A retry gets the first receipts.",
				"bindings": object{"nats": object{"queue": relay.IngestQueue, "bindingVersion": "0.1.0"}},
				"reply":    object{"channel": ref("channels", "ingestReply"), "messages": []any{ref("channels", "ingestReply", "messages", "reply")}}},
		},
		"components": object{"messages": messages, "schemas": asyncSchemas(), "securitySchemes": object{"credential": object{"type": "userPassword",
			"description": "user and password of keys/nats.json in the data directory"}}},
	}
	if url != "" {
		doc["servers"] = object{"nats": natsServer(url)}
	}
	return doc
}

// natsServer describes the embedded server by its address, and a configured one without: its URL may hold a password.
func natsServer(url string) object {
	if host, ok := strings.CutPrefix(url, "nats://"); ok {
		return object{"host": host, "protocol": "nats", "description": "The server inside Baton; it listens on loopback alone.",
			"security": []any{ref("components", "securitySchemes", "credential")}}
	}
	return object{"host": "{host}", "protocol": "nats", "description": "The server that Baton was configured to use.",
		"variables": object{"host": object{"description": "host and port of nats.url in Baton's configuration"}}}
}

func eventChannel(messages object) object {
	partitions := make([]string, ledger.Partitions)
	for i := range partitions {
		partitions[i] = strconv.Itoa(i)
	}
	return object{
		"address": relay.SubjectPrefix + "{partition}.{family}.{verb}.{point}", "title": "Events",
		"description": "JetStream stream " + relay.StreamName + ". Subscribe to it with an ordered consumer; " + relay.AllSubjects + " is all of it.",
		"parameters": object{
			"partition": object{"enum": partitions, "description": "by the journey, so that one journey is in one partition"},
			"family":    object{"enum": append(ledger.Families(), relay.OtherFamily, ledger.CategoryQuarantine), "description": relay.OtherFamily + " for types that are not Baton's, " + ledger.CategoryQuarantine + " for what broke its contract and is kept aside"},
			"verb":      object{"description": "of the family; for other types the whole type. Everything but letters, digits, - and @ is percent-encoded."},
			"point":     object{"description": "sender>receiver@channel where the event's own data names it, else _; encoded as the verb is", "examples": []string{"_", "support%3Ebilling@ticket"}},
		},
		"messages": messages, "x-jetstream-stream": relay.StreamName,
	}
}

// eventMessages are the catalogue's types and one message for all others; published are their places in the channel.
func eventMessages() (messages, published object) {
	messages, published = object{}, object{}
	for _, family := range ledger.Families() {
		for _, verb := range ledger.Verbs(family) {
			name := family + "." + verb
			messages[name] = object{"name": ledger.Type(family, verb), "title": family + " " + strings.ReplaceAll(verb, "_", " "), "contentType": "application/json",
				"headers": headersOf(object{"const": ledger.Type(family, verb)}), "payload": ref("components", "schemas", "data."+name),
				"description":      "The payload is the event's data, byte for byte.",
				"x-subject-filter": relay.FilterSubject(family, verb, "")}
		}
	}
	messages["other"] = object{"name": "other", "title": "an event of a type that is not Baton's", "headers": headersOf(object{"not": object{"pattern": "^dev\\.baton\\."}}),
		"payload": object{}, "description": "The payload is any bytes, of the content type that the header says."}
	for name := range messages {
		published[name] = ref("components", "messages", name)
	}
	return messages, published
}

// headersOf are the headers of published messages whose ce-type is as a schema says.
func headersOf(typ object) object {
	return object{"type": "object", "allOf": []any{ref("components", "schemas", "EventHeaders"), object{"type": "object", "properties": object{"ce-type": typ}}}}
}

// requestMessages are the three content modes of CloudEvents.
func requestMessages() object {
	return object{
		"binary": object{"title": "one event, attributes in headers", "headers": ref("components", "schemas", "BinaryHeaders"), "payload": object{},
			"description": "The payload is the event's data; content-type, or ce-datacontenttype, says what it is. Names of headers in any case."},
		"structured": object{"title": "one event as JSON", "contentType": ledger.ContentTypeCloudEvent,
			"headers": modeHeaders(ledger.ContentTypeCloudEvent), "payload": ref("components", "schemas", "CloudEvent")},
		"batch": object{"title": "several events as JSON", "contentType": ledger.ContentTypeCloudEventBatch,
			"headers":     modeHeaders(ledger.ContentTypeCloudEventBatch),
			"payload":     object{"type": "array", "minItems": 1, "items": ref("components", "schemas", "CloudEvent")},
			"description": "The events of each stream are one append, all or none."},
	}
}

// replySchemas are those of the reply's Go types, as OpenAPI has them; its own name is what payloads refer to.
func replySchemas() (schemas map[string]*huma.Schema, reply object) {
	registry := huma.NewMapRegistry("#/components/schemas/", schemaName)
	of := registry.Schema(reflect.TypeFor[relay.IngestReply](), true, "")
	return registry.Map(), object{"$ref": of.Ref}
}
