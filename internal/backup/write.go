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
	"strings"
	"syscall"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"heatwatch/internal/problem"
)

// The first entry of an archive and the last.
const (
	infoName = ".backup.json"
	endName  = ".end.json"
)

const schema = 1

// count is how much stands in an archive. Files counts folders too.
type count struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Info says what is in an archive: so much at most. The end says how much it was: a drop may leave the area while it is
// written.
type Info struct {
	Schema     int    `json:"schema"`
	Format     int    `json:"format"` // of the home
	Home       string `json:"home"`   // its id
	MadeOn     string `json:"made_on"`
	Generation int    `json:"generation"`
	Entries    int    `json:"ledger_entries"`
	Files      int    `json:"files"`
	Bytes      int64  `json:"bytes"`
}

// Recipients reads the public keys to which an archive is sealed, one or several, separated by commas or spaces.
func Recipients(text string) ([]age.Recipient, error) {
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
	list, err := age.ParseRecipients(strings.NewReader(strings.Join(fields, "\n")))
	if err != nil {
		return nil, problem.New(problem.Usage, "backup.recipient", "this is no public key of age", "name one that begins with age1: `heatwatch backup key` makes a pair")
	}
	return list, nil
}

// Write seals a view. What comes out is worth nothing until it returns without an error.
func Write(ctx context.Context, w io.Writer, v *View, info Info, to []age.Recipient, progress func(done int)) error {
	info.Schema = schema
	info.Files, info.Bytes = v.Size()
	sealed, err := age.Encrypt(w, to...)
	if err != nil {
		return err
	}
	packed, err := zstd.NewWriter(sealed, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	t := tar.NewWriter(packed)
	if err := v.write(ctx, t, info, progress); err != nil {
		packed.Close()
		return err
	}
	return errors.Join(t.Close(), packed.Close(), sealed.Close())
}

func (v *View) write(ctx context.Context, t *tar.Writer, info Info, progress func(done int)) error {
	if err := writeJSON(t, infoName, info); err != nil {
		return err
	}
	seen, end := map[string]string{}, count{}
	for i, e := range v.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := e.write(t, sameAs(seen, e))
		if errors.Is(err, fs.ErrNotExist) && e.live {
			continue
		}
		if err != nil {
			return err
		}
		end.Files, end.Bytes = end.Files+1, end.Bytes+n
		if progress != nil {
			progress(i + 1)
		}
	}
	return writeJSON(t, endName, end)
}

func writeJSON(t *tar.Writer, name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(b)), Mode: 0o600, Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err = t.Write(b)
	return err
}

// write writes one entry and says how many bytes of content it has.
func (e entry) write(t *tar.Writer, same string) (int64, error) {
	// Whole seconds: all that a home needs of its times are the dates of receipts.
	h := &tar.Header{Name: e.name, Mode: int64(e.info.Mode().Perm()), ModTime: e.info.ModTime().Truncate(time.Second), Format: tar.FormatPAX}
	switch {
	case e.info.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, e.name+"/"
		return 0, t.WriteHeader(h)
	case same != "":
		h.Typeflag, h.Linkname = tar.TypeLink, same
		return 0, t.WriteHeader(h)
	}
	h.Typeflag, h.Size = tar.TypeReg, e.info.Size()
	f, err := os.OpenFile(e.from, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !st.Mode().IsRegular() || st.Size() != h.Size {
		return 0, changed(e.name)
	}
	if err := t.WriteHeader(h); err != nil {
		return 0, err
	}
	n, err := io.Copy(t, io.LimitReader(f, h.Size))
	if err == nil && n != h.Size {
		return 0, changed(e.name)
	}
	return n, err
}

// changed names the folder only: partners choose the names of files.
func changed(name string) error {
	parts := strings.SplitN(name, "/", 3)
	return problem.New(problem.Failed, strings.Join(parts[:min(2, len(parts))], "/"), "a file changed while it was read", "run the backup again")
}

// String is an archive in one line.
func (i Info) String() string {
	return fmt.Sprintf("home %s of %s: generation %d, %d ledger entries, %d files, %d bytes", i.Home, i.MadeOn, i.Generation, i.Entries, i.Files, i.Bytes)
}
