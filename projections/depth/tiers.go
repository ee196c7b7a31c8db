package depth

import (
	"cmp"
	"math"
	"slices"

	"github.com/baton-ledger/baton/projections/shift"
)

// TierOptions are what the report of tiers compares with; the zero value is the proposal of the depth practices.
type TierOptions struct {
	Query
	Thin    float64    // scores below are thin, default 0.25
	Rich    float64    // scores from here on are rich, default 0.6
	Entropy float64    // of a stage pair's tiers, in bits, above which channels are compared, default 0.5
	Between float64    // bits that the channel must explain for a pair to be called inconsistent, default 0.1
	Target  [3]float64 // shares of minimal, contextual and predictive, default 0.2, 0.7, 0.1; informational
}

// TierReport says which tiers handoffs had, what was promised, and what it cost and saved.
type TierReport struct {
	Head
	Rows  []TierRow `json:"rows"`
	Mix   Mix       `json:"mix"`
	Pairs []PairRow `json:"pairs"` // pairs of stages that hand over by more than one channel
}

// TierRow is a point. Minimal to None add up to Handoffs.
type TierRow struct {
	Point      string      `json:"point"`
	Sender     string      `json:"sender"`
	Receiver   string      `json:"receiver"`
	Channel    string      `json:"channel"`
	Handoffs   int64       `json:"handoffs"`
	Minimal    int64       `json:"minimal"`
	Contextual int64       `json:"contextual"`
	Predictive int64       `json:"predictive"`
	None       int64       `json:"none"`       // nothing was delivered, or not yet
	Declared   int64       `json:"declared"`   // handoffs that were looked at and whose tier was declared
	Mismatch   int64       `json:"mismatch"`   // of these, with another tier than the declared one
	Mismatches []Mismatch  `json:"mismatches"` // the newest few, whatever the query's days
	Scored     int64       `json:"scored"`
	DepthMean  float64     `json:"depth_mean"` // 0 to 1
	Histogram  []int64     `json:"histogram"`  // of the depth score, twentieths
	Thin       int64       `json:"thin"`
	Rich       int64       `json:"rich"`
	Label      string      `json:"label"` // thin, medium or rich, by the mean; "" where nothing is scored
	Benefit    BenefitCost `json:"benefit_and_burden"`
}

// Mismatch is a handoff whose tier is not the one that was declared.
type Mismatch struct {
	Journey  string `json:"journey"`
	Handoff  string `json:"handoff"`
	Declared string `json:"declared"`
	Derived  string `json:"derived"`
}

// BenefitCost are what depth is for and what it takes, side by side.
type BenefitCost struct {
	LostHandoffs int64   `json:"lost_handoffs"` // accepted handoffs in which something was asked that had been answered and was not delivered
	LostRate     float64 `json:"lost_rate"`     // of the accepted ones
	AskedAgain   int64   `json:"asked_again"`   // questions: lost, ignored, or delivered as junk
	Accepted     int64   `json:"accepted"`
	PreparedP50  float64 `json:"prepared_p50_ms"`
	PreparedMean float64 `json:"prepared_mean_ms"`
	Tokens       float64 `json:"tokens_mean"`
	ParseP50     float64 `json:"parse_p50_ms"` // viewed to the receiver's first act, cut at 30 minutes
	ParseMean    float64 `json:"parse_mean_ms"`
	ParsePer1k   float64 `json:"parse_seconds_per_1k_tokens"` // median time over mean tokens
}

// Mix is all handoffs against a target mix. It informs; it is never an alert.
type Mix struct {
	Minimal    float64    `json:"minimal"` // shares of the handoffs that have a tier
	Contextual float64    `json:"contextual"`
	Predictive float64    `json:"predictive"`
	Target     [3]float64 `json:"target"`
	Handoffs   int64      `json:"handoffs"`
	ChiSquare  float64    `json:"chi_square"` // with two degrees of freedom
	P          float64    `json:"p"`
	PSI        float64    `json:"psi"`
}

