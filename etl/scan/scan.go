package scan

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"heatwatch/etl/kept"
	"heatwatch/internal/home"
)

// Result is what a scan saw.
type Result struct {
	Files      int      // that were read
	Containers int      // of them and within them, that were unpacked or opened
	Found      []string // files that hold one of the needles, by path below the home
	Closed     []string // files that could not be read or unpacked to their end
}

// Clean tells whether everything could be read and nothing was found.
func (r Result) Clean() bool { return len(r.Found) == 0 && len(r.Closed) == 0 }

// Home looks for the needles in every file of a home. An error means that it could not look, or did not see a control.
func Home(ctx context.Context, h home.Home, key kept.Key, needles []Needle) (Result, error) {
	planted, err := plant(h, key)
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(planted.dir)
	s := newScan(h, key, append(slices.Clone(needles), planted.needles()...))
	if err := filepath.WalkDir(h.Dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			s.closed(path)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !d.Type().IsRegular():
			return nil
		}
		s.Files++
		s.file(path)
		return nil
	}); err != nil {
		return Result{}, err
	}
	return planted.take(h, s.Result)
}

type scan struct {
	Result
	home home.Home
	key  kept.Key
	all  *matcher
	own  map[string]map[string]bool // short keys by agency
	keys map[string]map[string]bool // all keys by agency
}

func newScan(h home.Home, key kept.Key, needles []Needle) *scan {
	s := &scan{home: h, key: key, own: map[string]map[string]bool{}, keys: map[string]map[string]bool{}}
	var anywhere [][]byte
	note := func(m map[string]map[string]bool, n Needle) {
		if m[n.Partner] == nil {
			m[n.Partner] = map[string]bool{}
		}
		m[n.Partner][string(n.Value)] = true
	}
	for _, n := range needles {
		if len(n.Value) >= long {
			anywhere = append(anywhere, n.Value)
		} else {
			note(s.own, n)
		}
		note(s.keys, n)
	}
	s.all = newMatcher(anywhere)
	return s
}

func (s *scan) below(path string) string {
	rel, err := filepath.Rel(s.home.Dir, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(rel)
}

func (s *scan) closed(path string) { s.Closed = append(s.Closed, s.below(path)) }

// file looks through one file, whatever it is. A path is found once.
func (s *scan) file(path string) {
	partner := s.partnerOf(path)
	found, err := s.bytes(path, partner)
	if err == nil && !found {
		found, err = s.within(path, partner)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist): // it went meanwhile
	case err != nil:
		s.closed(path)
	case found:
		s.Found = append(s.Found, s.below(path))
	}
}

// partnerOf is the agency whose extract or folder a file is.
func (s *scan) partnerOf(path string) string {
	parts := strings.Split(s.below(path), "/")
	switch {
	case len(parts) > 2 && slices.Contains([]string{"landing", "sftp", "quarantine"}, parts[0]):
		return parts[1]
	case len(parts) > 4 && parts[0] == "lake":
		return strings.TrimSuffix(parts[4], ".parquet")
	case len(parts) > 3 && parts[0] == ".staging": // controls
		return parts[2]
	}
	return ""
}

// bytes looks through a file as it lies.
func (s *scan) bytes(path, partner string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	return s.text(f, partner, strings.HasSuffix(path, ".csv"))
}

// text looks through a stream; extract says that it is made of fields.
func (s *scan) text(r io.Reader, partner string, extract bool) (bool, error) {
	if short := s.own[partner]; extract && len(short) > 0 {
		f := &fields{values: short}
		found, err := s.all.reads(r, f.add)
		f.end()
		return found || f.found, err
	}
	return s.all.reads(r, nil)
}

var (
	magicGzip    = []byte{0x1f, 0x8b}
	magicZstd    = []byte{0x28, 0xb5, 0x2f, 0xfd}
	magicParquet = []byte("PAR1")
	magicAge     = []byte("age-encryption.org/")
)

// within opens what a file holds, if it is a container. It goes by the first bytes, not by the name.
func (s *scan) within(path, partner string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, len(magicAge))
	n, _ := io.ReadFull(f, head)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	switch head = head[:n]; {
	case bytes.HasPrefix(head, magicParquet):
		s.Containers++
		return s.parquet(f, partner)
	case bytes.HasPrefix(head, magicGzip), bytes.HasPrefix(head, magicZstd):
		s.Containers++
		return s.packed(f, head, partner)
	case bytes.HasPrefix(head, magicAge) && filepath.Base(path) == kept.RawName:
		s.Containers++
		return s.keptDrop(filepath.Dir(path), partner)
	}
	return false, nil
}

// packed looks through a packed stream. What a partner's file does not unpack to is not held by it.
func (s *scan) packed(r io.Reader, head []byte, partner string) (bool, error) {
	var (
		in  io.Reader
		err error
	)
	if bytes.HasPrefix(head, magicGzip) {
		in, err = gzip.NewReader(r)
	} else {
		var z *zstd.Decoder
		if z, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20)); err == nil {
			defer z.Close()
			in = z
		}
	}
	if err != nil {
		return false, nil
	}
	found, err := s.text(io.LimitReader(in, maxUnpacked), partner, true)
	if err != nil {
		return found, nil
	}
	return found, nil
}

// maxUnpacked is more than intake reads of a packed file.
const maxUnpacked = 64 << 30

func (s *scan) keptDrop(landed, partner string) (found bool, err error) {
	if ok, err := kept.Has(landed); err != nil || !ok {
		return false, err // its key is gone: it opens for nobody
	}
	err = kept.Open(s.key, landed, func(name string, content io.Reader) error {
		s.Containers++
		in := bufio.NewReaderSize(content, 1<<16)
		head, err := in.Peek(4)
		if err != nil && err != io.EOF {
			return err
		}
		var hit bool
		if bytes.HasPrefix(head, magicGzip) || bytes.HasPrefix(head, magicZstd) {
			hit, err = s.packed(in, head, partner)
		} else {
			hit, err = s.text(in, partner, true)
		}
		found = found || hit
		return err
	})
	if err != nil {
		return found, fmt.Errorf("a kept drop cannot be opened: %w", err)
	}
	return found, nil
}
