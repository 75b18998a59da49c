package deidentify

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// made is a file of the drop.
type made struct {
	entity string
	rows   int
	sha256 string
	sealed bool
}

func (m made) name() string {
	if m.sealed {
		return m.entity + ".csv.age"
	}
	return m.entity + ".csv"
}

// makeDrop writes files, keymap and, last, the manifest. What it leaves after an error is what was there before.
func makeDrop(ctx context.Context, cfg Config, s setup, src source, r *Report) (err error) {
	parent := filepath.Dir(cfg.Out)
	if err := durable.MkdirAll(cfg.FS, parent, 0o700); err != nil {
		return cannotWrite(parent, err)
	}
	if err := cfg.FS.Mkdir(cfg.Out, 0o700); err != nil { // not MkdirAll: the folder must be ours alone
		return cannotWrite(cfg.Out, err)
	}
	defer func() {
		if err != nil && discard(cfg) != nil {
			r.Warnings = append(r.Warnings, "the unfinished drop could not be removed: delete its folder")
		}
	}()
	if err := durable.SyncDir(cfg.FS, parent); err != nil {
		return cannotWrite(parent, err)
	}
	var files []made
	err = withKeymap(cfg, r, func(k *keymap) error {
		files, err = writeFiles(ctx, cfg, s, src, k, r)
		return err
	})
	if err != nil {
		return err
	}
	forget, err := writeForget(cfg)
	if err != nil {
		return err
	}
	if err := writeManifest(cfg, files, forget); err != nil {
		return err
	}
	r.Made = true
	if forget != nil && sentForget(cfg, r) != nil {
		r.Warnings = append(r.Warnings, "the requests to forget persons stay on the list: the next drop asks once more, which does no harm")
	}
	return nil
}

// discard takes an unfinished drop away, the manifest first: what is left after a crash in between is no drop.
func discard(cfg Config) error {
	err := durable.Remove(cfg.FS, filepath.Join(cfg.Out, manifestName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.RemoveAll(cfg.FS, cfg.Out)
}

// writeFiles writes every file of the drop and sends each through the gate.
func writeFiles(ctx context.Context, cfg Config, s setup, src source, k *keymap, r *Report) ([]made, error) {
	t := &translator{setup: s, mac: newMAC(cfg.Kit.AgencyKey), people: map[digest]person{}, listed: map[string]bool{}, noted: map[digest]bool{},
		clear: newClearSet(), keymap: k, report: r, lenient: cfg.From == "hmis-csv", seen: map[string]*survey{}, cached: map[string]map[string]named{}}
	r.Ignored = src.ignored()
	totals := s.agreement.Sharing == partner.SharingAggregate
	for _, e := range order() {
		if e.Tokens && !totals {
			if err := t.survey(ctx, src, e); err != nil {
				return nil, err
			}
		}
	}
	var files []made
	for _, e := range order() {
		if totals && aboutPersons(e) {
			continue // counted, and not sent
		}
		f, err := t.writeFile(ctx, cfg, e, src)
		if err != nil {
			return nil, err
		}
		if f != nil {
			files = append(files, *f)
		}
	}
	if r.RefusedCount > 0 {
		return nil, r.refusal()
	}
	if len(files) == 0 {
		return nil, problem.New(problem.Usage, "", "nothing of what is there may be sent", "the report says why; compare the files with the agreement in the kit")
	}
	for _, f := range files {
		if err := f.verify(cfg.Out); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// refusal is the error that stops a run in which something would have passed, or nil.
func (r *Report) refusal() error {
	if r.RefusedCount == 0 {
		return nil
	}
	f := r.Refused[0]
	what := fmt.Sprintf("column %s holds what its type does not allow (%s): it may be identifying, and nothing leaves", f.Column, f.Rule)
	if r.RefusedCount > 1 {
		what += fmt.Sprintf("; %d such cells in all", r.RefusedCount)
	}
	return problem.New(problem.Refused, at(f.File, f.Line), what, "correct the cell, or empty it where the value is not known")
}

func (t *translator) writeFile(ctx context.Context, cfg Config, e models.Entity, src source) (*made, error) {
	in, err := src.open(e.Name)
	if in == nil || err != nil {
		return nil, err
	}
	defer in.Close()
	if !t.agreement.AllowsEntity(e.Name) {
		t.report.Ignored = append(t.report.Ignored, in.file()+" (the agreement does not name it)")
		return nil, nil
	}
	tb := t.plan(e, in.file(), in.header())
	if err := tb.complete(); err != nil {
		return nil, err
	}
	if e.Tokens {
		t.listed[e.Name] = true
		tb.rep.Placeholders, tb.rep.Twins = t.seen[e.Name].counts()
		t.birth = t.birth || e.Name == "persons" && tb.has("birth_date")
	}
	f := made{entity: e.Name, sealed: e.Tokens}
	sum := sha256.New()
	path := filepath.Join(cfg.Out, f.name())
	var inner error
	err = durable.CreateFrom(cfg.FS, path, 0o600, func(w io.Writer) error {
		out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
		if f.sealed {
			inner = tb.runSealed(ctx, in, out, f.name())
		} else {
			inner = tb.runGated(ctx, in, out, f.name())
		}
		if inner != nil {
			return inner
		}
		return out.Flush()
	})
	if inner != nil {
		return nil, inner
	}
	if err != nil {
		return nil, cannotWrite(path, err)
	}
	f.rows, f.sha256 = tb.rep.Rows, hex.EncodeToString(sum.Sum(nil))
	t.report.Files = append(t.report.Files, tb.rep)
	return &f, nil
}

// complete refuses a file without one of its required columns: every row of it would be refused over there.
func (tb *table) complete() error {
	for _, c := range tb.e.Columns {
		if c.Required && !tb.has(c.Name) {
			return problem.New(problem.Failed, tb.file+":1", "the column "+c.Name+" is missing", "add it to the export: "+tb.e.Name+" means nothing without it")
		}
	}
	return nil
}

func cannotWrite(path string, err error) error {
	return problem.Wrap(err, problem.Failed, path, "the file or folder cannot be written", "check the permissions and the room on the disk")
}