// PairRow is a pair of stages over its channels.
type PairRow struct {
	Sender       string        `json:"sender"`
	Receiver     string        `json:"receiver"`
	Channels     []ChannelTier `json:"channels"`
	Entropy      float64       `json:"entropy_bits"` // of the tiers over all channels
	Between      float64       `json:"between_bits"` // of it that the channel explains (mutual information)
	P            float64       `json:"p"`            // that channels alike would look so different
	Inconsistent bool          `json:"inconsistent"` // the channel explains much, and surely
}

// ChannelTier is the tiers of one channel of a pair.
type ChannelTier struct {
	Channel    string `json:"channel"`
	Minimal    int64  `json:"minimal"`
	Contextual int64  `json:"contextual"`
	Predictive int64  `json:"predictive"`
	tiers      [3]float64
}

func (o *TierOptions) defaults() {
	o.Thin, o.Rich = cmp.Or(o.Thin, 0.25), cmp.Or(o.Rich, 0.6)
	o.Entropy, o.Between = cmp.Or(o.Entropy, 0.5), cmp.Or(o.Between, 0.1)
	if o.Target == [3]float64{} {
		o.Target = [3]float64{0.2, 0.7, 0.1}
	}
}

// Tiers reports tiers by point, the busiest first.
func (f *Fold) Tiers(o TierOptions) TierReport {
	o.defaults()
	out := TierReport{Head: f.head("tiers", o.Query), Rows: []TierRow{}, Pairs: []PairRow{}}
	sums, rows := map[string]*day{}, map[string]*TierRow{}
	for _, s := range f.chosen(o.Query) {
		d, any := s.over(o.Query)
		if !any {
			continue
		}
		row := rows[s.point]
		if row == nil {
			row = &TierRow{Point: s.point, Sender: s.sender, Receiver: s.receiver, Channel: s.channel, Mismatches: []Mismatch{}}
			rows[s.point], sums[s.point] = row, &day{}
		}
		d.fields = nil
		sums[s.point].add(&d)
		row.Mismatches = append(row.Mismatches, s.examples...)
	}
	for point, row := range rows {
		row.fill(sums[point], &o)
		out.Rows = append(out.Rows, *row)
	}
	slices.SortFunc(out.Rows, func(a, b TierRow) int {
		return cmp.Or(cmp.Compare(b.Handoffs, a.Handoffs), cmp.Compare(a.Point, b.Point))
	})
	out.Mix, out.Pairs = mixOf(out.Rows, o.Target), pairsOf(out.Rows, &o)
	return out
}

func (r *TierRow) fill(d *day, o *TierOptions) {
	r.Handoffs = int64(d.handoffs)
	r.None, r.Minimal, r.Contextual, r.Predictive = int64(d.tiers[none]), int64(d.tiers[minimal]), int64(d.tiers[contextual]), int64(d.tiers[predictive])
	r.Declared, r.Mismatch = int64(d.declared), int64(d.mismatched)
	if len(r.Mismatches) > maxExamples {
		r.Mismatches = r.Mismatches[:maxExamples]
	}
	r.Scored, r.DepthMean, r.Histogram = int64(d.scored), share(d.score, 1000*uint64(d.scored)), make([]int64, scoreBins)
	for i, n := range d.scores {
		r.Histogram[i] = int64(n)
		switch middle := (float64(i) + 0.5) / scoreBins; {
		case middle < o.Thin:
			r.Thin += int64(n)
		case middle >= o.Rich:
			r.Rich += int64(n)
		}
	}
	switch {
	case d.scored == 0:
	case r.DepthMean < o.Thin:
		r.Label = "thin"
	case r.DepthMean < o.Rich:
		r.Label = "medium"
	default:
		r.Label = "rich"
	}
	b := &r.Benefit
	b.LostHandoffs, b.AskedAgain, b.Accepted, b.LostRate = int64(d.lostHandoffs), int64(d.askedAgain), int64(d.accepted), share(d.lostHandoffs, d.accepted)
	b.PreparedP50, b.PreparedMean = d.prepared.quantile(0.5), share(d.preparedMS, uint64(d.prepared.total()))
	b.ParseP50, b.ParseMean = d.parse.quantile(0.5), share(d.parseMS, uint64(d.parse.total()))
	if b.Tokens = share(d.tokens, d.tokenHandoffs); b.Tokens > 0 {
		b.ParsePer1k = b.ParseP50 / b.Tokens // milliseconds a token are seconds a thousand
	}
}

