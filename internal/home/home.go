// Package home knows where things lie in a warehouse home, and keeps two runs apart.
package home

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"heatwatch/internal/problem"
)

// Home is a warehouse home: one folder that holds everything.
type Home struct{ Dir string }

func (h Home) in(parts ...string) string { return filepath.Join(append([]string{h.Dir}, parts...)...) }

// Config is the settings file.
func (h Home) Config() string { return h.in("heatwatch.yaml") }

// Keys holds the secret keys, 0600.
func (h Home) Keys() string { return h.in("keys") }

// Partners holds the agreements and public keys.
func (h Home) Partners() string { return h.in("partners") }

// Plans holds the release plan.
func (h Home) Plans() string { return h.in("plans") }

// Landing holds what came in, checked.
func (h Home) Landing() string { return h.in("landing") }

// Lake holds the generations.
func (h Home) Lake() string { return h.in("lake") }

// Quarantine holds the records of rows that were not taken, without their values.
func (h Home) Quarantine() string { return h.in("quarantine") }

// Ledger holds one file per entry.
func (h Home) Ledger() string { return h.in("ledger") }

// Register holds frozen cohorts, encrypted.
func (h Home) Register() string { return h.in("register") }

// Releases holds the released measurements.
func (h Home) Releases() string { return h.in("releases") }

// SFTP is the area that serve offers.
func (h Home) SFTP() string { return h.in("sftp") }

// Logs holds what was done and by whom; each log shows what was done to it.
func (h Home) Logs() string { return h.in("logs") }

// AccessLog says who looked at what is known about persons.
func (h Home) AccessLog() string { return h.in("logs", "access.jsonl") }

// SFTPLogs holds a log of each partner's visits: NAME.jsonl.
func (h Home) SFTPLogs() string { return h.in("logs", "sftp") }

// NightNote says how the last nightly ended.
func (h Home) NightNote() string { return h.in("logs", "night.json") }

// Staging holds files that are being written; it may be emptied whenever nobody holds the lock.
func (h Home) Staging() string { return h.in(".staging") }

// Forgetting is there while an erasure is under way; it says nothing about whom.
func (h Home) Forgetting() string { return h.in("erasures", "under-way") }

// Erasures holds the receipts of erasures.
func (h Home) Erasures() string { return h.in("erasures") }

// Folders are all folders that init makes.
func (h Home) Folders() []string {
	return []string{h.Keys(), h.Partners(), h.Plans(), h.Landing(), h.Lake(), h.Quarantine(), h.Ledger(), h.Register(), h.Releases(), h.SFTP(), h.Logs(), h.Erasures(), h.Staging()}
}

// Check reports a problem if no home was made here, or one that this program is too old for.
func (h Home) Check() error {
	if _, err := os.Stat(h.Config()); errors.Is(err, fs.ErrNotExist) {
		return problem.New(problem.Usage, h.Dir, "this folder is no warehouse home", "run `heatwatch init` there, or name another with --home")
	} else if err != nil {
		return problem.Wrap(err, problem.Failed, h.Config(), "the settings cannot be read", "check the permissions")
	}
	return h.current()
}

// ErrHeld says that somebody else has the lock.
var ErrHeld = errors.New("the lock is held")

// Lock is the one lock of a home.
type Lock struct{ f *os.File }

// Lock takes the home's lock or says who holds it. The kernel's lock decides; the text is a courtesy.
func (h Home) Lock(what string, now time.Time) (*Lock, error) {
	path := h.in(lockName)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = tryLock(f.Fd())
	}
	before := ""
	for tries := 0; tries < briefly && errors.Is(err, syscall.EWOULDBLOCK); tries++ {
		who := holder(path)
		if backup := strings.HasPrefix(who, "heatwatch "+ForBackup+","); !backup && (who != nameless || before == nameless) {
			break
		}
		time.Sleep(50 * time.Millisecond)
		before, err = who, tryLock(f.Fd())
	}
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		f.Close()
		return nil, problem.Wrap(ErrHeld, problem.Failed, h.Dir, "the home is locked by "+holder(path), "wait for it to end, then try again")
	case err != nil:
		return nil, problem.Wrap(err, problem.Failed, path, "the lock cannot be opened", "check the permissions of the home")
	}
	text := fmt.Sprintf("heatwatch %s, process %d, since %s\n", what, os.Getpid(), now.Format(time.RFC3339))
	if err := errors.Join(f.Truncate(0), writeAt(f, text)); err != nil {
		f.Close()
		return nil, problem.Wrap(err, problem.Failed, path, "the lock cannot be written", "check that the disk has room")
	}
	return &Lock{f}, nil
}

const lockName = ".lock"

// ForBackup is what a lock is taken for that is given back as soon as the home has been looked at.
const ForBackup = "backup"

// nameless is a holder that has not written its name yet, or has taken it out already and is about to give the lock back.
const nameless = "another run"

// briefly is how often a lock is tried that a backup holds: half a minute.
const briefly = 600

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// tryLock takes the kernel's lock of an open file. It belongs to the open file, so it is held until the last process that has
// inherited it ends.
func tryLock(fd uintptr) error {
	for {
		if err := syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB); err != syscall.EINTR {
			return err
		}
	}
}

// handed is where a child process finds the lock: the first file after standard error.
const handed = 3

// File is the lock for exec.Cmd.ExtraFiles, as its first: the child holds it too, also if this process is killed.
func (l *Lock) File() *os.File { return l.f }

// Handed checks in a child process that its parent holds the home's lock and has handed it on. It refuses whoever was not
// started so.
func (h Home) Handed() error {
	no := problem.New(problem.Usage, h.Dir, "this command is run by `heatwatch release` alone", "run that")
	path := h.in(lockName)
	var got, want syscall.Stat_t
	if syscall.Fstat(handed, &got) != nil || syscall.Stat(path, &want) != nil || got.Dev != want.Dev || got.Ino != want.Ino {
		return no
	}
	syscall.CloseOnExec(handed)
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), fmt.Sprintf(", process %d, ", os.Getppid())) {
		return no
	}
	if err := tryLock(handed); err != nil { // no change where the parent holds it
		return no
	}
	return nil
}

// holder reads who holds the lock. Its text comes a moment after the lock itself.
func holder(path string) string {
	for range 20 {
		if b, _ := os.ReadFile(path); len(strings.TrimSpace(string(b))) > 0 {
			return strings.TrimSpace(string(b))
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nameless
}

// Unlock gives the lock back. A process that it was handed to must have ended.
func (l *Lock) Unlock() error {
	l.f.Truncate(0) // so that the next holder is never taken for this one
	return errors.Join(syscall.Flock(int(l.f.Fd()), syscall.LOCK_UN), l.f.Close())
}

// Held says who holds the lock at this moment, "" for nobody. It looks by trying, for an instant.
func (h Home) Held() (by string, err error) {
	path := h.in(lockName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close() // gives the lock back too
	err = tryLock(f.Fd())
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return holder(path), nil
	}
	return "", err
}
