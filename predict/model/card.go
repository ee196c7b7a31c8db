package model

// Card is what a person needs to judge a model, inside its file. It holds no clock of the machine that trained it: the same rows and
// the same seed give the same file.
type Card struct {
	Name       string             `json:"name"`
	Target     string             `json:"target"`
	Learner    string             `json:"learner"`
	Setting    string             `json:"setting"`
	Seed       uint64             `json:"seed"`
	Rows       int                `json:"rows"`
	ClassRows  map[string]int     `json:"class_rows"`
	From       string             `json:"from,omitempty"` // of the data: time or position, RFC 3339 or @position
	To         string             `json:"to,omitempty"`
	Features   []string           `json:"features"` // the columns
	Validation string             `json:"validation"`
	Candidates []CandidateFigures `json:"candidates"`
	Why        string             `json:"why"` // the chosen one was chosen
	Limits     []string           `json:"limits"`
	Reads      *Reads             `json:"reads,omitempty"`      // nil: of a table or a log that is not in the ledger
	References []Reference        `json:"references,omitempty"` // of the columns, and of the score last
}

// Reads says that the rows are of journeys in the ledger, with features of that version (package features), taken at these handoff events.
type Reads struct {
	Features int      `json:"features"`
	Moments  []string `json:"moments"`
}

// CandidateFigures are one learner's, on the validation parts of the training rows.
type CandidateFigures struct {
	Learner  string  `json:"learner"`
	Setting  string  `json:"setting"`
	Additive bool    `json:"additive"`
	Rows     int     `json:"rows"`
	LogLoss  float64 `json:"log_loss"`
	// Behind is how much more log loss a row has than with the best candidate, and its standard error.
	Behind   float64 `json:"behind"`
	BehindSE float64 `json:"behind_se"`
	AUC      float64 `json:"auc,omitempty"`
	Accuracy float64 `json:"accuracy"`
}
