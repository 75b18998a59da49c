package drop

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"slices"
	"syscall"

	"github.com/pkg/sftp"
)

// upload is one file on its way in.
type upload struct {
	a     *area
	log   *slog.Logger
	rec   *recorder
	at    place
	path  string // below incoming; of a manifest, a staged name
	f     *os.File
	fresh bool   // the name is new: its folder must be fsynced
	done  func() // gives the handle back

	// under a.mu
	size   int64  // end of the furthest byte: what is reserved
	high   int64  // everything below has arrived
	later  []span // what has arrived above
	dead   error  // taken over by another upload, or its drop was closed
	broken error  // why a piece was refused or not written, the first time: the file is not what was sent
	cut    bool   // the connection ended before the file was closed
	closed bool
}

// span is a piece of a file.
type span struct{ from, to int64 }

// maxSpans bounds how scattered a file may arrive. Clients send up to a few
// hundred pieces without waiting; the server may handle them in any order.
const maxSpans = 1024

// startUpload opens a file for writing as the flags say. a.mu is held.
func (a *area) startUpload(at place, flags sftp.FileOpenFlags, rec *recorder, done func()) (*upload, error) {
	if err := a.openDrop(at.drop); err != nil {
		return nil, err
	}
	name := at.in()
	if old := a.open[name]; old != nil {
		a.takeOver(old)
	}
	info, err := regular(a.in, name)
	switch {
	case err != nil:
		return nil, err
	case info == nil && !flags.Creat:
		return nil, errNoSuchFile
	case info != nil && flags.Creat && flags.Excl:
		return nil, errExists
	case info == nil:
		if err := a.roomForFile(); err != nil {
			return nil, err
		}
	}
	u := &upload{a: a, log: a.log.With(slog.String("drop", at.drop)), rec: rec, at: at, path: name, done: done, fresh: info == nil}
	mode := os.O_WRONLY | syscall.O_NONBLOCK // nonblock: against a FIFO that came in between
	if info == nil {
		mode |= os.O_CREATE | os.O_EXCL
	}
	if at.manifest() {
		u.path = a.stagedName(at.drop)
	}
	if u.f, err = a.in.OpenFile(u.path, mode, 0o600); err != nil {
		return nil, err
	}
	if info == nil {
		a.files++
	} else {
		u.size, u.high = info.Size(), info.Size()
	}
	if flags.Trunc && u.size > 0 {
		if err := u.shrink(0); err != nil {
			u.f.Close()
			return nil, err
		}
	}
	a.open[name] = u
	return u, nil
}

// takeOver ends an upload in favour of a new one to the same name.
func (a *area) takeOver(old *upload) {
	old.dead = errTakenOver
	delete(a.open, old.at.in())
	if old.at.manifest() {
		old.discard()
		return
	}
	if err := old.shrink(old.high); err != nil {
		answer(old.log, err)
	}
	old.log.LogAttrs(context.Background(), slog.LevelInfo, "upload taken over by another")
}

// WriteAt takes one piece.
func (u *upload) WriteAt(p []byte, off int64) (int, error) {
	u.a.mu.Lock()
	defer u.a.mu.Unlock()
	n, err := u.writeAt(p, off)
	err = answer(u.log, err)
	if err != nil && u.broken == nil {
		// Clients close a file properly after an error too.
		u.broken = err
	}
	return n, err
}

func (u *upload) writeAt(p []byte, off int64) (int, error) {
	limit := u.a.quota.FileBytes
	if u.at.manifest() {
		limit = min(limit, maxManifest)
	}
	switch {
	case u.closed:
		return 0, errFailure
	case u.dead != nil:
		return 0, u.dead
	case off < 0 || off > math.MaxInt64-int64(len(p)):
		return 0, errFailure
	case off+int64(len(p)) > limit:
		u.log.LogAttrs(context.Background(), slog.LevelWarn, "file larger than allowed", slog.Int64("limit", limit))
		return 0, errFileQuota
	case off > u.high && len(u.later) >= maxSpans:
		return 0, errScattered
	}
	if err := u.rec.day.send(u.rec.now(), int64(len(p))); err != nil {
		return 0, err
	}
	end := off + int64(len(p))
	if more := end - u.size; more > 0 {
		if err := u.a.reserve(u.at.drop, more); err != nil {
			return 0, err
		}
		u.size = end
	}
	n, err := u.f.WriteAt(p, off)
	u.note(off, off+int64(n))
	return n, err
}

// note books a piece that has been written.
func (u *upload) note(from, to int64) {
	if from > u.high {
		i, _ := slices.BinarySearchFunc(u.later, from, func(s span, v int64) int { return int(s.from - v) })
		u.later = slices.Insert(u.later, i, span{from, to})
		return
	}
	u.high = max(u.high, to)
	for len(u.later) > 0 && u.later[0].from <= u.high {
		u.high = max(u.high, u.later[0].to)
		u.later = u.later[1:]
	}
}

// shrink cuts the file to n bytes and gives the rest of its reservation back.
func (u *upload) shrink(n int64) error {
	if err := u.f.Truncate(n); err != nil {
		return err
	}
	u.a.book(u.at.drop, n-u.size)
	u.size, u.high, u.later = n, min(u.high, n), nil
	return nil
}

// discard removes a staged manifest.
func (u *upload) discard() {
	if err := u.a.in.Remove(u.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		answer(u.log, err)
		return
	}
	u.a.files--
	u.a.book(u.at.drop, -u.size)
	u.size = 0
}

// TransferError is called by pkg/sftp, before Close, when the connection ends
// with the file open. Without it a cut upload looks like a finished one: Close
// is called for both.
func (u *upload) TransferError(error) {
	u.a.mu.Lock()
	defer u.a.mu.Unlock()
	u.cut = true
}

// Close ends the upload. nil means that the file is on disk.
func (u *upload) Close() error {
	u.a.mu.Lock()
	if u.closed {
		u.a.mu.Unlock()
		return nil
	}
	u.closed = true
	defer u.done()
	err := u.settle()
	size := u.size
	u.a.mu.Unlock()

	// Outside the lock: the fsync of gigabytes must not stop other sessions.
	if err == nil && !u.cut {
		err = u.f.Sync()
	}
	if cerr := u.f.Close(); err == nil {
		err = cerr
	}
	if u.cut {
		u.log.LogAttrs(context.Background(), slog.LevelWarn, "upload cut off", slog.Int64("bytes", size))
		u.ended(evCut, size, nil)
		return answer(u.log, err)
	}
	if err == nil {
		u.a.mu.Lock()
		err = u.finish()
		u.a.mu.Unlock()
	} else if u.at.manifest() && u.dead == nil {
		u.a.mu.Lock()
		u.discard()
		u.a.mu.Unlock()
	}
	err = answer(u.log, err)
	if err == nil {
		u.log.LogAttrs(context.Background(), slog.LevelInfo, "file received", slog.Int64("bytes", size), slog.Bool("manifest", u.at.manifest()))
		u.ended(evFinished, size, nil)
	} else {
		u.ended(evFailed, size, err)
	}
	return err
}

// ended keeps how an upload ended. why is nil or one of the fixed set.
func (u *upload) ended(what string, size int64, why error) {
	e := about(what, u.at)
	e.Bytes = size
	if u.broken != nil { // it says more than that a part is missing
		why = u.broken
	}
	var r *refusal
	if errors.As(why, &r) {
		e.Code = r.code
	}
	u.rec.note(e)
}

// settle takes the upload out of the books and cuts off what arrived after a
// gap. a.mu is held.
func (u *upload) settle() error {
	if u.dead != nil {
		return u.dead
	}
	delete(u.a.open, u.at.in())
	missing := u.broken != nil || len(u.later) > 0
	if (u.cut || missing) && !u.at.manifest() && u.size > u.high {
		if err := u.shrink(u.high); err != nil {
			return err
		}
	}
	if u.cut && u.at.manifest() {
		u.discard()
		return nil
	}
	if missing {
		return errGap
	}
	return nil
}

// finish makes the name durable; of a manifest, it makes the name. a.mu is held.
func (u *upload) finish() error {
	if !u.at.manifest() {
		if !u.fresh {
			return nil
		}
		return syncFolder(u.a.in, u.at.drop)
	}
	name := u.at.in()
	err := u.a.openDrop(u.at.drop) // another session may have closed it
	if err == nil {
		err = u.a.in.Link(u.path, name)
	}
	if err != nil {
		u.discard()
		return err
	}
	if err := u.a.in.Remove(u.path); err != nil {
		answer(u.log, err) // the next login sweeps it
	}
	return u.a.closeDrop(u.at.drop)
}

// closeDrop is called when a drop has got its manifest.
func (a *area) closeDrop(drop string) error {
	a.endUploads(drop)
	if err := syncFolder(a.in, drop); err != nil {
		return err
	}
	a.log.LogAttrs(context.Background(), slog.LevelInfo, "drop complete", slog.String("drop", drop))
	return nil
}
