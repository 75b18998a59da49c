package tokens

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heatwatch/etl/partner"
)

func secret(t testing.TB, fill byte) partner.Secret {
	t.Helper()
	s, err := partner.NewSecret(bytes.Repeat([]byte{fill}, partner.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func maker(t testing.TB) *Maker { return NewMaker(secret(t, 1), secret(t, 2), "minors") }

func setOf(t testing.TB, p Person, id string) Set {
	f := Read(p, 2026)
	s, _ := maker(t).Of(&f, []byte(id))
	return s
}

func TestNamesFoldAlike(t *testing.T) {
	for _, same := range [][]string{
		{"Quixa", "QUIXA", " quixa ", "Qüixa", "Ｑｕｉｘａ", "Mr. Quixa", "Q'uixa", "Qu\u200dixa"},
		{"Nguyễn", "NGUYEN", "Nguye\u0302\u0303n"}, // Vietnamese
		{"Muñoz", "MUNOZ", "Mun\u0303oz"},
		{"O'Brovik", "OBrovik", "O’Brovik"},
		{"Straße", "STRASSE"},
	} {
		want := ParseFirst(same[0])
		for _, s := range same[1:] {
			if got := ParseFirst(s); got.joined() != want.joined() {
				t.Errorf("%q and %q fold to %q and %q", same[0], s, want, got)
			}
		}
	}
	for in, want := range map[string]string{"de la Cruz": "delacruz", "van der Berg": "vanderberg", "Zuzuvk Jr.": "zuzuvk", "Garcia Lopez": "garcia lopez", "García-López": "garcia lopez",
		"بن علي": "بن علي", "王": "王", "王小明": "王小明", "III": "iii"} {
		if got := strings.Join(ParseLast(in), " "); got != want {
			t.Errorf("%q folds to %q, want %q", in, got, want)
		}
	}
	for _, none := range []string{"", " ", "?", "Unknown", "UNK", "N/A", "Baby", "Baby Boy", "baby girl", "Test", "TEST PERSON", "Jane Doe", "xx", "A", "...", "12345"} {
		if n := ParseFirst(none); len(n) != 0 {
			t.Errorf("%q is taken for the name %q", none, n)
		}
	}
}

func TestBirthDates(t *testing.T) {
	for in, want := range map[string]Birth{
		"2010-07-03": {2010, 7, 3}, "20100703": {2010, 7, 3}, "7/3/2010": {2010, 7, 3}, "2010/07/03": {2010, 7, 3}, "2010-07-03T00:00:00": {2010, 7, 3}, "07-03-2010": {2010, 7, 3},
		"2010-07": {2010, 7, 0}, "2010": {2010, 0, 0}, "2010-13-03": {2010, 0, 3}, "2010-02-30": {2010, 2, 0}, "2010-07-00": {2010, 7, 0}, "1899-07-03": {0, 7, 3}, "2031-07-03": {0, 7, 3},
		"2010-01-01": {2010, 0, 0}, "1900-01-01": {}, "1901-01-01": {}, "": {}, "soon": {}, "07/2010/03": {}, "99": {}, "2012-02-29": {2012, 2, 29}, "2011-02-29": {2011, 2, 0},
	} {
		if got := ParseBirth(in, 2026); got != want {
			t.Errorf("%q is %v, want %v", in, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for in, want := range map[string]string{"219-09-4821": "219094821", "219094821": "219094821", "4817613": "4817613", "000-12-3456": "", "666-12-3456": "", "900-12-3456": "", "219-00-1234": "", "219-09-0000": "",
		"078-05-1120": "", "111111111": "", "123456789": "", "999999999": "", "12345": "", "1234567890123": "", "": "", "none": ""} {
		if got := ParseNumber(in); got != want {
			t.Errorf("number %q is %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"6789": "6789", "219-09-4821": "4821", "0000": "", "123": "", "900-12-3456": ""} {
		if got := ParseLast4(in); got != want {
			t.Errorf("last four of %q are %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"(510) 555-2143": "5105552143", "+1 510 555 2143": "5105552143", "510-555-0143": "", "0000000000": "", "555": ""} {
		if got := ParsePhone(in); got != want {
			t.Errorf("telephone %q is %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"94601": "94601", "94601-1234": "94601", "K1A 0B1": "k1a0b1", "00000": "", "99999": "", "": ""} {
		if got := ParsePostal(in); got != want {
			t.Errorf("postal code %q is %q, want %q", in, got, want)
		}
	}
}

// Vectors of the National Archives' description of the code.
func TestSoundex(t *testing.T) {
	for in, want := range map[string]string{"washington": "W252", "lee": "L000", "gutierrez": "G362", "pfister": "P236", "jackson": "J250", "tymczak": "T522", "ashcraft": "A261", "ashcroft": "A261", "": "", "王": ""} {
		if got := soundex(in); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
}

// Two names that differ by one letter inserted, left out, replaced, or exchanged with its neighbour share a deletion.
func TestDeletionsMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := []rune(rapid.StringMatching(`[a-z]{3,8}`).Draw(t, "name"))
		i := rapid.IntRange(0, len(name)-1).Draw(t, "at")
		letter := rapid.RuneFrom([]rune("abcxyz")).Draw(t, "letter")
		other := slices.Clone(name)
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			other = slices.Insert(other, i, letter)
		case 1:
			other = slices.Delete(other, i, i+1)
		case 2:
			other[i] = letter
		default:
			if i+1 < len(other) {
				other[i], other[i+1] = other[i+1], other[i]
			}
		}
		a, b := deletions(string(name), 20), deletions(string(other), 20)
		if len(other) >= 3 && !slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) }) {
			t.Fatalf("%s and %s share nothing: %v %v", string(name), string(other), a, b)
		}
	})
}

func TestRecipesFillTheirSlots(t *testing.T) {
	n := map[Recipe]int{}
	for _, r := range RecipeOf {
		n[r]++
	}
	for r, s := range specs {
		if n[Recipe(r)] != s.primary+MaxSeconds*s.second {
			t.Errorf("%s has %d slots", Recipe(r), n[Recipe(r)])
		}
	}
}

// Whoever somebody is, the set has Count different values, and a text of one length without vowels and digits.
func TestSetsLookAlike(t *testing.T) {
	m := maker(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[A-Za-zñü' -]{0,30}`)
		p := Person{First: text.Draw(t, "first"), Middle: text.Draw(t, "middle"), Last: text.Draw(t, "last"), Aliases: rapid.SliceOfN(text, 0, 200).Draw(t, "aliases"),
			Birth: rapid.SampledFrom([]string{"", "2010-07-03", "2010", "2010-01-01", "x"}).Draw(t, "birth"), Number: rapid.SampledFrom([]string{"", "219-09-4821", "4821", "000000000"}).Draw(t, "number"),
			Phone: rapid.SampledFrom([]string{"", "5105552143"}).Draw(t, "phone"), Postal: rapid.SampledFrom([]string{"", "94601"}).Draw(t, "postal")}
		f := Read(p, 2026)
		s, _ := m.Of(&f, []byte("1"))
		body := s.AppendText(nil)
		if len(body) != TextLen || bytes.ContainsAny(bytes.ToLower(body), "aeiou0123456789") {
			t.Fatalf("a text of %d letters", len(body))
		}
		back, ok := ParseText(body)
		if !ok || back != s {
			t.Fatal("a set does not survive its text")
		}
		different := map[Value]bool{}
		for _, v := range s {
			different[v] = true
		}
		if len(different) != Count {
			t.Fatalf("%d different values", len(different))
		}
		again, _ := m.Of(&f, []byte("1"))
		if again != s {
			t.Fatal("the same person has another set")
		}
		spanOrdered(t, &s)
	})
}

// The slots of a recipe are in the order of their values, so their order tells nothing else.
func spanOrdered(t *rapid.T, s *Set) {
	for i := 1; i < Leading; i++ {
		if RecipeOf[i] == RecipeOf[i-1] && bytes.Compare(s[i-1][:], s[i][:]) > 0 {
			t.Fatalf("slots %d and %d are not in order", i-1, i)
		}
	}
}

func TestPaddingIsOfThePersonAlone(t *testing.T) {
	a, b := setOf(t, Person{}, "1"), setOf(t, Person{}, "2")
	seen := map[Value]bool{}
	for _, s := range []Set{a, b} {
		for _, v := range s {
			if seen[v] {
				t.Fatal("two paddings are alike")
			}
			seen[v] = true
		}
	}
}

func agree(a, b Set) map[Recipe]int {
	n := map[Recipe]int{}
	for i, v := range a {
		for j, w := range b {
			if v == w && RecipeOf[i] == RecipeOf[j] {
				n[RecipeOf[i]]++
			}
		}
	}
	return n
}

func TestWhatAgrees(t *testing.T) {
	base := Person{First: "Zuzana", Last: "Quixovik", Birth: "2010-07-03", Number: "219-09-4821", Postal: "94601", Phone: "510 555 2143"}
	for name, c := range map[string]struct {
		change func(*Person)
		has    []Recipe
		hasNot []Recipe
	}{
		"nothing":                {func(*Person) {}, []Recipe{N2Date, N2YearMonth, N2Swapped, N2Sound, SLK, N2Rare, N2Place, DatePlace, Number, NumberYear, HasNumber, Last4Date, PhoneFirst, RareClose}, nil},
		"first and last swapped": {func(p *Person) { p.First, p.Last = p.Last, p.First }, []Recipe{N2Date, N2Place}, []Recipe{SLK}},
		"a letter of the first":  {func(p *Person) { p.First = "Zuzena" }, []Recipe{FirstDate, LastDate, InitialDate}, []Recipe{N2Date}},
		"day and month swapped":  {func(p *Person) { p.Birth = "2010-03-07" }, []Recipe{N2Swapped, N2Place}, []Recipe{N2Date, FirstDate}},
		"another year":           {func(p *Person) { p.Birth = "2011-07-03" }, []Recipe{N2MonthDay}, []Recipe{N2Date, N2YearMonth}},
		"a digit of the number":  {func(p *Person) { p.Number = "219-09-4831" }, []Recipe{NumberYear, NumberSound, HasNumber}, []Recipe{Number}},
		"no number":              {func(p *Person) { p.Number = "" }, []Recipe{N2Date}, []Recipe{Number, HasNumber, NumberYear}},
		"last four alone":        {func(p *Person) { p.Number = "4821" }, []Recipe{Last4Date}, []Recipe{Number, HasNumber}},
		"a placeholder's date":   {func(p *Person) { p.Birth = "1900-01-01" }, []Recipe{N2Place, Number}, []Recipe{N2Date, FirstDate, DatePlace, N2MonthDay}},
	} {
		t.Run(name, func(t *testing.T) {
			other := base
			c.change(&other)
			got := agree(setOf(t, base, "1"), setOf(t, other, "2"))
			for _, r := range c.has {
				if got[r] == 0 {
					t.Errorf("%s does not agree", r)
				}
			}
			for _, r := range c.hasNot {
				if got[r] != 0 {
					t.Errorf("%s agrees", r)
				}
			}
		})
	}
}

// A record without a date or a first name says so to whoever knows the rest, and to nobody else.
func TestMissingPartsMeetWhatIsThere(t *testing.T) {
	whole := setOf(t, Person{First: "Zuzana", Last: "Quixovik", Birth: "2010-07-03"}, "1")
	meets := func(other Set, p, q Recipe) bool {
		for i, v := range whole {
			for j, w := range other {
				if v == w && RecipeOf[i] == p && RecipeOf[j] == q {
					return true
				}
			}
		}
		return false
	}
	if !meets(setOf(t, Person{Last: "Quixovik", Birth: "2010-07-03"}, "2"), LastDate, LastDateAlone) {
		t.Error("no first name")
	}
	undated := setOf(t, Person{First: "Zuzana", Last: "Quixovik"}, "3")
	if !meets(undated, N2Rare, N2RareAlone) {
		t.Error("no date")
	}
	if !meets(setOf(t, Person{First: "Zuzana", Last: "Quixovk"}, "4"), RareClose, LastDate) {
		t.Error("no date, and a letter of the last name")
	}
}

func TestCommonNamesNeedADate(t *testing.T) {
	common := Read(Person{First: "James", Last: "Smith", Birth: "2010-07-03"}, 2026)
	common.primaryValues(func(in, _ Recipe, _ ...string) {
		if in == N2Rare || in == RareClose || in == N2YearMonth || in == N2MonthDay {
			t.Errorf("%s is made of names that one in eight thousand bears", in)
		}
	})
}

func TestAliasesHaveSlots(t *testing.T) {
	known := setOf(t, Person{First: "Bavo", Last: "Tilomi", Birth: "2010-07-03"}, "1")
	many := Person{First: "Zuzana", Last: "Quixovik", Birth: "2010-07-03", Aliases: []string{"Neelu", "Bavo Tilomi", "Tilomi, Bavo", "Grelt Plimbo"}}
	if agree(known, setOf(t, many, "2"))[N2Date] == 0 {
		t.Error("an alias does not meet the name")
	}
	for i := range 200 {
		many.Aliases = append(many.Aliases, fmt.Sprint("Vosk", strings.Repeat("z", i)))
	}
	f := Read(many, 2026)
	if _, made := maker(t).Of(&f, []byte("2")); made.Dropped < 190 {
		t.Errorf("%d of two hundred aliases were reported as dropped", made.Dropped)
	}
	if got := agree(setOf(t, Person{First: "Zuzana", Last: "Garba Lopwik", Birth: "2010-07-03"}, "1"), setOf(t, Person{First: "Zuzana", Last: "Lopwik", Birth: "2010-07-03"}, "2")); got[N2Date]+got[LastDate] == 0 {
		t.Log("halves of a double surname stand among the further names")
	}
}

func TestTwinsKeepTheirDistance(t *testing.T) {
	f := Read(Person{First: "Zuzana", Last: "Quixovik", Birth: "2010-07-03", Postal: "94601"}, 2026)
	f.Twin = true
	f.primaryValues(func(in, _ Recipe, _ ...string) {
		switch in {
		case LastDate, LastDateAlone, InitialDate, SLK, N2Sound, SoundPlace, First3Year, RareClose:
			t.Errorf("a twin has %s", in)
		}
	})
}

func TestPopulationsAndKeysNeverMeet(t *testing.T) {
	f := Read(Person{First: "Zuzana", Last: "Quixovik", Birth: "2010-07-03", Number: "219-09-4821"}, 2026)
	sets := map[string]*Maker{"minors": maker(t), "accused": NewMaker(secret(t, 1), secret(t, 2), "accused"), "another linkage key": NewMaker(secret(t, 3), secret(t, 2), "minors")}
	seen := map[Value]string{}
	for name, m := range sets {
		s, _ := m.Of(&f, []byte(name))
		for _, v := range s {
			if was := seen[v]; was != "" && was != name {
				t.Fatalf("%s and %s share a value", was, name)
			}
			seen[v] = name
		}
	}
}

func TestRekeyKeepsWhatAgrees(t *testing.T) {
	a, b := setOf(t, Person{First: "Zuzana", Last: "Quixovik", Birth: "2010-07-03"}, "1"), setOf(t, Person{First: "Zuzena", Last: "Quixovik", Birth: "2010-07-03"}, "2")
	before := agree(a, b)
	r := NewRekey(secret(t, 9), "minors")
	raw := a
	r.Apply(&a)
	r.Apply(&b)
	after := agree(a, b)
	if fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("%v agreed, and %v do now", before, after)
	}
	if len(agree(raw, a)) != 0 {
		t.Error("a token is the same under the vault's key")
	}
}

func TestTextsThatAreNoSets(t *testing.T) {
	s := setOf(t, Person{First: "Zuzana"}, "1")
	text := s.AppendText(nil)
	for name, bad := range map[string][]byte{"shorter": text[1:], "longer": append(slices.Clone(text), 'b'), "empty": nil, "a digit": append([]byte("1"), text[1:]...), "a vowel": append([]byte("a"), text[1:]...)} {
		if _, ok := ParseText(bad); ok {
			t.Errorf("%s: taken for a set", name)
		}
	}
	if n, ok := EpochOf(Column(12)); !ok || n != 12 {
		t.Errorf("%s is of epoch %d", Column(12), n)
	}
	for _, other := range []string{"token_name_dob", "token_h1_e0", "token_h1_e", "token_h2_e1", "token_h1_e12345"} {
		if _, ok := EpochOf(other); ok {
			t.Errorf("%s is taken for a column of sets", other)
		}
	}
}
