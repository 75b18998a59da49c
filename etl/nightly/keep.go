package nightly

import (
	"context"
	"path/filepath"

	"heatwatch/etl/intake"
	"heatwatch/etl/kept"
	"heatwatch/internal/problem"
)

// keeps tells whether uploads are sealed and taken out of the area. A folder that was named is never changed.
func (r *run) keeps() bool { return r.Keeping != nil && r.From == "" }

// keep seals every upload that has its receipt. One that leaked is not kept at all: whoever could open it would know who the
// children are.
func (r *run) keep(ctx context.Context) error {
	if !r.keeps() {
		return nil
	}
	return r.eachDone(func(f found, d intake.Drop) (err error) {
		if !there(filepath.Join(r.area(), f.partner, "receipts", f.drop+".json")) {
			return nil
		}
		if d.Leak() {
			err = kept.Drop(r.FS, f.dir)
		} else {
			err = kept.Seal(r.FS, *r.Keeping, f.dir, filepath.Join(r.Home.Landing(), f.partner, f.drop))
		}
		if err != nil {
			r.fail(ctx, problem.Wrap(err, problem.Failed, f.partner, "an upload that was taken could not be sealed ("+cause(err)+")", "check the disk and the permissions of the area; the next run tries again"))
		}
		return nil
	})
}

// shed removes the tokens that came with uploads that were taken, before anything is made of them: from here on there are
// those under the vault's key alone.
func (r *run) shed(ctx context.Context) {
	if !r.keeps() {
		return
	}
	for _, f := range r.found {
		d, err := intake.ReadDrop(r.Home.Landing(), f.partner, f.drop)
		if missing(err) || err == nil && d.Manifest != f.manifest {
			continue
		}
		if err == nil {
			err = kept.Shed(r.FS, f.dir)
		}
		if err != nil {
			r.fail(ctx, problem.Wrap(err, problem.Failed, f.partner, "sealed persons that were taken could not be removed ("+cause(err)+")", "check the disk and the permissions of the area; the next run tries again"))
		}
	}
}
