package contract

import (
	"encoding/json"

	"github.com/baton-ledger/baton/ledger"
)

// ReadFixture reads an example of an offer as teams write one down: a CloudEvent, the data of an offer, or an envelope alone.
func ReadFixture(text []byte) (ledger.Event, error) {
	e := ledger.Event{ID: "fixture", Source: "fixture", Type: offered, ContentType: "application/json"}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return e, ledger.Errorf(ledger.CodeInvalid, "read fixture", "write a CloudEvent, the data of an offer, or an envelope", "it is no JSON object: %s", plainJSONError(err))
	}
	switch _, data := members["envelope"]; {
	case members["specversion"] != nil:
		return ledger.ParseCloudEvent(text)
	case data:
		e.Data = text
		return e, nil
	}
	for name := range members {
		switch name {
		case "mandatory", "optional", "forward_looking", "key_insight", "fields", "side_panel":
		default:
			return e, ledger.Errorf(ledger.CodeInvalid, "read fixture", "put values into mandatory, optional and forward_looking", "member %.80q is none of an envelope", name)
		}
	}
	e.Data = append(append([]byte(`{"envelope":`), text...), '}')
	return e, nil
}
