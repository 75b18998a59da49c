package lake

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"heatwatch/internal/durable"
	"heatwatch/models"
)

func small(t testing.TB) *county {
	c := newCounty(t)
	c.land("shelter-a", "d1", "2026-06-30T08:00:00Z", "snapshot", map[string]string{
		"persons": personsHead + "p1," + token("A") + "\n", "engagements": engagementsHead + "e1,p1,2026-06-01T22:30:00-07:00,hotline\n"})
	c.build()
	return c
}

func TestSessionIsLockedDown(t *testing.T) {
	c := small(t)
	s := c.session()
	dir, _ := filepath.Abs(generationPath(c.home, 1))
	outside := filepath.Join(t.TempDir(), "out")
	os.WriteFile(outside+".csv", []byte("a\n1\n"), 0o600)
	os.Symlink("/etc/passwd", filepath.Join(dir, "link.parquet"))
	for _, q := range []string{
		"SELECT * FROM read_text('/etc/passwd')",
		"SELECT * FROM read_blob('/etc/passwd')",
		"SELECT * FROM read_csv('" + outside + ".csv')",
		"SELECT * FROM '" + outside + ".csv'",
		"SELECT * FROM glob('/etc/*')",
		"SELECT * FROM read_parquet('" + dir + "/crosswalk.parquet')",
		"SELECT * FROM read_parquet('" + dir + "/tokens.parquet')",
		"SELECT * FROM read_parquet('" + dir + "/*/*.parquet')",
		"SELECT * FROM read_parquet('" + dir + "/link.parquet')",
		"SELECT * FROM read_text('" + dir + "/persons/../manifest.json')",
		"SELECT * FROM read_text('" + c.home.Keys() + "/master.key')",
		"COPY (SELECT 1) TO '" + outside + "'",
		"COPY (SELECT 1) TO '" + dir + "/persons/shelter-a.parquet'",
		"COPY (SELECT 1) TO '" + dir + "/persons/shelter-a.parquet' (USE_TMP_FILE false)",
		"COPY (SELECT 1) TO '" + s.spill.Name() + "/spill/x'",
		"CREATE TEMP TABLE q(a int); COPY q FROM '" + outside + ".csv'",
		"EXPLAIN ANALYZE COPY (SELECT 1) TO '" + outside + "'",
		"PREPARE p AS COPY (SELECT 1) TO '" + outside + "'",
		"EXPORT DATABASE '" + outside + "'",
		"ATTACH '" + outside + ".db'",
		"ATTACH '" + dir + "/x.db' AS x",
		"ATTACH ':memory:' AS m",
		"INSTALL httpfs", "LOAD httpfs", "LOAD '" + outside + "'",
		"SELECT * FROM read_parquet('https://localhost/x.parquet')",
		"SET memory_limit = '8GB'", "SET GLOBAL threads = 64", "RESET memory_limit", "PRAGMA memory_limit = '8GB'",
		"SET enable_external_access = true", "SET lock_configuration = false", "SET allowed_paths = []", "SET home_directory = '/etc'", "SET temp_directory = '/tmp'",
		"CALL pragma_version()", "CHECKPOINT", "BEGIN", "USE memory", "SET VARIABLE x = 1",
		"CREATE SECRET s (TYPE http)",
		"SELECT 1; SET threads = 1",
		"SELECT 1; COPY (SELECT 1) TO '" + outside + "'",
		"SELECT getenv('HOME')",
	} {
		if rows, err := s.QueryContext(ctx, q); err == nil {
			for rows.Next() {
			}
			if rows.Close(); rows.Err() == nil {
				t.Errorf("allowed: %s", q)
			}
		}
		if err := s.Exec(ctx, q); err == nil {
			t.Errorf("allowed by Exec: %s", q)
		}
	}
	if _, err := os.Lstat(outside); err == nil {
		t.Error("a session wrote a file")
	}
	os.Remove(filepath.Join(dir, "link.parquet"))
	if v, err := Verify(ctx, c.home); err != nil || len(v.Problems) > 0 {
		t.Errorf("the generation suffered: %+v %v", v.Problems, err)
	}
	if got := query(t, s, "SELECT count(*) FROM engagements"); got != "1" {
		t.Errorf("the views do not work any more: %s", got)
	}
}

