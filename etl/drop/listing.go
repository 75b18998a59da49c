package drop

import (
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// listing hands out entries as pkg/sftp asks for them.
type listing struct {
	entries []fs.FileInfo
	done    func()
}

func (l *listing) ListAt(to []fs.FileInfo, offset int64) (int, error) {
	if offset >= int64(len(l.entries)) {
		return 0, io.EOF
	}
	n := copy(to, l.entries[offset:])
	if n < len(to) {
		return n, io.EOF
	}
	return n, nil
}

func (l *listing) Close() error {
	l.done()
	return nil
}

// entry is what a partner learns about a file: not who owns it here, and what
// its mode is.
type entry struct {
	name string
	dir  bool
	size int64
	time time.Time
}

func (e *entry) Name() string       { return e.name }
func (e *entry) Size() int64        { return e.size }
func (e *entry) ModTime() time.Time { return e.time }
func (e *entry) IsDir() bool        { return e.dir }
func (e *entry) Sys() any           { return nil }

func (e *entry) Mode() fs.FileMode {
	if e.dir {
		return fs.ModeDir | 0o700
	}
	return 0o600
}

func describe(info fs.FileInfo) *entry {
	e := &entry{name: info.Name(), dir: info.IsDir(), time: info.ModTime()}
	if !e.dir {
		e.size = info.Size()
	}
	return e
}

// folder is one of the three folders that are always there.
func folder(name string) *entry { return &entry{name: name, dir: true, time: time.Unix(0, 0)} }

func sortByName(entries []fs.FileInfo) {
	slices.SortFunc(entries, func(a, b fs.FileInfo) int { return strings.Compare(a.Name(), b.Name()) })
}
