package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"heatwatch/internal/home"
	"heatwatch/models"
)

// Damage is something in the lake that is not as it was written.
type Damage struct {
	What    string `json:"what"`
	Where   string `json:"where"` // path below the home
	Restore string `json:"restore"`
}

// Verdict is what Verify found. Content is computed from the rows, not read from the manifest.
type Verdict struct {
	Generation int
	Content    Content
	Problems   []Damage
}

// Verify reads every file of the current generation, byte by byte and row by row, and compares it with the manifest. An
// error means that it could not look; damage is in the verdict.
func Verify(ctx context.Context, h home.Home) (Verdict, error) {
	n, err := Current(h)
	if err != nil || n == 0 {
		return Verdict{}, err
	}
	v := Verdict{Generation: n}
	dir := generationPath(h, n)
	hold, err := lockFolder(dir, syscall.LOCK_SH)
	if errors.Is(err, fs.ErrNotExist) {
		v.damage(h, "the current generation is missing", dir, "restore the folder from a backup, or point lake/current to an older generation and run `heatwatch nightly`")
		return v, nil
	}
	if err != nil {
		return v, err
	}
	if hold == nil {
		return v, fmt.Errorf("lake: generation %d is being removed: try again", n)
	}
	defer hold.Close()
	m, err := ReadManifest(h, n)
	if err != nil {
		v.damage(h, "the manifest is missing or damaged", filepath.Join(dir, manifestName), "point lake/current to the generation before and run `heatwatch nightly`")
		return v, nil
	}
	hidden := v.hidden(h, dir, m)
	for _, f := range m.Files {
		if err := ctx.Err(); err != nil {
			return v, err
		}
		v.file(h, dir, f, hidden[f.Path])
	}
	v.strangers(h, dir, m)
	if v.Content != m.Content && len(v.Problems) == 0 {
		v.damage(h, "the manifest's content hash is not the sum over its files", filepath.Join(dir, manifestName), "run `heatwatch nightly --rebuild`")
	}
	return v, nil
}

func (v *Verdict) damage(h home.Home, what, path, restore string) {
	where, err := filepath.Rel(h.Dir, path)
	if err != nil {
		where = path
	}
	v.Problems = append(v.Problems, Damage{what, filepath.ToSlash(where), restore})
}

// hiddenRow is a line of a file that hides.
type hiddenRow struct {
	File string `parquet:"file"`
	Row  int64  `parquet:"row"`
}

// hidden are the positions, by file, of the rows that no longer count, each of them once.
func (v *Verdict) hidden(h home.Home, dir string, m Manifest) map[string]map[int64]bool {
	all := map[string]map[int64]bool{}
	for _, f := range m.Files {
		if !f.Hides {
			continue
		}
		wrong := false
		err := each(filepath.Join(dir, f.Path), func(r hiddenRow) {
			at, known := m.file(r.File)
			if !known || at.Hides || at.Entity != f.Entity || at.Partner != f.Partner || r.Row < 0 || r.Row >= at.Rows || all[r.File][r.Row] {
				wrong = true
				return
			}
			if all[r.File] == nil {
				all[r.File] = map[int64]bool{}
			}
			all[r.File][r.Row] = true
		})
		if err == nil && wrong { // a file that cannot be read is reported like any other
			v.damage(h, "it hides a row that is not there", filepath.Join(dir, f.Path), restore(f))
		}
	}
	return all
}

// file looks at one file. What a file holds but is hidden is vouched for by the hash of its bytes and counts for nothing.
func (v *Verdict) file(h home.Home, dir string, f File, hidden map[int64]bool) {
	path := filepath.Join(dir, f.Path)
	sum, size, err := hashFile(path)
	whole := false
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.damage(h, "the file is missing", path, restore(f))
		return
	case err != nil:
		v.damage(h, "the file cannot be read", path, restore(f))
		return
	case size != f.Bytes || sum != f.SHA256:
		v.damage(h, "the file is not as it was written", path, restore(f))
		// What its rows still say enters the content: a file that was only recompressed has the same.
	default:
		whole = true
	}
	if f.Entity == "" || f.Hides {
		return
	}
	e, ok := models.Dictionary().Entity(f.Entity)
	if !ok {
		v.damage(h, "the file is of an entity that this program does not know", path, "use the version of the program that wrote it")
		return
	}
	rows, content, err := hashRows(path, e, f.Partner, hidden)
	v.Content.Add(content)
	if whole && (err != nil || rows != f.Rows-int64(len(hidden)) || content != f.Content && len(hidden) == 0) {
		v.damage(h, "the rows are not those that were loaded", path, restore(f))
	}
}

// restore says what a file can be made from again.
func restore(f File) string {
	if f.Entity == "" {
		return "copy the file from a backup of this generation: it holds random numbers that nothing else knows"
	}
	var drops []string
	for _, d := range f.Drops {
		drops = append(drops, "landing/"+f.Partner+"/"+d)
	}
	return "run `heatwatch nightly --rebuild`: it makes the file again from " + strings.Join(drops, ", ")
}

// strangers reports files that the manifest does not name.
func (v *Verdict) strangers(h home.Home, dir string, m Manifest) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		rel, _ := filepath.Rel(dir, path)
		if _, ok := m.file(filepath.ToSlash(rel)); !ok && rel != manifestName {
			v.damage(h, "the manifest does not name this file", path, "find out who put it there, then remove it")
		}
		return nil
	})
}
