package link

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"heatwatch/etl/tokens"
)

// crowd is n different persons of one agency, with so few names and birth dates that many agree by chance.
func crowd(d desk, agency string, n int, seed uint64) []File {
	h := seed
	next := func(k int) int {
		h ^= h << 13
		h ^= h >> 7
		h ^= h << 17
		return int(h % uint64(k))
	}
	var files []File
	for i := range n {
		p := tokens.Person{First: "Zu" + string("bdfgklmnprst"[next(12)]) + string("aeiou"[next(5)]) + "na", Last: "Qui" + string("bdfgklmnprst"[next(12)]) + string("aeiou"[next(5)]) + "v" + string("aeiou"[next(5)]) + "k", Birth: fmt.Sprintf("20%02d-%02d-%02d", 5+next(9), 1+next(12), 2+next(26))}
		files = append(files, d.file(1, agency, fmt.Sprint(i), p))
	}
	return files
}

// Files of different persons only: every link across agencies is false, and the estimate from pairs within agencies covers their number.
func TestFalseLinksAreEstimatedWithoutLabels(t *testing.T) {
	d := newDesk(t)
	covered, least := 0, 1<<30
	for seed := range uint64(6) {
		var files []File
		for k, agency := range []string{"a", "b", "c"} {
			files = append(files, crowd(d, agency, 1200, 1+seed*77+uint64(k)*1234567)...)
		}
		out := assign(t, files, Known{}, zeros{})
		truth := 0
		size := map[uint32]int{}
		for _, r := range out.Rows {
			truth += size[r.Person] // pairs with those that are there
			size[r.Person]++
		}
		q := ReportBy(out.Rows, out.Sets, func(string) bool { return true }, func(FileID) string { return "" })[0].Quality
		least = min(least, truth)
		if q.False.Low <= float64(truth) && float64(truth) <= q.False.High {
			covered++
		}
		t.Logf("false links %d, estimated %.0f (%.0f to %.0f)", truth, q.False.Value, q.False.Low, q.False.High)
	}
	if least < 100 || covered < 5 {
		t.Errorf("%d of 6 intervals cover the number of false links, which is at least %d", covered, least)
	}
}

func TestMissedLinksAreEstimatedWithoutLabels(t *testing.T) {
	d := newDesk(t)
	var files []File
	missed, pairs := 0, 300
	for i := range pairs {
		p := tokens.Person{First: fmt.Sprint("Zuz", letters(i), "na"), Last: fmt.Sprint("Quix", letters(i*7+3), "vik"), Birth: fmt.Sprintf("20%02d-%02d-%02d", 5+i%9, 2+i%11, 2+i%26), Number: fmt.Sprint(201020001 + i*10007)}
		q := p
		if i%5 == 0 {
			q.First, q.Last = "Vosk"+letters(i*3), "Plimb"+letters(i*5) // a name that was given
		}
		if i%4 == 0 {
			q.Number = "" // not asked for
		}
		files = append(files, d.file(1, "a", fmt.Sprint(i), p), d.file(2, "b", fmt.Sprint(i), q))
	}
	out := assign(t, files, Known{}, zeros{})
	m := persons(out)
	for i := range pairs {
		if m[fmt.Sprint("minors/a/", i)].Person != m[fmt.Sprint("minors/b/", i)].Person {
			missed++
		}
	}
	r := Report(out.Rows, out.Sets, func(string) bool { return true })
	q := r[0].Quality
	truth := float64(missed) / float64(pairs)
	if q.Missed.Low > truth || q.Missed.High < truth || q.Missed.Value == 0 {
		t.Errorf("%.3f of the pairs are missed, estimated %.3f (%.3f to %.3f)", truth, q.Missed.Value, q.Missed.Low, q.Missed.High)
	}
}

