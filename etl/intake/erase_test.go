package intake

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/internal/durable/durabletest"
)

func landedRows(t *testing.T, landing string, d Drop) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, f := range d.Files {
		if f.Parquet == "" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(landing, d.Partner, d.Name, f.Parquet))
		if err != nil {
			t.Fatal(err)
		}
		all[f.Entity] = readLanding(t, b)
	}
	return all
}

// The same pseudonym is a victim in one row and an accused in another: only the victim's rows go. Counts and receipt stay.
func TestErase(t *testing.T) {
	files := []file{
		{name: "persons.csv", text: "person_key,birth_year,token_name_dob\nk1,2010,AAAAAAAAAAAAAAAAAAAAAA\nk2,2011,BBBBBBBBBBBBBBBBBBBBBB\n"},
		{name: "services.csv", text: "service_id,person_key,service_type,emergency,started_at\ns1,k1,legal,no,2026-01-01T10:00:00Z\ns2,k2,legal,no,2026-01-01T10:00:00Z\n"},
		{name: "arrests.csv", text: "arrest_id,person_key,party_role,offense,arrested_at\na1,k1,victim,other,2026-01-01T10:00:00Z\na2,k1,purchaser,solicitation,2026-01-02T10:00:00Z\n"},
	}
	a := newArea(t)
	landing, dir := a.cfg.Landing, a.drop(t, "june", files, nil)
	d, err := Take(ctx, durable.OS(), a.cfg, "shelter-a", dir)
	if err != nil {
		t.Fatal(err)
	}
	before := landedRows(t, landing, d)
	if n := len(before["persons"]) + len(before["services"]) + len(before["arrests"]); n != 6 {
		t.Fatalf("%d of 6 rows landed: %+v", n, d.Files)
	}
	receipt, _, _ := Receipt(d)
	var seen []PersonTokens
	if err := People(landing, d, func(p PersonTokens) error { seen = append(seen, p); return nil }); err != nil || len(seen) != 2 ||
		seen[0].Person != (Person{"minors", "k1"}) || len(seen[0].Tokens) != 1 || seen[0].Tokens[0][0] != "token_name_dob" {
		t.Fatalf("%v %v", seen, err)
	}
	owners := map[Person]int{}
	if err := Owners(landing, d, func(p Person) error { owners[p]++; return nil }); err != nil || owners[Person{"minors", "k1"}] != 3 || owners[Person{"accused", "k1"}] != 1 {
		t.Fatalf("%v %v", owners, err)
	}
	gone := func(p Person) bool { return p == Person{"minors", "k1"} }

	// Whatever step fails, the next try takes the rest out, and the lake learns that the files changed.
	for n := 1; ; n++ {
		cfg := a.cfg
		cfg.Landing = t.TempDir()
		landing := cfg.Landing
		d, err := Take(ctx, durable.OS(), cfg, "shelter-a", dir)
		if err != nil {
			t.Fatal(err)
		}
		fsys := durabletest.FailAt(n)
		Erase(fsys, landing, d, gone) // whatever it says: what counts is what it leaves
		if !fsys.Fired() {
			break
		}
		half, rerr := ReadDrop(landing, "shelter-a", d.Name)
		if rerr != nil {
			t.Fatal(rerr)
		}
		if wrong, err := Account(landing, half); err != nil || len(wrong) > 0 {
			t.Fatalf("step %d: a cut erasure is taken for damage: %v %v", n, wrong, err)
		}
		if rows := landedRows(t, landing, half); half.Erasures == 0 && len(rows["persons"])+len(rows["services"])+len(rows["arrests"]) < 6 {
			t.Fatalf("step %d: rows went before the record said so", n)
		}
		if _, err := Erase(durable.OS(), landing, half, gone); err != nil {
			t.Fatalf("step %d: %v", n, err)
		}
		after, _ := ReadDrop(landing, "shelter-a", d.Name)
		rows := landedRows(t, landing, after)
		if wrong, err := Account(landing, after); err != nil || len(wrong) > 0 {
			t.Fatalf("step %d: the record does not fit the rows that stay: %v %v", n, wrong, err)
		}
		if after.Erasures == 0 || len(rows["persons"]) != 1 || len(rows["services"]) != 1 || len(rows["arrests"]) != 1 {
			t.Fatalf("step %d: %d erasures, %v", n, after.Erasures, rows)
		}
	}

	rows, err := Erase(durable.OS(), landing, d, gone)
	if err != nil || rows != 3 {
		t.Fatalf("%d rows went: %v", rows, err)
	}
	after, err := ReadDrop(landing, "shelter-a", d.Name)
	if err != nil {
		t.Fatal(err)
	}
	for e, want := range map[string]string{"persons": "k2", "services": "k2", "arrests": "k1"} {
		got := landedRows(t, landing, after)[e]
		if len(got) != 1 || !strings.Contains(got[0], want) || got[0] != before[e][1] {
			t.Errorf("%s: %v, want the second row as it was", e, got)
		}
	}
	for _, f := range after.Files {
		if f.ParquetRows != 1 || f.Accepted != 2 {
			t.Errorf("%s: %d rows of %d accepted", f.Name, f.ParquetRows, f.Accepted)
		}
	}
	if again, _, _ := Receipt(after); string(again) != string(receipt) {
		t.Error("the receipt tells that somebody was forgotten")
	}
	if n, err := Erase(durable.OS(), landing, after, gone); n != 0 || err != nil || after.Erasures != 1 {
		t.Errorf("a second time: %d rows, %v, %d erasures", n, err, after.Erasures)
	}
}
