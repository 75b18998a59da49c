package backup

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"heatwatch/internal/problem"
)

// infoName is the first entry of an archive.
const infoName = ".backup.json"

const schema = 1

// Info says what is in an archive. Files counts folders too.
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
	b, err := json.Marshal(info)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: infoName, Size: int64(len(b)), Mode: 0o600, Format: tar.FormatPAX}); err != nil {
		return err
	}
	if _, err := t.Write(b); err != nil {
		return err
	}
	seen := map[string]string{}
	for i, e := range v.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.write(t, sameAs(seen, e)); err != nil {
			return err
		}
		if progress != nil {
			progress(i + 1)
		}
	}
	return nil
}

func (e entry) write(t *tar.Writer, same string) error {
	// Whole seconds: all that a home needs of its times are the dates of receipts.
	h := &tar.Header{Name: e.name, Mode: int64(e.info.Mode().Perm()), ModTime: e.info.ModTime().Truncate(time.Second), Format: tar.FormatPAX}
	switch {
	case e.info.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, e.name+"/"
		return t.WriteHeader(h)
	case same != "":
		h.Typeflag, h.Linkname = tar.TypeLink, same
		return t.WriteHeader(h)
	}
	h.Typeflag, h.Size = tar.TypeReg, e.info.Size()
	f, err := os.OpenFile(e.from, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() || st.Size() != h.Size {
		return changed(e.name)
	}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.Copy(t, io.LimitReader(f, h.Size))
	if err == nil && n != h.Size {
		return changed(e.name)
	}
	return err
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
