package deidentify

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"

	"heatwatch/etl/tokens"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// gate reads a file as the warehouse will, byte by byte and without the code that wrote it, and finds what must not leave.
// Our own output has no quotes and no line ends in cells, so any quote is a fault as well.
type gate struct {
	entity  models.Entity
	file    string
	clear   *clearSet
	columns []models.Column
	rows    int
	found   []Finding
	count   int
}

func newGate(e models.Entity, file string, clear *clearSet) *gate {
	return &gate{entity: e, file: file, clear: clear.reader()}
}

// refuse keeps a finding.
func (g *gate) refuse(f Finding) {
	if g.count++; len(g.found) < MaxFindings {
		g.found = append(g.found, f)
	}
}

// report passes on what was found.
func (g *gate) report(to func(Finding)) {
	for i := range g.count {
		to(g.found[min(i, len(g.found)-1)])
	}
}

// read reads to the end of the file.
func (g *gate) read(r io.Reader) error {
	in := bufio.NewReaderSize(r, 1<<20)
	rows := -1
	for {
		line, err := in.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			g.rows = rows
			return nil
		}
		if err != nil || len(line) == 0 {
			return broken(g.file)
		}
		line = line[:len(line)-1]
		rows++
		switch {
		case rows == 0:
			g.header(line)
		case g.columns != nil:
			g.line(line, rows+1)
		}
	}
}

// runGated writes the rows of a file, and sends them through the gate on their way, which reads beside the writing. What it finds is in the
// report.
func (tb *table) runGated(ctx context.Context, in records, out io.Writer, name string) error {
	pipe, plain := io.Pipe()
	g := newGate(tb.e, name, tb.clear)
	read := make(chan error, 1)
	go func() {
		err := g.read(pipe)
		pipe.CloseWithError(err) // the writer must not wait for a gate that stopped
		read <- err
	}()
	w := bufio.NewWriterSize(io.MultiWriter(out, plain), 1<<16)
	err := tb.run(ctx, in, w)
	if err == nil {
		err = w.Flush()
	}
	plain.Close()
	if gateErr := <-read; err == nil || errors.Is(err, gateErr) {
		err = gateErr
	}
	if err != nil {
		return err
	}
	if g.rows != tb.rep.Rows {
		return broken(name)
	}
	g.report(tb.report.refuse)
	return nil
}

// verify reads a finished file back: what is on the disk is what the gate saw, by its hash.
func (m made) verify(dir string) error {
	path := filepath.Join(dir, m.name())
	file, err := os.Open(path)
	if err != nil {
		return cannotWrite(path, err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return cannotWrite(path, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != m.sha256 {
		return broken(path)
	}
	return nil
}

func broken(path string) error {
	return problem.New(problem.Failed, path, "the file is not as it was written", "check the disk, and that nothing else writes there")
}

// header takes the columns that a header names; one that the dictionary does not have is refused.
func (g *gate) header(line []byte) {
	var columns []models.Column
	for name := range bytes.SplitSeq(line, []byte(",")) {
		c, ok := g.entity.Column(string(name))
		if !ok && g.entity.Tokens && models.IsToken(string(name)) {
			c, ok = models.Column{Name: string(name), Type: models.TypeToken}, true
		}
		if !ok {
			g.refuse(Finding{g.file, 1, "not shown", "unlisted_column"})
			return
		}
		columns = append(columns, c)
	}
	g.columns = columns
}

func (g *gate) line(line []byte, number int) {
	i := 0
	for cell := range bytes.SplitSeq(line, []byte(",")) {
		if i == len(g.columns) {
			g.refuse(Finding{g.file, number, "not shown", "wrong_field_count"})
			return
		}
		if rule := inspectCell(g.columns[i], cell, g.clear); rule != "" {
			g.refuse(Finding{g.file, number, g.columns[i].Name, rule})
		}
		i++
	}
	if i < len(g.columns) {
		g.refuse(Finding{g.file, number, "not shown", "wrong_field_count"})
	}
}

// inspectCell returns the rule that an output cell breaks, or "". A valid code or flag says nothing about anybody, even
// where somebody has the same word for a name; dates were compared with the person's own birth date when written.
func inspectCell(c models.Column, cell []byte, clear *clearSet) string {
	if len(cell) == 0 {
		return ""
	}
	switch c.Type {
	case models.TypeToken:
		if _, ok := tokens.ParseText(cell); !ok {
			return "not_a_pseudonym"
		}
	case models.TypeKey:
		if !isShort(cell) && !(c.Name == "profile_key" && string(cell) == "none") {
			return "not_a_pseudonym"
		}
	default:
		if rule := fault(c, cell); rule != "" {
			return rule
		}
	}
	switch c.Type {
	case models.TypeKey:
		if clear.hides(cell) {
			return "clear_value"
		}
	case models.TypeInt:
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
