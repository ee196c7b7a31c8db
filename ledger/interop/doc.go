// Package interop brings logs of other systems into a ledger: XES, CSV, OCEL 2.0 JSON and CloudEvents NDJSON, each plain or gzipped.
//
// # What a row becomes
//
// A [Preset] says which column is the case, the activity, the time, the party and the stage. Every row becomes one
// interaction.recorded in the stream of its journey (the prefix of the preset and the case); what no role names is kept in
// data.attributes. Numbers and booleans that XES or OCEL declare as such keep their text, digit for digit, as JSON where they
// are JSON, as strings where not (INF, +5); everything else is a string. An empty CSV cell is an absent attribute. Nested XES
// attributes are named parent/child; attributes of a trace are named case:name and stand in the first row of the journey.
//
// Where the stage changes between consecutive rows of a case, the work was handed over: the row offers a handoff from the
// last stage to the new one. It is accepted by the first row in the new stage that is not queued (which rows are is the preset's
// queued_when), and withdrawn where the work leaves that stage before. At one row the order is: withdrawn, offered, accepted, interaction;
// all have the row's time. Rows without a stage hand nothing over. The row that ends a case closes the journey, where the
// preset's close rule says so. The order of rows is that of the file.
//
// CloudEvents, and what a program makes ([Append]), are written in the order in which they come, between streams too: a delivery that stands
// before a decline is recorded before it.
//
// # Identity
//
// An event's id is a version 5 UUID of source, case, ordinal of the row within its case, and the verb where it is not the row itself.
// The source is "import:<preset>" unless said otherwise, never the name of the file: the same log exported again, under whatever
// name, meets its own events; a longer export adds the new rows; a changed row is a conflict that names both digests. Two logs that
// share case ids and mean different cases need different prefixes; two producers of the same cases need different sources.
//
// # Memory
//
// Files are read as streams. XES holds one window of about 4,000 events, whatever the size of the file or of a trace. CSV and
// OCEL rows of one case may be scattered, so about 400 bytes for each case stay in memory besides; OCEL also keeps the ids of the objects
// that the preset's types select. No single token, record or row may be larger than the limits of an event allow.
package interop
