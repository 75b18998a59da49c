package lake

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"heatwatch/etl/tokens"
	"heatwatch/models"
)

// column is one column of a lake file.
type column struct{ name, typ string }

func sqlType(t models.Type) string {
	switch t {
	case models.TypeCode, models.TypeFlag:
		return "UTINYINT"
	case models.TypeDate:
		return "DATE"
	case models.TypeDateTime:
		return "TIMESTAMP"
	case models.TypeInt:
		return "BIGINT"
	}
	return "VARCHAR"
}

// columnsOf are the columns of the dictionary, with the local date of every instant, without `deleted`.
func columnsOf(e models.Entity) []column {
	var all []column
	for _, c := range e.Columns {
		if c.Name == "deleted" {
			continue
		}
		all = append(all, column{c.Name, sqlType(c.Type)})
		if c.Type == models.TypeDateTime {
			all = append(all, column{c.Name + "_on", "DATE"})
		}
	}
	return all
}

// openParquet opens a Parquet file of ours for as long as use runs.
func openParquet(path string, use func(*parquet.File) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	pf, err := parquet.OpenFile(f, st.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return use(pf)
}

// fileColumns are the names of the columns of a Parquet file of ours.
func fileColumns(path string) (names []string, err error) {
	err = openParquet(path, func(f *parquet.File) error {
		for _, p := range f.Schema().Columns() {
			names = append(names, p[0])
		}
		return nil
	})
	return names, err
}

// fileRows is the number of rows of a Parquet file of ours, 0 where there is none.
func fileRows(path string) (n int64, err error) {
	if path == "" {
		return 0, nil
	}
	err = openParquet(path, func(f *parquet.File) error { n = f.NumRows(); return nil })
	return n, err
}

// rows is a statement for all rows of the sources, each with its drop's place (_order) and time (_at), and the columns
// that it yields: those of the dictionary, and the tokens that any of the files carries, by name.
type rows struct {
	sql     string
	columns []column
	twins   bool // one key may occur in more than one file
	folds   bool // or more than once in one: the rows have to be compared
}

func rowsOf(e models.Entity, list []source) (rows, error) {
	r := rows{columns: columnsOf(e)}
	has := make([][]string, len(list))
	var extra []string
	for i, s := range list {
		if s.file.Path == "" {
			continue
		}
		cols, err := fileColumns(s.file.Path)
		if err != nil {
			return r, err
		}
		has[i] = cols
		for _, c := range cols {
			if e.Tokens && models.IsToken(c) && !slices.Contains(extra, c) {
				extra = append(extra, c)
			}
		}
	}
	slices.Sort(extra)
	for _, t := range extra {
		r.columns = append(r.columns, column{t, "VARCHAR"})
	}
	var parts []string
	for i, s := range list {
		if s.file.Path != "" {
			parts = append(parts, r.from(e, s, has[i]))
		}
	}
	r.twins = len(parts) > 1
	r.folds = r.twins || slices.ContainsFunc(list, func(s source) bool { return s.file.Twins })
	if len(parts) == 0 {
		parts = []string{r.from(e, source{}, nil)}
	}
	r.sql = strings.Join(parts, "\nUNION ALL\n")
	return r, nil
}

func (r rows) from(e models.Entity, s source, has []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SELECT %d::INTEGER AS _order, %d::BIGINT AS _at", s.order, s.at)
	for _, c := range slices.Concat(r.columns, []column{{"deleted", "UTINYINT"}, {"line", "BIGINT"}}) {
		if slices.Contains(has, c.name) {
			fmt.Fprintf(&b, ", %s", name(c.name))
		} else {
			fmt.Fprintf(&b, ", NULL::%s AS %s", c.typ, name(c.name))
		}
	}
	if s.file.Path == "" {
		b.WriteString(" WHERE false")
	} else {
		fmt.Fprintf(&b, " FROM read_parquet(%s)", quote(s.file.Path))
	}
	if s.file.Twins { // the others were quarantined, so they take no part even where the first line is held
		fmt.Fprintf(&b, " QUALIFY row_number() OVER (PARTITION BY %s ORDER BY line) = 1", keys(e))
	}
	return b.String()
}

func (r rows) names(prefix string) string { return namesOf(r.columns, prefix) }

func namesOf(columns []column, prefix string) string {
	var list []string
	for _, c := range columns {
		list = append(list, prefix+name(c.name))
	}
	return strings.Join(list, ", ")
}

// loaded are the columns that the lake keeps: token sets are linked by, and lie in files of their own.
func (r rows) loaded() []column {
	return slices.DeleteFunc(slices.Clone(r.columns), func(c column) bool { return isSet(c.name) })
}

func isSet(column string) bool {
	_, ok := tokens.EpochOf(column)
	return ok
}

// current is a statement for the rows that hold now: of each key the last word, unless that deletes it. where restricts
// the rows before the last word is chosen ("" for none).
func (r rows) current(e models.Entity, where string) string {
	s := "SELECT * FROM (\n" + r.sql + "\n) AS r"
	if where != "" {
		s += " WHERE " + where
	}
	if r.twins {
		s += " QUALIFY row_number() OVER (PARTITION BY " + keys(e) + " ORDER BY _order DESC) = 1"
	}
	return "SELECT * FROM (\n" + s + "\n) WHERE deleted IS DISTINCT FROM " + fmt.Sprint(deletedYes)
}

// keys lists the columns of an entity's key.
func keys(e models.Entity) string {
	var list []string
	for _, k := range e.Key {
		list = append(list, name(k))
	}
	return strings.Join(list, ", ")
}

// deletedYes is the number of `yes` in a flag.
const deletedYes = 0

// profiles reports whether an entity's rows are about profiles: persons of their own population, whom no row vouches for and
// nothing links to anybody.
func profiles(e models.Entity) bool { return e.Population == "profiles" }

// noProfile is the key of a row that is about nobody: a snapshot that found nothing.
const noProfile = "none"

// population is an expression for the population whose file a row belongs to, "" where the entity has no persons.
func population(e models.Entity) string {
	role, _ := e.Column("party_role")
	switch {
	case e.PersonKey() == "":
		return ""
	case e.Population != "by_role":
		return quote(e.Population)
	}
	var victims []string
	for i, v := range role.Values {
		if e.About(v) == "minors" {
			victims = append(victims, fmt.Sprint(i))
		}
	}
	return "CASE WHEN r.party_role IN (" + strings.Join(victims, ", ") + ") THEN 'minors' ELSE 'accused' END"
}

// sorted orders the rows of a file: by person, then start, so that a pass per person needs no table, then by a hash of the key: to
// sort by text costs a third more.
func sorted(e models.Entity, query string) string {
	var by []string
	if population(e) != "" {
		by = append(by, "person")
	}
	if e.Start != "" {
		by = append(by, name(e.Start))
	}
	return "SELECT * FROM (\n" + query + "\n) ORDER BY " + strings.Join(append(by, "hash("+keys(e)+")"), ", ")
}

// copyTo writes a statement's rows to a new file in the staging folder. Level 1 makes files that are 4 % larger in half of the time: keys and
// tokens are random, and no level makes them small.
func copyTo(query, path string) string {
	return "COPY (\n" + query + "\n) TO " + quote(path) + " (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880)"
}
