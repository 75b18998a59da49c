package chainlog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Finding is one place where a log is not as it was written.
type Finding struct {
	Line int    // from 1; 0: the log as a whole
	What string // in words, without any content
}

func (f Finding) String() string {
	if f.Line == 0 {
		return f.What
	}
	return fmt.Sprintf("line %d: %s", f.Line, f.What)
}

// maxFindings is how many are worth naming.
const maxFindings = 20

// Verify reads a log from its first line to its head. No log and no head is no
// finding, and neither is half a line after the last one that the head knows.
// Writers wait while it reads.
func Verify(path string) ([]Finding, error) {
	unlock, err := lock(path, syscall.LOCK_SH)
	if errors.Is(err, fs.ErrNotExist) {
		if h, err := readHead(path); err != nil || h.N == 0 {
			return nil, err
		}
		return []Finding{{0, "the log is gone, and its head is there"}}, nil
	}
	if err != nil {
		return nil, err
	}
	defer unlock()
	known, err := readHead(path)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	v := verifier{known: known, prev: nothing}
	return v.all(f)
}

type verifier struct {
	known  head
	number int // of the line in the file
	n      int64
	prev   string
	found  []Finding
}

func (v *verifier) add(line int, what string) {
	if len(v.found) < maxFindings {
		v.found = append(v.found, Finding{line, what})
	}
}

func (v *verifier) all(r io.Reader) ([]Finding, error) {
	in := bufio.NewReaderSize(r, MaxLine)
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			v.add(v.number+1, "it is longer than a line can be")
			return v.found, nil // what follows hangs on nothing
		case errors.Is(err, io.EOF): // half a line: Append cuts it off
			v.end()
			return v.found, nil
		case err != nil:
			return nil, err
		}
		v.line(bytes.TrimSuffix(line, []byte("\n")))
	}
}

func (v *verifier) line(line []byte) {
	v.number++
	hash := sum(line)
	f, ok := parse(line)
	switch {
	case !ok:
		v.add(v.number, "it is no line of a log")
		f.N = v.n + 1
	case f.Note == noteGap:
		v.add(v.number, "its writer found that lines before it had been changed or removed")
	case f.N != v.n+1 && f.Prev != v.prev:
		v.add(v.number, fmt.Sprintf("number %d follows number %d: lines were removed, put in or moved", f.N, v.n))
	case f.Prev != v.prev:
		v.add(v.number, "the line before it was changed")
	case f.N != v.n+1:
		v.add(v.number, "its number was changed")
	}
	if f.N == v.known.N && hash != v.known.SHA256 {
		v.add(v.number, "it is not the line that the head knows")
	}
	v.n, v.prev = f.N, hash
}

// end compares with the head. One line more than it knows is a kill between the
// two; the second line is written only after the head of the first.
func (v *verifier) end() {
	switch {
	case v.known.N > v.n:
		v.add(0, fmt.Sprintf("%d lines were written and the last one here is number %d: the end was removed", v.known.N, v.n))
	case v.n > v.known.N+1:
		v.add(0, "the head is gone, or older than the log")
	}
}
