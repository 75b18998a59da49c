package ledger

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heatwatch/privacy/accountant"
)

// samples are entries of every kind, signed with zeros.
func samples() []Entry {
	x := terms()
	x.Key, x.Plan.Text, x.Plan.Hash = "k", "", CellsHash("p")
	it := item("heads_q", "2026Q1", 6.4)
	hash, home, sig := CellsHash("h"), strings.Repeat("0a", 16), strings.Repeat("0", 128)
	rel := &Release{Period: "2026Q1", Due: today, Plan: x.Plan.Ref(), Attempt: 1, Items: []Item{it}, Losses: []Loss{{"minors", it.Mu2, it.Mu2}}}
	again := *rel
	again.Attempt, again.Repeats = 2, 2
	list := []Entry{
		{Kind: KindInit, Init: &x},
		{Kind: KindRelease, Release: rel, Commitments: []Commitment{{"generation", hash}}},
		{Kind: KindRepeat, Release: &again},
		{Kind: KindAmend, Amend: &Amend{Reason: "said <b> & \u2028 \"so\"", Populations: x.Populations}},
		{Kind: KindErasure, Erasure: &Erasure{[]Replaced{{"register", hash, hash}}}},
		{Kind: KindImport, Import: &Import{Home: home, Entries: 3, Head: hash, Items: []Item{it}}},
	}
	for i := range list {
		list[i].Schema, list[i].Number, list[i].Date, list[i].Home, list[i].Signature = Schema, i+1, today, home, sig
		if i > 0 {
			list[i].Prev = hash
		}
	}
	return list
}

func TestEveryKindParses(t *testing.T) {
	for _, e := range samples() {
		got, err := Parse(e.Bytes())
		if err != nil || !bytes.Equal(got.Bytes(), e.Bytes()) {
			t.Errorf("%s: %v", e.Kind, err)
		}
	}
}

// Another way to write the same entry is not an entry.
func TestOtherSpellingsAreRefused(t *testing.T) {
	good := string(samples()[1].Bytes())
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"compact":          compact.String(),
		"field twice":      strings.Replace(good, `"schema": 1,`, `"schema": 1,`+"\n  "+`"schema": 1,`, 1),
		"unknown field":    strings.Replace(good, `"schema": 1,`, `"schema": 1,`+"\n  "+`"more": 1,`, 1),
		"case of a field":  strings.Replace(good, `"schema"`, `"Schema"`, 1),
		"order of fields":  strings.Replace(good, "\"schema\": 1,\n  \"entry\": 2,", "\"entry\": 2,\n  \"schema\": 1,", 1),
		"long number":      strings.Replace(good, `"sd": 6.4`, `"sd": 6.40`, 1),
		"exponent":         strings.Replace(good, `"sd": 6.4`, `"sd": 64e-1`, 1),
		"escape":           strings.Replace(good, `"minors"`, `"\u006dinors"`, 1),
		"null body":        strings.Replace(good, `"commitments"`, `"amend": null,`+"\n  "+`"commitments"`, 1),
		"empty list":       strings.Replace(string(samples()[2].Bytes()), `"signature"`, `"commitments": [],`+"\n  "+`"signature"`, 1),
		"blank before":     " " + good,
		"blank after":      good + " ",
		"no line end":      strings.TrimSuffix(good, "\n"),
		"two entries":      good + good,
		"nothing":          "",
		"cut off":          good[:len(good)/2],
		"newer schema":     strings.Replace(good, `"schema": 1`, `"schema": 2`, 1),
		"capitals in hash": strings.Replace(good, CellsHash("h"), strings.ToUpper(CellsHash("h")), 1),
	} {
		if bad == good {
			t.Fatalf("%s: the test changes nothing", name)
		}
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, e := range samples() {
		f.Add(e.Bytes())
	}
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Parse(b)
		if err != nil {
			if e.Number != 0 || e.Kind != "" {
				t.Error("an error, and an entry all the same")
			}
			return
		}
		if !bytes.Equal(e.Bytes(), b) {
			t.Error("accepted an entry that is not in canonical form")
		}
	})
}

// Whatever opens as a head is signed text with one spelling.
func FuzzHead(f *testing.F) {
	h := emptyHome(f)
	l := h.create(f)
	good, err := l.Head()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(append(bytes.Clone(good), []byte("— evaluator.example AAAAAAAAAAAA\n")...))
	f.Fuzz(func(t *testing.T, b []byte) {
		head, only, err := openHead(b, l.PublicKey())
		if err == nil && (head != l.Position() || !bytes.Equal(only, good)) {
			t.Errorf("a head that was never signed: %+v", head)
		}
	})
}

// The bound against persons: nobody who is in at most participations periods of each series loses more, and
// somebody loses exactly that.
func TestBoundAgainstAllPersons(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newState()
		type cell struct {
			series string
			period string
		}
		cost := map[cell]accountant.Mu2{}
		participations := map[string]int{"a": rapid.IntRange(1, 3).Draw(t, "p a"), "b": rapid.IntRange(1, 3).Draw(t, "p b")}
		for i := range rapid.IntRange(1, 12).Draw(t, "items") {
			it := item("x", quarter(rapid.IntRange(0, 4).Draw(t, "quarter")), rapid.Float64Range(1, 20).Draw(t, "sd"))
			it.Series = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "series")
			it.Participations = participations[it.Series]
			it.Cells = CellsHash("cells", string(rune('a'+i)))
			if err := s.spend([]Item{it}, i+2); err != nil {
				t.Fatal(err)
			}
			cost[cell{it.Series, it.Period}] += it.Mu2
		}
		var dearest accountant.Mu2
		for name, p := range participations {
			var best accountant.Mu2
			for set := range 1 << 5 { // every set of quarters that a person may be in
				var sum accountant.Mu2
				n := 0
				for q := range 5 {
					if set&(1<<q) != 0 {
						sum += cost[cell{name, quarter(q)}]
						n++
					}
				}
				if n <= p {
					best = max(best, sum)
				}
			}
			dearest += best
		}
		if got := s.lifetime("minors"); got != dearest {
			t.Fatalf("bound %v; the dearest person loses %v", got, dearest)
		}
	})
}

// A year and its quarters exclude each other for nobody, whatever series they are put in.
func TestLevelsOfOneSeriesAdd(t *testing.T) {
	s := newState()
	for i, period := range []string{"2026Q1", "2026", "2021-2025"} {
		it := item("x", period, 10)
		it.Series = "same"
		if err := s.spend([]Item{it}, i+2); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.lifetime("minors"); got != 30_000_000_000 {
		t.Error(got)
	}
}

func BenchmarkVerify(b *testing.B) {
	h := emptyHome(b)
	l := h.create(b)
	for q := range 100 {
		mustAppend(b, l, release(b, l, item("heads_q", quarter(q), 6), item("tes24_q", quarter(q), 6)))
	}
	for b.Loop() {
		if _, err := Verify(h.dir, ""); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	h := emptyHome(b)
	l := h.create(b)
	n := 0
	for b.Loop() {
		mustAppend(b, l, release(b, l, item("heads_q", quarter(n), 6)))
		n++
	}
}
