package deidentify

import (
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"heatwatch/internal/problem"
	"heatwatch/models"
)

// hmisRow is a row of the export, of which only the columns of the allow-list can be had.
type hmisRow struct {
	at    map[string]int
	cells [][]byte
}

func (r hmisRow) get(column string) string {
	i, ok := r.at[column]
	if !ok {
		return ""
	}
	return string(trim(r.cells[i]))
}

func (r hmisRow) one(column string) bool { return r.get(column) == "1" }

func (r hmisRow) date(column string) models.Date { return hmisDate(r.get(column)) }

func (r hmisRow) deleted() bool { return r.get("DateDeleted") != "" }

// each calls do for every row of a file that has as many fields as its header; it returns how many had not. A file
// that is not there, or empty, has no rows.
func (a *archive) each(file string, do func(hmisRow)) (unreadable int, err error) {
	open := a.open[strings.ToLower(file)]
	if open == nil {
		return 0, nil
	}
	f, err := open()
	if err != nil {
		return 0, readProblem(file+".csv", err)
	}
	defer f.Close()
	in, err := newCSVReader(f)
	if err != nil {
		return 0, readProblem(file+".csv", err)
	}
	head, _, err := in.next()
	if errors.Is(err, io.EOF) {
		return 0, nil
	}
	if err != nil {
		return 0, readProblem(file+".csv", err)
	}
	row := hmisRow{}
	if row.at, err = hmisColumns(file, head); err != nil {
		return 0, err
	}
	width := len(head)
	a.read[file] = Elements{len(row.at), width}
	for {
		cells, _, err := in.next()
		if errors.Is(err, io.EOF) {
			return unreadable, nil
		}
		if err != nil {
			return unreadable, readProblem(file+".csv", err)
		}
		if len(cells) != width {
			unreadable++
			continue
		}
		row.cells = cells
		do(row)
	}
}

// hmisColumns finds the columns of the allow-list in a header.
func hmisColumns(file string, head [][]byte) (map[string]int, error) {
	list := hmisTable().Files[file]
	found := map[string]int{}
	for i, h := range head {
		for _, name := range slices.Concat(list.Need, list.May) {
			if !strings.EqualFold(name, string(trim(h))) {
				continue
			}
			if _, twice := found[name]; twice {
				return nil, problem.New(problem.Failed, file+".csv:1", "the column "+name+" stands twice", "export again")
			}
			found[name] = i
		}
	}
	for _, name := range list.Need {
		if _, ok := found[name]; !ok {
			return nil, problem.New(problem.Failed, file+".csv:1", "the column "+name+" is missing", "export as HMIS CSV FY2024 or FY2026")
		}
	}
	return found, nil
}

// hmisDate reads 2006-01-02 with or without a time behind it, and the 01-02-2006 that some systems write. noDate for
// anything else.
func hmisDate(s string) models.Date {
	if len(s) > 10 && (s[10] == ' ' || s[10] == 'T') {
		s = s[:10]
	}
	if d, ok := models.ParseDate(s); ok {
		return d
	}
	if t, err := time.Parse("01-02-2006", s); err == nil {
		return models.DateOf(t)
	}
	return noDate
}
