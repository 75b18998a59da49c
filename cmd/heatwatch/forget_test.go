package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"heatwatch/fixtures"
	"heatwatch/privacy/ledger"
)

// After a release a person is in frozen cohorts and charged for what was drawn. Forgotten, the person is in neither, the ledger says
// that something was erased and not what, the releases stand as they were, and the next one is made without the person.
func TestForgetAfterARelease(t *testing.T) {
	r := newRig(t)
	r.run(0, "init", "--demo")
	r.county(fixtures.Config{Seed: 5, Persons: 60, FirstQuarter: quarter(t, "2024Q1"), Quarters: 4, End: quarter(t, "2024Q4").Last(), NoFigures: true})
	r.run(0, "release", "2024Q1")

	type row struct {
		Agency     string `json:"agency"`
		PersonKey  string `json:"person_key"`
		Person     json.Number
		Population string
	}
	dump := func() (rows []row) {
		var out struct{ Rows []row }
		if err := json.Unmarshal([]byte(r.run(0, "link", "dump", "--format", "json")), &out); err != nil {
			t.Fatal(err)
		}
		return out.Rows
	}
	before := dump()
	agencies := map[json.Number][]row{}
	for _, x := range before {
		if x.Population == "minors" {
			agencies[x.Person] = append(agencies[x.Person], x)
		}
	}
	var who []row
	for _, rows := range agencies {
		if len(rows) > len(who) {
			who = rows
		}
	}
	if len(who) < 2 {
		t.Fatal("nobody is known to two agencies")
	}
	released := r.run(0, "release", "2024Q1", "--format", "json")
	entries := func() []ledger.Kind {
		var all []ledger.Kind
		for _, path := range must1(filepath.Glob(filepath.Join(r.home(), "ledger", "*.json"))) {
			var e struct{ Kind ledger.Kind }
			if err := json.Unmarshal(must1(os.ReadFile(path)), &e); err != nil {
				t.Fatal(err)
			}
			all = append(all, e.Kind)
		}
		return all
	}
	was := len(entries())
	r.run(0, "--yes", "forget", "--agency", who[0].Agency, "--key", who[0].PersonKey, "--population", "minors")
	if now := entries(); len(now) != was+1 || now[was] != ledger.KindErasure {
		t.Errorf("the ledger's entries: %v", now)
	}
	want := slices.DeleteFunc(slices.Clone(before), func(x row) bool { return x.Person == who[0].Person })
	if got := dump(); !slices.Equal(got, want) {
		t.Errorf("%d files of %d are left, want all but the %d of one person", len(got), len(before), len(who))
	}
	if again := r.run(0, "release", "2024Q1", "--format", "json"); again != released {
		t.Error("a release changed")
	}
	r.run(0, "verify")
	r.run(0, "budget", "verify")
	r.run(0, "release", "2024Q2", "--witness", "none")
	r.run(0, "verify")
	// Another file of the person leads to the same end.
	for _, x := range who[1:2] {
		r.run(0, "--yes", "forget", "--agency", x.Agency, "--key", x.PersonKey)
	}
	if now := entries(); now[len(now)-1] == ledger.KindErasure {
		t.Error("who was forgotten was erased once more")
	}
}

func must1[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}
