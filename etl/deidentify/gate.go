package deidentify

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"

	"heatwatch/internal/problem"
	"heatwatch/models"
)

// inspect is the gate: it reads a finished file as the warehouse will, byte by byte and without the code that wrote
// it, and puts what must not leave into the report. Our own output has no quotes and no line ends in cells, so any
// quote is a fault as well.
func inspect(dir string, f made, clear *clearSet, r *Report) error {
	path := filepath.Join(dir, f.name())
	file, err := os.Open(path)
	if err != nil {
		return cannotWrite(path, err)
	}
	defer file.Close()
	sum := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(file, sum), 1<<20)
	e, _ := models.Dictionary().Entity(f.entity)

	var columns []models.Column
	rows := -1
	for {
		line, err := in.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			break
		}
		if err != nil || len(line) == 0 {
			return broken(path)
		}
		line = line[:len(line)-1]
		rows++
		if rows == 0 {
			if columns = headerOf(e, line, f.name(), r); columns == nil {
				return nil
			}
			continue
		}
		inspectLine(columns, line, f.name(), rows+1, clear, r)
	}
	if rows != f.rows || hex.EncodeToString(sum.Sum(nil)) != f.sha256 {
		return broken(path)
	}
	return nil
}

func broken(path string) error {
	return problem.New(problem.Failed, path, "the file is not as it was written", "check the disk, and that nothing else writes there")
}

// headerOf returns the columns that a header names, or nil after refusing one that the dictionary does not have.
func headerOf(e models.Entity, line []byte, file string, r *Report) []models.Column {
	var columns []models.Column
	for name := range bytes.SplitSeq(line, []byte(",")) {
		c, ok := e.Column(string(name))
		if !ok && e.Tokens && models.IsToken(string(name)) {
			c, ok = models.Column{Name: string(name), Type: models.TypeToken}, true
		}
		if !ok {
			r.refuse(Finding{file, 1, "not shown", "unlisted_column"})
			return nil
		}
		columns = append(columns, c)
	}
	return columns
}

func inspectLine(columns []models.Column, line []byte, file string, number int, clear *clearSet, r *Report) {
	i := 0
	for cell := range bytes.SplitSeq(line, []byte(",")) {
		if i == len(columns) {
			r.refuse(Finding{file, number, "not shown", "wrong_field_count"})
			return
		}
		if rule := inspectCell(columns[i], cell, clear); rule != "" {
			r.refuse(Finding{file, number, columns[i].Name, rule})
		}
		i++
	}
	if i < len(columns) {
		r.refuse(Finding{file, number, "not shown", "wrong_field_count"})
	}
}

// inspectCell returns the rule that an output cell breaks, or "". A valid code or flag says nothing about anybody, even
// where somebody has the same word for a name; dates were compared with the person's own birth date when written.
func inspectCell(c models.Column, cell []byte, clear *clearSet) string {
	if len(cell) == 0 {
		return ""
	}
	switch c.Type {
	case models.TypeKey, models.TypeToken:
		if !isShort(cell) && !(c.Name == "profile_key" && string(cell) == "none") {
			return "not_a_pseudonym"
		}
	default:
		if rule := fault(c, cell); rule != "" {
			return rule
		}
	}
	switch c.Type {
	case models.TypeKey, models.TypeToken, models.TypeInt:
		if clear.holds(cell) {
			return "clear_value"
		}
	}
	return ""
}

func isShort(cell []byte) bool {
	if len(cell) != shortLen {
		return false
	}
	for _, c := range cell {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}