func mixOf(rows []TierRow, target [3]float64) Mix {
	var n [3]float64
	for _, r := range rows {
		n[0], n[1], n[2] = n[0]+float64(r.Minimal), n[1]+float64(r.Contextual), n[2]+float64(r.Predictive)
	}
	sum := shift.Total(n[:])
	m := Mix{Target: target, Handoffs: int64(sum), P: 1}
	if sum == 0 {
		return m
	}
	m.Minimal, m.Contextual, m.Predictive = n[0]/sum, n[1]/sum, n[2]/sum
	for i, want := range target {
		if want > 0 {
			m.ChiSquare += (n[i] - want*sum) * (n[i] - want*sum) / (want * sum)
		}
	}
	m.P, m.PSI = shift.Tail(m.ChiSquare, 2), shift.PSI(target[:], []float64{m.Minimal, m.Contextual, m.Predictive}, 0, psiFloor)
	return m
}

// pairsOf compares the channels of each pair of stages (practice 6 of the depth practices: mixed depths across channels confuse). Entropy alone would call
// a pair inconsistent whose channels mix tiers all alike; what the channel says about the tier is the mutual information of the two.
func pairsOf(rows []TierRow, o *TierOptions) []PairRow {
	byPair := map[[2]string]*PairRow{}
	for _, r := range rows {
		c := ChannelTier{Channel: r.Channel, Minimal: r.Minimal, Contextual: r.Contextual, Predictive: r.Predictive}
		c.tiers = [3]float64{float64(r.Minimal), float64(r.Contextual), float64(r.Predictive)}
		if shift.Total(c.tiers[:]) == 0 {
			continue
		}
		p := byPair[[2]string{r.Sender, r.Receiver}]
		if p == nil {
			p = &PairRow{Sender: r.Sender, Receiver: r.Receiver}
			byPair[[2]string{r.Sender, r.Receiver}] = p
		}
		p.Channels = append(p.Channels, c)
	}
	out := []PairRow{}
	for _, p := range byPair {
		if len(p.Channels) < 2 {
			continue
		}
		var all [3]float64
		var within, n float64
		for _, c := range p.Channels {
			for i, v := range c.tiers {
				all[i] += v
			}
			sum := shift.Total(c.tiers[:])
			within, n = within+sum*entropy(c.tiers[:]), n+sum
		}
		p.Entropy = entropy(all[:])
		p.Between = max(0, p.Entropy-within/n)
		// Twice the count times the mutual information, in nats, is the likelihood ratio of a table without the channel.
		p.P = shift.Tail(2*n*math.Ln2*p.Between, float64((len(p.Channels)-1)*(kinds(all[:])-1)))
		p.Inconsistent = p.Entropy > o.Entropy && p.Between > o.Between && p.P < 0.01
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b PairRow) int {
		return cmp.Or(cmp.Compare(b.Between, a.Between), cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.Receiver, b.Receiver))
	})
	return out
}

func kinds(n []float64) (k int) {
	for _, v := range n {
		if v > 0 {
			k++
		}
	}
	return k
}

// entropy is Shannon's, in bits.
func entropy(n []float64) (bits float64) {
	sum := shift.Total(n)
	for _, v := range n {
		if v > 0 {
			bits -= v / sum * math.Log2(v/sum)
		}
	}
	return max(0, bits)
}
