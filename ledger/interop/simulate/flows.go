package simulate

import "strconv"

// What a flow is for.
const (
	goalConvert = "converted"
	goalResolve = "resolved"
)

// Kinds of parties, as in ledger.Facets.Kind.
const (
	human           = "human"
	bot             = "bot"
	aiAgent         = "ai_agent"
	system          = "system"
	team            = "team"
	partner         = "partner"
	styleStateful   = "stateful"
	styleStateless  = "stateless"
	stylePredictive = "predictive"
)

// stage is a group, team or system. Its parties are numbered; acts are what it does, in order.
type stage struct {
	name, kind, channel string
	hours               *hours
	parties             int
	work                float64 // median minutes of one act
	acts                []string
}

// hop is the planned handoff from one stage to the next.
type hop struct {
	channel, detour               string // detour is the other channel that it sometimes takes
	style                         string
	mandatory, optional, forwards set
	wait                          float64 // median minutes in the receiver's queue
	trouble                       float64 // factor on the probabilities of everything that can go wrong
	enriched                      bool
}

// flow is one kind of journey: hops[i] leads from stages[i] to stages[i+1]. The last stage is not on the way: it is who steps in.
type flow struct {
	name, goal    string
	categories    []string
	before, after int // share of journeys, before and after the drift
	segments      [3]int
	success       float64 // intercepts
	churn         float64
	versioned     bool // envelopes of the first hop come in two versions
	stages        []stage
	hops          []hop
}

