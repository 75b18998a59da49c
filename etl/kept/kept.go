package kept

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

const (
	RawName = "raw.age" // the sealed upload, in the drop's folder of landing
	keyName = "raw.key"

	// goingPrefix begins the name of an upload on its way out. Discovery passes over such names.
	goingPrefix = ".kept-"

	maxKey = 4 << 10 // bytes of a sealed key
)

// Key opens what a home keeps. Whatever prints it prints that it is one.
type Key struct{ id *age.X25519Identity }

// Recipient is whom agencies seal persons to.
func (k Key) Recipient() string { return k.id.Recipient().String() }

// Unseal opens a file that an agency sealed to this home.
func (k Key) Unseal(r io.Reader) (io.Reader, error) { return age.Decrypt(r, k.id) }

// SealedEnding ends the names of files that agencies seal. What is kept of them is the checked rows alone, under the
// vault's key: the tokens that came are gone with the upload.
const SealedEnding = ".age"

// Shed removes the sealed files of an upload that was taken.
func Shed(fsys durable.FS, upload string) error {
	list, err := os.ReadDir(upload)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range list {
		if !strings.HasSuffix(e.Name(), SealedEnding) || !e.Type().IsRegular() {
			continue
		}
		if err := durable.Remove(fsys, filepath.Join(upload, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Format hides the key from every verb.
func (Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[key of drops]") }

// MarshalText hides the key.
func (Key) MarshalText() ([]byte, error) { return []byte("[key of drops]"), nil }

// HomeKey reads the key from the folder of keys, and makes it where there is none yet.
func HomeKey(fsys durable.FS, dir string) (Key, error) {
	path := filepath.Join(dir, "drops.key")
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		id, err := age.GenerateX25519Identity()
		if err == nil {
			err = durable.Create(fsys, path, []byte(id.String()+"\n"), 0o600)
		}
		switch {
		case err == nil:
			return Key{id}, nil
		case !errors.Is(err, fs.ErrExist): // another run has just made it
			return Key{}, problem.Wrap(err, problem.Failed, path, "the key cannot be written", "check the permissions and the room on the disk")
		}
	case err == nil && st.Mode().Perm()&0o077 != 0:
		return Key{}, problem.New(problem.Usage, path, "others on this machine may read this secret file", "run `chmod 600` on it")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Key{}, problem.Wrap(err, problem.Usage, path, "the key cannot be read", "check the permissions")
	}
	id, err := age.ParseX25519Identity(strings.TrimSpace(string(b)))
	if err != nil {
		return Key{}, problem.New(problem.Usage, path, "this is no key file", "restore it from the backup: what was kept under it cannot be opened without it")
	}
	return Key{id}, nil
}

// Seal moves the plain files of an upload into landed, the drop's folder in landing, which must be there. Where they are
// kept already, only the upload goes.
func Seal(fsys durable.FS, key Key, upload, landed string) error {
	done, err := Has(landed)
	if err != nil {
		return err
	}
	if !done {
		if err := seal(fsys, key, upload, landed); err != nil {
			return err
		}
	}
	return Drop(fsys, upload)
}

// Drop removes an upload in one step for whoever looks for drops.
func Drop(fsys durable.FS, upload string) error {
	going := filepath.Join(filepath.Dir(upload), goingPrefix+filepath.Base(upload))
	if err := durable.RemoveAll(fsys, going); err != nil {
		return err
	}
	if err := durable.Rename(fsys, upload, going); err != nil {
		return err
	}
	return durable.RemoveAll(fsys, going)
}

// Sweep ends removals that were cut off. incoming is a partner's folder of uploads.
func Sweep(fsys durable.FS, incoming string) error {
	list, err := os.ReadDir(incoming)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range list {
		if strings.HasPrefix(e.Name(), goingPrefix) {
			if err := durable.RemoveAll(fsys, filepath.Join(incoming, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Has tells whether an upload is kept in a drop's folder.
func Has(landed string) (bool, error) {
	_, err := os.Lstat(filepath.Join(landed, keyName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Shred destroys what is kept of a drop: its key first, which is enough.
func Shred(fsys durable.FS, landed string) error {
	for _, name := range []string{keyName, RawName} {
		if err := durable.Remove(fsys, filepath.Join(landed, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func seal(fsys durable.FS, key Key, upload, landed string) error {
	root, err := os.OpenRoot(upload)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := Shred(fsys, landed); err != nil { // of a run that was cut off: without its key it opens for nobody
		return err
	}
	one, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	err = durable.CreateFrom(fsys, filepath.Join(landed, RawName), 0o400, func(w io.Writer) error { return pack(w, one.Recipient(), root) })
	if err != nil {
		return err
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, key.id.Recipient())
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, one.String()+"\n")
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	return durable.Create(fsys, filepath.Join(landed, keyName), sealed.Bytes(), 0o400)
}

func pack(w io.Writer, to age.Recipient, root *os.Root) error {
	sealed, err := age.Encrypt(w, to)
	if err != nil {
		return err
	}
	packed, err := zstd.NewWriter(sealed, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	archive := tar.NewWriter(packed)
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := add(archive, root, e); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), packed.Close(), sealed.Close())
}

// add takes in one plain file; a link, a folder or a device is not the partner's word on anything.
func add(archive *tar.Writer, root *os.Root, e fs.DirEntry) error {
	if !e.Type().IsRegular() || strings.HasSuffix(e.Name(), SealedEnding) {
		return nil
	}
	f, err := root.OpenFile(e.Name(), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: e.Name(), Mode: 0o600, Size: st.Size(), Typeflag: tar.TypeReg, Format: tar.FormatPAX}); err != nil {
		return err
	}
	n, err := io.Copy(archive, io.LimitReader(f, st.Size())) // what grows meanwhile was not taken either
	if err == nil && n < st.Size() {
		err = errors.New("a file of the upload was cut while it was read")
	}
	return err
}

// Open calls each for every file that is kept of a drop, by name, with its content.
func Open(key Key, landed string, each func(name string, content io.Reader) error) error {
	one, err := openKey(key, landed)
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(landed, RawName))
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := age.Decrypt(f, one)
	if err != nil {
		return err
	}
	unpacked, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer unpacked.Close()
	archive := tar.NewReader(unpacked)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := each(h.Name, archive); err != nil {
			return err
		}
	}
}

func openKey(key Key, landed string) (*age.X25519Identity, error) {
	f, err := os.Open(filepath.Join(landed, keyName))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := age.Decrypt(io.LimitReader(f, maxKey), key.id)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(r, maxKey))
	if err != nil {
		return nil, err
	}
	return age.ParseX25519Identity(strings.TrimSpace(string(b)))
}
