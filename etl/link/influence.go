package link

import (
	"slices"
)

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
