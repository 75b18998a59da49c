package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

// A home that has released must go on where it stands: a copy, or a backup that was restored, would measure persons a second
// time. What tells them apart is the file placeMark: a copy of it is another file, with another inode and another time of
// birth, while a home that is moved within its disk keeps it. placeFile holds the HMAC of both under the home's
// commitment key, so that nobody mends it with an editor and the time of day is not to be read.
//
// Not noticed: a snapshot of a whole disk or machine, and files that were overwritten in place. Only a witness from outside
// notices those.
const (
	placeMark = "place.mark"
	placeFile = "place"
	ofPlace   = "place"
	nowhere   = "an import has begun and not ended\n" // no HMAC: stands for no place
)

// Standing says whether a home is where it released first.
type Standing int

// The standings.
const (
	Fresh Standing = iota + 1 // nothing was released yet: a copy is harmless to make
	Here                      // where it was
	Moved                     // copied or restored, or the mark is gone: locked
)

// Place says where the home stands.
func (l *Ledger) Place() (Standing, error) {
	if !l.Released() {
		return Fresh, nil
	}
	want, err := readFile(l.dir, placeFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Moved, nil
	} else if err != nil {
		return 0, problem.Wrap(err, problem.Failed, "ledger/"+placeFile, "it cannot be read", "check its owner and mode")
	}
	got, err := l.place()
	if errors.Is(err, fs.ErrNotExist) || err == nil && got != string(want) {
		return Moved, nil
	} else if err != nil {
		return 0, problem.Wrap(err, problem.Failed, "ledger/"+placeMark, "it cannot be read", "check its owner and mode")
	}
	return Here, nil
}

// place is what placeFile says of the mark as it is now.
func (l *Ledger) place() (string, error) {
	path := filepath.Join(l.dir, placeMark)
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fs.ErrNotExist
	}
	id, err := identify(path)
	if err != nil {
		return "", err
	}
	key, err := LoadCommitmentKey(l.keys)
	if err != nil {
		return "", err
	}
	return key.Commit(ofPlace, fmt.Appendf(nil, "%s %s", l.Home(), id)).HMAC + "\n", nil
}

// Settle makes this folder the one where the home stands. The caller holds the home's lock and has made sure that no
// other copy has spent: before the first release, or by an import. The mark is durable before the record that names it.
func (l *Ledger) Settle() error {
	if err := durable.Replace(l.fsys, filepath.Join(l.dir, placeMark), nil, 0o444); err != nil {
		return writeFailed("ledger/"+placeMark, err)
	}
	record, err := l.place()
	if err != nil {
		return err
	}
	if err := durable.Replace(l.fsys, filepath.Join(l.dir, placeFile), []byte(record), 0o600); err != nil {
		return writeFailed("ledger/"+placeFile, err)
	}
	return nil
}

// Unsettle locks the home until Settle: what an import begins with, so that one that was cut off is seen.
func (l *Ledger) Unsettle() error {
	if err := durable.Replace(l.fsys, filepath.Join(l.dir, placeFile), []byte(nowhere), 0o600); err != nil {
		return writeFailed("ledger/"+placeFile, err)
	}
	return nil
}

// Locked is what a home that was copied or restored says, with exit code 3.
func Locked(dir string) error {
	return problem.New(problem.Refused, dir, "this home was copied, or restored from a backup, and another copy may have released since: it is locked, and can only be read",
		"fetch the newest published site of this home, then heatwatch ledger import --site DIR")
}
