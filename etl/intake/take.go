package intake

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"heatwatch/etl/partner"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
	"heatwatch/models"
)

// Config is what taking a drop needs to know.
type Config struct {
	Landing  string                             // where taken drops go: <partner>/<drop>/ below it
	HomeID   string                             // refuses drops made with another home's kit; empty: does not look
	Now      time.Time                          // decides how long to wait for missing files, and what is dated too far ahead; zero: nobody knows
	Location *time.Location                     // where local dates are read
	Allowed  func(entity, column string) bool   // the agreement's column rule; nil allows what the dictionary lists
	Vault    partner.Secret                     // see Options
	Epochs   []int                              // see Options
	Unseal   func(io.Reader) (io.Reader, error) // see Options
	Settler  Settler                            // looks across rows; nil: nobody does
	Limits   Limits                             // zero fields: the defaults
	Workers  int                                // 0: as many as there are processors
	Progress func(Progress)                     // called from time to time; nil: not wanted
}

// Progress says how far the check of one file has come.
type Progress struct {
	File        string
	Rows        int64 // so far, blank ones left out
	Quarantined int64 // of them
}

// Settler finds what no row shows by itself: duplicate keys in a file, persons that were not sent. It reads the landed
// Parquet; etl/lake has the rules. It reports each row of an entity in the order of lines, and a row that has two faults
// twice in a row or once. The rows stay in the Parquet: the lake knows the same rules.
type Settler interface {
	Settle(ctx context.Context, drop Landed, report func(Extra) error) error
}

// Landed is a drop whose checked rows stand in Dir, but which does not count yet.
type Landed struct {
	Partner  string
	Drop     string
	Dir      string
	Manifest Manifest
	Files    []LandedFile
}

// LandedFile is the checked rows of one entity.
type LandedFile struct {
	Entity string
	Path   string
	Rows   int64
}

// Extra is a reason that the settling pass has against a row.
type Extra struct {
	Entity string
	Line   int64
	Column string
	Code   string
}

var (
	// ErrIncomplete says that the drop has no manifest yet.
	ErrIncomplete = errors.New("the drop has no manifest yet")
	// ErrWaiting says that files of the manifest are missing and may still come.
	ErrWaiting = errors.New("files that the manifest lists are missing and may still come")
)

// stagePrefix begins the name of a folder in landing/<partner>/ that does not count yet. No drop's name begins so.
const stagePrefix = ".taking-"

// waitFor is how long after its creation a drop may miss files.
const waitFor = 24 * time.Hour

// aheadAtMost is how far a manifest's created may lie ahead of our clock: a clock that is a day off, and a time zone that
// is wrong, are people's everyday. A drop from the far future would be the last word on its entities until then.
const aheadAtMost = 48 * time.Hour

// Take judges one drop folder and lands what is good. What is wrong with the drop is in the result; an error is one of
// ours, or says that the drop is not complete. A drop that was taken before is not read again.
func Take(ctx context.Context, fsys durable.FS, cfg Config, partner, dropDir string) (Drop, error) {
	name := filepath.Base(dropDir)
	if !goodDropName(name) || !goodDropName(partner) {
		return Drop{}, problem.New(problem.Quarantined, partner, "the name of a drop folder cannot be used", "name it with letters, digits, dots, dashes and underscores")
	}
	if info, err := os.Lstat(dropDir); err == nil && !info.IsDir() {
		return Drop{}, problem.New(problem.Quarantined, partner+"/"+name, "it is no folder", "upload a drop as a folder with its manifest")
	}
	root, err := os.OpenRoot(dropDir)
	if err != nil {
		return Drop{}, cannotRead(err, partner, name)
	}
	defer root.Close()
	t := &taking{ctx: ctx, fsys: fsys, cfg: cfg, root: root, dict: models.Dictionary(),
		stage: filepath.Join(cfg.Landing, partner, stagePrefix+name)}
	if t.cfg.Location == nil {
		t.cfg.Location = time.UTC
	}
	t.drop = Drop{Schema: 1, Partner: partner, Name: name, Files: []DropFile{}, Reasons: []Reason{},
		Timezone: t.cfg.Location.String(), Dictionary: t.dict.Version}
	err = t.take()
	var p *problem.Problem
	if err == nil || errors.Is(err, ErrIncomplete) || errors.Is(err, ErrWaiting) || errors.As(err, &p) {
		return t.drop, err
	}
	return t.drop, problem.Wrap(err, problem.Failed, partner+"/"+name, "the drop could not be taken in", "check the disk (space, permissions), then run again: nothing of the drop counts so far")
}

