package lake

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"heatwatch/models"
)

// layers are the files that hold the rows of one partner and entity: a base and the deltas laid beside it, each sorted by person, and
// the list of the rows in them that a later delta replaced or deleted. Rows are named by file and position, so that a reader compares
// two numbers and no key.
type layers struct {
	rows []File // the base, then the deltas in the order in which they came
	hide *File  // nil: every row counts
}

// layers of an entity and partner; none if there are no rows.
func (m Manifest) layers(entity, partner string) (l layers) {
	for _, f := range m.Files {
		switch {
		case f.Entity != entity || f.Partner != partner:
		case f.Hides:
			l.hide = &f
		case f.Path == entityPath(entity, partner):
			l.rows = append([]File{f}, l.rows...)
		default: // by path, which is by generation
			l.rows = append(l.rows, f)
		}
	}
	return l
}

func (l layers) files() []File {
	if l.hide == nil {
		return l.rows
	}
	return append(l.rows[:len(l.rows):len(l.rows)], *l.hide)
}

// beside is the number of rows that were laid beside the base, and of those that are hidden.
func (l layers) beside() (rows int64) {
	for _, f := range l.rows[1:] {
		rows += f.Rows
	}
	if l.hide != nil {
		rows += l.hide.Rows
	}
	return rows
}

func entityPath(entity, partner string) string { return entity + "/" + partner + ".parquet" }

// deltaPath is the file of a delta that came with a generation. Numbers have one width: paths are in the order of time.
func deltaPath(entity, partner string, generation int) string {
	return fmt.Sprintf("%s/%s.%08d.parquet", entity, partner, generation)
}

func hidePath(entity, partner string) string { return entity + "/" + partner + ".hidden.parquet" }

// visible is a relation over the rows of files that are not hidden: its columns, and the virtual columns of DuckDB, file_index and
// file_row_number. dir is the folder of the generation.
func visible(dir string, all ...layers) string {
	var files, paths, hides []string
	for _, l := range all {
		for _, f := range l.rows {
			files, paths = append(files, quote(filepath.Join(dir, f.Path))), append(paths, quote(f.Path))
		}
		if l.hide != nil {
			hides = append(hides, quote(filepath.Join(dir, l.hide.Path)))
		}
	}
	from := "read_parquet([" + strings.Join(files, ", ") + "])"
	if len(hides) == 0 {
		return from
	}
	// As NOT EXISTS the same takes ten times as long: DuckDB makes a table of the wrong side.
	return fmt.Sprintf("(SELECT file_index, file_row_number, * FROM %s WHERE (file_index, file_row_number) NOT IN (SELECT (list_position([%s], file) - 1, row) FROM read_parquet([%s])))",
		from, strings.Join(paths, ", "), strings.Join(hides, ", "))
}

// Beside says when a delta is laid beside a file instead of into a new one.
type Beside struct {
	From  int64   // rows of the base from which on; a smaller one is made anew in a second. 0: a million
	Part  float64 // as many rows, by the base's, may lie beside it or be hidden. 0: 1/16
	Files int     // as many deltas may lie beside it. 0: 16
}

func (x Beside) filled() Beside {
	return Beside{cmp.Or(x.From, 1_000_000), cmp.Or(x.Part, 1.0/16), cmp.Or(x.Files, 16)}
}

// allows reports whether so many fresh rows may be laid beside a base. Each may hide one.
func (x Beside) allows(l layers, fresh int64) bool {
	x = x.filled()
	base := l.rows[0].Rows
	return base >= x.From && len(l.rows) <= x.Files && float64(l.beside()+2*fresh) <= x.Part*float64(base)
}

// compacts reports whether an entity's files are to become one tonight: in the first night of a month.
func (b *builder) compacts(l layers) bool {
	was, now := b.prev.MadeOn.Time(), b.today.Time()
	return len(l.files()) > 1 && (was.Year() != now.Year() || was.Month() != now.Month())
}

// overlay is how an entity comes from the generation before and new deltas.
type overlay struct {
	layers
	fresh rows   // of the new deltas
	count int64  // their number
	held  string // what lets a row in
	drops []string
}

// keysOf are the keys of fresh rows that are let in: those whose older rows no longer count.
func (o overlay) keysOf(e models.Entity) string {
	return fmt.Sprintf("SELECT %s FROM (%s) AS r WHERE %s", keys(e), o.fresh.sql, o.held)
}

// come are the rows that the new deltas bring.
func (b *builder) come(i int, e models.Entity, o overlay) string {
	return fmt.Sprintf("SELECT x.person, %s FROM (%s) AS r JOIN loaded AS x ON x.partner = %d AND x.population = %s AND x.person_key = r.person_key",
		o.fresh.names("r."), o.fresh.current(e, o.held), i, population(e))
}
