package simulate

import "strconv"

// field is one entry of the catalogue of context fields. How its values look follows from what is given: options, else a prefix and six
// digits, else a number from lo to hi.
type field struct {
	name, class string // classification: public, internal, personal, confidential
	source      string // the system that says it
	ask         string // the question that it answers
	options     []string
	prefix      string
	lo, hi      int
	junk        string // what a hurried sender enters; JSON
}

// Places in the catalogue, the bits of a set.
const (
	fOrder = iota
	fAccount
	fContact
	fChannel
	fTier
	fLast
	fCategory
	fUrgency
	fSentiment
	fBudget
	fSize
	fUseCase
	fReturn
	fCondition
	fItems
	fRefund
	fAuth
	fDevice
	fAttempts
	fValue
	fGoLive
	fStakeholders
	fIntegration
	fPromised
	fTranscript
	fTried
	fConsent
	fLocale
	fScore
	fRisk
	fNext
	fCampaign
)

var catalogue = [...]field{
	fOrder:   {name: "order_id", class: "internal", source: "shop", ask: "What is your order number?", prefix: "ORD-", junk: `"0000"`},
	fAccount: {name: "account_id", class: "internal", source: "crm", ask: "What is your account number?", prefix: "ACC-", junk: `"0000"`},
	fContact: {name: "contact_ref", class: "personal", source: "form", ask: "How can we reach you?", prefix: "ref-", junk: `"n/a"`},
	fChannel: {name: "preferred_channel", class: "personal", source: "crm",
		ask: "Would you rather be called or written to?", options: []string{"e-mail", "phone", "sms", "chat"}, junk: `"e-mail"`},
	fTier: {name: "product_tier", class: "internal", source: "crm",
		ask: "Which plan are you on?", options: []string{"basic", "plus", "pro", "premium"}, junk: `"basic"`},
	fLast: {name: "last_interaction", class: "internal", source: "crm",
		ask:     "Have you contacted us about this before?",
		options: []string{"none", "chat, this week", "call, last month", "ticket, closed"}, junk: `"none"`},
	fCategory: {name: "issue_category", class: "internal", source: "classifier", ask: "What is it about?", junk: `"other"`},
	fUrgency: {name: "urgency", class: "internal", source: "form",
		ask: "How urgent is it?", options: []string{"low", "normal", "high", "blocking"}, junk: `"normal"`},
	fSentiment: {name: "sentiment", class: "internal", source: "classifier",
		ask: "How do you feel about it so far?", options: []string{"calm", "worried", "annoyed", "angry"}, junk: `"calm"`},
	fBudget: {name: "budget_range", class: "confidential", source: "form",
		ask: "What budget do you have in mind?", options: []string{"below 5k", "5k to 20k", "20k to 100k", "above 100k"}, junk: `"-"`},
	fSize: {name: "company_size", class: "internal", source: "enrichment", ask: "How many people are you?", lo: 1, hi: 900, junk: `1`},
	fUseCase: {name: "use_case", class: "internal", source: "form",
		ask:     "What do you want to do with it?",
		options: []string{"reporting", "support desk", "field service", "web shop", "integration"}, junk: `"test"`},
	fReturn: {name: "return_reason", class: "internal", source: "portal",
		ask:     "Why do you return it?",
		options: []string{"too small", "too large", "damaged", "not as described", "changed mind"}, junk: `"other"`},
	fCondition: {name: "item_condition", class: "internal", source: "portal",
		ask: "Has it been used?", options: []string{"unopened", "opened", "worn", "broken"}, junk: `"unopened"`},
	fItems: {name: "items_in_return", class: "internal", source: "shop", ask: "How many items do you return?", lo: 1, hi: 6, junk: `1`},
	fRefund: {name: "refund_method", class: "confidential", source: "billing",
		ask: "Where shall the refund go?", options: []string{"original payment", "voucher", "bank transfer"}, junk: `"original payment"`},
	fAuth: {name: "auth_method", class: "internal", source: "identity",
		ask: "How do you sign in?", options: []string{"password", "password and code", "single sign-on"}, junk: `"password"`},
	fDevice: {name: "device", class: "internal", source: "web",
		ask: "Which device do you use?", options: []string{"phone", "laptop", "tablet", "shared computer"}, junk: `"unknown"`},
	fAttempts: {name: "failed_attempts", class: "internal", source: "identity", ask: "How often have you tried?", lo: 1, hi: 9, junk: `0`},
	fValue: {name: "contract_value", class: "confidential", source: "crm",
		ask: "What was the contract for?", lo: 8000, hi: 240000, junk: `0`},
	fGoLive: {name: "go_live_in_days", class: "internal", source: "crm",
		ask: "When do you want to go live?", lo: 14, hi: 180, junk: `30`},
	fStakeholders: {name: "stakeholders", class: "internal", source: "crm", ask: "Who else needs to agree?", lo: 1, hi: 12, junk: `1`},
	fIntegration: {name: "integrations", class: "internal", source: "form",
		ask: "What has to be connected?", options: []string{"none", "erp", "identity provider", "data warehouse", "telephony"}, junk: `"none"`},
	fPromised: {name: "promised_terms", class: "confidential", source: "crm",
		ask:     "What were you promised?",
		options: []string{"standard", "discount first year", "dedicated contact", "migration included"}, junk: `"standard"`},
	fTranscript: {name: "transcript_ref", class: "personal", source: "chat",
		ask: "Can you tell me again what you wrote?", prefix: "TR-", junk: `"-"`},
	fTried: {name: "steps_tried", class: "internal", source: "chat",
		ask: "What have you tried already?", options: []string{"nothing yet", "restarted", "reinstalled", "followed the guide"}, junk: `"n/a"`},
	fConsent: {name: "consent", class: "personal", source: "form",
		ask: "May we contact you about offers?", options: []string{"by mail", "by mail and phone"}, junk: `"yes"`},
	fLocale: {name: "locale", class: "personal", source: "web",
		ask: "Which language do you prefer?", options: []string{"en", "de", "fr", "pl", "es"}, junk: `"en"`},
	fScore: {name: "lead_score", class: "internal", source: "model", lo: 5, hi: 98, junk: `50`},
	fRisk:  {name: "churn_risk", class: "internal", source: "model", lo: 1, hi: 97, junk: `50`},
	fNext: {name: "suggested_next_step", class: "internal", source: "model",
		options: []string{"call today", "send guide", "offer replacement", "involve specialist"}, junk: `"call today"`},
	fCampaign: {name: "campaign", class: "internal", source: "marketing",
		ask: "How did you hear of us?", options: []string{"search", "newsletter", "webinar", "referral", "fair"}, junk: `"search"`},
}

