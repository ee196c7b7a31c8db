package depth

import (
	"slices"
	"time"

	"github.com/baton-ledger/baton/ledger/contract"
)

// agreement is what an offer follows: a contract's version, or where none is named the habits of a point.
type agreement struct {
	name    string // contract, or point
	version int    // 0 where no contract is named
	doc     *contract.Contract
	asked   int32 // day on which the catalogue was asked last
	offers  uint64
	last    int64 // offer, milliseconds
	fields  []agreed
	at      map[string]int
	weight  int64             // of all fields that are part of it
	alias   map[string]string // a field's name in earlier versions
}

// agreed is a field of an agreement.
type agreed struct {
	name           string
	class          uint8 // place in contract.Classes: of the contract, else where it was offered last
	kind           uint8
	open           bool // too many different texts to be an enumeration
	declared       bool // by the contract
	guest          bool // never offered
	private        bool // its values are personal or confidential, or nobody says that they are not
	weight         int64
	life           int64 // milliseconds; 0 is for ever
	classification string
	seen           uint64 // values that count as draws: once, texts, no junk
	categories     []category
	index          map[uint64]int32
}

// category is one value of an enumeration.
type category struct {
	label  string // the value, or a digest of it
	before uint64 // agreed.seen when it came first
	n      uint64
	first  sight
	last   int64
}

// Classes of fields that are known without having been offered: asked about, or delivered by enrichment.
const (
	guest   = 3
	arrived = 4
)

// learn gives the place of a field in the agreement, making it where there is room. A guest is no part of what is agreed, until it is offered.
func (a *agreement) learn(name []byte, class uint8) (int, bool) {
	if i, ok := a.at[string(name)]; ok {
		switch f := &a.fields[i]; {
		case f.declared:
		case class < guest && (f.class != class || f.guest):
			f.class, f.guest = class, false
			a.classify(f, 0)
		case class == arrived && f.guest:
			f.guest = false
			a.classify(f, 0)
		}
		return i, true
	}
	if len(a.fields) >= maxFields {
		return 0, false
	}
	f := agreed{name: string(name), class: min(class, 1), guest: class == guest, private: true}
	if class == 2 {
		f.class = 2
	}
	a.classify(&f, 0)
	a.fields = append(a.fields, f)
	a.at[f.name] = len(a.fields) - 1
	return len(a.fields) - 1, true
}

// classify sets what follows from a field's name, class and weight.
func (a *agreement) classify(f *agreed, weight float64) {
	a.weight -= f.weight
	kind := kindOf(f.name, contract.Classes()[f.class], weight)
	f.kind, f.weight, f.life = uint8(kind), weights[kind], lives[kind]
	if weight > 0 {
		f.weight = int64(weight * 1000)
	}
	if f.guest || a.doc != nil && !f.declared {
		f.weight = 0 // it is no part of what was agreed
	}
	a.weight += f.weight
}

// adopt takes over what a contract says.
func (a *agreement) adopt(c *contract.Contract) {
	a.doc, a.weight = c, 0
	for i := range a.fields {
		a.fields[i].declared, a.fields[i].weight = false, 0
	}
	for i := range c.Fields {
		d := &c.Fields[i]
		at, ok := a.at[d.Name]
		if !ok {
			a.fields = append(a.fields, agreed{name: d.Name})
			at = len(a.fields) - 1
			a.at[d.Name] = at
		}
		f := &a.fields[at]
		f.declared, f.guest, f.classification = true, false, d.Classification
		f.class = uint8(slices.Index(contract.Classes(), d.Class))
		f.private = d.Classification != "public" && d.Classification != "internal"
		a.classify(f, d.Weight)
		f.life = time.Duration(d.FreshFor).Milliseconds()
	}
	if c.Upcast != nil {
		a.alias = map[string]string{}
		for _, s := range c.Upcast.Steps {
			if s.Rename != nil {
				a.alias[s.Rename.To] = s.Rename.From
			}
		}
	}
}
