package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

const maxEntrySize = 8 << 20

var errNoLedger = errors.New("no ledger")

// read checks a folder of entries end to end. head is the stored head, zero if there is none. The head is read
// before the entries: whoever reads without the lock while another appends then sees at most a head that lags.
func read(dir, publicKey string) (s *state, head Head, err error) {
	return readAfter(dir, publicKey, newState())
}

// readAfter is read by somebody who has read before: entries that have the same bytes as then were checked then, so that
// appending to a long chain does not check every signature again.
func readAfter(dir, publicKey string, known *state) (s *state, head Head, err error) {
	stored, headErr := readFile(dir, HeadFile)
	n, err := list(dir)
	if err != nil {
		return nil, Head{}, err
	}
	if n == 0 && errors.Is(headErr, fs.ErrNotExist) {
		return nil, Head{}, problem.Wrap(errNoLedger, problem.Usage, "ledger", "there is no ledger here", "run heatwatch init, or give the right --home")
	}
	s = newState()
	if known.terms.Key == publicKey && known.same(dir, n) {
		if s = known; n > len(known.entries) {
			s = known.clone()
		}
	}
	for i := len(s.entries) + 1; i <= n; i++ {
		if err := s.readEntry(dir, i, publicKey); err != nil {
			return nil, Head{}, err
		}
	}
	head, err = s.checkHead(stored, headErr)
	return s, head, err
}

// same tells whether the first of n entries on disk are those of s. An entry has one spelling, so its file's hash is its own.
func (s *state) same(dir string, n int) bool {
	if n < len(s.hashes) {
		return false
	}
	for i, hash := range s.hashes {
		b, err := readFile(dir, fileName(i+1))
		if err != nil {
			return false
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != hash {
			return false
		}
	}
	return true
}

// list counts the entries and refuses gaps and names that are nearly right.
func list(dir string) (n int, err error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, problem.Wrap(err, problem.Failed, "ledger", "the folder cannot be read", "check its owner and mode")
	}
	for _, f := range files { // in order of their names
		switch {
		case durable.IsTemp(f.Name()):
		case f.Name() == fileName(n+1):
			n++
		case strings.HasSuffix(strings.ToLower(f.Name()), ".json"):
			return 0, problem.New(problem.Refused, place(n+1), fmt.Sprintf("the entry is missing, or a file that is no entry is in the folder (after entry %d)", n), restore)
		}
	}
	return n, nil
}

// readFile reads a small regular file: no link that could point elsewhere tomorrow.
func readFile(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxEntrySize {
		return nil, errors.New("not a regular file of a sane size")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxEntrySize+1))
}

func (s *state) readEntry(dir string, number int, publicKey string) error {
	where := place(number)
	b, err := readFile(dir, fileName(number))
	if err != nil {
		return problem.Wrap(err, problem.Refused, where, "the entry cannot be read", restore)
	}
	e, err := Parse(b)
	if err != nil {
		return problem.Wrap(err, problem.Refused, where, "the entry was changed: "+err.Error(), restore)
	}
	key := s.terms.Key
	if number == 1 && e.Kind == KindInit {
		key = e.Init.Key
		if publicKey != "" && key != publicKey {
			return problem.New(problem.Refused, where, "the ledger is signed by another key than the one expected", "compare the fingerprints; restore ledger and keys from the same backup")
		}
	}
	if err := e.verify(key); err != nil {
		return problem.Wrap(err, problem.Refused, where, err.Error(), restore)
	}
	if err := s.add(e); err != nil {
		return locate(err, where, restore)
	}
	return nil
}

func (e Entry) verify(publicKey string) error {
	v, home, err := verifierFor(publicKey)
	if err != nil {
		return err
	}
	if e.Home != home {
		return errors.New("the entry belongs to another home than its key")
	}
	sig, err := hex.DecodeString(e.Signature)
	if err != nil || !v.Verify(e.signed(), sig) {
		return errors.New("the entry's signature is wrong")
	}
	return nil
}

// checkHead compares the stored head with the entries. A head that lags is what a crash leaves; one that is ahead,
// or missing, or of another history, is not.
func (s *state) checkHead(b []byte, err error) (Head, error) {
	where := "ledger/" + HeadFile
	if errors.Is(err, fs.ErrNotExist) {
		if len(s.entries) == 1 {
			return Head{}, nil // init was interrupted after its entry
		}
		return Head{}, problem.New(problem.Refused, where, "the head is missing", restore)
	}
	if err != nil {
		return Head{}, problem.Wrap(err, problem.Refused, where, "the head cannot be read", restore)
	}
	if len(s.entries) == 0 {
		return Head{}, problem.New(problem.Refused, where, "there is a head and no entry: entries were taken away", restore)
	}
	h, only, err := openHead(b, s.terms.Key)
	if err == nil && string(only) != string(b) {
		err = errors.New("the head is not in canonical form")
	}
	if err != nil {
		return Head{}, problem.Wrap(err, problem.Refused, where, "the head was changed: "+err.Error(), restore)
	}
	switch s.along(h) {
	case Same, Behind:
		return h, nil
	case Ahead:
		return Head{}, problem.New(problem.Refused, where, fmt.Sprintf("the head counts %d entries and the folder holds %d: entries were taken away", h.Entries, len(s.entries)), restore)
	}
	return Head{}, problem.New(problem.Refused, where, "the head belongs to another history than the entries", restore)
}

// compare is along, but that a head of another copy that was imported counts as an older one: what it saw is charged.
func (s *state) compare(h Head) Relation {
	if s.imported[h] && h != s.position() {
		return Behind
	}
	return s.along(h)
}

// along says where a head stands along this chain.
func (s *state) along(h Head) Relation {
	switch {
	case h.Home != s.home:
		return OtherHome
	case h.Entries > len(s.entries):
		return Ahead
	case s.hashes[h.Entries-1] != h.Hash:
		return Fork
	case h.Entries < len(s.entries):
		return Behind
	}
	return Same
}

// Report is what Verify found in order.
type Report struct {
	Home        string
	Mode        string // Demo or Real
	Entries     int
	Head        string // hash of the last entry
	Lag         int    // entries after the stored head: an append was interrupted, and counts
	Fingerprint string // of the key that everything is signed by
}

// Verify checks a ledger folder end to end, on any machine: numbers, hashes, signatures, canonical form, every
// item's loss, that nothing was measured twice, and that at no entry a cap was exceeded. publicKey is the key to be
// expected; if it is empty, the key in the first entry is believed, and the caller compares Report.Fingerprint.
func Verify(dir, publicKey string) (Report, error) {
	s, head, err := read(dir, publicKey)
	if err != nil {
		return Report{}, err
	}
	return Report{
		Home: s.home, Mode: s.terms.Mode, Entries: len(s.entries), Head: s.head(),
		Lag: len(s.entries) - head.Entries, Fingerprint: Fingerprint(s.terms.Key),
	}, nil
}