// set is a set of fields.
type set uint32

func of(fields ...int) (s set) {
	for _, f := range fields {
		s |= 1 << f
	}
	return s
}

func (s set) has(f int) bool { return s>>f&1 == 1 }

// each calls a function for every field, in the order of the catalogue.
func (s set) each(do func(f int)) {
	for f := range catalogue {
		if s.has(f) {
			do(f)
		}
	}
}

func (s set) count() (n int) {
	s.each(func(int) { n++ })
	return n
}

// What a journey is about, by flow; newCategory appears with the drift.
var (
	leadCategories   = []string{"new customer", "upgrade", "renewal", "partner lead", "trial"}
	issueCategories  = []string{"billing", "delivery", "access", "defect", "advice", "contract"}
	returnCategories = []string{"size", "damage", "wrong item", "late delivery"}
	accessCategories = []string{"forgotten password", "locked account", "lost device"}
)

const newCategory = "subscription pause"

// value writes a field's value in a journey.
func (j *journey) value(b []byte, f int) []byte {
	c, raw := &catalogue[f], mix(j.salt+uint64(f)*0x9e3779b97f4a7c15)
	switch {
	case f == fCategory:
		return quoted(b, j.category)
	case f == fTier && j.segment == enterprise:
		return quoted(b, "premium")
	case c.options != nil:
		return quoted(b, c.options[raw%uint64(len(c.options))])
	case c.prefix != "":
		b = append(append(b, '"'), c.prefix...)
		return append(strconv.AppendUint(b, 100000+raw%900000, 10), '"')
	}
	return strconv.AppendInt(b, int64(c.lo)+int64(raw%uint64(c.hi-c.lo+1)), 10)
}

// fieldName is a field's name in a version of the envelope: version 2 renamed one.
func fieldName(f, version int) string {
	if f == fContact && version == 2 {
		return "contact_token"
	}
	return catalogue[f].name
}

// names lists the fields of a set, as a JSON array.
func (s set) names(b []byte, version int) []byte {
	b = append(b, '[')
	s.each(func(f int) {
		if b[len(b)-1] != '[' {
			b = append(b, ',')
		}
		b = quoted(b, fieldName(f, version))
	})
	return append(b, ']')
}

// quoted writes a JSON string. Everything the simulator says is ASCII without quotes and control characters.
func quoted(b []byte, s string) []byte {
	return append(append(append(b, '"'), s...), '"')
}

// member writes "name":"value" with the comma it needs; nothing for an empty value.
func member(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return quoted(key(b, name), value)
}

func number(b []byte, name string, n int64) []byte { return strconv.AppendInt(key(b, name), n, 10) }

// key writes the comma that a member needs, and its name.
func key(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(quoted(b, name), ':')
}

// decimal writes a number with at most so many decimals as it has parts of one.
func decimal(b []byte, name string, x float64) []byte {
	return strconv.AppendFloat(key(b, name), x, 'f', -1, 64)
}
