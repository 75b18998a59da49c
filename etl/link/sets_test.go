package link

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"heatwatch/etl/partner"
	"heatwatch/etl/tokens"
)

// desk makes token sets as agencies of one home do.
type desk struct{ *tokens.Maker }

func newDesk(t testing.TB) desk {
	t.Helper()
	key, err := partner.NewSecret(make([]byte, partner.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return desk{tokens.NewMaker(key, key, "minors")}
}

func (d desk) file(created int64, agency, key string, p tokens.Person) File {
	return d.of(created, agency, key, tokens.Read(p, 2026))
}

// twin is a file of an agency that knows somebody else of that last name and birth date.
func (d desk) twin(created int64, agency, key string, p tokens.Person) File {
	f := tokens.Read(p, 2026)
	f.Twin = true
	return d.of(created, agency, key, f)
}

func (d desk) of(created int64, agency, key string, f tokens.Facts) File {
	s, _ := d.Of(&f, []byte(agency+key))
	return File{Population: "minors", Partner: agency, PersonKey: key, Created: created, Sets: []Set{{tokens.Column(1), &s}}}
}

func same(t *testing.T, m map[string]Row, want bool, a, b string) {
	t.Helper()
	if (m["minors/"+a].Person == m["minors/"+b].Person) != want {
		t.Errorf("%s and %s: one person is %v, want %v", a, b, !want, want)
	}
}

var zuzana = tokens.Person{First: "Zuzana", Last: "Quixovik", Birth: "2010-07-03", Number: "219-09-4821", Postal: "94601"}

func changed(p tokens.Person, change func(*tokens.Person)) tokens.Person {
	change(&p)
	return p
}

func TestOnePersonUnderManySpellings(t *testing.T) {
	d := newDesk(t)
	for name, other := range map[string]tokens.Person{
		"the same":              zuzana,
		"a letter":              changed(zuzana, func(p *tokens.Person) { p.First, p.Number, p.Postal = "Zuzena", "", "" }),
		"swapped names":         changed(zuzana, func(p *tokens.Person) { p.First, p.Last, p.Number = "Quixovik", "Zuzana", "" }),
		"swapped day and month": changed(zuzana, func(p *tokens.Person) { p.Birth, p.Number = "2010-03-07", "" }),
		"no birth date":         changed(zuzana, func(p *tokens.Person) { p.Birth, p.Number, p.Postal = "", "", "" }),
		"no first name":         changed(zuzana, func(p *tokens.Person) { p.First, p.Number = "", "" }),
		"the number alone":      {Number: "219-09-4821"},
		"another last name":     changed(zuzana, func(p *tokens.Person) { p.Last = "Plimbograt" }),
		"an alias":              {First: "Neelu", Last: "Vosktan", Birth: "2010-07-03", Aliases: []string{"Zuzana Quixovik"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := persons(assign(t, []File{d.file(1, "a", "x", zuzana), d.file(2, "b", "y", other)}, Known{}, zeros{}))
			same(t, m, true, "a/x", "b/y")
		})
	}
}

func TestDifferentPersonsStayApart(t *testing.T) {
	d := newDesk(t)
	for name, other := range map[string]tokens.Person{
		"a twin with a number":                  changed(zuzana, func(p *tokens.Person) { p.First, p.Number = "Brovika", "219-09-7777" }),
		"a twin with the same initial":          changed(zuzana, func(p *tokens.Person) { p.First, p.Number = "Zelinka", "" }),
		"a sister":                              changed(zuzana, func(p *tokens.Person) { p.First, p.Birth, p.Number = "Brovika", "2012-03-04", "" }),
		"somebody of the same day and place":    {First: "Neelu", Last: "Vosktan", Birth: "2010-07-03", Postal: "94601"},
		"the same common name, another date":    {First: "James", Last: "Smith", Birth: "2009-05-05"},
		"a namesake with another date":          changed(zuzana, func(p *tokens.Person) { p.Birth, p.Number, p.Postal = "1999-11-30", "", "" }),
		"nobody known":                          {},
		"another digit and nothing else":        {Number: "219-09-4831"},
		"the same last name and the same place": {First: "Brovika", Last: "Quixovik", Postal: "94601"},
	} {
		t.Run(name, func(t *testing.T) {
			m := persons(assign(t, []File{d.file(1, "a", "x", zuzana), d.file(1, "a", "j", tokens.Person{First: "James", Last: "Smith", Birth: "2010-07-03"}), d.file(2, "b", "y", other)}, Known{}, zeros{}))
			same(t, m, false, "a/x", "b/y")
			same(t, m, false, "a/j", "b/y")
		})
	}
}

// Of who is born on the first of January the year alone is believed. Two rare names and the year make one person, two common ones do not.
func TestYearsOfBirth(t *testing.T) {
	d := newDesk(t)
	rare := tokens.Person{First: "Zuzana", Last: "Quixovik", Birth: "2010-01-01"}
	common := tokens.Person{First: "James", Last: "Smith", Birth: "2010-01-01"}
	for _, c := range []struct {
		name     string
		a, b     tokens.Person
		together bool
	}{
		{"both years alone", rare, rare, true},
		{"one with the whole date", rare, changed(rare, func(p *tokens.Person) { p.Birth = "2010-07-03" }), true},
		{"another year", rare, changed(rare, func(p *tokens.Person) { p.Birth = "2011-01-01" }), false},
		{"a sister of the year", rare, changed(rare, func(p *tokens.Person) { p.First = "Brovika" }), false},
		{"numbers that differ", changed(rare, func(p *tokens.Person) { p.Number = "219-09-4821" }), changed(rare, func(p *tokens.Person) { p.Number = "219-07-7777" }), false},
		{"common names", common, common, false},
		{"common names and a number", changed(common, func(p *tokens.Person) { p.Number = "219-09-4821" }), changed(common, func(p *tokens.Person) { p.Number = "219-09-4821" }), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := persons(assign(t, []File{d.file(1, "a", "x", c.a), d.file(2, "b", "y", c.b)}, Known{}, zeros{}))
			same(t, m, c.together, "a/x", "b/y")
		})
	}
}

// Of short names sound and single letters say nothing; of names in other scripts nobody knows how rare they are.
func TestShortNamesAndOtherScripts(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct {
		a, b     tokens.Person
		together bool
	}{
		{tokens.Person{First: "Jo", Last: "Li", Birth: "2010-07-03"}, tokens.Person{First: "Jo", Last: "Li", Birth: "2010-07-03"}, true},
		{tokens.Person{First: "Jo", Last: "Li", Birth: "2010-07-03"}, tokens.Person{First: "Bo", Last: "Lu", Birth: "2010-07-03"}, false},
		{tokens.Person{First: "Jo", Last: "Li", Birth: "2010-07-03"}, tokens.Person{First: "Ja", Last: "Lu", Birth: "2010-07-03"}, false},
		{tokens.Person{First: "祖祖", Last: "奎", Birth: "2010-07-03"}, tokens.Person{First: "祖祖", Last: "奎", Birth: "2010-07-03"}, true},
		{tokens.Person{First: "祖祖", Last: "奎", Birth: "2010-07-03"}, tokens.Person{First: "维祖", Last: "马", Birth: "2010-07-03"}, false},
		{tokens.Person{First: "祖祖", Last: "奎", Birth: "2010-07-03"}, tokens.Person{First: "祖祖", Last: "奎"}, false},
		{tokens.Person{First: "祖祖", Last: "奎", Birth: "2010-07-03", Number: "219-09-4821"}, tokens.Person{First: "祖祖", Last: "奎", Number: "219-09-4821"}, true},
	} {
		m := persons(assign(t, []File{d.file(1, "a", "x", c.a), d.file(2, "b", "y", c.b)}, Known{}, zeros{}))
		if (m["minors/a/x"].Person == m["minors/b/y"].Person) != c.together {
			t.Errorf("%v and %v: together %v is wanted", c.a, c.b, c.together)
		}
	}
}

// Two agencies that both know both twins link each to herself, in whatever order their keys stand.
func TestTwinsAtTwoAgencies(t *testing.T) {
	d := newDesk(t)
	maria := tokens.Person{First: "Zuzana", Last: "Quixovik", Birth: "2010-07-03"}
	mario := changed(maria, func(p *tokens.Person) { p.First = "Zuzano" })
	for _, keys := range [][2]string{{"1", "2"}, {"2", "1"}} {
		m := persons(assign(t, []File{d.twin(1, "a", "1", maria), d.twin(1, "a", "2", mario), d.twin(2, "b", keys[0], maria), d.twin(2, "b", keys[1], mario), d.file(3, "c", "1", mario), d.file(4, "e", "1", maria)}, Known{}, zeros{}))
		same(t, m, true, "a/1", "b/"+keys[0])
		same(t, m, true, "a/2", "b/"+keys[1])
		same(t, m, false, "a/1", "a/2")
		same(t, m, true, "a/2", "c/1")
		same(t, m, true, "a/1", "e/1")
		for k, r := range m {
			if !r.Measured {
				t.Errorf("%s waits for a steward", k)
			}
		}
	}
}

func TestSecondFileOfAnAgency(t *testing.T) {
	d := newDesk(t)
	files := []File{d.file(1, "a", "1", zuzana), d.file(1, "a", "2", zuzana), d.file(2, "b", "1", zuzana), d.file(3, "b", "2", zuzana), d.file(4, "c", "1", zuzana)}
	m := persons(assign(t, files, Known{}, zeros{}))
	same(t, m, true, "a/1", "b/1")
	same(t, m, true, "a/1", "c/1")
	for _, second := range []string{"a/2", "b/2"} {
		if r := m["minors/"+second]; r.Measured || r.Person == m["minors/a/1"].Person {
			t.Errorf("%s: %+v", second, r)
		}
	}
	for i := range files {
		files[i].Repeats = true
	}
	m = persons(assign(t, files, Known{}, zeros{}))
	for k, r := range m {
		if r.Person != m["minors/a/1"].Person || !r.Measured {
			t.Errorf("one person may have several numbers at these agencies, and %s is %+v", k, r)
		}
	}
}

// One agency sends every other agency's tokens: its file joins one person at most, moves nobody, and nobody joins them all (A1, C1).
func TestHubOfTokensBridgesNothing(t *testing.T) {
	d := newDesk(t)
	var files []File
	var hub tokens.Set
	for i := range tokens.Count {
		p := tokens.Person{First: fmt.Sprint("Zuzan", string(rune('a'+i%26)), string(rune('a'+i/26))), Last: fmt.Sprint("Quixo", string(rune('a'+i/26)), string(rune('a'+i%26)), "vik"), Birth: fmt.Sprintf("20%02d-0%d-1%d", 5+i%10, 2+i%7, i%9)}
		f := d.file(int64(i), "a", fmt.Sprint(i), p)
		files = append(files, f)
		hub[i] = f.Sets[0].Set[i]
	}
	alone := persons(assign(t, files, Known{}, zeros{}))
	with := persons(assign(t, append(files, File{Population: "minors", Partner: "hub", PersonKey: "h", Created: 50, Sets: []Set{{tokens.Column(1), &hub}}}), Known{}, zeros{}))
	before, after := firstOf(alone), firstOf(with)
	for k, r := range alone {
		if before[r.Person] != after[with[k].Person] {
			t.Errorf("%s moved", k)
		}
	}
}

// A file that joined somebody takes nobody along who has nothing in common with the file that founded that person, however
// well it fits.
func TestAttachedHubTakesNobodyAlong(t *testing.T) {
	d := newDesk(t)
	other := tokens.Person{First: "Neelu", Last: "Vosktan", Birth: "2008-02-09"}
	typo := changed(other, func(p *tokens.Person) { p.First = "Neela" })
	hub, carried := d.file(3, "hub", "h", zuzana), d.file(0, "x", "x", typo)
	for i, r := range tokens.RecipeOf {
		if r == tokens.N2Date && i >= tokens.Leading {
			hub.Sets[0].Set[i] = carried.Sets[0].Set[slices.Index(tokens.RecipeOf[:], tokens.N2Date)]
		}
	}
	m := persons(assign(t, []File{d.file(1, "a", "1", zuzana), d.file(2, "a", "2", other), hub, d.file(4, "b", "2", typo)}, Known{}, zeros{}))
	same(t, m, true, "a/1", "hub/h")
	same(t, m, true, "a/2", "b/2")
}

// An agency that sends a person's tokens under two keys hides its own second file, and nobody else's (A3, C3).
func TestDecoysHideThemselvesAlone(t *testing.T) {
	d := newDesk(t)
	typo := changed(zuzana, func(p *tokens.Person) { p.First, p.Number = "Zuzena", "" })
	files := []File{d.file(1, "a", "1", zuzana), d.file(2, "b", "1", zuzana), d.file(3, "bad", "1", zuzana), d.file(3, "bad", "2", zuzana), d.file(3, "bad", "3", typo), d.file(4, "c", "1", zuzana), d.file(5, "e", "1", typo)}
	m := persons(assign(t, files, Known{}, zeros{}))
	for _, other := range []string{"b/1", "c/1", "e/1", "bad/1"} {
		same(t, m, true, "a/1", other)
	}
	if m["minors/bad/2"].Measured {
		t.Error("a second file with the same tokens is measured")
	}
}

// What is decided depends on the order of creation, not on that of the slice, nor on the nights it was decided in.
func TestNightsDoNotMatter(t *testing.T) {
	d := newDesk(t)
	names := []string{"Zuzana", "Zuzena", "Brovika", "Neelu", ""}
	lasts := []string{"Quixovik", "Quixovk", "Plimbo"}
	rapid.Check(t, func(rt *rapid.T) {
		var files []File
		seen := map[string]bool{}
		for range rapid.IntRange(0, 20).Draw(rt, "files") {
			agency, key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "agency"), fmt.Sprint(rapid.IntRange(0, 9).Draw(rt, "key"))
			if seen[agency+key] {
				continue
			}
			seen[agency+key] = true
			files = append(files, d.file(int64(rapid.IntRange(0, 3).Draw(rt, "created")), agency, key, tokens.Person{First: rapid.SampledFrom(names).Draw(rt, "first"), Last: rapid.SampledFrom(lasts).Draw(rt, "last"),
				Birth: rapid.SampledFrom([]string{"2010-07-03", "2010-07-08", ""}).Draw(rt, "birth"), Number: rapid.SampledFrom([]string{"", "219-09-4821", "219-09-7777"}).Draw(rt, "number")}))
		}
		want := assignR(rt, files, Known{})
		perm := rapid.Permutation(files).Draw(rt, "order")
		if got := assignR(rt, perm, Known{}); !reflect.DeepEqual(got.Rows, want.Rows) {
			rt.Fatal("another order of the same files gave another table")
		}
		cut := int64(rapid.IntRange(0, 4).Draw(rt, "cut"))
		var first, second []File
		for _, f := range perm {
			if f.Created < cut {
				first = append(first, f)
			} else {
				second = append(second, f)
			}
		}
		one := assignR(rt, first, Known{})
		k := after(one, Known{})
		sieve := NewSieve(second)
		for _, s := range one.Sets {
			if sieve != nil && sieve.Meets(s) {
				k.Sets = append(k.Sets, s)
			}
		}
		two := assignR(rt, second, k)
		if got := append(one.Rows, two.Rows...); len(got) > 0 && !reflect.DeepEqual(got, want.Rows) {
			rt.Fatalf("two nights gave another table than one:\n%v\n%v", got, want.Rows)
		}
		byAgency := map[Member]bool{}
		for _, r := range want.Rows {
			m := Member{r.Person, r.Partner}
			if byAgency[m] {
				rt.Fatal("an agency has two files of one person")
			}
			byAgency[m] = true
		}
	})
}

