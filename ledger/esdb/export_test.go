package esdb

// RecordedOf is recorded, for fuzzing.
var RecordedOf = recorded
