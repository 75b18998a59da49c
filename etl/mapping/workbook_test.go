package mapping

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// book is a workbook with sheets in the given order; each row is a list of cells.
func book(t *testing.T, sheets ...any) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for i := 0; i < len(sheets); i += 2 {
		name := sheets[i].(string)
		if i == 0 {
			f.SetSheetName("Sheet1", name)
		} else if _, err := f.NewSheet(name); err != nil {
			t.Fatal(err)
		}
		for n, row := range sheets[i+1].([][]any) {
			cell, _ := excelize.CoordinatesToCellName(1, n+1)
			if err := f.SetSheetRow(name, cell, &row); err != nil {
				t.Fatal(err)
			}
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func bookFolder(t *testing.T, b []byte) string {
	t.Helper()
	return folder(t, map[string]string{"a.xlsx": string(b)})
}

var clients = [][]any{{"Client ID", "Last name", "DOB", "Sex", "Zip", "SSN", "Notes"},
	{4711, "Quixovik", time.Date(2010, 7, 3, 0, 0, 0, 0, time.UTC), "F", 2134, 12099999, "saw Bavo"},
	{"00042", "Tilomi", "7/13/2011", "m", "94601", "219-09-9999", nil}}

func TestWorkbooks(t *testing.T) {
	dir := bookFolder(t, book(t, "Bavo Tilomi", [][]any{{"nothing", "here"}}, "Clients", clients,
		"services", [][]any{{"ID", "Client ID", "Service", "Start date"}, {1, 4711, "Legal", time.Date(2026, 7, 3, 22, 0, 0, 0, time.UTC)}, nil, {2, 4711, "legal", time.Date(2026, 7, 4, 0, 0, 0, 0, time.UTC)}}))
	m, text := suggested(t, dir)
	if strings.Contains(text, "Bavo") {
		t.Errorf("a sheet without a place is named in the mapping:\n%s", text)
	}
	p := m.For("persons")
	if len(p) != 1 || p[0].Sheet != "Clients" || p[0].Dates["birth_date"] != "excel or M/D/Y" {
		t.Fatalf("%+v\n%s", p, text)
	}
	head, rows, err := read(dir, p[0], losAngeles(t))
	if want := "4711|Quixovik|2010-07-03|female|02134|012099999 00042|Tilomi|2011-07-13|male|94601|219-09-9999"; err != nil || head != "person_key|last_name|birth_date|gender|postal_code|ssn" || strings.Join(rows, " ") != want {
		t.Errorf("%s\n%s\n%v", head, strings.Join(rows, " "), err)
	}
	_, rows, err = read(dir, m.For("services")[0], losAngeles(t))
	if want := "1|4711|legal|2026-07-03T22:00:00-07:00| 2|4711|legal|2026-07-04T00:00:00-07:00|day"; err != nil || strings.Join(rows, " ") != want {
		t.Errorf("%s\n%v", strings.Join(rows, " "), err)
	}
	r, err := Open(dir, m.For("services")[0], losAngeles(t), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.Next()
	if _, line, _ := r.Next(); line != 4 || r.Name() != "a.xlsx, sheet 3" {
		t.Errorf("line %d of %s: blank rows count, and sheets have numbers", line, r.Name())
	}
}

// A name of a sheet cannot add a line to the mapping.
func TestSheetsWithoutAName(t *testing.T) {
	m, text := suggested(t, bookFolder(t, book(t, "Cl\n  - file", clients, "Others", [][]any{{"Client ID", "Sex"}})))
	if p := m.For("persons"); len(p) != 1 || p[0].Sheet != "Others" || !strings.Contains(text, "a sheet has a name that cannot be printed") {
		t.Errorf("%+v\n%s", p, text)
	}
}

func TestWorkbooksOf1904(t *testing.T) {
	f := excelize.NewFile()
	yes := true
	f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &yes})
	f.SetSheetRow("Sheet1", "A1", &[]any{"id", "born"})
	f.SetSheetRow("Sheet1", "A2", &[]any{1, 38900})
	var b bytes.Buffer
	f.Write(&b)
	_, rows, err := read(bookFolder(t, b.Bytes()), File{File: "a.xlsx", Entity: "persons", Columns: map[string]string{"id": "person_key", "born": "birth_date"}, Dates: map[string]string{"birth_date": "excel"}}, time.UTC)
	if err != nil || rows[0] != "1|2010-07-03" {
		t.Errorf("%q %v", rows, err)
	}
}

// rezip packs a workbook anew, with one part replaced.
func rezip(t *testing.T, b []byte, part string, with func(*zip.Writer)) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range r.File {
		if f.Name == part {
			with(w)
		} else if err := w.Copy(f); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	return out.Bytes()
}

const sheet1 = "xl/worksheets/sheet1.xml"

// raw is a part that claims to unpack to size, and does to length bytes.
func raw(t *testing.T, size uint64, length int) func(*zip.Writer) {
	return func(w *zip.Writer) {
		var packed bytes.Buffer
		f, _ := flate.NewWriter(&packed, flate.BestSpeed)
		data := bytes.Repeat([]byte(" "), length)
		f.Write(data)
		f.Close()
		part, err := w.CreateRaw(&zip.FileHeader{Name: sheet1, Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(data), CompressedSize64: uint64(packed.Len()), UncompressedSize64: size})
		if err != nil {
			t.Fatal(err)
		}
		part.Write(packed.Bytes())
	}
}

func TestWorkbooksThatAreRefused(t *testing.T) {
	whole := book(t, "Clients", clients)
	wide := make([]any, maxColumns+1)
	wide[0], wide[maxColumns] = "Client ID", "x"
	protected := bytes.Repeat([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), 512)
	xml := func(text string) func(*zip.Writer) {
		return func(w *zip.Writer) {
			p, _ := w.Create(sheet1)
			p.Write([]byte(text))
		}
	}
	const open = `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>Client ID</t></is></c></row>`
	for _, c := range []struct {
		name string
		b    []byte
		says string
	}{
		{"another sort of file", []byte("Client ID,Sex\n"), "no .xlsx workbook"},
		{"with a password, or an old .xls", protected, "locked by a password"},
		{"cut off", whole[:len(whole)/2], "damaged"},
		{"larger than allowed", append([]byte("PK\x03\x04"), make([]byte, maxWorkbook)...), "larger than 64 MB"},
		{"unpacks to more than allowed", rezip(t, whole, sheet1, raw(t, maxUnpacked, 10)), "unpacks to more than 256 MB"},
		{"unpacks to more than can be counted", rezip(t, whole, sheet1, raw(t, math.MaxUint64-10, 10)), "unpacks to more than 256 MB"},
		{"of too many parts", rezip(t, whole, sheet1, func(w *zip.Writer) {
			for i := range maxParts {
				w.Create(fmt.Sprint("xl/", i))
			}
		}), "10000 parts"},
		{"unpacks to more than it says", rezip(t, whole, sheet1, raw(t, 10, 32<<20)), "damaged"},
		{"too wide", book(t, "Clients", [][]any{wide}), "more than 1024 cells"},
		{"a row that no sheet can have", rezip(t, whole, sheet1, xml(open+`<row r="99999999"><c r="A99999999"><v>1</v></c></row></sheetData></worksheet>`)), "damaged"},
		{"a first row that no sheet can have", rezip(t, whole, sheet1, xml(strings.Replace(open, `r="1"`, `r="99999999"`, 1)+`</sheetData></worksheet>`)), "damaged"},
		{"a cell that no sheet can have", rezip(t, whole, sheet1, xml(open+`<row r="2"><c r="99A"><v>1</v></c></row></sheetData></worksheet>`)), "damaged"},
		{"a sheet that breaks off", rezip(t, whole, sheet1, xml(open+`<row r="2"><c r="A2"><v>4711</v></c></row><row r="3"><c r="A3"><v>47`)), "damaged"},
		{"elements within elements", rezip(t, whole, sheet1, xml(open+strings.Repeat("<row>", 200)+strings.Repeat("</row>", 200)+"</sheetData></worksheet>")), "damaged"},
		{"no such sheet", book(t, "Others", clients), "no sheet of the name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := File{File: "a.xlsx", Entity: "persons", Columns: map[string]string{"Client ID": "person_key"}}
			if c.says == "no sheet of the name" {
				f.Sheet = "Clients"
			}
			_, _, err := read(bookFolder(t, c.b), f, time.UTC)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if err != nil && strings.Contains(err.Error(), "4711") {
				t.Errorf("a cell is shown: %v", err)
			}
		})
	}
}

