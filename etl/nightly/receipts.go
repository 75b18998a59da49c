package nightly

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"heatwatch/etl/intake"
	"heatwatch/etl/lake"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

// receipts answers every drop of the area that is in the current generation or was refused, and has no receipt yet. A
// receipt is written after the swap: it never speaks of a row that no reader can see.
func (r *run) receipts(ctx context.Context) error {
	return r.eachDone(func(f found, d intake.Drop) error { return r.receipt(ctx, f, d) })
}

// eachDone calls each for every drop of the area that is in the current generation or was refused.
func (r *run) eachDone(each func(found, intake.Drop) error) error {
	m, err := lake.ReadCurrent(r.Home)
	if err != nil {
		return err
	}
	for _, f := range r.found {
		if f.manifest == "" {
			continue
		}
		d, err := intake.ReadDrop(r.Home.Landing(), f.partner, f.drop)
		if missing(err) {
			continue
		}
		if err != nil {
			return err
		}
		if d.Manifest == f.manifest && (d.State == intake.Refused || m.Has(f.partner, f.drop)) {
			if err := each(f, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// quarantine shows a drop's list of rejects in the home's quarantine folder: the same file under a second name.
func (r *run) quarantine(d intake.Drop) error {
	from := filepath.Join(r.Home.Landing(), d.Partner, d.Name, intake.QuarantineName)
	to := filepath.Join(r.Home.Quarantine(), d.Partner, d.Name+".jsonl")
	if !there(from) || there(to) {
		return nil
	}
	if err := durable.MkdirAll(r.FS, filepath.Dir(to), 0o700); err != nil {
		return stopped(err, "quarantine", "the list of rejects could not be shown")
	}
	if err := durable.Link(r.FS, from, to); err != nil && !errors.Is(err, fs.ErrExist) {
		return stopped(err, "quarantine", "the list of rejects could not be shown")
	}
	return nil
}

// receipt writes both forms, each once and for ever.
func (r *run) receipt(ctx context.Context, f found, d intake.Drop) error {
	if err := r.quarantine(d); err != nil {
		return err
	}
	dir := filepath.Join(r.area(), f.partner, receiptsDir)
	jsonPath, textPath := filepath.Join(dir, f.drop+".json"), filepath.Join(dir, f.drop+".txt")
	if there(jsonPath) && there(textPath) {
		return nil
	}
	asJSON, asText, err := intake.Receipt(d)
	if err != nil {
		return err
	}
	if st, err := os.Lstat(dir); err == nil && !st.IsDir() {
		r.fail(ctx, problem.New(problem.Failed, f.partner, "receipts is not a folder", "move it away; the receipts come with the next run"))
		return nil
	}
	if err := durable.MkdirAll(r.FS, dir, 0o755); err != nil {
		return err
	}
	for _, w := range []struct {
		path string
		data []byte
	}{{textPath, asText}, {jsonPath, asJSON}} {
		if err := durable.Create(r.FS, w.path, w.data, 0o444); err != nil && !errors.Is(err, fs.ErrExist) {
			return stopped(err, "receipts", "a receipt could not be written")
		}
	}
	r.sum.Receipts++
	if !r.answered[dropID{d.Partner, d.Name}] { // taken by a run that did not come to its end
		r.report(d)
	}
	return nil
}

func there(path string) bool { _, err := os.Lstat(path); return err == nil }
