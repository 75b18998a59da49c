package link

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func file(created int64, partner, key string, tokens ...string) File {
	f := File{Population: "minors", Partner: partner, PersonKey: key, Created: created}
	for _, t := range tokens {
		f.Tokens = append(f.Tokens, Token{"token_name_dob", t})
	}
	return f
}

func assign(t testing.TB, files []File, known Known, r io.Reader) Outcome {
	t.Helper()
	o, err := Assign(files, known, 20000, r)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// after is what the next night knows: everything, which is more than it needs.
func after(o Outcome, k Known) Known {
	k.Founders = append(slices.Clone(k.Founders), o.Founders...)
	for _, r := range o.Rows {
		k.Members = append(k.Members, Member{r.Person, r.Partner})
	}
	k.Last = o.Last
	return k
}

func persons(o Outcome) map[string]Row {
	m := map[string]Row{}
	for _, r := range o.Rows {
		m[r.Population+"/"+r.Partner+"/"+r.PersonKey] = r
	}
	return m
}

func TestEqualTokensOfTwoAgenciesAreOnePerson(t *testing.T) {
	m := persons(assign(t, []File{file(2, "b", "x", "T1"), file(1, "a", "y", "T1"), file(3, "c", "z", "T2")}, Known{}, rand.Reader))
	if m["minors/a/y"].Person != m["minors/b/x"].Person || m["minors/a/y"].Person == m["minors/c/z"].Person {
		t.Errorf("persons: %+v", m)
	}
	if !m["minors/a/y"].Founding || m["minors/b/x"].Founding {
		t.Error("the file that came first founds the person, whatever order the files are passed in")
	}
}

func TestSecondKeyOfAnAgencyStaysAlone(t *testing.T) {
	out := assign(t, []File{file(1, "a", "p", "T"), file(2, "b", "q", "T"), file(3, "b", "r", "T"), file(4, "c", "s", "T")}, Known{}, rand.Reader)
	m := persons(out)
	for _, p := range out.Persons {
		if p.Measured == (p.Person == m["minors/b/r"].Person) {
			t.Errorf("of the persons, the second key and no other waits: %+v", p)
		}
	}
	twin, incumbent := m["minors/b/r"], m["minors/b/q"]
	if twin.Measured || twin.Person == incumbent.Person {
		t.Errorf("the second key must be its own person and not measured: %+v", twin)
	}
	if !incumbent.Measured || incumbent.Person != m["minors/a/p"].Person || m["minors/c/s"].Person != incumbent.Person {
		t.Error("a conflict must not touch the files that were there, nor those that come later")
	}
}

// A hub that carries the tokens of 49 persons joins one of them and moves nobody (C1).
func TestAttachedFileBridgesNothing(t *testing.T) {
	var files []File
	hub := File{Population: "minors", Partner: "hub", PersonKey: "h", Created: 100}
	for i := range 49 {
		tok := Token{fmt.Sprintf("token_%02d", i), fmt.Sprint("T", i)}
		f := file(int64(i), "a", fmt.Sprint("k", i))
		f.Tokens = []Token{tok}
		files, hub.Tokens = append(files, f), append(hub.Tokens, tok)
	}
	hub.Tokens = append(hub.Tokens, Token{"token_zz", "only the hub"})
	follower := file(200, "c", "f")
	follower.Tokens = []Token{{"token_zz", "only the hub"}}
	m := persons(assign(t, append(files, hub, follower), Known{}, rand.Reader))
	seen := map[uint32]bool{}
	for i := range 49 {
		seen[m[fmt.Sprintf("minors/a/k%d", i)].Person] = true
	}
	if len(seen) != 49 {
		t.Errorf("%d persons remain of 49", len(seen))
	}
	if m["minors/c/f"].Person == m["minors/hub/h"].Person {
		t.Error("an attached file's own token was matched")
	}
}

func TestPopulationsNeverMeet(t *testing.T) {
	a, b := file(1, "a", "p", "T"), file(2, "b", "q", "T")
	b.Population = "accused"
	m := persons(assign(t, []File{a, b}, Known{}, rand.Reader))
	if m["minors/a/p"].Person == m["accused/b/q"].Person {
		t.Error("a minor and an accused became one person")
	}
}

func TestNoRandomnessNoPerson(t *testing.T) {
	if _, err := Assign([]File{file(1, "a", "p")}, Known{}, 0, bytes.NewReader(make([]byte, 15))); err == nil {
		t.Error("a pseudonym of 15 random bytes was accepted")
	}
}

func genFiles(t *rapid.T) []File {
	n := rapid.IntRange(0, 30).Draw(t, "files")
	seen := map[string]bool{}
	var files []File
	for range n {
		f := File{
			Population: rapid.SampledFrom([]string{"minors", "accused"}).Draw(t, "population"),
			Partner:    rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "partner"),
			PersonKey:  fmt.Sprint("k", rapid.IntRange(0, 12).Draw(t, "key")),
			Created:    int64(rapid.IntRange(0, 5).Draw(t, "created")),
		}
		if id := f.Population + f.Partner + f.PersonKey; seen[id] {
			continue
		} else {
			seen[id] = true
		}
		for _, c := range []string{"token_a", "token_b"} {
			if rapid.Bool().Draw(t, "has") {
				f.Tokens = append(f.Tokens, Token{c, fmt.Sprint(rapid.IntRange(0, 6).Draw(t, "value"))})
			}
		}
		files = append(files, f)
	}
	return files
}

