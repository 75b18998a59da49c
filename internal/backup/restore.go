package backup

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"unicode"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"heatwatch/internal/home"
	"heatwatch/internal/problem"
)

// Limits of an archive beyond what it says of itself.
const (
	maxInfo   = 64 << 10
	maxName   = 1024
	maxDepth  = 12
	maxFiles  = 50_000_000
	maxWindow = 64 << 20
	maxAfter  = 1 << 20 // what may stand behind the last entry: padding
)

// errArchive is what is wrong with the content of an archive; refused makes a sentence of it.
type errArchive string

func (e errArchive) Error() string { return string(e) }

// Restore unpacks an archive into a folder that exists and is empty. room is how many bytes there are for it. Whatever it
// has written when it returns an error is for the caller to remove. The info says what there was.
func Restore(ctx context.Context, r io.Reader, with []age.Identity, into string, room int64) (Info, error) {
	opened, err := age.Decrypt(r, with...)
	var wrong *age.NoIdentityMatchError
	if errors.As(err, &wrong) {
		return Info{}, problem.New(problem.Usage, "", "the key does not open this backup", "it was sealed to another recipient: find that one's key")
	}
	if err != nil {
		return Info{}, refused(err)
	}
	unpacked, err := zstd.NewReader(opened, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return Info{}, refused(err)
	}
	defer unpacked.Close()
	root, err := os.OpenRoot(into)
	if err != nil {
		return Info{}, err
	}
	defer root.Close()
	u := &unpacking{ctx: ctx, root: root, files: map[string]bool{}, folders: map[string]*tar.Header{".": nil}}
	t := tar.NewReader(unpacked)
	if u.info, err = readInfo(t); err != nil {
		return u.info, refused(err)
	}
	if u.info.Format > home.Format {
		return u.info, problem.New(problem.Usage, "", fmt.Sprintf("the backup is of a home of format %d, and this program knows formats up to %d", u.info.Format, home.Format), "use the newer version of heatwatch")
	}
	if u.info.Bytes > room {
		return u.info, problem.New(problem.Failed, into, fmt.Sprintf("the disk has no room for the %d bytes of this home", u.info.Bytes), "make room, or restore on another disk")
	}
	if err := u.all(t); err != nil {
		return u.info, refused(err)
	}
	// Up to the very end: only there age knows that nothing was cut off.
	if n, err := io.Copy(io.Discard, io.LimitReader(unpacked, maxAfter)); err != nil || n == maxAfter {
		return u.info, refused(errors.Join(err, errArchive("something stands behind its end")))
	}
	u.info.Files, u.info.Bytes = u.seen, u.bytes
	return u.info, u.finish()
}

// refused says what is wrong with an archive; what our own disk says stays apart.
func refused(err error) error {
	var own *fs.PathError
	var link *os.LinkError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &own), errors.As(err, &link):
		return problem.Wrap(err, problem.Failed, "", "the backup could not be unpacked", "check the disk (room, permissions)")
	}
	what := "it was cut or changed"
	var bad errArchive
	if errors.As(err, &bad) {
		what = string(bad)
	}
	return problem.Wrap(err, problem.Failed, "", "the backup is not whole: "+what, "nothing of it was kept; take another copy of it")
}

func readInfo(t *tar.Reader) (Info, error) {
	var info Info
	h, err := t.Next()
	if err != nil {
		return info, err
	}
	if h.Name != infoName || h.Typeflag != tar.TypeReg || h.Size > maxInfo {
		return info, errArchive("it is no backup of a home")
	}
	if err := json.NewDecoder(t).Decode(&info); err != nil || info.Schema != schema || info.Files < 0 || info.Files > maxFiles || info.Bytes < 0 {
		return info, errArchive("it is no backup that this program can read")
	}
	return info, nil
}

// unpacking is one archive on its way out.
type unpacking struct {
	ctx     context.Context
	root    *os.Root
	info    Info
	files   map[string]bool
	folders map[string]*tar.Header
	order   []string // of folders
	seen    int
	bytes   int64
	end     *count // what the last entry says; nil: it has not come
}

func (u *unpacking) all(t *tar.Reader) error {
	for {
		if err := u.ctx.Err(); err != nil {
			return err
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := u.one(t, h); err != nil {
			return err
		}
	}
	if u.end == nil || *u.end != (count{u.seen, u.bytes}) {
		return errArchive("it holds less than it says")
	}
	return nil
}

func (u *unpacking) one(t *tar.Reader, h *tar.Header) error {
	if u.end != nil {
		return errArchive("something stands behind its end")
	}
	if h.Name == endName && h.Typeflag == tar.TypeReg && h.Size <= maxInfo {
		u.end = &count{}
		return json.NewDecoder(t).Decode(u.end)
	}
	name := strings.TrimSuffix(h.Name, "/")
	if !good(name) {
		return errArchive("it holds a name that no home has")
	}
	if u.seen++; u.seen > u.info.Files {
		return errArchive("it holds more files than it says")
	}
	if _, ok := u.folders[path.Dir(name)]; !ok || u.files[name] || u.folders[name] != nil {
		return errArchive("its files are in no order of ours")
	}
	switch h.Typeflag {
	case tar.TypeDir:
		u.folders[name] = h
		u.order = append(u.order, name)
		return u.root.Mkdir(name, 0o700)
	case tar.TypeLink: // to a file of this archive, which stands already
		if !u.files[h.Linkname] {
			return errArchive("it holds a link to what is not in it")
		}
		u.files[name] = true
		return u.root.Link(h.Linkname, name)
	case tar.TypeReg:
		if u.bytes += h.Size; h.Size < 0 || u.bytes > u.info.Bytes {
			return errArchive("it holds more than it says")
		}
		u.files[name] = true
		return u.file(t, name, h)
	}
	return errArchive("it holds a link or a device")
}

// good are the paths that Take makes.
func good(name string) bool {
	return fs.ValidPath(name) && name != "." && len(name) <= maxName && strings.Count(name, "/") < maxDepth && !strings.ContainsRune(name, '\\') &&
		!strings.ContainsFunc(name, unicode.IsControl) && !slices.ContainsFunc(strings.Split(name, "/"), hidden)
}

func (u *unpacking) file(t *tar.Reader, name string, h *tar.Header) error {
	f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, t, h.Size)
	if err == nil {
		err = f.Chmod(mode(h))
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return u.root.Chtimes(name, h.ModTime, h.ModTime)
}

// mode is that of the archive, without what no file of a home has: nobody but its owner writes, nothing is set on execution,
// and keys are its owner's alone.
func mode(h *tar.Header) fs.FileMode {
	m := fs.FileMode(h.Mode) & 0o755
	if strings.HasPrefix(h.Name, "keys/") {
		m &= 0o700
	}
	return m
}

// finish gives folders their modes and times, the deepest first, and makes their names durable.
func (u *unpacking) finish() error {
	for _, name := range slices.Backward(append([]string{"."}, u.order...)) {
		d, err := u.root.Open(name)
		if err != nil {
			return err
		}
		err = d.Sync()
		if h := u.folders[name]; h != nil && err == nil {
			if err = d.Chmod(mode(h) | 0o700); err == nil {
				err = u.root.Chtimes(name, h.ModTime, h.ModTime)
			}
		}
		if err = errors.Join(err, d.Close()); err != nil {
			return err
		}
	}
	return nil
}
