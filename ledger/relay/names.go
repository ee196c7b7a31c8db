package relay

// Names for those who describe the NATS side to others; doc.go and docs/formats.md say what they mean.
const (
	OtherFamily = "other" // family token of types that are not of Baton's form
	IngestQueue = "baton" // queue group of the ingest subject

	HeaderMsgID        = headerMsgID
	HeaderExpect       = headerExpect
	HeaderExpectID     = headerExpectID
	HeaderDataOmitted  = headerDataOmitted
	HeaderRepair       = headerRepair
	HeaderRepairedHead = headerHead
	HeaderStream       = headerStream
	HeaderBelief       = headerBelief
)
