package server

import (
	"strings"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/ledger/relay"
)

// Patterns of header values. Attributes are percent-encoded as in the HTTP binding of CloudEvents.
const (
	attributePattern = `^([!#$&-~]|%[0-9A-F]{2})+$`
	numberPattern    = `^[1-9][0-9]*$`
	timePattern      = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$`
)

func text(description string, keywords ...any) object {
	out := object{"type": "string", "description": description}
	for i := 0; i < len(keywords); i += 2 {
		out[keywords[i].(string)] = keywords[i+1]
	}
	return out
}

// asyncSchemas are the schemas of headers and payloads.
func asyncSchemas() object {
	out := object{"EventHeaders": eventHeaders(), "BinaryHeaders": binaryHeaders(), "CloudEvent": cloudEvent(), "Data": anyData()}
	for _, family := range ledger.Families() {
		for _, verb := range ledger.Verbs(family) {
			out["data."+family+"."+verb] = dataOf(ledger.Required(family, verb))
		}
	}
	reply, _ := replySchemas()
	for name, schema := range reply {
		out[name] = schema
	}
	return out
}

// eventHeaders are those of every published message.
func eventHeaders() object {
	attribute := func(description string) object { return text(description, "pattern", attributePattern) }
	return object{
		"type": "object", "description": "CloudEvents in binary mode, and the event's place in the ledger",
		"required": []string{"ce-specversion", "ce-id", "ce-source", "ce-type", "ce-stream", "ce-position", "ce-revision", "ce-recordedtime", relay.HeaderMsgID, relay.HeaderExpect},
		"properties": object{
			"ce-specversion": object{"const": "1.0"}, "ce-id": attribute("with ce-source the key of a retry"), "ce-source": attribute("which system said so"),
			"ce-type": attribute("dev.baton.<family>.<verb>.v1, or a type of another's"), "ce-subject": attribute("the journey"),
			"ce-time":            text("when it happened", "pattern", timePattern),
			"ce-datacontenttype": attribute("JSON where it is absent"), "content-type": attribute("as ce-datacontenttype"),
			"ce-dataschema": attribute("contract and version"), "ce-traceparent": attribute("W3C Trace Context"), "traceparent": text("as ce-traceparent"),
			"ce-stream": attribute("the ledger's stream"), "ce-position": text("in the whole ledger, from 1 without gaps", "pattern", numberPattern),
			"ce-revision":            text("in its stream, from 1 without gaps", "pattern", numberPattern),
			"ce-recordedtime":        text("when the ledger recorded it", "pattern", timePattern),
			relay.HeaderMsgID:        text("ledger id and position", "pattern", `^.+:[1-9][0-9]*(:.*)?$`),
			relay.HeaderExpect:       text("sequence of the message before it", "pattern", `^[0-9]+$`),
			relay.HeaderExpectID:     text("id of the message before it"),
			relay.HeaderDataOmitted:  text("bytes of data that were too many for the NATS server; the payload is then empty", "pattern", numberPattern),
			relay.HeaderRepair:       text("it was missing and comes late", "const", "true"),
			relay.HeaderRepairedHead: text("with "+relay.HeaderRepair+": how far the relay was", "pattern", `^[0-9]+$`),
		},
		"patternProperties": object{"^ce-[a-z0-9]+$": text("an attribute of the producer's own", "pattern", attributePattern)},
	}
}

// requestHeaders are what a request may have besides its event.
func requestHeaders() object {
	return object{
		relay.HeaderStream: text("the stream to append to; else the journey or overlay stream of each event's subject"),
		relay.HeaderBelief: text("what the stream is believed to be: any, no_stream, stream_exists or a revision", "pattern", "^(any|no_stream|stream_exists|[0-9]+)?$"),
	}
}

func binaryHeaders() object {
	properties := requestHeaders()
	properties["ce-specversion"] = object{"const": "1.0"}
	for _, name := range []string{"ce-id", "ce-source", "ce-type"} {
		properties[name] = text("required", "minLength", 1)
	}
	return object{"type": "object", "required": []string{"ce-specversion", "ce-id", "ce-source", "ce-type"}, "properties": properties,
		"patternProperties": object{"^ce-[a-z0-9]+$": text("a further attribute, percent-encoded")}}
}

func modeHeaders(contentType string) object {
	properties := requestHeaders()
	properties["content-type"] = text("which mode it is", "pattern", "^"+strings.NewReplacer("+", `\+`, ".", `\.`).Replace(contentType)+"( *;.*)?$")
	return object{"type": "object", "required": []string{"content-type"}, "properties": properties}
}

func cloudEvent() object {
	required := func(description string) object { return text(description, "minLength", 1, "maxLength", ledger.MaxID) }
	optional := func(description string) object {
		return object{"type": []string{"string", "null"}, "description": description}
	}
	return object{"type": "object", "required": []string{"specversion", "id", "source", "type"},
		"properties": object{"specversion": object{"const": "1.0"}, "id": required("with source the key of a retry"), "source": required("which system says so"),
			"type": required("dev.baton.<family>.<verb>.v1, or a type of your own"), "subject": optional("the journey"), "time": optional("when it happened, RFC 3339"),
			"datacontenttype": optional("JSON where it is absent"), "dataschema": optional("contract and version"),
			"data": object{"description": "kept byte for byte"}, "data_base64": optional("data that is not JSON")},
		"additionalProperties": object{"type": []string{"string", "number", "boolean", "null"}, "description": "extension attributes, named with a to z and 0 to 9"},
	}
}

// facets are the members of data that Baton reads where they are texts. Another value there is kept, and not looked at; so these schemas bound
// texts and nothing else.
var facets = map[string]string{
	"activity": "what was done", "stage": "the group, team or system that did it", "party": "the person, bot or agent in it",
	"kind":    "human, bot, ai_agent, system, team, partner, customer",
	"channel": "web, chat, phone, e-mail …", "status": "the producer's own sub-status", "handoff": "id of the handoff's offered event",
	"outcome": "how a journey or a handoff ended", "reason": "why it was declined, returned, failed …", "journey": "the other journey",
	"field": "the context field that it is about",
}

// anyData is what the data of every type of Baton's may have.
func anyData() object {
	properties := object{
		"from": object{"description": "the sender: its stage, or an object with stage, party and kind"}, "to": object{"description": "the receiver, as from"},
		"envelope":   object{"description": "context that goes along: mandatory, optional, forward_looking, key_insight"},
		"attributes": object{"description": "context by name"},
	}
	for name, description := range facets {
		properties[name] = object{"description": description, "maxLength": ledger.MaxFacet}
	}
	return object{"properties": properties, "description": "A JSON value, as a rule an object, unless the header content-type says otherwise. Where the event has no data, " +
		"or " + relay.HeaderDataOmitted + " is there, the payload is empty."}
}

// dataOf is the data of a type that cannot do without some members.
func dataOf(required []string) object {
	if len(required) == 0 {
		return ref("components", "schemas", "Data")
	}
	properties, names := object{}, []string{}
	for _, path := range required {
		label := object{"type": "string", "minLength": 1, "maxLength": ledger.MaxFacet}
		name, member, nested := strings.Cut(path, ".")
		properties[name], names = label, append(names, name)
		if nested {
			properties[name] = object{"anyOf": []any{label, object{"type": "object", "required": []string{member}, "properties": object{member: label}}}}
		}
	}
	return object{"type": "object", "allOf": []any{ref("components", "schemas", "Data")}, "required": names, "properties": properties}
}
