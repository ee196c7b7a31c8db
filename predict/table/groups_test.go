package table

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestMinGroups: with two groups asked for, what only one of them has is not in the file, however many rows it has, and is encoded as a value never seen.
func TestMinGroups(t *testing.T) {
	for _, others := range []int{2, 60} { // with 60 the column has a prior too
		f, y, rows := New(Column{Name: "kind", Kind: Category}), Labels{Classes: 2}, []int{}
		add := func(value string, group, label int32) {
			f.Append([]Value{{Text: value}})
			y.Of, y.Group, rows = append(y.Of, label), append(y.Group, group), append(rows, f.Rows-1)
		}
		for i := range 300 {
			add("alone", 0, 1)
			for v := range others {
				add(fmt.Sprint("shared", v), int32(1+i%2), int32(i%2))
			}
		}
		for groups, listed := range map[int]bool{0: true, 2: false} {
			o := Defaults()
			o.MinGroups = groups
			e, _ := Fit(f, rows, y, o)
			file, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(file), `"alone`) != listed || !strings.Contains(string(file), `"shared0`) {
				t.Errorf("%d values, fewest groups %d: %.300s", others, groups, file)
			}
			alone, never := make([]float64, e.Width()), make([]float64, e.Width())
			e.Encode(alone, []Value{{Text: "alone"}})
			e.Encode(never, []Value{{Text: "never there"}})
			if same := fmt.Sprint(alone) == fmt.Sprint(never); same == listed {
				t.Errorf("%d values, fewest groups %d: %v and a value never seen %v", others, groups, alone, never)
			}
		}
	}
}