func TestSessionSpills(t *testing.T) {
	c := small(t)
	s, err := Open(ctx, c.home, Options{Engine: Engine{Memory: "60MB"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Exec(ctx, "CREATE TEMP TABLE big AS SELECT hash(range) AS h, range AS r FROM range(12000000)"); err != nil {
		t.Fatal(err)
	}
	if got := query(t, s, "SELECT count(*) FROM (SELECT h FROM big GROUP BY h)"); got != "12000000" {
		t.Error(got)
	}
	spill := s.spill.Name()
	if list, _ := os.ReadDir(filepath.Join(spill, "spill")); len(list) == 0 {
		t.Error("nothing was spilled: the test proves nothing")
	}
	s.Close()
	if _, err := os.Stat(spill); err == nil {
		t.Error("the spill folder outlives its session")
	}
}

func TestEmptyLakeHasAllViews(t *testing.T) {
	c := newCounty(t)
	s := c.session()
	for _, v := range []string{"persons", "engagements", "trainings", "arrests", "agencies", "coverage", "people"} {
		if got := query(t, s, "SELECT count(*) FROM "+v); got != "0" {
			t.Errorf("%s: %s", v, got)
		}
	}
}

func TestUnknownCodeIsAnError(t *testing.T) {
	s := newCounty(t).session()
	for _, q := range []string{"SELECT code('services.service_type', 'no_such_thing')", "SELECT code('services.nothing', 'legal')", "SELECT label('nothing', 1)"} {
		if err := s.Exec(ctx, q); err == nil {
			t.Errorf("allowed: %s", q)
		}
	}
	for q, want := range map[string]string{
		"SELECT typeof(code('services.service_type', 'legal')), label('services.service_type', code('services.service_type', 'legal'))": "UTINYINT legal",
		"SELECT label('agency_kind', NULL)": "<nil>", "SELECT label('persons.prior_abuse', 0)": "yes", "SELECT label('persons.gender', 99)": "<nil>",
	} {
		if got := query(t, s, q); got != want {
			t.Errorf("%s: %s", q, got)
		}
	}
}

func TestReaderKeepsItsGeneration(t *testing.T) {
	c := small(t)
	s := c.session()
	for _, d := range []string{"d2", "d3", "d4"} {
		c.land("shelter-a", d, "2026-07-01T08:00:0"+d[1:]+"Z", "delta", map[string]string{"engagements": engagementsHead + "e-" + d + ",p1,2026-06-01T22:30:00-07:00,hotline\n"})
		c.build()
	}
	gone, err := Clean(c.home, durable.OS(), Keep{Nights: 2}, models.DateOf(c.now))
	if err != nil || !slices.Equal(gone, []int{2}) {
		t.Errorf("cleaned %v, %v: generation 1 has a reader, 3 and 4 are the newest two", gone, err)
	}
	if got := query(t, s, "SELECT count(*) FROM engagements"); got != "1" {
		t.Errorf("the reader of generation 1 sees %s rows", got)
	}
	s.Close()
	if gone, err = Clean(c.home, durable.OS(), Keep{Nights: 2}, models.DateOf(c.now)); err != nil || !slices.Equal(gone, []int{1}) {
		t.Errorf("after the reader left: %v, %v", gone, err)
	}
	if _, err := Open(ctx, c.home, Options{Generation: 1}); err == nil {
		t.Error("a removed generation was opened")
	}
	if old, err := Open(ctx, c.home, Options{Generation: 3}); err != nil {
		t.Error(err)
	} else {
		if got := query(t, old, "SELECT count(*) FROM engagements"); got != "3" {
			t.Errorf("generation 3: %s", got)
		}
		old.Close()
	}
}

func TestSweepLeavesLivingSessionsAlone(t *testing.T) {
	c := small(t)
	s := c.session()
	dead := filepath.Join(c.home.Staging(), sessionPrefix+"dead")
	os.MkdirAll(dead, 0o700)
	if err := sweep(c.config(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); err == nil {
		t.Error("the folder of a dead session stays")
	}
	if _, err := os.Stat(s.spill.Name()); err != nil {
		t.Error("the folder of a living session went")
	}
}

func TestSplit(t *testing.T) {
	got := Split("SELECT ';' AS \";\"; -- a; b\n/* ; */ SELECT $x$ ; $x$, $1; ;\n-- end")
	want := []string{"SELECT ';' AS \";\"", "-- a; b\n/* ; */ SELECT $x$ ; $x$, $1"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// Verify must find every kind of damage, and name the drop that restores it.
func TestVerifyFindsPlantedDamage(t *testing.T) {
	file := func(c *county, rel string) string { return filepath.Join(generationPath(c.home, 1), rel) }
	flip := func(at int) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if at < 0 {
				at += len(b)
			}
			b[at] ^= 1
			os.Chmod(path, 0o600)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(t *testing.T, path string) { os.Remove(path) }
	for _, tc := range []struct {
		name, file string
		do         func(t *testing.T, path string)
		restore    string
	}{
		{"a flipped bit in the data", "engagements/shelter-a.parquet", flip(10), "landing/shelter-a/d1"},
		{"a flipped bit in the footer", "engagements/shelter-a.parquet", flip(-20), "landing/shelter-a/d1"},
		{"the last byte", "engagements/shelter-a.parquet", flip(-1), "landing/shelter-a/d1"},
		{"a cut file", "engagements/shelter-a.parquet", func(t *testing.T, p string) { os.Chmod(p, 0o600); os.Truncate(p, 100) }, "landing/shelter-a/d1"},
		{"an empty file", "engagements/shelter-a.parquet", func(t *testing.T, p string) { os.Chmod(p, 0o600); os.Truncate(p, 0) }, "landing/shelter-a/d1"},
		{"a missing file", "persons/shelter-a.parquet", remove, "landing/shelter-a/d1"},
		{"a damaged crosswalk", "crosswalk.parquet", flip(10), "backup"},
		{"a missing token file", "tokens.parquet", remove, "backup"},
		{"a file too many", "persons/shelter-z.parquet", func(t *testing.T, p string) { os.WriteFile(p, []byte("x"), 0o600) }, "who put it there"},
		{"a missing manifest", "manifest.json", remove, "nightly"},
		{"a changed manifest", "manifest.json", flip(3), "nightly"},
		{"a missing generation", "", func(t *testing.T, p string) { os.RemoveAll(p) }, "backup"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := small(t)
			if v, err := Verify(ctx, c.home); err != nil || len(v.Problems) > 0 {
				t.Fatalf("before: %+v, %v", v.Problems, err)
			}
			tc.do(t, file(c, tc.file))
			v, err := Verify(ctx, c.home)
			if err != nil || len(v.Problems) != 1 {
				t.Fatalf("%d problems, %v: %+v", len(v.Problems), err, v.Problems)
			}
			p := v.Problems[0]
			if !strings.Contains(p.Restore, tc.restore) || !strings.HasPrefix(p.Where, "lake/generations/1") || !strings.HasSuffix(p.Where, tc.file) {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestLostFileIsMadeAgain(t *testing.T) {
	c := small(t)
	was, _ := ReadCurrent(c.home)
	path := filepath.Join(generationPath(c.home, 1), "engagements/shelter-a.parquet")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if m := c.build(); m.Content != was.Content || m.Generation != 2 {
		t.Errorf("generation %d, content %s, was %s", m.Generation, m.Content, was.Content)
	}
	if v, err := Verify(ctx, c.home); err != nil || len(v.Problems) > 0 {
		t.Errorf("%+v %v", v, err)
	}
}

// Without this guard a lost pointer would make the next night take the whole lake for an unfinished generation.
func TestLostPointerStopsTheNight(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"lost":     os.Remove,
		"set back": func(path string) error { return os.WriteFile(path, []byte("1\n"), 0o600) },
		"zero":     func(path string) error { return os.WriteFile(path, []byte("0\n"), 0o600) },
		"empty":    func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			c := small(t)
			for _, d := range []string{"d2", "d3"} {
				c.land("shelter-a", d, "2026-07-01T08:00:0"+d[1:]+"Z", "delta", map[string]string{"engagements": engagementsHead + "e-" + d + ",p1,2026-06-01T22:30:00-07:00,hotline\n"})
				c.build()
			}
			if err := spoil(currentPath(c.home)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := Build(ctx, c.config()); err == nil {
				t.Error("a night went on")
			}
			if all, _ := Generations(c.home); !slices.Equal(all, []int{1, 2, 3}) {
				t.Errorf("generations left: %v", all)
			}
		})
	}
}

// What is built takes memory by its size, unless somebody says how much.
func TestEngineIsSized(t *testing.T) {
	for _, c := range []struct {
		given         string
		persons, rows int64
		want          string
	}{{"", 0, 0, "128MB"}, {"", 250_000, 5_000_000, "203MB"}, {"", 2_500_000, 2_500_000, "878MB"}, {"", 0, 50_000_000, "1126MB"}, {"2GB", 1 << 30, 1 << 30, "2GB"}} {
		if got := (Engine{Memory: c.given}).sized(c.persons, c.rows).Memory; got != c.want {
			t.Errorf("%d persons, %d rows: %s, want %s", c.persons, c.rows, got, c.want)
		}
	}
}