var flows = []flow{
	{name: "web-to-onboarding", goal: goalConvert, categories: leadCategories,
		before: 140, after: 130, segments: [3]int{55, 38, 7}, success: 0.9, churn: -2.6, versioned: true,
		stages: []stage{
			{"web-form", system, "web", always, 4, 1, []string{"form submitted"}},
			{"email-sequence", system, "e-mail", always, 3, 600, []string{"welcome mail sent", "mail opened", "meeting booked"}},
			{"sales-call", human, "phone", office, 14, 25, []string{"call held", "proposal sent"}},
			{"onboarding", human, "video", office, 9, 40, []string{"kick-off held", "first task done"}},
			{"sales-backup", human, "phone", office, 5, 25, []string{"call held"}}},
		hops: []hop{
			{"api", "webhook", styleStateful, of(fContact, fUseCase, fConsent), of(fLocale, fCampaign, fSize), 0, 3, 0.4, true},
			{"crm-task", "e-mail", styleStateful, of(fContact, fUseCase, fBudget, fSize), of(fChannel, fCampaign, fLast), 0, 160, 1.1, false},
			{"crm-task", "e-mail", styleStateful, of(fAccount, fUseCase, fPromised, fChannel), of(fGoLive, fIntegration, fBudget), 0, 320, 1, false}}},
	{name: "chatbot-to-human", goal: goalResolve, categories: issueCategories,
		before: 230, after: 180, segments: [3]int{70, 25, 5}, success: 1.1, churn: -2.3,
		stages: []stage{
			{"chatbot", bot, "chat", always, 3, 1, []string{"greeting answered", "guide shown"}},
			{"support-desk", human, "chat", retail, 22, 6, []string{"case read", "answer given"}},
			{"support-overflow", human, "chat", retail, 9, 7, []string{"answer given"}}},
		hops: []hop{
			{"chat", "phone", styleStateful, of(fCategory, fAccount, fTranscript), of(fTried, fUrgency, fSentiment, fTier), 0, 4, 1, true}}},
	{name: "email-to-sms", goal: goalConvert, categories: leadCategories,
		before: 120, after: 110, segments: [3]int{86, 12, 2}, success: -0.9, churn: -2.5,
		stages: []stage{
			{"email-campaign", system, "e-mail", always, 2, 300, []string{"mail sent", "no reaction noted"}},
			{"sms-gateway", system, "sms", retail, 2, 90, []string{"message sent", "link opened"}},
			{"campaign-desk", team, "sms", office, 4, 60, []string{"message sent by hand"}}},
		hops: []hop{
			{"api", "batch-file", styleStateless, of(fContact, fConsent, fLocale), of(fAccount), 0, 20, 0.5, false}}},
	{name: "returns", goal: goalResolve, categories: returnCategories,
		before: 140, after: 140, segments: [3]int{82, 16, 2}, success: 2.3, churn: -2.9, versioned: true,
		stages: []stage{
			{"return-portal", system, "web", always, 3, 2, []string{"return requested", "label printed"}},
			{"returns-desk", human, "ticket", retail, 12, 9, []string{"request checked"}},
			{"warehouse", team, "parcel", earlyDay, 5, 30, []string{"parcel received", "item inspected"}},
			{"refunds", system, "billing", office, 2, 4, []string{"refund booked"}},
			{"returns-helpers", human, "ticket", retail, 6, 10, []string{"request checked"}}},
		hops: []hop{
			{"ticket", "e-mail", styleStateful, of(fOrder, fReturn, fItems), of(fCondition, fRefund, fLast), 0, 95, 1, true},
			{"parcel", "courier", styleStateful, of(fOrder, fReturn, fItems), of(fCondition), 0, 700, 0.8, false},
			{"api", "ticket", styleStateful, of(fOrder, fRefund, fCondition), of(fAccount, fItems), 0, 30, 0.7, false}}},
	{name: "marketing-to-sales", goal: goalConvert, categories: leadCategories,
		before: 90, after: 90, segments: [3]int{25, 58, 17}, success: 0.4, churn: -2.7, versioned: true,
		stages: []stage{
			{"marketing", system, "e-mail", always, 3, 240, []string{"asset downloaded", "webinar attended"}},
			{"sales-development", human, "phone", office, 10, 15, []string{"lead called", "need qualified"}},
			{"account-executive", human, "video", office, 12, 45, []string{"demo held", "offer made"}},
			{"inside-sales", human, "phone", office, 5, 20, []string{"lead called"}}},
		hops: []hop{
			{"crm-task", "e-mail", stylePredictive, of(fContact, fCampaign, fScore, fSize), of(fUseCase, fChannel, fLocale), of(fNext), 210, 1.1, true},
			{"crm-task", "chat", styleStateful, of(fContact, fBudget, fUseCase, fStakeholders), of(fPromised, fChannel, fLast), 0, 260, 1, false}}},
	{name: "sales-to-support", goal: goalResolve, categories: issueCategories,
		before: 70, after: 70, segments: [3]int{20, 55, 25}, success: 1.0, churn: -1.9,
		stages: []stage{
			{"sales", human, "phone", office, 12, 20, []string{"order changed", "problem reported"}},
			{"support", human, "ticket", retail, 18, 14, []string{"ticket read", "solution tried", "solution confirmed"}},
			{"support-second-line", human, "ticket", office, 6, 25, []string{"solution tried"}}},
		hops: []hop{
			{"ticket", "e-mail", stylePredictive,
				of(fAccount, fPromised, fCategory, fUrgency), of(fLast, fChannel, fTier, fValue), of(fRisk, fNext), 85, 1.4, true}}},
	{name: "password-reset", goal: goalResolve, categories: accessCategories,
		before: 130, after: 120, segments: [3]int{76, 20, 4}, success: 1.7, churn: -2.8,
		stages: []stage{
			{"self-service", bot, "web", always, 4, 1, []string{"reset requested", "code sent"}},
			{"identity-desk", human, "phone", retail, 8, 4, []string{"identity checked", "password set"}},
			{"night-desk", human, "phone", always, 3, 5, []string{"password set"}}},
		hops: []hop{
			{"phone", "chat", styleStateful, of(fAccount, fContact, fAuth), of(fLocale), 0, 6, 0.6, false}}},
	{name: "enterprise-onboarding", goal: goalConvert, categories: leadCategories,
		before: 20, after: 20, segments: [3]int{0, 22, 78}, success: 2.8, churn: -2.9,
		stages: []stage{
			{"key-account", human, "meeting", office, 6, 60, []string{"contract signed", "goals agreed"}},
			{"solution-architect", human, "video", office, 5, 180, []string{"architecture drawn", "risks listed"}},
			{"implementation", partner, "project", office, 4, 900, []string{"environment set up", "data migrated", "acceptance held"}},
			{"customer-success", human, "video", office, 6, 120, []string{"users trained", "go-live followed"}},
			{"delivery-office", team, "project", office, 3, 400, []string{"environment set up"}}},
		hops: []hop{
			{"meeting", "e-mail", stylePredictive,
				of(fAccount, fValue, fGoLive, fStakeholders, fPromised), of(fIntegration, fSize, fUseCase, fTier), of(fRisk, fNext), 480, 1.2, true},
			{"project-tool", "e-mail", styleStateful, of(fAccount, fIntegration, fGoLive, fUseCase), of(fStakeholders, fPromised, fSize), 0, 700, 1.2, false},
			{"meeting", "project-tool", stylePredictive,
				of(fAccount, fGoLive, fPromised, fStakeholders), of(fIntegration, fTier, fLast), of(fRisk), 420, 1, false}}},
	{name: "ai-agent-to-human", goal: goalResolve, categories: issueCategories,
		before: 60, after: 140, segments: [3]int{60, 32, 8}, success: 0.8, churn: -2.1,
		stages: []stage{
			{"ai-agent", aiAgent, "chat", always, 4, 1, []string{"question understood", "answer proposed", "limit reached"}},
			{"specialists", human, "phone", retail, 16, 11, []string{"summary read", "solution given"}},
			{"specialist-pool", human, "phone", retail, 7, 12, []string{"solution given"}}},
		hops: []hop{
			{"chat", "phone", stylePredictive,
				of(fCategory, fAccount, fTranscript, fTried), of(fSentiment, fUrgency, fTier, fDevice, fAttempts), of(fRisk, fNext), 9, 1.2, true}}},
}

// FlowNames lists the flows in the order in which they are drawn.
func FlowNames() []string {
	out := make([]string, len(flows))
	for i := range flows {
		out[i] = flows[i].name
	}
	return out
}

func (f *flow) substitute() int { return len(f.stages) - 1 }

// partyPrefixes name parties by their kind: nothing tells a person.
var partyPrefixes = map[string]string{human: "agent-", bot: "bot-", aiAgent: "ai-", system: "service-", team: "team-", partner: "partner-"}

// partyNames are numbered within their kind through all flows: partyNames[flow][stage][party].
var partyNames = func() (out [][][]string) {
	next := map[string]int{}
	for f := range flows {
		stages := make([][]string, len(flows[f].stages))
		for s := range stages {
			kind := flows[f].stages[s].kind
			for range flows[f].stages[s].parties {
				next[kind]++
				stages[s] = append(stages[s], partyPrefixes[kind]+strconv.Itoa(next[kind]))
			}
		}
		out = append(out, stages)
	}
	return out
}()

// gamer reports whether a party fills fields with whatever the form takes: one in nine people does.
func gamer(kind string, party int) bool { return kind == human && party%9 == 4 }
