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
	for _, f := range m.Files {
		if err := ctx.Err(); err != nil {
			return v, err
		}
		v.file(h, dir, f)
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

func (v *Verdict) file(h home.Home, dir string, f File) {
	path := filepath.Join(dir, f.Path)
	sum, size, err := hashFile(path)
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
	}
	if f.Entity == "" {
		return
	}
	e, ok := models.Dictionary().Entity(f.Entity)
	if !ok {
		v.damage(h, "the file is of an entity that this program does not know", path, "use the version of the program that wrote it")
		return
	}
	rows, content, err := hashRows(path, e, f.Partner)
	v.Content.Add(content)
	if err != nil || rows != f.Rows || content != f.Content {
		if len(v.Problems) == 0 || !strings.HasSuffix(v.Problems[len(v.Problems)-1].Where, f.Path) {
			v.damage(h, "the rows are not those that were loaded", path, restore(f))
		}
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

// Size is the space that the generation's files take, counted once for each.
func (m Manifest) Size() (bytes int64) {
	for _, f := range m.Files {
		bytes += f.Bytes
	}
	return bytes
}

// Has reports whether a generation took a drop in.
func (m Manifest) Has(partner, drop string) bool {
	for _, d := range m.Drops {
		if d.Partner == partner && d.Drop == drop {
			return true
		}
	}
	return false
}
