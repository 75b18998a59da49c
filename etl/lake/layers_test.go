package lake

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"heatwatch/etl/link"
)

// large is a county with one partner whose services are laid beside: 100 rows of ten children.
func large(t testing.TB) *county {
	c := newCounty(t)
	c.beside = Beside{From: 50, Part: 1, Files: 3}
	var who, what strings.Builder
	who.WriteString(personsHead)
	what.WriteString(servicesHead)
	for i := range 10 {
		fmt.Fprintf(&who, "k%d,\n", i)
	}
	for i := range 100 {
		fmt.Fprintf(&what, "s%d,k%d,legal,no,2025-01-01T10:00:00Z\n", i, i%10)
	}
	c.land("shelter-a", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{"persons": who.String(), "services": what.String()})
	c.build()
	return c
}

const servicesHead = "service_id,person_key,service_type,emergency,started_at\n"

// delta lands services, one line for each key.
func (c *county) delta(keys ...string) {
	var b strings.Builder
	b.WriteString(servicesHead)
	for _, k := range keys {
		fmt.Fprintf(&b, "%s,k1,housing,no,2025-02-01T10:00:00Z\n", k)
	}
	n := len(c.drops) + 1
	c.land("shelter-a", fmt.Sprintf("d%d", n), fmt.Sprintf("2026-06-%02dT00:00:00Z", n), "delta", map[string]string{"services": b.String()})
}

func paths(m Manifest, entity string) (list []string) {
	for _, f := range m.Files {
		if f.Entity == entity {
			list = append(list, strings.TrimSuffix(strings.TrimPrefix(f.Path, entity+"/"), ".parquet"))
		}
	}
	return list
}

func TestADeltaIsLaidBesideALargeFile(t *testing.T) {
	c := large(t)
	services := func(want ...string) Manifest {
		t.Helper()
		m, err := ReadCurrent(c.home)
		if err != nil {
			t.Fatal(err)
		}
		if got := paths(m, "services"); !slices.Equal(got, want) {
			t.Errorf("files %v, want %v", got, want)
		}
		return m
	}
	c.delta("s3", "new1")
	c.build()
	m := services("shelter-a.00000002", "shelter-a.hidden", "shelter-a")
	if !sameInode(t, generationPath(c.home, 1)+"/services/shelter-a.parquet", generationPath(c.home, 2)+"/services/shelter-a.parquet") {
		t.Error("the base was written again")
	}
	if l := m.layers("services", "shelter-a"); l.rows[0].Rows != 100 || l.rows[1].Rows != 2 || l.hide.Rows != 1 || !slices.Equal(l.rows[1].Drops, []string{"d2"}) {
		t.Errorf("%+v", l)
	}
	if got := query(t, c.session(), "SELECT count(*), sum(CASE WHEN service_type = code('services.service_type', 'housing') THEN 1 ELSE 0 END), count(DISTINCT agency) FROM services"); got != "101 2 1" {
		t.Errorf("a session reads %s", got)
	}
	c.delta("s3", "new1") // hides what the delta before brought, not the base's row once more
	c.build()
	if l := services("shelter-a.00000002", "shelter-a.00000003", "shelter-a.hidden", "shelter-a").layers("services", "shelter-a"); l.hide.Rows != 3 {
		t.Errorf("%d rows are hidden", l.hide.Rows)
	}
	c.land("shelter-a", "d4", "2026-06-04T00:00:00Z", "delta", map[string]string{"services": "service_id,person_key,service_type,emergency,started_at,deleted\nnew1,k1,housing,no,2025-02-01T10:00:00Z,yes\n"})
	c.build()
	services("shelter-a.00000002", "shelter-a.00000003", "shelter-a.hidden", "shelter-a") // a delta that only deletes is no file
	if got := query(t, c.session(), "SELECT count(*) FROM services"); got != "100" {
		t.Errorf("after a deletion %s rows", got)
	}
	for _, k := range []string{"a", "b"} {
		c.delta(k)
		c.build()
	}
	services("shelter-a") // more than three would lie beside it
	if v, err := Verify(ctx, c.home); err != nil || len(v.Problems) > 0 {
		t.Errorf("%+v %v", v.Problems, err)
	}
	if n := m.Rows(); n != 10+101 {
		t.Errorf("%d rows in generation 2", n)
	}
	if got := query(t, c.session(), "SELECT count(*) FROM services"); got != "102" {
		t.Errorf("as one file %s rows", got)
	}
}

