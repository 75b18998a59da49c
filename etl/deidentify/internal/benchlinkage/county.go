package main

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"heatwatch/etl/link"
	"heatwatch/etl/tokens"
)

// simulated describes a county of youths with names as frequent as in the United States, and what its agencies get wrong.
type simulated struct {
	agencies, each int     // each agency knows so many; half of them others know, too
	numbers        float64 // share of files with a number
	typos          float64 // share of files with one letter or digit wrong
	firstJanuary   float64 // share of files with the first of January for a birth date that nobody knew
	twins          float64 // share of youths with a twin
	surnames       int     // only the most frequent so many; 0: all
	yearsOnly      bool    // birth dates are years and months
}

// frequent draws names by how often they are borne.
type frequent struct {
	names []string
	upTo  []int
}

func (f frequent) draw(r *rand.Rand, most int) string {
	n := len(f.names)
	if most > 0 && most < n {
		n = most
	}
	i, _ := slices.BinarySearch(f.upTo[:n], r.IntN(f.upTo[n-1])+1)
	return f.names[i]
}

func frequencies(dir, name string) (f frequent, err error) {
	in, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return f, err
	}
	defer in.Close()
	c := csv.NewReader(in)
	c.TrimLeadingSpace = true
	rows, err := c.ReadAll()
	if err != nil {
		return f, err
	}
	type borne struct {
		name string
		n    int
	}
	var all []borne
	for _, row := range rows[1:] {
		n, err := strconv.Atoi(row[1])
		if err != nil {
			return f, fmt.Errorf("%s: a count is no number", name)
		}
		all = append(all, borne{row[0], n})
	}
	slices.SortStableFunc(all, func(a, b borne) int { return b.n - a.n })
	sum := 0
	for _, x := range all {
		sum += x.n
		f.names, f.upTo = append(f.names, x.name), append(f.upTo, sum)
	}
	return f, nil
}

// files are those of the county's agencies, and whose each is.
func (s simulated) files(dir string, seed uint64) (files []link.File, entity []int, err error) {
	last, err := frequencies(dir, "clkhash_us_last-names.csv")
	if err != nil {
		return nil, nil, err
	}
	girls, err := frequencies(dir, "clkhash_us_female-first-names.csv")
	if err != nil {
		return nil, nil, err
	}
	boys, err := frequencies(dir, "clkhash_us_male-first-names.csv")
	if err != nil {
		return nil, nil, err
	}
	r := rand.New(rand.NewPCG(seed, 77))
	total := s.agencies*s.each/2 + s.each
	people := make([]tokens.Person, 0, total)
	first := func() string {
		if r.IntN(10) < 7 {
			return girls.draw(r, 0)
		}
		return boys.draw(r, 0)
	}
	twin := map[int]int{}
	for len(people) < total {
		born := fmt.Sprintf("%d-%02d-%02d", 2008+r.IntN(9), 1+r.IntN(12), 1+r.IntN(28))
		if s.yearsOnly {
			born = born[:7]
		}
		p := tokens.Person{First: first(), Last: last.draw(r, s.surnames), Birth: born, Number: strconv.Itoa(201020001 + r.IntN(400_000_000))}
		people = append(people, p)
		if r.Float64() < s.twins && len(people) < total {
			q := p
			q.First, q.Number = first(), strconv.Itoa(201020001+r.IntN(400_000_000))
			twin[len(people)-1], twin[len(people)] = len(people), len(people)-1
			people = append(people, q)
		}
	}
	r.Shuffle(len(people), func(i, j int) { // twins are anywhere
		people[i], people[j] = people[j], people[i]
		ti, iTwin := twin[i]
		tj, jTwin := twin[j]
		delete(twin, i)
		delete(twin, j)
		switch {
		case iTwin && ti == j:
			twin[i], twin[j] = j, i
		default:
			if iTwin {
				twin[j], twin[ti] = ti, j
			}
			if jTwin {
				twin[i], twin[tj] = tj, i
			}
		}
	})
	l := newLab()
	for a := range s.agencies {
		known := map[int]bool{}
		for i := range s.each {
			n := i / 2 // what others know, too
			if i%2 == 1 {
				n = s.each + a*s.each/2 + i/2
			}
			known[n] = true
		}
		for n := range known {
			if t, ok := twin[n]; ok && r.IntN(3) > 0 { // who has one twin often has both
				known[t] = true
			}
		}
		for _, n := range sortedKeys(known) {
			x := record{person: s.wrong(r, people[n])}
			if t, ok := twin[n]; ok && known[t] {
				x.twin = true
			}
			agency := "agency" + strconv.Itoa(a)
			files = append(files, l.file(x, agency, strconv.Itoa(n), int64(a)))
			entity = append(entity, n)
		}
	}
	return files, entity, nil
}

