package mapping

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"

	"heatwatch/internal/problem"
)

// A workbook is read into memory; these bound it. A larger one is saved as CSV, which is not.
const (
	maxWorkbook = 64 << 20
	maxUnpacked = 256 << 20
	maxParts    = 10_000
	maxSheets   = 100
	maxDepth    = 100
)

// workbook reads one sheet.
type workbook struct {
	name     string
	from1904 bool
	book     *excelize.File
	rows     *excelize.Rows
	line     int
}

// openBook reads a workbook that may be anything: its size, what it unpacks to and a panic of the library are bounded.
func openBook(in io.Reader, name string) (book *excelize.File, err error) {
	defer func() {
		if recover() != nil {
			book, err = nil, unreadable(name)
		}
	}()
	b, err := io.ReadAll(io.LimitReader(in, maxWorkbook+1))
	if err != nil {
		return nil, problem.Wrap(err, problem.Failed, name, "the file cannot be read", "check the disk")
	}
	if len(b) > maxWorkbook {
		return nil, problem.New(problem.Failed, name, "the workbook is larger than 64 MB", "save it as CSV UTF-8")
	}
	if !bytes.HasPrefix(b, []byte("PK\x03\x04")) {
		return nil, problem.New(problem.Failed, name, "this is no .xlsx workbook, or it is locked by a password", "save it as .xlsx without a password")
	}
	if err := checkParts(b, name); err != nil {
		return nil, err
	}
	// Equal limits: nothing is unpacked into the system's temporary folder, where persons would stay after a crash.
	book, err = excelize.OpenReader(bytes.NewReader(b), excelize.Options{UnzipSizeLimit: maxUnpacked, UnzipXMLSizeLimit: maxUnpacked})
	if err != nil {
		return nil, unreadable(name)
	}
	book.Pkg.Range(func(part, content any) bool {
		if path, b := part.(string), content.([]byte); strings.HasPrefix(path, "xl/") && strings.HasSuffix(path, ".xml") && !wellFormed(b) {
			err = unreadable(name)
		}
		return err == nil
	})
	if err != nil {
		book.Close()
		return nil, err
	}
	return book, nil
}

// wellFormed reads a part to its end: the library takes a sheet that breaks off for one that ends there, and rows would be missing.
// Elements within elements are bounded, for the library keeps a list of them.
func wellFormed(b []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(b))
	depth, elements := 0, 0
	for {
		t, err := d.Token()
		switch t.(type) {
		case xml.StartElement:
			elements++
			depth++
		case xml.EndElement:
			depth--
		}
		if depth > maxDepth {
			return false
		}
		if err != nil {
			return errors.Is(err, io.EOF) && elements > 0
		}
	}
}

// checkParts adds up what the parts say that they unpack to. One that unpacks to more than it says is an error of its own later.
func checkParts(b []byte, name string) error {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return unreadable(name)
	}
	size := uint64(0)
	for _, f := range z.File {
		size += min(f.UncompressedSize64, maxUnpacked+1)
	}
	if size > maxUnpacked || len(z.File) > maxParts {
		return problem.New(problem.Failed, name, "the workbook unpacks to more than 256 MB or 10000 parts", "save it as CSV UTF-8")
	}
	return nil
}

func unreadable(name string) error {
	return problem.New(problem.Failed, name, "the workbook is damaged", "save it again, or as CSV UTF-8")
}

// openWorkbook opens the sheet that a mapping names, or the first.
func openWorkbook(in io.Reader, f File) (*workbook, error) {
	book, err := openBook(in, f.File)
	if err != nil {
		return nil, err
	}
	sheets := book.GetSheetList()
	for i, s := range sheets {
		if s == f.Sheet || f.Sheet == "" {
			return openSheet(book, f.File, i)
		}
	}
	book.Close()
	return nil, problem.New(problem.Usage, f.File, "the workbook has no sheet of the name that the mapping gives", "correct sheet in the mapping")
}

// openSheet opens a sheet by its place. Messages give its number: agencies name sheets after clients.
func openSheet(book *excelize.File, file string, i int) (w *workbook, err error) {
	defer func() {
		if recover() != nil {
			w, err = nil, unreadable(file)
		}
	}()
	rows, err := book.Rows(book.GetSheetList()[i])
	if err != nil {
		return nil, unreadable(file)
	}
	w = &workbook{name: file, book: book, rows: rows}
	if i > 0 {
		w.name = fmt.Sprintf("%s, sheet %d", file, i+1)
	}
	if props, err := book.GetWorkbookProps(); err == nil && props.Date1904 != nil {
		w.from1904 = *props.Date1904
	}
	return w, nil
}

func (w *workbook) close() error { return errors.Join(w.rows.Close(), w.book.Close()) }

// next gives cells as they are kept, not as they are shown: a format could cut digits of a number or the year of a date.
func (w *workbook) next() (cells []string, line int, err error) {
	defer func() {
		if recover() != nil {
			cells, err = nil, unreadable(w.name)
		}
	}()
	if !w.rows.Next() {
		if w.rows.Error() != nil {
			return nil, 0, unreadable(w.name)
		}
		return nil, 0, io.EOF
	}
	w.line++
	if cells, err = w.rows.Columns(excelize.Options{RawCellValue: true}); err != nil {
		return nil, 0, unreadable(at(w.name, w.line))
	}
	if len(cells) > maxColumns {
		return nil, 0, tooWide(w.name)
	}
	return cells, w.line, nil
}