// A large sheet must not be unpacked into the system's temporary folder: it would stay there after a crash.
func TestNothingIsUnpackedToDisk(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the folder has another variable there")
	}
	b := rezip(t, book(t, "Clients", clients), sheet1, func(w *zip.Writer) {
		p, _ := w.Create(sheet1)
		p.Write([]byte(`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>Client ID</t></is></c></row>` +
			strings.Repeat(" ", 17<<20) + `<row r="2"><c r="A2"><v>4711</v></c></row></sheetData></worksheet>`))
	})
	dir := bookFolder(t, b)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	r, err := Open(dir, File{File: "a.xlsx", Entity: "persons", Columns: map[string]string{"Client ID": "person_key"}}, time.UTC, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cells, _, err := r.Next()
	if err != nil || string(cells[0]) != "4711" {
		t.Errorf("%q %v", cells, err)
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("%s was made", filepath.Join(temp, left[0].Name()))
	}
}

// counter counts what was read of it.
type counter struct{ n int }

func (c *counter) Read(p []byte) (int, error) {
	if c.n += len(p); c.n > 4*maxWorkbook {
		return 0, io.ErrUnexpectedEOF
	}
	return len(p), nil
}

func TestAWorkbookIsNotReadToItsEnd(t *testing.T) {
	var c counter
	if _, err := openBook(&c, "a.xlsx"); err == nil || c.n > 2*maxWorkbook {
		t.Errorf("%d bytes were read: %v", c.n, err)
	}
}