func letters(n int) string {
	var b strings.Builder
	for range 3 {
		b.WriteByte("bdfgklmnprstvz"[n%14])
		b.WriteByte("aeiou"[n/14%5])
		n /= 3
	}
	return b.String()
}

func TestWhatOneFileKeepsInPlace(t *testing.T) {
	d := newDesk(t)
	typo := changed(zuzana, func(p *tokens.Person) { p.First, p.Number = "Zuzena", "" })
	worse := changed(zuzana, func(p *tokens.Person) { p.First, p.Last, p.Number, p.Postal = "Zuzena", "Quixovk", "", "" })
	out := assign(t, []File{d.file(1, "a", "1", zuzana), d.file(2, "b", "1", typo), d.file(3, "c", "1", worse), d.file(1, "a", "2", tokens.Person{First: "Neelu", Last: "Vosktan", Birth: "2008-02-09"})}, Known{}, zeros{})
	for _, a := range Report(out.Rows, out.Sets, func(string) bool { return true }) {
		if a.Influence > 1 {
			t.Errorf("a file of %s moves %d others", a.Group, a.Influence)
		}
	}
}

func TestExplainNamesRecipes(t *testing.T) {
	d := newDesk(t)
	out := assign(t, []File{d.file(1, "a", "1", zuzana), d.file(2, "b", "1", changed(zuzana, func(p *tokens.Person) { p.Birth = "2010-03-07" }))}, Known{}, zeros{})
	rows := slices.DeleteFunc(slices.Clone(out.Rows), func(r Row) bool { return r.Person != 1 })
	why := Explain(rows, out.Sets)
	if len(why) != 2 || !why[0].Founding || why[1].With != "a" || why[1].Score < 10 || !slices.Contains(why[1].Recipes, "name2_swapped") || slices.Contains(why[1].Recipes, "name2_date") {
		t.Errorf("%+v", why)
	}
}

// countyFiles are n persons at three agencies, each with the same errors: every fifth first name differs by a letter, every tenth date is missing, every
// third has no number.
func countyFiles(d desk, n int) (files []File) {
	for i := range n {
		p := tokens.Person{First: "Zuz" + letters(i) + "na", Last: "Qui" + letters(i*7+3) + "vik", Birth: fmt.Sprintf("20%02d-%02d-%02d", 5+i%9, 2+i%11, 2+i%26), Number: fmt.Sprint(201020001 + i*10007)}
		for k, agency := range []string{"a", "b", "c"} {
			q := p
			if h := (i*31 + k*17) % 97; k > 0 {
				if h%5 == 0 {
					q.First = q.First[1:]
				}
				if h%10 == 1 {
					q.Birth = ""
				}
				if h%3 == 0 {
					q.Number = ""
				}
			}
			files = append(files, d.file(int64(k), agency, fmt.Sprint(i), q))
		}
	}
	return files
}

// The share of pairs with each level, as it is known from how the files were made, lies within what Fit says; and strata of weights are
// told apart from those that nothing is known of.
func TestFitFindsHowOftenNamesAgree(t *testing.T) {
	d := newDesk(t)
	out := assign(t, countyFiles(d, 400), Known{}, zeros{})
	truth, of := map[string]int{}, 0
	files := filesOf(out.Rows, out.Sets)
	Pairs(files, func(i, j int, e Evidence) {
		if files[i].PersonKey == files[j].PersonKey && files[i].Partner != files[j].Partner {
			truth[e.Name.String()]++
			of++
		}
	})
	fit := Fit(out.Rows, out.Sets, func(string) bool { return true })
	seen := 0
	for _, f := range fit {
		if f.Part != "names" || truth[f.Level] < 20 {
			continue
		}
		seen++
		share := float64(truth[f.Level]) / float64(of)
		if f.One.Low > share*1.15 || f.One.High < share/1.15 {
			t.Errorf("%s: %.3f of the pairs, fitted %.3f (%.3f to %.3f)", f.Level, share, f.One.Value, f.One.Low, f.One.High)
		}
		if f.Weight.High < 5 {
			t.Errorf("%s: a level that many pairs of one person have weighs %.1f at most", f.Level, f.Weight.High)
		}
	}
	if seen < 2 {
		t.Errorf("only %d levels were judged: %v", seen, truth)
	}
	for _, f := range Fit(out.Rows, out.Sets, func(string) bool { return false }) {
		if f.Tells || f.Two.High != 1 {
			t.Errorf("%s: without an agency of distinct persons nothing is known of chance: %+v", f.Level, f.Two)
		}
	}
}

