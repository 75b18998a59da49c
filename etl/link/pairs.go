package link

import "heatwatch/etl/tokens"

// Pairs calls found for every two files of one population whose sets have a token in common, the later one second, in the
// order of the files.
func Pairs(files []File, found func(i, j int, e Evidence)) {
	x := newIndex(len(files))
	var owner []int
	met := map[int]*Agreement{}
	var order []int
	for j, f := range files {
		clear(met)
		order = order[:0]
		for _, s := range f.sets() {
			x.each(s.Set, func(mine, set, slot int) {
				i := owner[set]
				if files[i].Population != f.Population {
					return
				}
				a := met[i]
				if a == nil {
					a = new(Agreement)
					met[i] = a
					order = append(order, i)
				}
				a.meet(tokens.RecipeOf[mine], tokens.RecipeOf[slot])
			})
		}
		for _, i := range order {
			found(i, j, met[i].Evidence())
		}
		for _, s := range f.sets() {
			x.add(s.Set)
			owner = append(owner, j)
		}
	}
}

// Accepted tells whether evidence makes one person of two files.
func (w *Weights) Accepted(e Evidence) bool { return e.Possible() && w.Score(e) >= accept }