func sortedKeys(m map[int]bool) (list []int) {
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// wrong is a person as an agency writes it down.
func (s simulated) wrong(r *rand.Rand, p tokens.Person) tokens.Person {
	if r.Float64() >= s.numbers {
		p.Number = ""
	}
	if r.Float64() < s.firstJanuary {
		p.Birth = p.Birth[:4] + "-01-01"
	}
	if r.Float64() < s.typos {
		at := []*string{&p.First, &p.Last, &p.Birth}[r.IntN(3)]
		*at = typo(r, *at)
	}
	return p
}

func typo(r *rand.Rand, s string) string {
	i := r.IntN(len(s))
	switch b := s[i]; {
	case b == '-' || strings.ContainsRune("0123456789", rune(b)) && i < 4: // keep years
		return s
	case b >= '0' && b <= '9':
		return s[:i] + string('0'+byte(r.IntN(10))) + s[i+1:]
	case r.IntN(2) == 0 && len(s) > 3:
		return s[:i] + s[i+1:]
	default:
		return s[:i] + string('a'+byte(r.IntN(26))) + s[i+1:]
	}
}

// estimates holds what the warehouse says of its errors without labels against the truth.
func estimates(dir string) error {
	fmt.Println("\nErrors estimated without labels, beside the truth (simulated counties of six agencies; names as frequent as in the United States)")
	fmt.Printf("%-62s %7s %22s %9s %26s %s\n", "county", "false", "estimated (95 %)", "missed", "estimated (95 %)", "files falsely linked")
	for _, c := range []struct {
		name string
		s    simulated
	}{
		{"5,000 youths each, 40 % with a number, 5 % typing errors", simulated{agencies: 6, each: 5000, numbers: 0.4, typos: 0.05}},
		{"the same, 3 % twins and 3 % on the first of January", simulated{agencies: 6, each: 5000, numbers: 0.4, typos: 0.05, twins: 0.03, firstJanuary: 0.03}},
		{"200 surnames, 10 % with a number, 10 % typing errors", simulated{agencies: 6, each: 3000, numbers: 0.1, typos: 0.1, surnames: 200}},
		{"the same, 3 % twins and 3 % on the first of January", simulated{agencies: 6, each: 3000, numbers: 0.1, typos: 0.1, surnames: 200, twins: 0.03, firstJanuary: 0.03}},
		{"200 surnames, birth dates without the day, no twins", simulated{agencies: 6, each: 3000, numbers: 0.4, typos: 0.05, surnames: 200, yearsOnly: true}},
	} {
		held, missedHeld, counties := 0, 0, 3
		for seed := range counties {
			t, err := c.s.judge(dir, uint64(seed)+1)
			if err != nil {
				return err
			}
			if t.low <= float64(t.wrong) && float64(t.wrong) <= t.high {
				held++
			}
			missed := ""
			if m := t.missedBy; m != nil {
				missed = fmt.Sprintf("%7.4f (%.4f to %.4f)", m.Value, m.Low, m.High)
				if m.Low <= t.missed && t.missed <= m.High {
					missedHeld++
				}
			}
			fmt.Printf("%-62s %7d %7.0f (%.0f to %.0f) %12.4f %26s %9.2f %%\n", c.name, t.wrong, t.value, t.low, t.high, t.missed, missed, 100*t.filesWrong)
		}
		fmt.Printf("%-62s %d of %d intervals of false links hold the truth, %d of missed ones\n", "", held, counties, missedHeld)
	}
	return nil
}

type judged struct {
	wrong            int // pairs of files of two youths
	value, low, high float64
	missed           float64 // share of the pairs of one youth at two agencies
	missedBy         *link.Estimate
	filesWrong       float64 // share of the files that are with somebody else's
}

func (s simulated) judge(dir string, seed uint64) (t judged, err error) {
	files, entity, err := s.files(dir, seed)
	if err != nil {
		return t, err
	}
	out := assign(files, link.Known{})
	at := map[link.FileID]int{}
	for i, f := range files {
		at[link.FileID{Population: f.Population, Partner: f.Partner, PersonKey: f.PersonKey}] = entity[i]
	}
	persons, youths := map[uint32]map[int]int{}, map[int]int{}
	for _, r := range out.Rows {
		if persons[r.Person] == nil {
			persons[r.Person] = map[int]int{}
		}
		persons[r.Person][at[r.Of()]]++
		youths[at[r.Of()]]++
	}
	pairs := func(n int) int { return n * (n - 1) / 2 }
	right, wrongFiles, there := 0, 0, 0
	for _, of := range persons {
		n, most := 0, 0
		for _, k := range of {
			n += k
			right += pairs(k)
			most = max(most, k)
		}
		for _, k := range of {
			t.wrong -= pairs(k)
		}
		t.wrong += pairs(n)
		wrongFiles += n - most
	}
	for _, n := range youths {
		there += pairs(n)
	}
	t.missed, t.filesWrong = 1-float64(right)/float64(there), float64(wrongFiles)/float64(len(files))
	all := link.ReportBy(out.Rows, out.Sets, func(string) bool { return true }, func(link.FileID) string { return "all" })
	q := all[0].Quality
	t.value, t.low, t.high, t.missedBy = q.False.Value, q.False.Low, q.False.High, q.Missed
	return t, nil
}
