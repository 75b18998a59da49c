package chainlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"heatwatch/internal/durable"
)

// MaxLine is the most bytes of one line, its end included.
const MaxLine = 4096

// HeadSuffix ends the name of the file that knows the last line.
const HeadSuffix = ".head"

// What a line says about the state in which its writer found the log.
const (
	noteTorn = "torn" // half a line was cut off
	noteGap  = "gap"  // the end was not what the head says
)

// frame begins every line.
type frame struct {
	N    int64  `json:"n"` // from 1
	Prev string `json:"prev"`
	Note string `json:"note,omitempty"`
}

// head is the last line, as its writer left it.
type head struct {
	N      int64  `json:"n"`
	SHA256 string `json:"sha256"`
}

// nothing stands before the first line.
var nothing = hex.EncodeToString(make([]byte, sha256.Size))

func sum(line []byte) string {
	s := sha256.Sum256(line)
	return hex.EncodeToString(s[:])
}

// Append adds one entry, a struct that becomes a JSON object (without fields n,
// prev and note, which are the log's own), and makes it durable. The log is made, 0600, if it is not there; its folder must be.
func Append(fsys durable.FS, path string, entry any) error {
	body, err := json.Marshal(entry)
	if err != nil || len(body) < 2 || body[0] != '{' {
		return errors.Join(err, errors.New("chainlog: an entry is a JSON object"))
	}
	f, err := fsys.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	last, unlock, err := appendLocked(fsys, f, path, body)
	defer unlock()
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return writeHead(fsys, path, last) // makes the log's own name durable too
}

// appendLocked takes the lock, which is still to be given back.
func appendLocked(fsys durable.FS, f durable.File, path string, body []byte) (last head, unlock func(), err error) {
	if unlock, err = lock(path, syscall.LOCK_EX); err != nil {
		return head{}, func() {}, err
	}
	last, err = appendTo(fsys, f, path, body)
	return last, unlock, err
}

func writeHead(fsys durable.FS, path string, h head) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return durable.Replace(fsys, path+HeadSuffix, append(text, '\n'), 0o600)
}

// appendTo writes the line and returns the head that it makes.
func appendTo(fsys durable.FS, f durable.File, path string, body []byte) (head, error) {
	end, err := readEnd(f)
	if err != nil {
		return head{}, err
	}
	known, err := readHead(path)
	if err != nil {
		return head{}, err
	}
	if end.N == known.N+1 && end.follows(known) { // never two lines ahead
		if err := writeHead(fsys, path, end.head); err != nil {
			return head{}, err
		}
		known = end.head
	}
	next := frame{N: max(end.N, known.N) + 1, Prev: end.SHA256}
	switch {
	case !end.follows(known):
		next.Note = noteGap
	case end.torn > 0:
		next.Note = noteTorn
	}
	line, err := next.line(body)
	if err != nil {
		return head{}, err
	}
	if len(line) > MaxLine {
		return head{}, fmt.Errorf("chainlog: the entry is longer than %d bytes", MaxLine)
	}
	if end.torn > 0 {
		if err := f.Truncate(end.size); err != nil {
			return head{}, err
		}
	}
	if _, err := f.Seek(end.size, io.SeekStart); err != nil {
		return head{}, err
	}
	if _, err := f.Write(line); err != nil {
		return head{}, err
	}
	if err := f.Sync(); err != nil {
		return head{}, err
	}
	return head{N: next.N, SHA256: sum(bytes.TrimSuffix(line, []byte("\n")))}, nil
}

// line puts a frame before the fields of an entry.
func (f frame) line(body []byte) ([]byte, error) {
	b, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	b = b[:len(b)-1]
	if len(body) > 2 {
		b = append(b, ',')
	}
	return append(append(b, body[1:]...), '\n'), nil
}

// end is what stands at the end of a log.
type end struct {
	head
	prev string // what the last line says of the one before
	size int64  // up to the end of the last whole line
	torn int64  // bytes after it
}

// readEnd looks at the last whole line. One that cannot be read has number 0.
func readEnd(f durable.File) (end, error) {
	info, err := f.Stat()
	if err != nil {
		return end{}, err
	}
	from := max(0, info.Size()-2*MaxLine)
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return end{}, err
	}
	tail, err := io.ReadAll(io.LimitReader(f, info.Size()-from))
	if err != nil {
		return end{}, err
	}
	e := end{head: head{SHA256: nothing}, size: info.Size()}
	whole := bytes.LastIndexByte(tail, '\n') + 1
	if whole == 0 && from > 0 {
		return end{}, errors.New("chainlog: this is no log of ours")
	}
	e.torn = int64(len(tail) - whole)
	e.size -= e.torn
	if whole == 0 {
		return e, nil
	}
	line := tail[:whole-1]
	line = line[bytes.LastIndexByte(line, '\n')+1:]
	e.SHA256 = sum(line)
	if fr, ok := parse(line); ok {
		e.N, e.prev = fr.N, fr.Prev
	}
	return e, nil
}

// follows tells whether the end is the one that the head knows, or one line
// further: a kill between the two leaves that.
func (e end) follows(known head) bool {
	if known.N == 0 {
		return e.N == 0 && e.SHA256 == nothing || e.N == 1 && e.prev == nothing
	}
	return e.head == known || e.N == known.N+1 && e.prev == known.SHA256
}

// parse reads the frame of a line, in the one form in which Append writes it.
func parse(line []byte) (frame, bool) {
	var f frame
	if json.Unmarshal(line, &f) != nil || f.N < 1 {
		return frame{}, false
	}
	b, err := json.Marshal(f)
	if err != nil || !bytes.HasPrefix(line, b[:len(b)-1]) {
		return frame{}, false
	}
	return f, true
}

// readHead returns the zero head where there is none, and one that fits nothing
// where it cannot be read.
func readHead(path string) (head, error) {
	b, err := os.ReadFile(path + HeadSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return head{}, nil
	}
	if err != nil {
		return head{}, err
	}
	var h head
	if json.Unmarshal(b, &h) != nil || h.N < 1 || len(h.SHA256) != len(nothing) {
		return head{N: 1, SHA256: "unreadable"}, nil
	}
	return h, nil
}

// lock opens a file and takes the kernel's lock on it, waiting for others.
func lock(path string, how int) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if err != syscall.EINTR {
			f.Close()
			return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
		}
	}
}
