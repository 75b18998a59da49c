package scan

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"heatwatch/etl/kept"
	"heatwatch/internal/durable"
	"heatwatch/internal/home"
	"heatwatch/internal/problem"
)

// controls are files with something in them that a scan must find.
type controls struct {
	dir    string
	random string          // a long value
	files  map[string]bool // that hold it, by path below the home
}

// agency is whose files the controls are; no partner can be called so. short is its key.
const (
	agency = "_control"
	short  = "c0"
)

// prefix begins the name of the folder that holds the controls of a scan.
const prefix = "scan-"

// Sweep removes the controls of scans that were killed: the next one would find them. The caller holds the home's lock, as whoever scans.
func Sweep(h home.Home) error {
	list, err := os.ReadDir(h.Staging())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range list {
		if strings.HasPrefix(e.Name(), prefix) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(h.Staging(), e.Name())))
		}
	}
	return err
}

// plant makes one container of each kind, with a random value or a short key in it.
func plant(h home.Home, key kept.Key) (c controls, err error) {
	if err := os.MkdirAll(h.Staging(), 0o700); err != nil {
		return c, err
	}
	if err := Sweep(h); err != nil {
		return c, err
	}
	if c.dir, err = os.MkdirTemp(h.Staging(), prefix); err != nil {
		return c, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(c.dir)
		}
	}()
	c.random, c.files = strings.ToLower(rand.Text()), map[string]bool{}
	within := filepath.Join(c.dir, agency)
	line := "id,person_key\n1," + c.random + "\n"
	shortLine := "id,person_key\n1," + short + "\n"
	var gz, zst, long, own bytes.Buffer
	packed := gzip.NewWriter(&gz)
	_, err = packed.Write([]byte(line))
	z, zerr := zstd.NewWriter(&zst)
	if err = errors.Join(err, packed.Close(), zerr); err != nil {
		return c, err
	}
	_, err = z.Write([]byte(shortLine))
	if err = errors.Join(err, z.Close(), columns(&long, c.random), columns(&own, short)); err != nil {
		return c, err
	}
	for name, b := range map[string][]byte{"plain.jsonl": []byte(`{"x":"` + c.random + `"}`), "plain.csv": []byte(shortLine),
		"packed.csv.gz": gz.Bytes(), "packed.csv.zst": zst.Bytes(), "long.parquet": long.Bytes(), "short.parquet": own.Bytes()} {
		if err := c.file(h, filepath.Join(within, name), b); err != nil {
			return c, err
		}
	}
	// Two drops as they are kept: one with the value in clear, one with it packed.
	for name, b := range map[string][]byte{"x.csv": []byte(line), "x.csv.gz": gz.Bytes()} {
		upload, landed := filepath.Join(c.dir, "upload"), filepath.Join(within, "drop-"+name)
		if err := errors.Join(os.MkdirAll(landed, 0o700), os.MkdirAll(upload, 0o700), os.WriteFile(filepath.Join(upload, name), b, 0o600),
			kept.Seal(durable.OS(), key, upload, landed)); err != nil {
			return c, err
		}
		c.note(h, filepath.Join(landed, kept.RawName))
	}
	return c, nil
}

func (c controls) note(h home.Home, path string) {
	rel, _ := filepath.Rel(h.Dir, path)
	c.files[filepath.ToSlash(rel)] = true
}

func (c controls) file(h home.Home, path string, b []byte) error {
	c.note(h, path)
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, b, 0o600))
}

func columns(to *bytes.Buffer, key string) error {
	type row struct {
		PersonKey string `parquet:"person_key,zstd,dict"`
	}
	w := parquet.NewGenericWriter[row](to)
	_, err := w.Write([]row{{"other"}, {key}})
	return errors.Join(err, w.Close())
}

func (c controls) needles() []Needle {
	return []Needle{{Value: []byte(c.random)}, {Partner: agency, Value: []byte(short)}}
}

// take leaves the controls out of a result, and refuses one that has missed any.
func (c controls) take(h home.Home, r Result) (Result, error) {
	missed := 0
	for path := range c.files {
		if !slices.Contains(r.Found, path) {
			missed++
		}
	}
	if missed > 0 {
		return Result{}, problem.New(problem.Failed, h.Dir, "the scan did not see what was planted for it to find", "report this: nothing was proved")
	}
	r.Found = slices.DeleteFunc(r.Found, func(p string) bool { return c.files[p] })
	return r, nil
}
