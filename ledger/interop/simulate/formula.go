package simulate

// Segments of customers.
const (
	consumer = iota
	business
	enterprise
)

var segmentNames = [...]string{"consumer", "business", "enterprise"}

// Features are what outcomes depend on. Those that are not whole numbers are rounded to four decimals before anything is calculated with them.
const (
	xSuccess      = iota // reached its goal: of churn alone
	xReasks              // questions asked again: lost, ignored and gamed, at most 5
	xWait                // days between offers and their acceptance, summed, at most 5
	xExtra               // handoffs beyond the flow's plan, at most 5
	xCompleteness        // fields delivered with a true value, of the points' fields, minus 0.8
	xGamed               // share of delivered fields that hold junk
	xSwitches            // handoffs that took another channel than planned
	xPingPong            // 1: work was bounced
	xLost                // 1: dropped or orphaned
	xPrior               // contacts before this journey, 0 to 6
	xTenure              // years as a customer, at most 10
	xBusiness
	xEnterprise
	xReasksBusiness   // product
	xReasksEnterprise // product
	xWaitPingPong     // product
	xReasksDrift      // product with 1 after the drift
	xCompletenessDrift
	featureCount
)

var featureNames = [featureCount]string{"success", "reasks", "wait_days", "extra_handoffs", "completeness", "gamed", "channel_switches",
	"ping_pong", "lost", "prior_contacts", "tenure_years", "business", "enterprise", "reasks_x_business", "reasks_x_enterprise",
	"wait_days_x_ping_pong", "reasks_x_drift",
	"completeness_x_drift"}

// Coefficients of both logits; to them come the flow's intercept, the effect of the action, and the standard deviation of a normal
// noise that nobody can see.
var (
	successWeights = [featureCount]float64{xReasks: -0.45, xWait: -0.35, xExtra: -0.25, xCompleteness: 1.6, xGamed: -1.8, xSwitches: -0.3,
		xPingPong: -0.6, xLost: -3, xPrior: -0.1, xBusiness: 0.2, xEnterprise: 0.4,
		xReasksBusiness: -0.25, xWaitPingPong: -0.2, xReasksDrift: -0.4, xCompletenessDrift: 1}
	churnWeights = [featureCount]float64{xSuccess: -1.1, xReasks: 0.4, xWait: 0.3, xExtra: 0.2, xCompleteness: -0.8, xGamed: 0.9, xSwitches: 0.1,
		xPingPong: 0.5, xLost: 1.2, xPrior: 0.12, xTenure: -0.15, xEnterprise: -0.4, xReasksEnterprise: 0.3, xReasksDrift: 0.35}
)

const (
	successNoise = 0.6
	churnNoise   = 0.5

	recontactResolved   = 0.06 // probability that a customer comes back within a week with the same issue
	recontactUnresolved = 0.65
)

// Actions that a suggestion may name. What they do to the logit of success depends on the segment and on whether the customer
// has been there three times or more.
const (
	actNone = iota
	actCall
	actDiscount
	actSenior
	actArticle
	actionCount
)

var actionNames = [actionCount]string{"none", "call_back", "discount", "senior_agent", "knowledge_article"}

var (
	actionEffects = [3][actionCount]float64{ // by segment
		consumer:   {0, 0.1, 0.5, 0.2, 0.35},
		business:   {0, 0.6, 0.3, 0.4, -0.1},
		enterprise: {0, 0.3, -0.3, 0.9, -0.4},
	}
	priorEffects = [actionCount]float64{actSenior: 0.5, actArticle: -0.5} // on top, after three contacts or more

	// policyWeights are per mille: with which propensity the logged policy chose, by segment.
	policyWeights = [3][actionCount]int{
		consumer:   {200, 150, 250, 100, 300},
		business:   {200, 300, 150, 150, 200},
		enterprise: {200, 250, 150, 300, 100},
	}
)

const (
	holdOut    = 0.2  // of suggestions are made and not shown
	acceptance = 0.62 // of the shown ones are followed
)

func actionEffect(action, segment, prior int) float64 {
	effect := actionEffects[segment][action]
	if prior >= 3 {
		effect += priorEffects[action]
	}
	return round(effect, 1e4)
}

// logit is the linear part without noise.
func logit(intercept float64, weights *[featureCount]float64, x *[featureCount]float64) float64 {
	for i := range x {
		intercept += float64(weights[i] * x[i])
	}
	return intercept
}

// Nodes and weights of Gauss-Hermite quadrature with seven points, for a standard normal variable.
var hermite = [...]struct{ at, weight float64 }{
	{0, 0.457142857142857}, {1.154405394739968, 0.240123178605013}, {-1.154405394739968, 0.240123178605013}, {2.366759410734541, 0.030757123967586},
	{-2.366759410734541, 0.030757123967586}, {3.750439717725742, 0.000548268855972}, {-3.750439717725742, 0.000548268855972},
}

// visible is the probability for somebody who knows everything but the noise: no model that reads the ledger can be better than it.
func visible(logit, noise float64) (p float64) {
	for _, n := range hermite {
		p += float64(n.weight * logistic(logit+float64(noise*n.at)))
	}
	return micro(p)
}

// micro rounds a probability to six decimals, as it is written.
func micro(p float64) float64 { return round(p, 1e6) }
