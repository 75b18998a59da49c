package intake

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// QuarantineName is the list of rejects in a drop's landing folder, one JSON object per line.
const QuarantineName = "quarantine.jsonl"

// QuarantineRow is one line of the list. Offset is null where only the settling pass saw the row.
type QuarantineRow struct {
	File   string `json:"file"`
	Line   int64  `json:"line"`
	Offset *int64 `json:"offset"`
	Column string `json:"column"`
	Code   string `json:"code"`
	Class  string `json:"class"`
}

// appendJSON writes a reject as a line of the list. No field of it needs escaping: names are of the dictionary or were
// found harmless.
func (r Reject) appendJSON(b []byte) []byte {
	b = append(b, `{"file":"`...)
	b = append(b, r.File...)
	b = append(b, `","line":`...)
	b = strconv.AppendInt(b, r.Line, 10)
	b = append(b, `,"offset":`...)
	if r.Offset < 0 {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendInt(b, r.Offset, 10)
	}
	b = append(b, `,"column":"`...)
	b = append(b, r.Column...)
	b = append(b, `","code":"`...)
	b = append(b, r.Code...)
	b = append(b, `","class":"`...)
	b = append(b, r.Class.String()...)
	return append(b, '"', '}', '\n')
}

// ReadQuarantine calls each for every reject of a drop that was taken, in the order of the list.
func ReadQuarantine(landing, partner, drop string, each func(QuarantineRow) error) error {
	path := filepath.Join(landing, partner, drop, QuarantineName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for n := 1; s.Scan(); n++ {
		var r QuarantineRow
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			return fmt.Errorf("%s:%d: not a quarantine record: restore the home from its backup", path, n)
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return s.Err()
}
