package deidentify

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"path/filepath"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/internal/sheet"
)

// keymap is the agency's own list of which number became which pseudonym. It lies with the kit and is 0600.
type keymap struct {
	w   *bufio.Writer
	buf []byte
}

func (k *keymap) add(entity string, own []byte, s short) error {
	k.buf = append(append(k.buf[:0], entity...), ',')
	k.buf = append(appendCSV(k.buf, []byte(sheet.Harmless(string(own)))), ',') // an agency opens it in a spreadsheet
	k.buf = append(append(k.buf, s[:]...), '\n')
	_, err := k.w.Write(k.buf)
	if err != nil {
		return problem.Wrap(err, problem.Failed, "keymap", "the keymap cannot be written", "check the room on the disk")
	}
	return nil
}

// withKeymap runs do while the keymap is written beside its final name, and gives it the name only if do succeeded:
// a run that is refused leaves no list of numbers. The keymap of an earlier run for a drop of the same name is
// replaced then, in one step.
func withKeymap(cfg Config, r *Report, do func(*keymap) error) error {
	dir := cfg.Kit.Keymaps()
	path := filepath.Join(dir, r.Drop+".csv")
	staged := filepath.Join(dir, ".unfinished-"+r.Drop)
	if err := durable.MkdirAll(cfg.FS, dir, 0o700); err != nil {
		return cannotWrite(dir, err)
	}
	if err := ownersAlone(dir); err != nil {
		return cannotWrite(dir, err)
	}
	if err := durable.Remove(cfg.FS, staged); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a run that was killed
		return cannotWrite(staged, err)
	}
	var inner error
	err := durable.CreateFrom(cfg.FS, staged, 0o600, func(w io.Writer) error {
		k := &keymap{w: bufio.NewWriterSize(w, 1<<16)}
		k.w.WriteString("entity,own_number,pseudonym\n")
		if inner = do(k); inner != nil {
			return inner
		}
		return k.w.Flush()
	})
	if inner != nil {
		return inner
	}
	if err != nil {
		return cannotWrite(path, err)
	}
	if err := durable.Rename(cfg.FS, staged, path); err != nil {
		return cannotWrite(path, err)
	}
	r.Keymap = path
	return nil
}