// taking is one drop being taken.
type taking struct {
	ctx      context.Context
	fsys     durable.FS
	cfg      Config
	root     *os.Root
	dict     *models.Dict
	stage    string
	manifest Manifest
	drop     Drop
	landed   []LandedFile
	parts    []string // lists of rejects, one per file that has any

	watch *keyWatch // CheckPath: nothing is written, and nobody waits
}

func (t *taking) take() error {
	raw, err := t.readManifest()
	if err != nil {
		return err
	}
	if raw != nil {
		sum := sha256.Sum256(raw)
		t.drop.Manifest = hex.EncodeToString(sum[:])
		if done, err := t.known(); done || err != nil {
			return err
		}
	}
	whole, err := t.refusedWhole(raw)
	if err != nil {
		return err
	}
	if raw == nil {
		if whole { // a leak is told at once; without a manifest there is nothing to record it by
			t.drop.settle(true)
			return nil
		}
		return ErrIncomplete
	}
	if err := t.clearStage(); err != nil {
		return err
	}
	if !whole {
		if err := t.files(); err != nil {
			return err
		}
		if err := t.requests(); err != nil {
			return err
		}
		if whole = t.drop.leaks(); whole {
			err = t.clearStage()
		} else {
			err = t.settle()
		}
		if err != nil {
			return err
		}
	}
	t.drop.settle(whole)
	return t.publish()
}

// readManifest returns nil where there is none.
func (t *taking) readManifest() ([]byte, error) {
	f, err := openPlain(t.root, ManifestName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, errBadName):
		return nil, problem.New(problem.Quarantined, t.drop.Partner+"/"+t.drop.Name, "manifest.json is no plain file", "upload the drop again under a new name")
	case err != nil:
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil && b == nil {
		b = []byte{}
	}
	return b, err
}

