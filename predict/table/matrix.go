package table

// Matrix holds the vectors of many rows, block by block, as learners want them: a block is one number a row, or the place of
// the one member that is 1 among those of a category.
type Matrix struct {
	Rows   int
	Blocks []Block
	Names  []string // of all members, in the vector's order
}

// Block is a part of the vectors: members First to First+Width-1. Exactly one of Numbers and Codes is set.
type Block struct {
	First, Width int
	Numbers      []float64 // one a row; NaN: missing
	Codes        []int32   // one a row, below Width; -1: all members are 0
}

// Width is how many members a vector has.
func (m *Matrix) Width() int { return len(m.Names) }

// Row writes the vector of row i.
func (m *Matrix) Row(i int, dst []float64) {
	for _, b := range m.Blocks {
		if b.Numbers != nil {
			dst[b.First] = b.Numbers[i]
			continue
		}
		clear(dst[b.First : b.First+b.Width])
		if code := b.Codes[i]; code >= 0 {
			dst[b.First+int(code)] = 1
		}
	}
}

// Matrix encodes rows of a frame that were not trained on. The frame has the columns that the encoding was fitted on, in their order.
func (e *Encoding) Matrix(f *Frame, rows []int) *Matrix {
	m := &Matrix{Rows: len(rows), Names: e.Names}
	for i := range e.Columns {
		c := &f.Columns[i]
		if c.Kind == Number {
			m.Blocks = append(m.Blocks, Block{First: e.Columns[i].At, Width: 1, Numbers: pick(c.Numbers, rows)})
			continue
		}
		m.Blocks = append(m.Blocks, e.blocks(i, c, rows, nil)...)
	}
	return m
}

// blocks are those of a column of categories. Its priors are the encoding's, or the ones given, [row][member].
func (e *Encoding) blocks(column int, c *Column, rows []int, priors [][]float64) (blocks []Block) {
	enc := &e.Columns[column]
	hot := make([]int32, len(c.Names)+1) // by code+1
	for at := range hot {
		hot[at] = -1
		if place, ok := enc.hot[nameAt(c, at)]; ok {
			hot[at] = place
		}
	}
	if len(enc.OneHot) > 0 {
		codes := make([]int32, len(rows))
		for i, row := range rows {
			codes[i] = hot[c.Codes[row]+1]
		}
		blocks = append(blocks, Block{First: enc.At, Width: len(enc.OneHot), Codes: codes})
	}
	if !enc.Priors {
		return blocks
	}
	width, at := len(e.PriorOf), enc.At+len(enc.OneHot)
	numbers := make([][]float64, width+1)
	for k := range numbers {
		numbers[k] = make([]float64, len(rows))
		blocks = append(blocks, Block{First: at + k, Width: 1, Numbers: numbers[k]})
	}
	for i, row := range rows {
		prior, frequency := enc.prior(nameAt(c, int(c.Codes[row])+1))
		if priors != nil {
			prior = priors[i]
		}
		for k, v := range prior {
			numbers[k][i] = v
		}
		numbers[width][i] = frequency
	}
	return blocks
}

// crossFitted are the priors of training rows: [row][member], from the rows of all other parts.
func (f *categoryFit) crossFitted(rows []int, parts []int8) [][]float64 {
	if !f.priors {
		return nil
	}
	type cell struct {
		category int32
		part     int8
	}
	in, whole := map[cell][]float64{}, map[int8][]float64{}
	for i, row := range rows {
		key := cell{f.column.Codes[row] + 1, parts[i]}
		if in[key] == nil {
			in[key] = make([]float64, f.y.Classes)
		}
		if whole[parts[i]] == nil {
			whole[parts[i]] = append([]float64(nil), f.whole...)
		}
		in[key][f.y.Of[row]]++
		whole[parts[i]][f.y.Of[row]]--
	}
	known := map[int32]bool{}
	for _, at := range f.order {
		known[int32(at)] = true
	}
	made, out := map[cell][]float64{}, make([][]float64, len(rows))
	for i, row := range rows {
		key := cell{f.column.Codes[row] + 1, parts[i]}
		if !known[key.category] {
			key.category = -1
		}
		if made[key] == nil {
			made[key] = f.priorWithout(key.category, in[key], whole[key.part])
		}
		out[i] = made[key]
	}
	return out
}

func (f *categoryFit) priorWithout(category int32, part, whole []float64) []float64 {
	if category < 0 {
		return f.prior(nil, nil, whole)
	}
	return f.prior(f.class[category], part, whole)
}

func nameAt(c *Column, at int) string {
	if at == 0 {
		return ""
	}
	return c.Names[at-1]
}

func pick(numbers []float64, rows []int) []float64 {
	out := make([]float64, len(rows))
	for i, row := range rows {
		out[i] = finite(numbers[row])
	}
	return out
}