// A sample has pairs of each stratum, says how many there are, and another lot draws others.
func TestSampleDrawsEveryStratum(t *testing.T) {
	d := newDesk(t)
	files := append(countyFiles(d, 150), crowd(d, "d", 150, 7)...)
	files = append(files, crowd(d, "e", 150, 8)...)
	out := assign(t, files, Known{}, zeros{})
	all, err := Sample(out.Rows, out.Sets, 1<<20, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	count := map[[2]bool]int{}
	for _, s := range all {
		if s.A.Partner == s.B.Partner || s.Linked != (s.A.Person == s.B.Person) || s.Near != (s.Score > accept-near && s.Score < accept+near) {
			t.Fatalf("%+v", s)
		}
		count[[2]bool{s.Linked, s.Near}]++
	}
	some, err := Sample(out.Rows, out.Sets, 5, rand.Reader)
	if err != nil || len(count) < 3 || len(some) < 5*3-5 {
		t.Fatalf("%d strata, %d drawn: %v", len(count), len(some), err)
	}
	drawn := map[[2]bool]int{}
	for _, s := range some {
		k := [2]bool{s.Linked, s.Near}
		if drawn[k]++; s.Of != count[k] {
			t.Errorf("a stratum of %d is said to have %d", count[k], s.Of)
		}
	}
	for k, n := range drawn {
		if n != min(5, count[k]) {
			t.Errorf("%d of a stratum of %d are drawn", n, count[k])
		}
	}
	again, err := Sample(out.Rows, out.Sets, 5, rand.Reader)
	if err != nil || fmt.Sprint(again) == fmt.Sprint(some) {
		t.Errorf("the same pairs are drawn twice: %v", err)
	}
}

// Estimates of groups count pairs of which one file is in the group, and a group has its own rate of chance.
func TestGroupsHaveTheirOwnRates(t *testing.T) {
	d := newDesk(t)
	var files []File
	for k, agency := range []string{"a", "b", "c"} {
		files = append(files, crowd(d, agency, 900, 1+uint64(k)*1234567)...) // few names: many chance links
	}
	for i := range 300 { // many names: none
		for _, agency := range []string{"a", "b", "c"} {
			files = append(files, d.file(1, agency, fmt.Sprint("u", i), tokens.Person{First: "Vosk" + letters(i), Last: "Plimb" + letters(i*5+1) + "er", Birth: fmt.Sprintf("20%02d-%02d-%02d", 5+i%9, 2+i%11, 2+i%26)}))
		}
	}
	out := assign(t, files, Known{}, zeros{})
	of := func(f FileID) string {
		if strings.HasPrefix(f.PersonKey, "u") {
			return "many names"
		}
		return "few names"
	}
	got := map[string]GroupReport{}
	for _, g := range ReportBy(out.Rows, out.Sets, func(string) bool { return true }, of) {
		got[g.Group] = g
	}
	few, many := got["few names"], got["many names"]
	if few.Files != 2700 || many.Files != 900 || few.Quality.False.Low < 20 || many.Quality.False.Value > few.Quality.False.Value/10 {
		t.Errorf("few names %+v, many names %+v", few.Quality, many.Quality)
	}
	if many.Linked != 900 || many.Quality.Pairs != 900 {
		t.Errorf("%+v %+v", many, many.Quality)
	}
}
