package intake

import (
	"cmp"
	"slices"
)

// MaxLines is how many line numbers a receipt lists per reason; counts stay exact.
const MaxLines = 1000

// Reason says why rows, a file or a drop were not taken.
type Reason struct {
	Code   string  `json:"code"`
	Column string  `json:"column"`
	File   string  `json:"file,omitempty"` // of whole-drop reasons; see fileName
	Note   string  `json:"note,omitempty"` // more than the code says; never anything that came from outside
	Count  int64   `json:"count"`
	Lines  []int64 `json:"lines"` // physical lines of the file, ascending, at most MaxLines
}

// Count is how often a warning of the dictionary applied.
type Count struct {
	Code  string `json:"code"`
	Count int64  `json:"count"`
}

// FileResult is the verdict on one file.
type FileResult struct {
	Name        string   `json:"name"`
	Entity      string   `json:"entity"`
	Rows        int64    `json:"rows"`
	Accepted    int64    `json:"accepted"`
	Quarantined int64    `json:"quarantined"`
	Blank       int64    `json:"blank,omitempty"`
	Refused     bool     `json:"refused,omitempty"`
	Reasons     []Reason `json:"reasons"`
	Warnings    []Count  `json:"warnings,omitempty"`

	sealed bool // to a home, whose key is not here: its rows could not be read
}

// fail refuses the whole file. Its rows, as far as they are known, count as quarantined.
func (f *FileResult) fail(code, column string) { f.failNote(code, column, "") }

// failNote is fail with more than the code says.
func (f *FileResult) failNote(code, column, note string) {
	if !f.Refused {
		f.Refused, f.Reasons, f.Warnings = true, nil, nil
		f.Accepted, f.Quarantined = 0, f.Rows-f.Blank
	}
	f.Reasons = append(f.Reasons, Reason{Code: code, Column: column, Note: note, Count: 1, Lines: []int64{}})
}

// Reject is one reason against one row, for the quarantine list.
type Reject struct {
	File   string
	Line   int64
	Offset int64 // of the row's first byte in the decompressed file; -1 where only the settling pass saw the row
	Column string
	Code   string
	Class  Class
}

// tally counts reasons and keeps their first lines.
type tally struct {
	reasons map[[2]string]*Reason
}

func (t *tally) add(code, column string, line int64) {
	k := [2]string{code, column}
	r := t.reasons[k]
	if r == nil {
		if t.reasons == nil {
			t.reasons = map[[2]string]*Reason{}
		}
		r = &Reason{Code: code, Column: column, Lines: []int64{}}
		t.reasons[k] = r
	}
	r.Count++
	if len(r.Lines) < MaxLines {
		r.Lines = append(r.Lines, line)
	}
}

// list orders the reasons by code, then column.
func (t *tally) list() []Reason {
	out := make([]Reason, 0, len(t.reasons))
	for _, r := range t.reasons {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Column, b.Column))
	})
	return out
}
