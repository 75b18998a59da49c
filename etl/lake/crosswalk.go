package lake

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"heatwatch/etl/link"
	"heatwatch/internal/home"
	"heatwatch/models"
)

// Crosswalk reads which file belongs to which person, for `link report` and `link dump`. Profiles are left out: nothing links
// them, and a snapshot is no file about a person. Sessions cannot see it.
func Crosswalk(h home.Home) (rows []link.Row, err error) {
	n, err := Current(h)
	if err != nil || n == 0 {
		return nil, err
	}
	dir := generationPath(h, n)
	hold, err := lockFolder(dir, syscall.LOCK_SH)
	if err != nil {
		return nil, err
	}
	if hold != nil {
		defer hold.Close()
	}
	all, err := crosswalkOf(filepath.Join(dir, crosswalkName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // a lake that holds no file about a person
	}
	return slices.DeleteFunc(all, func(r link.Row) bool { return r.Population == "profiles" }), err
}

// Whole is the crosswalk with the profiles, for whoever must find all that was kept of a person.
func Whole(h home.Home) ([]link.Row, error) {
	n, err := Current(h)
	if err != nil || n == 0 {
		return nil, err
	}
	rows, err := crosswalkOf(filepath.Join(generationPath(h, n), crosswalkName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return rows, err
}

func crosswalkOf(path string) (rows []link.Row, err error) {
	type line struct {
		Population string `parquet:"population"`
		Partner    string `parquet:"partner"`
		PersonKey  string `parquet:"person_key"`
		Person     uint32 `parquet:"person"`
		Founding   bool   `parquet:"founding"`
		Measured   bool   `parquet:"measured"`
		Since      int32  `parquet:"since,date"`
	}
	err = each(path, func(l line) {
		rows = append(rows, link.Row{Population: l.Population, Partner: l.Partner, PersonKey: l.PersonKey, Person: l.Person,
			Founding: l.Founding, Measured: l.Measured, Since: models.Date(l.Since)})
	})
	return rows, err
}
