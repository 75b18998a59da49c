package home

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

// Format is the version of a home that this program reads and writes. It goes up when an older program would read a home
// wrongly. Homes that do not say are of version 1.
const Format = 2

const (
	formatName   = "format"
	formatPrefix = "heatwatch home "
)

// steps bring a home from version i+1 to the next. Each may be cut off and begun again.
var steps = []func(durable.FS, Home) error{
	func(fsys durable.FS, h Home) error { return h.MakeFolders(fsys) }, // 1 had fewer, and did not say its version
}

// FormatFile says which version the home is.
func (h Home) FormatFile() string { return h.in(formatName) }

// Version reads the version of a home.
func (h Home) Version() (int, error) {
	b, err := os.ReadFile(h.FormatFile())
	if errors.Is(err, fs.ErrNotExist) {
		return 1, nil
	}
	if err != nil {
		return 0, problem.Wrap(err, problem.Failed, h.FormatFile(), "the version of the home cannot be read", "check the permissions")
	}
	rest, ok := strings.CutPrefix(string(b), formatPrefix)
	n, err := strconv.Atoi(strings.TrimSuffix(rest, "\n"))
	if !ok || err != nil || n < 1 {
		return 0, problem.New(problem.Usage, h.FormatFile(), "this is no version of a home", fmt.Sprintf("restore the file: %q", formatText(Format)))
	}
	return n, nil
}

// current refuses a home that a newer program has made or migrated.
func (h Home) current() error {
	n, err := h.Version()
	if err == nil && n > Format {
		err = problem.New(problem.Usage, h.Dir, fmt.Sprintf("this home has format %d, and this program knows formats up to %d", n, Format), "use the newer version of heatwatch; nothing was changed")
	}
	return err
}

// Migrate brings an older home to the version of this program. The caller holds the home's lock. The number comes last: a
// migration that was cut off is done again.
func (h Home) Migrate(fsys durable.FS) error {
	n, err := h.Version()
	if err != nil {
		return err
	}
	if n >= Format {
		return h.current()
	}
	for _, step := range steps[n-1:] {
		if err := step(fsys, h); err != nil {
			return problem.Wrap(err, problem.Failed, h.Dir, "the home could not be brought to the format of this program", "check the disk (room, permissions), then run again: what it was is whole")
		}
	}
	return h.WriteFormat(fsys)
}

// WriteFormat says that the home has the version of this program.
func (h Home) WriteFormat(fsys durable.FS) error {
	if err := durable.Replace(fsys, h.FormatFile(), []byte(formatText(Format)), 0o644); err != nil {
		return problem.Wrap(err, problem.Failed, h.FormatFile(), "the version of the home cannot be written", "check the room on the disk")
	}
	return nil
}

func formatText(n int) string { return fmt.Sprintf("%s%d\n", formatPrefix, n) }

// MakeFolders makes those of a home's folders that are not there.
func (h Home) MakeFolders(fsys durable.FS) error {
	for _, dir := range h.Folders() {
		if _, err := fsys.Lstat(dir); err == nil {
			continue
		}
		if err := durable.MkdirAll(fsys, dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}
