package deidentify

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"heatwatch/internal/problem"
)

// archiveLimits bounds what an export may make this program do. An HMIS export of a large county has some 25 files
// and a few hundred megabytes.
type archiveLimits struct {
	files int
	file  int64 // bytes of one file, unpacked
	total int64
	ratio int64 // unpacked to packed, of files over a megabyte
}

var hmisLimits = archiveLimits{files: 200, file: 4 << 30, total: 8 << 30, ratio: 200}

// archive is an opened export: CSV files by lower-case name without extension.
type archive struct {
	open   map[string]func() (io.ReadCloser, error)
	others []string
	close  func() error
	read   map[string]Elements // by file, as it was opened
}

// Elements are the columns of a file of an export.
type Elements struct{ Read, All int }

// openArchive opens a zip file or a folder. Nothing is ever unpacked to disk.
func openArchive(name string, lim archiveLimits) (*archive, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, name, "the export cannot be opened", "name the zip file or the folder of an HMIS CSV export")
	}
	if info.IsDir() {
		return openFolder(name, lim)
	}
	z, err := zip.OpenReader(name)
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, name, "the export is no zip file", "name the zip file or the folder of an HMIS CSV export")
	}
	a, err := fromZip(&z.Reader, lim)
	if err != nil {
		z.Close()
		return nil, problem.Wrap(err, problem.Failed, name, "the zip file is refused: "+err.Error(), "export again; do not repack it")
	}
	a.close = z.Close
	return a, nil
}

func fromZip(z *zip.Reader, lim archiveLimits) (*archive, error) {
	a := &archive{open: map[string]func() (io.ReadCloser, error){}, read: map[string]Elements{}}
	if len(z.File) > lim.files {
		return nil, fmt.Errorf("it holds more than %d files", lim.files)
	}
	var total uint64
	folders := map[string]bool{}
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") || strings.HasPrefix(f.Name, "__MACOSX/") { // what a Mac adds on packing
			continue
		}
		if !fs.ValidPath(f.Name) || strings.ContainsAny(f.Name, "\\:\x00") {
			return nil, errors.New("a name in it leads out of the archive")
		}
		if !f.Mode().IsRegular() {
			return nil, errors.New("it holds a link or a device")
		}
		total += f.UncompressedSize64
		switch {
		case f.UncompressedSize64 > uint64(lim.file), total > uint64(lim.total):
			return nil, errors.New("it unpacks to too many bytes")
		case f.UncompressedSize64 > 1<<20 && f.UncompressedSize64/max(f.CompressedSize64, 1) > uint64(lim.ratio):
			return nil, errors.New("a file in it is packed too tightly to be real")
		}
		folders[path.Dir(f.Name)] = true
		size := int64(f.UncompressedSize64)
		if err := a.add(path.Base(f.Name), func() (io.ReadCloser, error) {
			r, err := f.Open()
			if err != nil {
				return nil, err
			}
			return capped(r, size), nil
		}); err != nil {
			return nil, err
		}
	}
	if len(folders) > 1 {
		return nil, errors.New("its files lie in several folders")
	}
	return a, nil
}

func openFolder(dir string, lim archiveLimits) (*archive, error) {
	a := &archive{open: map[string]func() (io.ReadCloser, error){}, read: map[string]Elements{}, close: func() error { return nil }}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, dir, "the export cannot be read", "check the permissions")
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if err := a.add(e.Name(), func() (io.ReadCloser, error) {
			f, err := os.Open(filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			return capped(f, lim.file), nil
		}); err != nil {
			return nil, problem.Wrap(err, problem.Usage, dir, "the folder is refused: "+err.Error(), "keep one")
		}
	}
	return a, nil
}

func (a *archive) add(name string, open func() (io.ReadCloser, error)) error {
	key, isCSV := strings.CutSuffix(strings.ToLower(name), ".csv")
	if _, known := hmisFile(key); !known || !isCSV {
		a.others = append(a.others, quoteName(name))
		return nil
	}
	if a.open[key] != nil {
		return errors.New("two files in it have the same name")
	}
	a.open[key] = open
	return nil
}

// hmisFile returns the name of a file of the standard as it is usually written.
func hmisFile(lower string) (string, bool) {
	for name := range hmisTable().Files {
		if strings.ToLower(name) == lower {
			return name, true
		}
	}
	return "", false
}

func quoteName(s string) string {
	if !plainName(s) {
		return "(a file whose name is not shown)"
	}
	return s
}

// capped fails instead of reading more than a file said it has.
func capped(r io.ReadCloser, most int64) io.ReadCloser { return &cappedReader{r, most} }

type cappedReader struct {
	io.ReadCloser
	left int64
}

func (c *cappedReader) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	if c.left -= int64(n); c.left < 0 {
		return 0, problem.New(problem.Failed, "", "a file of the export is larger than it says", "export again")
	}
	return n, err
}
