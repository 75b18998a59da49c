package link

import (
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
		p := tokens.Person{First: "Zu" + string("bdfgkl"[next(6)]) + string("aeiou"[next(5)]) + "na", Last: "Qui" + string("bdfgkl"[next(6)]) + string("aeiou"[next(5)]) + "vik", Birth: fmt.Sprintf("20%02d-%02d-%02d", 8+next(2), 1+next(12), 2+next(26))}
		files = append(files, d.file(1, agency, fmt.Sprint(i), p))
	}
	return files
}

// Files of different persons only: every link across agencies is false, and the estimate from pairs within agencies covers their number.
func TestFalseLinksAreEstimatedWithoutLabels(t *testing.T) {
	d := newDesk(t)
	covered, least := 0, 1<<30
	for seed := range uint64(10) {
		var files []File
		sizes := map[string]int{}
		for k, agency := range []string{"a", "b", "c"} {
			files = append(files, crowd(d, agency, 400, 1+seed*77+uint64(k)*1234567)...)
			sizes[agency] = 400
		}
		e := NewEstimator(sizes)
		truth := 0
		w := Default()
		Pairs(files, func(i, j int, ev Evidence) {
			one := files[i].Partner == files[j].Partner
			e.Add(ev, one, w.Accepted(ev))
			if !one && w.Accepted(ev) {
				truth++
			}
		})
		q := e.Quality()
		least = min(least, truth)
		if q.False.Low <= float64(truth) && float64(truth) <= q.False.High {
			covered++
		}
		t.Logf("false links %d, estimated %.0f (%.0f to %.0f)", truth, q.False.Value, q.False.Low, q.False.High)
	}
	if least < 100 || covered < 9 {
		t.Errorf("%d of 10 intervals cover the number of false links, which is at least %d", covered, least)
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
			t.Errorf("a file of %s moves %d others", a.Agency, a.Influence)
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
