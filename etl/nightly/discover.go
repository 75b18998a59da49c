package nightly

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"heatwatch/etl/intake"
	"heatwatch/etl/kept"
	"heatwatch/etl/partner"
	"heatwatch/etl/scan"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

// found is a drop folder of the area.
type found struct {
	partner, drop, dir string
	created            time.Time // zero: there is no manifest yet, or none that can be read
	after              string
	manifest           string // SHA-256; "": there is none
	parsed             intake.Manifest
	known              bool // it was taken before, with this manifest
}

// tidy removes what runs that were cut short left in landing and beside the receipts. The lake tidies up after itself.
func (r *run) tidy() error {
	if err := intake.Sweep(r.FS, r.Home.Landing()); err != nil {
		return err
	}
	if _, err := durable.Sweep(r.FS, r.Home.Erasures()); err != nil {
		return err
	}
	if err := scan.Sweep(r.Home); err != nil {
		return err
	}
	list, err := os.ReadDir(r.area())
	if missing(err) {
		return nil // discover says so where it matters
	}
	if err != nil {
		return problem.Wrap(err, problem.Failed, r.area(), "the area of the partners cannot be read", "check the path and its permissions")
	}
	for _, e := range list {
		if e.IsDir() {
			if _, err := durable.Sweep(r.FS, filepath.Join(r.area(), e.Name(), receiptsDir)); err != nil {
				return err
			}
			if r.keeps() {
				if err := kept.Sweep(r.FS, filepath.Join(r.area(), e.Name(), "incoming")); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// discover lists the drops of all enrolled partners, in the order in which they apply.
func (r *run) discover(ctx context.Context) error {
	if r.From != "" {
		if st, err := os.Stat(r.From); err != nil || !st.IsDir() {
			return problem.Wrap(err, problem.Usage, r.From, "there is no such folder", "name a folder laid out as the SFTP area: <partner>/incoming/<drop>/")
		}
	}
	enrolled, err := partner.List(r.Home.Partners())
	if err != nil {
		return err
	}
	list, err := os.ReadDir(r.area())
	if missing(err) {
		return nil
	}
	if err != nil {
		return problem.Wrap(err, problem.Failed, r.area(), "the area of the partners cannot be read", "check the permissions")
	}
	for _, e := range list {
		switch {
		case !e.IsDir():
		case !slices.Contains(enrolled, e.Name()):
			r.sum.Unknown = append(r.sum.Unknown, fmt.Sprintf("%q", e.Name()))
		default:
			if err := r.discoverPartner(ctx, e.Name()); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(r.found, func(a, b found) int {
		return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.drop, b.drop), cmp.Compare(a.partner, b.partner))
	})
	return nil
}

func (r *run) discoverPartner(ctx context.Context, name string) error {
	root, err := os.OpenRoot(filepath.Join(r.area(), name))
	if err != nil {
		r.odd[name] = true
		r.fail(ctx, problem.Wrap(err, problem.Failed, name, "the partner's area cannot be opened", "check its permissions"))
		return nil
	}
	defer root.Close()
	dir, err := root.Open("incoming") // under the root: an area cannot point out of itself
	if missing(err) {
		return nil
	}
	if err != nil {
		r.odd[name] = true
		r.fail(ctx, problem.Wrap(err, problem.Failed, name, "the folder incoming cannot be opened", "it must be a plain folder"))
		return nil
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name()[0] == '.' {
			continue // unfinished uploads and what desktops leave
		}
		f := found{partner: name, drop: e.Name(), dir: filepath.Join(r.area(), name, "incoming", e.Name())}
		if e.IsDir() {
			if err := r.peek(root, &f); err != nil {
				return err
			}
		}
		r.found = append(r.found, f)
	}
	return nil
}

// maxPeek is one more byte than the largest manifest: a larger one is judged by intake, not here.
const maxPeek = 1<<20 + 1

// peek reads the manifest for its place in the order. What is wrong with it is for intake to say.
func (r *run) peek(root *os.Root, f *found) error {
	m, err := root.OpenFile(filepath.Join("incoming", f.drop, intake.ManifestName), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer m.Close()
	if st, err := m.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil
	}
	raw, err := io.ReadAll(io.LimitReader(m, maxPeek))
	if err != nil {
		return nil
	}
	sum := sha256.Sum256(raw)
	f.manifest = hex.EncodeToString(sum[:])
	if parsed, bad := intake.ParseManifest(raw); bad == nil {
		f.parsed, f.created, f.after = parsed, parsed.Created, parsed.After
	}
	before, err := intake.ReadDrop(r.Home.Landing(), f.partner, f.drop)
	switch {
	case err == nil:
		f.known = before.Manifest == f.manifest
	case missing(err) || errors.Is(err, syscall.ENAMETOOLONG):
	default:
		return err
	}
	return nil
}