// known looks whether a drop of this name was taken before.
func (t *taking) known() (bool, error) {
	before, err := ReadDrop(t.cfg.Landing, t.drop.Partner, t.drop.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if before.Manifest == t.drop.Manifest {
		t.drop = before
		t.drop.Known = true
		return true, nil
	}
	t.drop.refuse(Reason{Code: "drop_changed"})
	t.drop.settle(true)
	return true, nil
}

// refusedWhole applies what concerns the drop as a whole.
func (t *taking) refusedWhole(raw []byte) (bool, error) {
	leak, err := findLeak(t.root)
	if err != nil {
		return false, err
	}
	if leak {
		t.drop.refuse(Reason{Code: "leak"})
	}
	if raw == nil {
		return leak, nil
	}
	m, bad := ParseManifest(raw)
	if bad != nil {
		t.drop.refuse(*bad)
		return true, nil
	}
	t.manifest = m
	t.drop.Created, t.drop.Covers, t.drop.Mode, t.drop.After, t.drop.Consent = m.Created, m.Covers, m.Mode, m.After, m.Consent
	if m.Partner != t.drop.Partner {
		t.drop.refuse(Reason{Code: "wrong_partner"})
	}
	if t.cfg.HomeID != "" && m.Home != "" && m.Home != t.cfg.HomeID {
		t.drop.refuse(Reason{Code: "wrong_home"})
	}
	if !t.cfg.Now.IsZero() && m.Created.Sub(t.cfg.Now) > aheadAtMost {
		t.drop.refuse(Reason{Code: "clock_ahead"})
	}
	if m.After == t.drop.Name {
		t.drop.refuse(Reason{Code: "bad_manifest", Note: "after names the drop itself"})
	}
	return len(t.drop.Reasons) > 0, nil
}

// files judges every file of the manifest, then looks for files that it does not list.
func (t *taking) files() error {
	for _, f := range t.manifest.Files {
		if t.watch != nil {
			break
		}
		if _, err := t.root.Lstat(f.Name); errors.Is(err, fs.ErrNotExist) && t.cfg.Now.Sub(t.manifest.Created) < waitFor {
			if _, code := entityOf(t.dict, f.Name); code == "" {
				return ErrWaiting
			}
		}
	}
	seen := map[string]bool{}
	for i, f := range t.manifest.Files {
		df, err := t.file(f, i, seen)
		if err != nil {
			return err
		}
		t.drop.Files = append(t.drop.Files, df)
	}
	return t.unlisted()
}

// file judges one file of the manifest.
func (t *taking) file(f ManifestFile, position int, seen map[string]bool) (DropFile, error) {
	df := DropFile{FileResult: FileResult{Name: fileName(f.Name, position), Rows: f.Rows, Reasons: []Reason{}}}
	e, code := entityOf(t.dict, f.Name)
	if code == "" && (f.Entity != e.Name || seen[e.Name]) {
		code = "bad_name"
	}
	if e.Name != "" {
		df.Entity = e.Name
		seen[e.Name] = true
	}
	if code != "" {
		df.fail(badFile(f.Name, code), "")
		return df, nil
	}
	in, err := openPlain(t.root, f.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		df.fail("missing_file", "")
		return df, nil
	case errors.Is(err, errBadName):
		df.fail("bad_name", "")
		return df, nil
	case err != nil:
		return df, err
	}
	defer in.Close()
	return t.check(in, f, df, e)
}

// errRefused takes a Parquet file back whose source turned out to be worth nothing.
var errRefused = errors.New("the file was refused")

func (t *taking) check(in io.Reader, f ManifestFile, df DropFile, e models.Entity) (DropFile, error) {
	part := &partList{fsys: t.fsys, path: filepath.Join(t.stage, e.Name+".rejects")}
	opts := t.options(e)
	opts.Columns = func(names []string) { df.Columns = names }
	if t.cfg.Progress != nil {
		opts.progress = func(rows, quarantined int64) { t.cfg.Progress(Progress{df.Name, rows, quarantined}) }
	}
	judge := func(w io.Writer) error {
		opts.Landing = w
		res, sum, err := CheckSource(t.ctx, in, df.Name, e, opts)
		if err != nil {
			return err
		}
		if res.sealed && t.watch == nil {
			res.fail("wrong_seal", "")
		}
		if res.sealed {
			res.Rows = f.Rows
		}
		df.FileResult, df.SHA256 = against(res, sum, f), sum
		if df.Refused {
			df.Columns = nil
			return errRefused
		}
		return nil
	}
	if t.watch != nil {
		err := refusedIsFine(judge(nil))
		if df.sealed {
			df.Rows, df.Accepted = max(f.Rows, 0), max(f.Rows, 0)
		}
		if df.Refused {
			t.watch.forget(e.Name)
		}
		return df, err
	}
	opts.Rejects = func(r Reject) error {
		r.File = df.Name
		return part.add(r)
	}
	parquet := e.Name + ".parquet"
	err := refusedIsFine(durable.CreateFrom(t.fsys, filepath.Join(t.stage, parquet), 0o440, judge))
	if err = errors.Join(err, part.close()); err != nil {
		return df, err
	}
	if df.Refused {
		// Whatever is left of the file, should taking it back have failed too.
		_, err := durable.Sweep(t.fsys, t.stage)
		return df, errors.Join(err, part.remove())
	}
	if part.used() {
		t.parts = append(t.parts, part.path)
	}
	df.Parquet, df.ParquetRows = parquet, df.Accepted
	t.landed = append(t.landed, LandedFile{Entity: e.Name, Path: filepath.Join(t.stage, parquet), Rows: df.Accepted})
	return df, nil
}

func (t *taking) options(e models.Entity) Options {
	o := Options{Created: t.manifest.Created, Covers: t.manifest.Covers, Location: t.cfg.Location, Workers: t.cfg.Workers,
		Limits: t.cfg.Limits, Vault: t.cfg.Vault, Epochs: t.cfg.Epochs, Unseal: t.cfg.Unseal, keys: t.watch}
	if t.cfg.Allowed != nil {
		o.Allowed = func(column string) bool { return t.cfg.Allowed(e.Name, column) }
	}
	return o
}

func refusedIsFine(err error) error {
	if errors.Is(err, errRefused) {
		return nil
	}
	return err
}

// unknownRows and an empty hash stand for a manifest that is not there.
const unknownRows = -1

// against compares a verdict with what the manifest promised.
func against(res FileResult, sum string, f ManifestFile) FileResult {
	read := res.Rows
	if res.Refused { // its rows were not counted: take the sender's word
		res.Rows, res.Quarantined = f.Rows, f.Rows
	}
	switch {
	case f.Rows == unknownRows:
	case sum != "" && sum != f.SHA256:
		res.Refused = false // this is the reason for everything else
		res.fail("hash_mismatch", "")
	case !res.Refused && read != f.Rows:
		res.fail("row_count_mismatch", "")
	}
	return res
}

// unlisted names plain files that nobody vouches for. They are not read beyond the search for a leak.
func (t *taking) unlisted() error {
	entries, err := fs.ReadDir(t.root.FS(), ".")
	if err != nil {
		return err
	}
	listed := map[string]bool{ManifestName: true, ForgetName: t.manifest.Forget != ""}
	for _, f := range t.manifest.Files {
		listed[f.Name] = true
	}
	n := 0
	for _, e := range entries {
		if listed[e.Name()] {
			continue
		}
		if n++; n <= 100 {
			t.drop.refuse(Reason{Code: badFile(e.Name(), "unlisted_file"), File: fileName(e.Name(), len(t.manifest.Files)+n-1)})
		}
	}
	return nil
}

// settle writes the list of rejects, file by file, then what the settler finds.
func (t *taking) settle() error {
	err := durable.CreateFrom(t.fsys, filepath.Join(t.stage, QuarantineName), 0o440, func(w io.Writer) error {
		b := bufio.NewWriterSize(w, 1<<16)
		for _, path := range t.parts {
			if err := copyPart(t.fsys, b, path); err != nil {
				return err
			}
		}
		if err := t.askSettler(b); err != nil {
			return err
		}
		return b.Flush()
	})
	if err != nil {
		return err
	}
	for _, path := range t.parts {
		if err := t.fsys.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

func (t *taking) askSettler(w io.Writer) error {
	if t.cfg.Settler == nil || len(t.landed) == 0 {
		return nil
	}
	found := newExtras(t.drop.Files)
	var line []byte
	err := t.cfg.Settler.Settle(t.ctx, Landed{Partner: t.drop.Partner, Drop: t.drop.Name, Dir: t.stage, Manifest: t.manifest, Files: t.landed},
		func(x Extra) error {
			name, err := found.add(x)
			if err != nil {
				return err
			}
			line = Reject{File: name, Line: x.Line, Offset: -1, Column: x.Column, Code: x.Code}.appendJSON(line[:0])
			_, err = w.Write(line)
			return err
		})
	found.finish()
	return err
}

// extras moves rows from the accepted to the quarantined.
type extras struct {
	files map[string]*extraFile
}

type extraFile struct {
	*FileResult
	tally tally
	last  int64
}

func newExtras(files []DropFile) *extras {
	x := &extras{files: map[string]*extraFile{}}
	for i := range files {
		if f := &files[i].FileResult; !f.Refused {
			x.files[f.Entity] = &extraFile{FileResult: f}
		}
	}
	return x
}

func (x *extras) add(e Extra) (file string, err error) {
	f := x.files[e.Entity]
	if f == nil {
		return "", fmt.Errorf("the settling pass spoke of %s, which the drop does not hold", e.Entity)
	}
	f.tally.add(e.Code, e.Column, e.Line)
	if e.Line != f.last {
		f.Accepted--
		f.Quarantined++
		f.last = e.Line
	}
	return f.Name, nil
}

func (x *extras) finish() {
	for _, f := range x.files {
		f.Reasons = append(f.Reasons, f.tally.list()...)
		slices.SortStableFunc(f.Reasons, func(a, b Reason) int { return strings.Compare(a.Code, b.Code) })
	}
}

func copyPart(fsys durable.FS, w io.Writer, path string) error {
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return errors.Join(err, f.Close())
}

// clearStage makes an empty folder to work in; what is there is left from a crash.
func (t *taking) clearStage() error {
	if err := durable.RemoveAll(t.fsys, t.stage); err != nil {
		return err
	}
	return durable.MkdirAll(t.fsys, t.stage, 0o700)
}

// publish writes drop.json and gives the folder its name in landing, in one step.
func (t *taking) publish() error {
	b, err := json.MarshalIndent(t.drop, "", " ")
	if err != nil {
		return err
	}
	if err := durable.Create(t.fsys, filepath.Join(t.stage, DropFileName), append(b, '\n'), 0o440); err != nil {
		return err
	}
	target := filepath.Join(t.cfg.Landing, t.drop.Partner, t.drop.Name)
	if _, err := t.fsys.Lstat(target); err == nil { // no drop.json in it, or known would have said so
		if err := durable.RemoveAll(t.fsys, target); err != nil {
			return err
		}
	}
	if err := durable.Rename(t.fsys, t.stage, target); err != nil {
		return fmt.Errorf("publishing the drop: %w", err)
	}
	t.drop.Recorded = true
	return nil
}

// Sweep removes what runs that were cut short left of drops that nobody sends any more. The caller holds the home's lock.
func Sweep(fsys durable.FS, landing string) error {
	left, err := filepath.Glob(filepath.Join(landing, "*", stagePrefix+"*"))
	if err != nil {
		return err
	}
	halves, err := filepath.Glob(filepath.Join(landing, "*", "*", "*"+erasingSuffix))
	if err != nil {
		return err
	}
	for _, path := range append(left, halves...) {
		if err := durable.RemoveAll(fsys, path); err != nil {
			return err
		}
	}
	drops, err := filepath.Glob(filepath.Join(landing, "*", "*", DropFileName))
	if err != nil {
		return err
	}
	for _, path := range drops {
		if _, err := durable.Sweep(fsys, filepath.Dir(path)); err != nil {
			return err
		}
	}
	return nil
}

// partList is the list of rejects of one file; it is made when the first one comes.
type partList struct {
	fsys durable.FS
	path string
	file durable.File
	buf  *bufio.Writer
	line []byte
	any  bool
}

func (p *partList) used() bool { return p.any }

func (p *partList) add(r Reject) error {
	if !p.any {
		f, err := p.fsys.OpenFile(p.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		p.file, p.buf, p.any = f, bufio.NewWriterSize(f, 1<<16), true
	}
	p.line = r.appendJSON(p.line[:0])
	_, err := p.buf.Write(p.line)
	return err
}

func (p *partList) close() error {
	if !p.any {
		return nil
	}
	return errors.Join(p.buf.Flush(), p.file.Close())
}

func (p *partList) remove() error {
	if !p.any {
		return nil
	}
	return p.fsys.Remove(p.path)
}
