package intake

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"heatwatch/internal/problem"
	"heatwatch/models"
)

// PathOptions are what an agency knows when it checks before it sends. Everything may be left out.
type PathOptions struct {
	Partner  string                           // of the kit; empty: the manifest's word is taken
	HomeID   string                           // of the kit
	Allowed  func(entity, column string) bool // of the agreement
	Location *time.Location
	Unseal   func(io.Reader) (io.Reader, error) // opens files sealed to the home; nil: there is no key
	Limits   Limits
	Workers  int
	Progress func(Progress) // called from time to time, soon after the beginning; nil: not wanted
}

// Checked is the verdict of a check that has no warehouse behind it.
type Checked struct {
	Drop
	NotChecked []string // reason codes that could not be looked for
}

// CheckPath judges one file, or a drop folder with or without its manifest, with the very code of the nightly, and writes
// nothing. A path that cannot be read is an error with exit code 2.
func CheckPath(ctx context.Context, path string, o PathOptions) (Checked, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Checked{}, cannotCheck(err, path)
	}
	dir := path
	if !info.IsDir() {
		if !info.Mode().IsRegular() {
			return Checked{}, cannotCheck(errBadName, path)
		}
		dir = filepath.Dir(path)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Checked{}, cannotCheck(err, path)
	}
	defer root.Close()
	t := &taking{ctx: ctx, root: root, dict: models.Dictionary(), watch: newKeyWatch(),
		cfg: Config{HomeID: o.HomeID, Location: o.Location, Allowed: o.Allowed, Unseal: o.Unseal, Limits: o.Limits, Workers: o.Workers, Progress: o.Progress}}
	if t.cfg.Location == nil {
		t.cfg.Location = time.UTC
	}
	t.drop = Drop{Schema: 1, Partner: o.Partner, Files: []DropFile{}, Reasons: []Reason{}, Timezone: t.cfg.Location.String(), Dictionary: t.dict.Version}
	c := &checking{taking: t, missed: map[string]bool{}}
	if info.IsDir() {
		abs, err := filepath.Abs(path)
		if err != nil {
			return Checked{}, cannotCheck(err, path)
		}
		t.drop.Name = filepath.Base(abs)
		err = c.folder()
		if err != nil {
			return Checked{}, cannotCheck(err, path)
		}
	} else if err := c.single(filepath.Base(path)); err != nil {
		return Checked{}, cannotCheck(err, path)
	}
	return Checked{Drop: t.drop, NotChecked: c.notChecked()}, nil
}

func cannotCheck(err error, path string) error {
	var p *problem.Problem
	if errors.As(err, &p) || errors.Is(err, context.Canceled) {
		return err
	}
	return problem.Wrap(err, problem.Usage, path, "it cannot be read as a file or a drop folder", "check the path and the permissions")
}

// checking is a taking without a warehouse.
type checking struct {
	*taking
	missed map[string]bool // codes that could not be looked for
}

// withoutManifest are the reasons that need a manifest, and the warning that does.
var withoutManifest = []string{"hash_mismatch", "row_count_mismatch", "missing_file", "unlisted_file", "future", "coverage"}

func (c *checking) miss(codes ...string) {
	for _, code := range codes {
		c.missed[code] = true
	}
}

func (c *checking) notChecked() []string {
	out := []string{}
	for code := range c.missed {
		out = append(out, code)
	}
	slices.Sort(out)
	return out
}

func (c *checking) folder() error {
	raw, err := c.readManifest()
	if err != nil {
		return err
	}
	if raw != nil && c.drop.Partner == "" {
		if m, bad := ParseManifest(raw); bad == nil {
			c.drop.Partner = m.Partner
			c.miss("wrong_partner")
		}
	}
	if raw != nil {
		c.miss("clock_ahead")
	}
	whole, err := c.refusedWhole(raw)
	if err != nil || whole {
		c.drop.settle(true)
		return err
	}
	c.watch.every = c.restates()
	if raw == nil {
		c.miss(withoutManifest...)
		err = c.loose()
	} else {
		err = c.files()
	}
	if err != nil {
		return err
	}
	c.across()
	c.drop.settle(c.drop.leaks())
	return nil
}

// loose judges the files of a folder that has no manifest yet. Other files may lie there; only what is named like an entity
// or like an extract is taken for one. A folder without any is no drop.
func (c *checking) loose() error {
	entries, err := fs.ReadDir(c.root.FS(), ".")
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, e := range entries {
		base, _, _ := strings.Cut(e.Name(), ".")
		if _, known := c.dict.Entity(base); !known && !likeExtract(e.Name()) {
			continue
		}
		if err := c.one(e.Name(), seen); err != nil {
			return err
		}
	}
	if len(c.drop.Files) == 0 {
		c.drop.refuse(Reason{Code: "bad_manifest", Note: "the folder holds neither a manifest nor a file that is named as an entity"})
	}
	return nil
}

func likeExtract(name string) bool {
	return slices.ContainsFunc(endings, func(ending string) bool { return strings.HasSuffix(strings.ToLower(name), ending) })
}

func (c *checking) single(name string) error {
	c.drop.Name = ""
	if leak, err := startsLikeKeymap(c.root, name); err != nil {
		return err
	} else if leak || strings.Contains(strings.ToLower(name), "keymap") {
		c.drop.refuse(Reason{Code: "leak"})
		c.drop.settle(true)
		return nil
	}
	c.miss(withoutManifest...)
	if err := c.one(name, map[string]bool{}); err != nil {
		return err
	}
	c.across()
	c.drop.settle(c.drop.leaks())
	return nil
}

// one judges a file that no manifest describes.
func (c *checking) one(name string, seen map[string]bool) error {
	base, _, _ := strings.Cut(name, ".")
	df, err := c.file(ManifestFile{Name: name, Entity: base, Rows: unknownRows}, len(c.drop.Files), seen)
	if err != nil {
		return err
	}
	if df.Rows == unknownRows { // refused before its rows were counted
		df.Rows, df.Quarantined = 0, 0
	}
	c.drop.Files = append(c.drop.Files, df)
	return nil
}

// restates reports whether the drop says of the entities that it lists that it holds all of them.
func (c *checking) restates() bool { return c.manifest.Mode == Snapshot }

// across adds what a look across rows finds: what the settling pass of the nightly would say, as far as the drop shows it.
func (c *checking) across() {
	restated := func(entity string) bool {
		return c.restates() && slices.ContainsFunc(c.drop.Files, func(f DropFile) bool { return f.Entity == entity && !f.Refused && !f.sealed })
	}
	extras := newExtras(c.drop.Files)
	for _, f := range c.drop.Files {
		e, ok := c.dict.Entity(f.Entity)
		if f.sealed {
			c.miss("sealed")
		}
		if !ok || f.Refused {
			continue
		}
		found, known := c.watch.across(e, restated)
		if !known {
			c.miss("person_not_sent")
		}
		for _, x := range found {
			extras.add(x)
		}
	}
	extras.finish()
}