// In the first night of a month the files become one, also if nothing came; not again in the second.
func TestFilesBecomeOneAtMonthEnd(t *testing.T) {
	c := large(t)
	c.delta("s3", "new1")
	was := c.build()
	c.now = time.Date(2026, 7, 31, 9, 0, 0, 0, time.UTC)
	if _, changed, err := Build(ctx, c.config()); err != nil || changed {
		t.Fatalf("on the last of the month: %v %v", changed, err)
	}
	c.now = time.Date(2026, 8, 1, 9, 0, 0, 0, time.UTC)
	m := c.build()
	if got := paths(m, "services"); !slices.Equal(got, []string{"shelter-a"}) || m.Content != was.Content {
		t.Errorf("files %v, content %s, was %s", got, m.Content, was.Content)
	}
	if got := query(t, c.session(), "SELECT count(*), count(DISTINCT service_id) FROM services"); got != "101 101" {
		t.Errorf("a session reads %s", got)
	}
	c.now = time.Date(2026, 8, 2, 9, 0, 0, 0, time.UTC)
	if _, changed, err := Build(ctx, c.config()); err != nil || changed {
		t.Fatalf("in the night after: %v %v", changed, err)
	}
}

// Each kind of damage to a layered table is found, and a rebuild mends it.
func TestDamageToLayers(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir string){
		"the list is lost": func(t *testing.T, dir string) { lose(t, dir+"/shelter-a.hidden.parquet") },
		"a delta is lost":  func(t *testing.T, dir string) { lose(t, dir+"/shelter-a.00000002.parquet") },
		"the list is noise": func(t *testing.T, dir string) {
			overwrite(t, dir+"/shelter-a.hidden.parquet", []byte("PAR1 noise PAR1"))
		},
		"it hides another row": func(t *testing.T, dir string) {
			overwrite(t, dir+"/shelter-a.hidden.parquet", hiding(t, hiddenRow{"services/shelter-a.parquet", 4}))
		},
		"it hides a row that is not there": func(t *testing.T, dir string) {
			overwrite(t, dir+"/shelter-a.hidden.parquet", hiding(t, hiddenRow{"services/shelter-a.parquet", 100}))
		},
		"it hides a child": func(t *testing.T, dir string) {
			overwrite(t, dir+"/shelter-a.hidden.parquet", hiding(t, hiddenRow{"persons/shelter-a.parquet", 1}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := large(t)
			c.delta("s3", "new1")
			m := c.build()
			damage(t, filepath.Join(generationPath(c.home, 2), "services"))
			v, err := Verify(ctx, c.home)
			if err != nil || len(v.Problems) == 0 {
				t.Fatalf("nothing was found: %v", err)
			}
			if !strings.Contains(v.Problems[0].Restore, "landing/shelter-a/d2") {
				t.Errorf("%+v", v.Problems)
			}
			cfg := c.config()
			cfg.Full = true
			if next, _, err := Build(ctx, cfg); err != nil || next.Content != m.Content {
				t.Fatalf("content %s, was %s: %v", next.Content, m.Content, err)
			}
			if v, err := Verify(ctx, c.home); err != nil || len(v.Problems) > 0 {
				t.Errorf("%+v %v", v.Problems, err)
			}
		})
	}
}

func hiding(t *testing.T, rows ...hiddenRow) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := parquet.Write(&b, rows); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func lose(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// overwrite gives the path another file: the generation before may share the one that is there.
func overwrite(t *testing.T, path string, b []byte) {
	t.Helper()
	lose(t, path)
	if err := os.WriteFile(path, b, 0o400); err != nil {
		t.Fatal(err)
	}
}

// Rows that are hidden lie in the base until it is made anew. When their person is forgotten they go with the others.
func TestForgettingReachesHiddenRows(t *testing.T) {
	c := large(t)
	c.delta("s3", "new1") // s3 was k3's and is k1's now
	c.build()
	holds := func() (n int) {
		t.Helper()
		m, err := ReadCurrent(c.home)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range m.Files {
			if f.Entity == "services" && !f.Hides {
				type row struct {
					Key string `parquet:"person_key,optional"`
				}
				if err := each(filepath.Join(generationPath(c.home, m.Generation), f.Path), func(r row) {
					if r.Key == "k3" {
						n++
					}
				}); err != nil {
					t.Fatal(err)
				}
			}
		}
		return n
	}
	if n := holds(); n != 10 {
		t.Fatalf("%d rows of k3 before", n)
	}
	var what strings.Builder
	what.WriteString(servicesHead)
	for i := range 100 {
		if i%10 != 3 {
			fmt.Fprintf(&what, "s%d,k%d,legal,no,2025-01-01T10:00:00Z\n", i, i%10)
		}
	}
	drops := c.drops
	c.drops = nil
	c.land("shelter-a", "d1", "2026-06-01T00:00:00Z", "snapshot", map[string]string{"persons": personsHead + "k0,\nk1,\nk2,\nk4,\nk5,\nk6,\nk7,\nk8,\nk9,\n", "services": what.String()})
	c.drops[0].Erasures = 1
	c.drops = append(c.drops, drops[1])
	cfg := c.config()
	cfg.Erase, cfg.Suppress = true, func(f link.File) bool { return f.PersonKey == "k3" }
	if _, _, err := Build(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	if n := holds(); n != 0 {
		t.Errorf("%d rows of k3 after", n)
	}
}