func TestPopulationsOfSetsNeverMeet(t *testing.T) {
	d := newDesk(t)
	a, b := d.file(1, "a", "x", zuzana), d.file(2, "b", "y", zuzana)
	b.Population = "accused" // with tokens that were made for minors
	m := persons(assign(t, []File{a, b}, Known{}, zeros{}))
	if m["minors/a/x"].Person == m["accused/b/y"].Person {
		t.Error("a minor and an accused became one person")
	}
}

// Of who was forgotten only marks are left, and a file that would be the same person's is known by them.
func TestMarksKnowWhoComesAgain(t *testing.T) {
	d := newDesk(t)
	marks := map[Mark]bool{}
	for _, m := range d.file(1, "a", "x", zuzana).Marks() {
		marks[m] = true
	}
	if len(marks) != tokens.Count {
		t.Errorf("%d marks", len(marks))
	}
	has := func(m Mark) bool { return marks[m] }
	if !d.file(2, "b", "y", changed(zuzana, func(p *tokens.Person) { p.First, p.Number = "Zuzena", "" })).Matches(has) {
		t.Error("a spelling of who was forgotten is not known")
	}
	for _, other := range []tokens.Person{{First: "Neelu", Last: "Vosktan", Birth: "2010-07-03", Postal: "94601"}, changed(zuzana, func(p *tokens.Person) { p.First, p.Number = "Brovika", "219-09-7777" })} {
		if d.file(2, "b", "y", other).Matches(has) {
			t.Error("somebody else is taken for who was forgotten")
		}
	}
	text := File{Population: "minors", Tokens: []Token{{tokens.Column(1), string(d.file(1, "a", "x", zuzana).Sets[0].AppendText(nil))}}}
	if !text.Matches(has) || text.Parsed().Sets == nil {
		t.Error("a set that was read as text is not taken for a set")
	}
}

func TestBestIsWhomAFileWouldJoin(t *testing.T) {
	d := newDesk(t)
	out := assign(t, []File{d.file(1, "a", "x", zuzana)}, Known{}, zeros{})
	if got := Best(d.file(2, "b", "y", zuzana), out.Sets); got != out.Rows[0].Person {
		t.Errorf("person %d", got)
	}
	if got := Best(d.file(2, "b", "y", tokens.Person{First: "Neelu"}), out.Sets); got != 0 {
		t.Errorf("nobody is person %d", got)
	}
}
