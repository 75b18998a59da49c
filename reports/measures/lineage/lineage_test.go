package lineage

import (
	"slices"
	"testing"
)

// The session of the tests: two entities.
func has(entity, column string) bool {
	columns := map[string][]string{"stays": {"person", "kind", "began", "ended", "site", "reason", "key"}, "files": {"person", "sex", "born"}}[entity]
	return columns != nil && (column == "" || slices.Contains(columns, column))
}

func TestColumns(t *testing.T) {
	for _, c := range []struct {
		name       string
		statements []string
		query      string
		want       []string
	}{
		{"an item that nobody asks for does not count",
			[]string{"CREATE TEMP TABLE a AS SELECT s.person, s.kind, s.site AS place FROM stays s"}, "SELECT a.person, a.kind FROM a",
			[]string{"stays.kind", "stays.person"}},
		{"asked for under its new name", []string{"CREATE TEMP TABLE a AS SELECT s.person, s.site AS place FROM stays s"}, "SELECT a.place FROM a", []string{"stays.site"}},
		{"what decides which rows there are counts", []string{"CREATE TEMP TABLE a AS SELECT s.kind FROM stays s JOIN files f ON f.person = s.person WHERE f.born > 3"},
			"SELECT a.kind FROM a", []string{"files.born", "files.person", "stays.kind", "stays.person"}},
		{"through common table expressions and unions, whose later branches are named by the first",
			[]string{"CREATE VIEW a AS WITH x AS (SELECT s.kind AS v, s.site FROM stays s UNION ALL SELECT f.sex, f.born FROM files f) SELECT x.v, x.site FROM x"},
			"SELECT a.v FROM a", []string{"files.sex", "stays.kind"}},
		{"a field of a struct counts by its name; what sorts counts always",
			[]string{"CREATE TEMP TABLE a AS SELECT s.person, arg_min(struct_pack(k := s.kind, p := s.site), struct_pack(n := s.key)) AS r FROM stays s"},
			"SELECT a.r.k FROM a", []string{"stays.key", "stays.kind"}},
		{"an alias means what it means in its own query", []string{"CREATE TEMP TABLE a AS SELECT x.person FROM (SELECT x.person, x.sex FROM files x) x"}, "SELECT a.person FROM a",
			[]string{"files.person"}},
		{"a query in brackets may look outside", nil, "SELECT s.person FROM stays s WHERE EXISTS (SELECT f.person FROM files f WHERE f.born = s.began)",
			[]string{"files.born", "files.person", "stays.began", "stays.person"}},
		{"without an alias, and in capitals", nil, "SELECT KIND FROM Stays WHERE ended IS NOT DISTINCT FROM began", []string{"stays.began", "stays.ended", "stays.kind"}},
		{"windows", nil, "SELECT s.person, lag(s.kind) OVER w AS last FROM stays s WINDOW w AS (PARTITION BY s.person ORDER BY s.began)",
			[]string{"stays.began", "stays.kind", "stays.person"}},
		{"comments and constants say nothing; a semicolon in them ends nothing",
			[]string{"-- stays.site; no\nCREATE TEMP TABLE a AS SELECT s.kind, 's.reason; x' AS t FROM stays s; CREATE TEMP TABLE b AS SELECT a.kind FROM a"},
			"SELECT b.kind FROM b", []string{"stays.kind"}},
		{"a relation that nobody reads does not count", []string{"CREATE TEMP TABLE a AS SELECT s.kind FROM stays s", "CREATE TEMP TABLE b AS SELECT f.sex FROM files f"},
			"SELECT a.kind FROM a", []string{"stays.kind"}},
		{"a macro over a relation that is named by a constant",
			[]string{"CREATE TEMP MACRO most(votes) AS TABLE SELECT v.person, max(v.value) AS value FROM query_table(votes) v GROUP BY v.person; CREATE MACRO twice(x) AS x + x",
				"CREATE TEMP TABLE a AS WITH years AS (SELECT f.person, f.born AS value, f.sex FROM files f) SELECT m.person, twice(m.value) AS born FROM most('years') m"},
			"SELECT a.born FROM a", []string{"files.born", "files.person"}},
		{"a relation whose columns are told apart for it", []string{"CREATE TEMP TABLE turned AS SELECT u.person, u.value AS kind FROM stays UNPIVOT (value FOR x IN (kind, site, reason)) u"},
			"SELECT t.kind FROM turned t", []string{"stays.kind"}},
		{"recursion with named columns", []string{"CREATE TEMP TABLE a AS WITH RECURSIVE f(p, q) AS (SELECT s.person, s.site FROM stays s UNION ALL SELECT f.p, f.q FROM f) SELECT f.p FROM f"},
			"SELECT a.p FROM a", []string{"stays.person"}},
	} {
		if got := Columns(c.statements, []string{c.query}, map[string]string{"turned": "SELECT s.person, s.kind, s.site FROM stays s"}, has); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("CREATE TABLE a AS WITH x AS (SELECT 1), SELECT (")
	f.Add("SELECT a.b.c. FROM stays s, (")
	f.Fuzz(func(_ *testing.T, sql string) { Columns([]string{sql}, []string{sql}, nil, has) }) // whatever it is told, it ends
}
