package lake

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// increments builds the next generation and tells how many files were made from the one before, and how many of them beside it.
func (c *county) increments() (made, laid int) {
	c.Helper()
	prev, err := ReadCurrent(c.home)
	if err != nil {
		c.Fatal(err)
	}
	b := newBuilder(c.config(), prev)
	if !b.needed() {
		c.Fatal("nothing changed")
	}
	if err := b.run(ctx); err != nil {
		c.Fatal(err)
	}
	return b.increments, b.laid
}

// sums are the rows and the content of each partner's entities, over however many files.
func sums(t testing.TB, m Manifest) map[string]string {
	t.Helper()
	rows, contents := map[string]int64{}, map[string]Content{}
	for _, f := range m.Files {
		if f.Entity == "" {
			continue
		}
		k := f.Entity + " of " + f.Partner
		sum := contents[k]
		if f.Hides {
			rows[k] -= f.Rows
			sum.Subtract(f.Content)
		} else {
			rows[k] += f.Rows
			sum.Add(f.Content)
		}
		contents[k] = sum
	}
	all := map[string]string{}
	for k, n := range rows {
		if n > 0 || contents[k] != (Content{}) {
			all[k] = fmt.Sprint(n, contents[k])
		}
	}
	return all
}

// Whatever comes, the file that is made from the one before holds the same rows as one that is folded from everything.
func TestADeltaOnTopIsTheSameAsAFold(t *testing.T) {
	for name, beside := range map[string]Beside{"into a new file": {}, "beside it": {From: 1, Part: 99}, "three beside it": {From: 1, Part: 99, Files: 3}} {
		t.Run(name, func(t *testing.T) { deltasOnTop(t, beside) })
	}
}

func deltasOnTop(t *testing.T, beside Beside) {
	r := rand.New(rand.NewPCG(7, 7))
	c := newCounty(t)
	c.beside = beside
	made, laid := 0, 0
	for n := range 24 {
		files := map[string]string{}
		var who, services, arrests strings.Builder
		who.WriteString("person_key,release,deleted\n")
		services.WriteString("service_id,person_key,service_type,emergency,started_at,deleted\n")
		arrests.WriteString("arrest_id,person_key,party_role,offense,arrested_at,deleted\n")
		flag := func() string { return []string{"", "", "", "yes"}[r.IntN(4)] }
		used := map[string]bool{}
		once := func(format string, k int) (string, bool) {
			key := fmt.Sprintf(format, k)
			ok := !used[key]
			used[key] = true
			return key, ok
		}
		for range 6 {
			if k, ok := once("k%d", r.IntN(9)); ok {
				fmt.Fprintf(&who, "%s,%s,%s\n", k, []string{"signed", "signed", "none"}[r.IntN(3)], flag())
			}
			if k, ok := once("s%d", r.IntN(20)); ok {
				fmt.Fprintf(&services, "%s,k%d,legal,no,2025-%02d-01T10:00:00Z,%s\n", k, r.IntN(9), 1+r.IntN(12), flag())
			}
			if k, ok := once("a%d", r.IntN(20)); ok {
				fmt.Fprintf(&arrests, "%s,k%d,%s,other,2025-%02d-01T10:00:00Z,%s\n", k, r.IntN(9), []string{"victim", "purchaser"}[r.IntN(2)], 1+r.IntN(12), flag())
			}
		}
		files["services"], files["arrests"] = services.String(), arrests.String()
		if n%5 == 0 {
			files["persons"] = who.String()
		}
		mode := "delta"
		if n == 0 || r.IntN(12) == 0 {
			mode = "snapshot"
		}
		day := n
		if r.IntN(6) == 0 && n > 3 {
			day -= 2 // it comes late and goes before others
		}
		c.land("shelter-a", fmt.Sprintf("d%02d", n), fmt.Sprintf("2026-05-%02dT%02d:00:00Z", 1+day/2, 1+12*(day%2)), mode, files)
		m, l := c.increments()
		made, laid = made+m, laid+l
		got, err := ReadCurrent(c.home)
		if err != nil {
			t.Fatal(err)
		}
		if n%3 > 0 && n < 20 {
			continue
		}
		if v, err := Verify(ctx, c.home); err != nil || len(v.Problems) > 0 || v.Content != got.Content {
			t.Fatalf("after drop %d: %+v %v", n, v.Problems, err)
		}
		seen := c.everything()
		cfg := c.config()
		cfg.Full = true
		whole, _, err := Build(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := sums(t, got), sums(t, whole); !maps.Equal(a, b) || got.Content != whole.Content {
			t.Fatalf("after drop %d: %v, folded anew %v", n, a, b)
		}
		if again := c.everything(); again != seen {
			t.Fatalf("after drop %d a session reads\n%s\nfolded anew\n%s", n, seen, again)
		}
	}
	if few := beside.From == 0; few != (laid == 0) || !few && laid < 10 {
		t.Errorf("%d deltas were laid beside a file", laid)
	}
	if made < 12 {
		t.Errorf("only %d files were made from the one before", made)
	}
}

// everything is what a session reads of the entities that deltas of these tests change.
func (c *county) everything() string {
	s := c.session()
	defer s.Close()
	return query(c, s, "SELECT * FROM services ORDER BY service_id") + "\n" + query(c, s, "SELECT * FROM arrests ORDER BY arrest_id")
}

// A snapshot of persons and a delta of services that come in one night: who is not restated takes the rows along.
func TestADeltaBesideASnapshotOfPersons(t *testing.T) {
	c := newCounty(t)
	c.beside = Beside{From: 1, Part: 99}
	head := "service_id,person_key,service_type,emergency,started_at\n"
	c.land("shelter-a", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{"persons": personsHead + "k1,\nk2,\n",
		"services": head + "s1,k1,legal,no,2025-01-01T10:00:00Z\ns2,k2,legal,no,2025-01-01T10:00:00Z\n"})
	c.build()
	c.land("shelter-a", "d2", "2026-06-02T00:00:00Z", "snapshot", map[string]string{"persons": personsHead + "k1,\n"})
	c.land("shelter-a", "d3", "2026-06-03T00:00:00Z", "delta", map[string]string{"services": head + "s3,k1,legal,no,2025-01-01T10:00:00Z\n"})
	c.build()
	if got := query(t, c.session(), "SELECT string_agg(service_id, ' ' ORDER BY service_id) FROM services"); got != "s1 s3" {
		t.Errorf("services %s", got)
	}
}

// A damaged file is not handed on.
func TestADeltaOnTopOfDamageFoldsAnew(t *testing.T) {
	c := newCounty(t)
	head := "service_id,person_key,service_type,emergency,started_at\n"
	c.land("shelter-a", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{"persons": personsHead + "k1,\n", "services": head + "s1,k1,legal,no,2025-01-01T10:00:00Z\n"})
	c.build()
	c.land("shelter-a", "d2", "2026-06-02T00:00:00Z", "delta", map[string]string{"services": head + "s2,k1,legal,no,2025-01-01T10:00:00Z\n"})
	path := filepath.Join(generationPath(c.home, 1), "services/shelter-a.parquet")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/3] ^= 1
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, _ := c.increments(); n != 0 {
		t.Errorf("%d files were made from a damaged one", n)
	}
	if v, err := Verify(ctx, c.home); err != nil || len(v.Problems) > 0 {
		t.Errorf("%+v %v", v.Problems, err)
	}
}
