package link

import (
	"slices"
)

// filesOf are the files of a crosswalk with their sets, in the order in which they came. Files without a set are left out.
func filesOf(rows []Row, sets []FounderSet) []File {
	type id struct{ population, partner, key string }
	by := map[id][]Set{}
	for _, s := range sets {
		k := id{s.Population, s.Partner, s.PersonKey}
		by[k] = append(by[k], s.Set)
	}
	var files []File
	for _, r := range rows {
		if s := by[id{r.Population, r.Partner, r.PersonKey}]; s != nil {
			files = append(files, File{Population: r.Population, Partner: r.Partner, PersonKey: r.PersonKey, Created: int64(r.Since), Sets: s})
		}
	}
	return inOrder(files)
}

// qualities estimates the errors of each agency's links: pairs of one of its files with any other agency's.
func qualities(files []File, rows []Row, distinct func(string) bool) map[string]*Quality {
	person := map[string]uint32{}
	name := func(population, partner, key string) string { return population + " " + partner + " " + key }
	for _, r := range rows {
		person[name(r.Population, r.Partner, r.PersonKey)] = r.Person
	}
	sizes := map[string]int{}
	for _, f := range files {
		if distinct(f.Partner) {
			sizes[f.Partner]++
		}
	}
	all := NewEstimator(sizes)
	by := map[string]*Estimator{}
	count := map[string]int{}
	for _, f := range files {
		count[f.Partner]++
	}
	for p := range count {
		by[p] = NewEstimator(nil)
	}
	Pairs(files, func(i, j int, e Evidence) {
		a, b := files[i], files[j]
		linked := person[name(a.Population, a.Partner, a.PersonKey)] == person[name(b.Population, b.Partner, b.PersonKey)]
		if a.Partner == b.Partner {
			if distinct(a.Partner) {
				all.Add(e, true, linked)
			}
			return
		}
		by[a.Partner].Add(e, false, linked)
		by[b.Partner].Add(e, false, linked)
	})
	out := map[string]*Quality{}
	for p, e := range by {
		// The chance is that of all agencies; the pairs are the agency's own with the files of the others.
		e.within, e.beside = all.within, all.beside
		e.across = float64(count[p]) * float64(len(files)-count[p])
		q := e.Quality()
		out[p] = &q
	}
	return out
}

// mostInComponent bounds what is looked at for influence: files that hang together by accepted pairs.
const mostInComponent = 60

// influences are, by agency, the most other files that would be of another person's if one of its files had never come.
func influences(files []File) map[string]int {
	parent := make([]int, len(files))
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	w := Default()
	Pairs(files, func(i, j int, e Evidence) {
		if w.Accepted(e) {
			parent[find(i)] = find(j)
		}
	})
	parts := map[int][]File{}
	for i, f := range files {
		parts[find(i)] = append(parts[find(i)], f)
	}
	out := map[string]int{}
	for _, part := range parts {
		if len(part) < 2 || len(part) > mostInComponent {
			continue
		}
		before := firstFiles(part)
		for k, f := range part {
			after := firstFiles(slices.Delete(slices.Clone(part), k, k+1))
			moved := 0
			for i, was := range before {
				switch {
				case i == k:
				case was == k: // who was founded by it has another founder now; that alone moves nobody
					if now := after[place(i, k)]; place2(now, k) != firstLeft(before, k) {
						moved++
					}
				case place2(after[place(i, k)], k) != was:
					moved++
				}
			}
			out[f.Partner] = max(out[f.Partner], moved)
		}
	}
	return out
}

// firstFiles names the person of each file by the place of the file that founded it.
func firstFiles(files []File) []int {
	out, err := Assign(files, Known{}, 0, zeroReader{})
	if err != nil {
		return make([]int, len(files))
	}
	at := map[string]int{}
	for i, f := range files {
		at[f.Population+" "+f.Partner+" "+f.PersonKey] = i
	}
	founder := map[uint32]int{}
	first := make([]int, len(files))
	for _, r := range out.Rows {
		i := at[r.Population+" "+r.Partner+" "+r.PersonKey]
		if _, ok := founder[r.Person]; !ok {
			founder[r.Person] = i
		}
		first[i] = founder[r.Person]
	}
	return first
}

// place is where the i-th file stands once the k-th is gone, and place2 the way back.
func place(i, k int) int {
	if i > k {
		return i - 1
	}
	return i
}

func place2(i, k int) int {
	if i >= k {
		return i + 1
	}
	return i
}

// firstLeft is the first file but k of the person whom k founded.
func firstLeft(before []int, k int) int {
	for i, f := range before {
		if f == k && i != k {
			return i
		}
	}
	return -1
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }
