package drop

import (
	"io"
	"log/slog"
	"os"
	"path"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/pkg/sftp"
)

// visit answers the requests of one session. Its methods are what pkg/sftp
// calls; no error leaves them but through answer.
type visit struct {
	area    *area
	log     *slog.Logger
	rec     *recorder
	handles atomic.Int64
}

// handle takes one of the session's handles; done gives it back, once.
func (v *visit) handle() (done func(), err error) {
	var once sync.Once
	done = func() { once.Do(func() { v.handles.Add(-1) }) }
	if v.handles.Add(1) > int64(v.area.quota.Handles) {
		done()
		return nil, errHandles
	}
	return done, nil
}

func (v *visit) locate(p string) (place, error) { return locate(p, v.area.quota.PathBytes) }

// Filewrite opens a file of an open drop.
func (v *visit) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	u, err := v.write(r)
	if err != nil {
		return nil, v.answer(opWrite, r.Filepath, err)
	}
	return u, nil
}

func (v *visit) write(r *sftp.Request) (*upload, error) {
	if err := v.rec.day.act(v.rec.now()); err != nil {
		return nil, err
	}
	at, err := v.locate(r.Filepath)
	if err != nil {
		return nil, err
	}
	if at.kind != atFile {
		return nil, errDenied
	}
	done, err := v.handle()
	if err != nil {
		return nil, err
	}
	v.area.mu.Lock()
	u, err := v.area.startUpload(at, r.Pflags(), v.rec, done)
	v.area.mu.Unlock()
	if err != nil {
		done()
		return nil, err
	}
	v.rec.note(about(evOpened, at))
	return u, nil
}

// Fileread opens a receipt.
func (v *visit) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	d, err := v.read(r)
	if err != nil {
		return nil, v.answer(opRead, r.Filepath, err)
	}
	return d, nil
}

func (v *visit) read(r *sftp.Request) (*download, error) {
	if err := v.rec.day.act(v.rec.now()); err != nil {
		return nil, err
	}
	at, err := v.locate(r.Filepath)
	if err != nil {
		return nil, err
	}
	switch at.kind {
	case atFile:
		return nil, errNoReading
	case atReceipt:
	default:
		return nil, errDenied
	}
	done, err := v.handle()
	if err != nil {
		return nil, err
	}
	f, err := openReceipt(v.area.out, at.name)
	if err != nil {
		done()
		return nil, err
	}
	v.rec.note(about(evFetched, at))
	return &download{f: f, log: v.log, done: done}, nil
}

func openReceipt(out *os.Root, name string) (*os.File, error) {
	info, err := regular(out, name)
	if err != nil {
		return nil, err
	}
	if info == nil {
		return nil, errNoSuchFile
	}
	return out.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// download is a receipt on its way out.
type download struct {
	f    *os.File
	log  *slog.Logger
	done func()
}

func (d *download) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errFailure
	}
	n, err := d.f.ReadAt(p, off)
	return n, answer(d.log, err)
}

func (d *download) Close() error {
	defer d.done()
	return answer(d.log, d.f.Close())
}

// Filecmd changes names, and refuses to make links.
func (v *visit) Filecmd(r *sftp.Request) error {
	return v.answer(opOf(r.Method), r.Filepath, v.command(r, false))
}

// PosixRename is what OpenSSH's client sends for rename: it may replace a file.
func (v *visit) PosixRename(r *sftp.Request) error {
	return v.answer(opRename, r.Filepath, v.command(&sftp.Request{Method: "Rename", Filepath: r.Filepath, Target: r.Target}, true))
}

func (v *visit) command(r *sftp.Request, over bool) error {
	if err := v.rec.day.act(v.rec.now()); err != nil {
		return err
	}
	at, err := v.locate(r.Filepath)
	if err != nil {
		return err
	}
	a := v.area
	a.mu.Lock()
	defer a.mu.Unlock()
	switch r.Method {
	case "Rename":
		to, err := v.locate(r.Target)
		switch {
		case err != nil:
			return err
		case at.kind == atFile && to.kind == atFile:
			return v.done(evRenamed, at, &to, a.renameFile(at, to, over))
		case at.kind == atDrop && to.kind == atDrop:
			return v.done(evRenamed, at, &to, a.renameDrop(at, to))
		}
	case "Remove":
		if at.kind == atFile {
			return v.done(evRemoved, at, nil, a.removeFile(at))
		}
	case "Mkdir":
		switch at.kind {
		case atDrop:
			return v.done(evMade, at, nil, a.makeDrop(at))
		case atRoot, atIncoming, atReceipts:
			return errExists
		}
	case "Rmdir":
		if at.kind == atDrop {
			return v.done(evRemoved, at, nil, a.removeDrop(at))
		}
	case "Setstat":
		if at.kind != atDrop && at.kind != atFile {
			return errDenied
		}
		if r.AttrFlags().Size {
			if at.kind != atFile {
				return errDenied
			}
			attributes := r.Attributes()
			if attributes == nil { // announced, and not there
				return errFailure
			}
			return a.shrinkFile(at, attributes.Size)
		}
		return nil // modes, owners and times: ours stay
	default: // Link, Symlink
		return errUnsupported
	}
	return errDenied
}

// done keeps what was done with a name, unless it failed.
func (v *visit) done(what string, at place, to *place, err error) error {
	if err != nil {
		return err
	}
	e := about(what, at)
	if to != nil {
		target := about(what, *to)
		e.To = path.Join(target.Drop, target.File)
	}
	v.rec.note(e)
	return nil
}