// Order of the slice, and nights that split the files by created, change nothing but the dates.
func TestAssignDependsOnOrderOfCreationOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		files := genFiles(t)
		want := assignR(t, files, Known{})
		perm := rapid.Permutation(files).Draw(t, "order")
		if got := assignR(t, perm, Known{}); !reflect.DeepEqual(got, want) {
			t.Fatalf("another order of the same files gave another table")
		}
		cut := int64(rapid.IntRange(0, 6).Draw(t, "cut"))
		var first, second []File
		for _, f := range perm {
			if f.Created < cut {
				first = append(first, f)
			} else {
				second = append(second, f)
			}
		}
		one := assignR(t, first, Known{})
		two := assignR(t, second, after(one, Known{}))
		if got := append(one.Rows, two.Rows...); len(got) > 0 && !reflect.DeepEqual(got, want.Rows) {
			t.Fatalf("two nights gave another table than one:\n%v\n%v", got, want.Rows)
		}
	})
}

func assignR(t *rapid.T, files []File, k Known) Outcome {
	o, err := Assign(files, k, 20000, zeros{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// Removing an attached file leaves every other file where it was, and one agency never has two files of a person.
func TestAttachedFilesHaveNoInfluence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		files := genFiles(t)
		all := persons(assignR(t, files, Known{}))
		byPerson := map[Member]bool{}
		for _, r := range all {
			m := Member{r.Person, r.Partner}
			if byPerson[m] {
				t.Fatalf("%s has two files of person %d", r.Partner, r.Person)
			}
			byPerson[m] = true
		}
		if len(files) == 0 {
			return
		}
		drop := files[rapid.IntRange(0, len(files)-1).Draw(t, "removed")]
		id := drop.Population + "/" + drop.Partner + "/" + drop.PersonKey
		if all[id].Founding || !all[id].Measured {
			return
		}
		rest := slices.DeleteFunc(slices.Clone(files), func(f File) bool {
			return f.Population == drop.Population && f.Partner == drop.Partner && f.PersonKey == drop.PersonKey
		})
		now := persons(assignR(t, rest, Known{}))
		before, after := firstOf(all), firstOf(now)
		for k, r := range now {
			if was := all[k]; r.Partner != drop.Partner && before[was.Person] != after[r.Person] {
				t.Fatalf("%s moved when an attached file of another agency went", k)
			}
		}
	})
}

// firstOf names each person by the file that made it: numbers differ where fewer persons came before.
func firstOf(m map[string]Row) map[uint32]string {
	first := map[uint32]string{}
	for k, r := range m {
		if r.Founding || !r.Measured {
			first[r.Person] = k
		}
	}
	return first
}
